//! Requests from parameters.
//!
//! This file decides what all protocols share: the check, the URL with its host prefix, checksums, the signature's terms.
//! What a protocol writes is in its own file; each fills a [`Draft`]. It must not sign and not send.

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::known_secrets::KnownSecrets;
use runbook_model::value::{Map, Value};

use crate::check;
use crate::endpoint::Endpoint;
use crate::http::{Payload, Request, Signing};
use crate::member::Member;
use crate::operation::Operation;
use crate::service::Protocol;
use crate::support;

mod checksum;
mod form;
mod json;
mod rest;
mod text;
mod xml;

/// A request in the making.
#[derive(Default)]
struct Draft {
    /// The path with its query, encoded; begins with `/`.
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Draft {
    fn header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

/// The parameters with the idempotency token where the author gave none.
pub(crate) fn with_token(operation: &Operation, params: Value, token: &str) -> Value {
    let tokens: Vec<&str> = operation
        .input()
        .into_iter()
        .flat_map(|input| input.members())
        .filter(|(_, member)| member.reference.idempotency_token)
        .map(|(name, _)| name)
        .collect();
    let mut map = match params {
        Value::Map(map) => map,
        Value::Null => Map::new(),
        other => return other,
    };
    for name in tokens {
        if map.get(name).is_none_or(Value::is_null) {
            map.insert(name.to_owned(), token.into());
        }
    }
    Value::Map(map)
}

/// The request of a call.
pub(crate) fn request(operation: &Operation, params: &Value, endpoint: &Endpoint) -> Result<Request, Failure> {
    let protocol = support::refuse(operation)?;
    check::value(operation, params)?;
    let mut secrets = KnownSecrets::default();
    let input = operation.input();
    let params = input.map_or_else(|| Value::Map(Map::new()), |input| check::normal(input, params, &mut secrets));
    let empty = Map::new();
    let params = params.as_map().unwrap_or(&empty);
    let mut draft = match protocol {
        Protocol::Query => form::draft(operation, params, form::Flavour::Query),
        Protocol::Ec2 => form::draft(operation, params, form::Flavour::Ec2),
        Protocol::Json => json::draft(operation, params),
        Protocol::RestJson => rest::draft(operation, params, rest::Body::Json)?,
        Protocol::RestXml => rest::draft(operation, params, rest::Body::Xml)?,
    };
    checksum::add(operation, params, &mut draft)?;
    draft.headers.extend(endpoint.headers.iter().cloned());
    let prefix = if endpoint.is_own { String::new() } else { host_prefix(operation, input, params)? };
    let base = endpoint.url.trim_end_matches('/').replacen("://", &format!("://{prefix}"), 1);
    let method = operation.definition().http.method.as_str();
    Ok(Request {
        method: if method.is_empty() { "POST" } else { method }.to_owned(),
        url: format!("{base}{}", draft.path),
        headers: draft.headers,
        body: draft.body,
        signing: signing(operation, endpoint)?,
        secrets,
    })
}

/// A failure of a parameter that fits the model and cannot be sent.
fn invalid(operation: &Operation, why: &str) -> Failure {
    Failure::new(FailureClass::Invalid, format!("the parameters of `{}` do not fit: {why}", operation.name()))
}

/// What an operation puts before its host, such as `123456789012.`; a host of one's own does not take it.
fn host_prefix(operation: &Operation, input: Option<Member<'_>>, params: &Map) -> Result<String, Failure> {
    let Some(endpoint) = &operation.definition().endpoint else { return Ok(String::new()) };
    let mut prefix = endpoint.host_prefix.clone();
    let labels = input.into_iter().flat_map(|input| input.members()).filter(|(_, member)| member.reference.host_label);
    for (name, _) in labels {
        let value = params.get(name).and_then(Value::as_str).unwrap_or_default();
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        if value.is_empty() || !value.bytes().all(fits) {
            let why = format!("`{name}` becomes part of a host name and may hold letters, digits, `-` and `.` only");
            return Err(invalid(operation, &why));
        }
        prefix = prefix.replace(&format!("{{{name}}}"), value);
    }
    Ok(prefix)
}

/// How the request is signed: by the endpoint rules' first scheme that is known, else by the operation's, else by the
/// service's.
fn signing(operation: &Operation, endpoint: &Endpoint) -> Result<Signing, Failure> {
    let (definition, metadata) = (operation.definition(), operation.service().metadata());
    let is_open = operation.auth_schemes().iter().any(|scheme| scheme == support::NO_AUTH);
    if is_open || definition.authtype.as_deref() == Some("none") {
        return Ok(Signing::None);
    }
    if let Some(schemes) = endpoint.unknown_schemes() {
        let why = format!("it goes where calls are signed with `{schemes}`, which this version of `runbook` cannot");
        return Err(invalid(operation, &why));
    }
    let by_rules = endpoint.scheme();
    let name = by_rules
        .and_then(|scheme| scheme.signing_name.clone())
        .or_else(|| metadata.signing_name.clone())
        .unwrap_or_else(|| metadata.endpoint_prefix.clone());
    let region = by_rules.and_then(|scheme| scheme.signing_region.clone()).or_else(|| endpoint.region.clone());
    let is_s3 = name.starts_with("s3");
    let unsigned = definition.unsigned_payload || definition.authtype.as_deref() == Some("v4-unsigned-body");
    Ok(Signing::V4 {
        encode_path_again: !(is_s3 || by_rules.is_some_and(|scheme| scheme.disable_double_encoding)),
        payload: match (unsigned, is_s3 || name == "glacier") {
            (true, _) => Payload::Unsigned,
            (false, true) => Payload::SignedWithHeader,
            (false, false) => Payload::Signed,
        },
        name,
        // Only an endpoint of one's own may come without a region.
        region: region.unwrap_or_else(|| "us-east-1".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runbook_model::argument::Argument;
    use runbook_model::failure::FailureClass;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::catalog::catalog;
    use crate::endpoint::EndpointParameters;

    fn operation(service: &str, name: &str) -> Operation {
        catalog().service(service).unwrap().operation(name).unwrap()
    }

    fn of(service: &str, name: &str, params: Json, url: Option<&str>) -> Result<Request, Failure> {
        let (operation, params) = (operation(service, name), Value::from(params));
        let region = Some("eu-west-1".to_owned());
        let parameters = EndpointParameters { region, url: url.map(str::to_owned), ..EndpointParameters::default() };
        let endpoint = operation.endpoint(&parameters, &params)?;
        operation.encode(&params, &endpoint)
    }

    fn v4(name: &str, region: &str, encode_path_again: bool, payload: Payload) -> Signing {
        Signing::V4 { name: name.into(), region: region.into(), encode_path_again, payload }
    }

    #[test]
    fn calls_go_to_the_service_and_are_signed_for_it() {
        let cluster = of("eks", "DescribeCluster", json!({"name": "a b"}), None).unwrap();
        assert_eq!(
            (cluster.method.as_str(), cluster.url.as_str()),
            ("GET", "https://eks.eu-west-1.amazonaws.com/clusters/a%20b")
        );
        assert_eq!(cluster.signing, v4("eks", "eu-west-1", true, Payload::Signed));
        let role = of("iam", "GetRole", json!({"RoleName": "r"}), None).unwrap();
        assert_eq!(role.url, "https://iam.amazonaws.com/");
        assert_eq!(role.signing, v4("iam", "us-east-1", true, Payload::Signed));
        let balancers = of("elbv2", "DescribeLoadBalancers", json!({}), None).unwrap();
        assert_eq!(balancers.signing, v4("elasticloadbalancing", "eu-west-1", true, Payload::Signed));
    }

    #[test]
    fn s3_has_its_own_ways() {
        let key = json!({"Bucket": "my-bucket", "Key": "a//b c"});
        let there = of("s3", "GetObject", key.clone(), None).unwrap();
        assert_eq!(there.url, "https://my-bucket.s3.eu-west-1.amazonaws.com/a//b%20c");
        assert_eq!(there.signing, v4("s3", "eu-west-1", false, Payload::SignedWithHeader));
        let own = of("s3", "GetObject", key, Some("http://localhost:9000")).unwrap();
        assert_eq!(own.url, "http://localhost:9000/my-bucket/a//b%20c");
    }

    #[test]
    fn a_host_of_ones_own_keeps_its_name() {
        let block =
            |url| of("s3control", "GetPublicAccessBlock", json!({"AccountId": "123456789012"}), url).unwrap().url;
        let path = "/v20180820/configuration/publicAccessBlock";
        assert_eq!(block(None), format!("https://123456789012.s3-control.eu-west-1.amazonaws.com{path}"));
        assert_eq!(block(Some("http://127.0.0.1:1")), format!("http://127.0.0.1:1{path}"));
        let write = |url| of("s3", "WriteGetObjectResponse", json!({"RequestRoute": "io-r", "RequestToken": "t"}), url);
        assert_eq!(
            write(None).unwrap().url,
            "https://io-r.s3-object-lambda.eu-west-1.amazonaws.com/WriteGetObjectResponse"
        );
        assert_eq!(write(Some("http://127.0.0.1:1")).unwrap().url, "http://127.0.0.1:1/WriteGetObjectResponse");
        assert_eq!(write(None).unwrap().signing, v4("s3-object-lambda", "eu-west-1", false, Payload::Unsigned));
        let odd =
            of("s3", "WriteGetObjectResponse", json!({"RequestRoute": "a/b", "RequestToken": "t"}), None).unwrap_err();
        assert!(odd.message.contains("`RequestRoute` becomes part of a host name"), "{odd}");
    }

    #[test]
    fn what_needs_no_credentials_is_not_signed() {
        let params = json!({"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "s1", "WebIdentityToken": "long enough"});
        assert_eq!(of("sts", "AssumeRoleWithWebIdentity", params, None).unwrap().signing, Signing::None);
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_name() {
        let no_region =
            operation("eks", "ListClusters").endpoint(&EndpointParameters::default(), &Value::Null).unwrap_err();
        assert!(no_region.message.contains("Missing Region"), "{no_region}");
        assert_eq!(no_region.help.as_deref(), Some("say which `region` the connection is for"));
        let refused = |service: &str, name: &str, params: Json| {
            let failure = of(service, name, params, None).unwrap_err();
            assert_eq!(failure.class, FailureClass::Invalid);
            failure.message
        };
        let select = json!({"Bucket": "abc", "Key": "k", "Expression": "e", "ExpressionType": "SQL", "InputSerialization": {}, "OutputSerialization": {}});
        assert!(refused("s3", "SelectObjectContent", select).contains("stream of events"));
        let put = json!({"Bucket": "abc", "Key": "k", "ContentType": "a\nb: c"});
        assert!(refused("s3", "PutObject", put).contains("`Content-Type` cannot hold line breaks"));
        let sum = json!({"Bucket": "abc", "Key": "k", "ChecksumAlgorithm": "CRC64NVME"});
        assert!(refused("s3", "PutObject", sum).contains("not `CRC64NVME`"));
        assert!(refused("s3", "HeadObject", json!({"Bucket": "abc", "Key": ""})).contains("`Key` has 0 characters"));
        assert!(refused("eks", "DescribeCluster", json!({})).contains("needs the parameter `name`"));
    }

    #[test]
    fn a_token_is_filled_in_and_an_authors_own_is_kept() {
        let create = operation("eks", "CreateCluster");
        let token = |params: Json| create.with_token(Value::from(params), "t1").exposed()["clientRequestToken"].clone();
        assert_eq!(token(json!({"name": "a"})), "t1");
        assert_eq!(token(json!({"clientRequestToken": null})), "t1");
        assert_eq!(token(json!({"clientRequestToken": "mine"})), "mine");
        let list = operation("eks", "ListClusters");
        assert_eq!(list.with_token(Value::from(json!({"maxResults": 1})), "t1"), Value::from(json!({"maxResults": 1})));
    }

    #[test]
    fn what_a_service_requires_a_checksum_of_gets_one() {
        let tags = json!({"Bucket": "abc", "Tagging": {"TagSet": [{"Key": "k", "Value": "v"}]}});
        let request = of("s3", "PutBucketTagging", tags, None).unwrap();
        let header = |name: &str| request.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(header("x-amz-sdk-checksum-algorithm"), Some("CRC32"));
        // The value is compared with botocore's in tests/conformance.
        assert!(header("x-amz-checksum-crc32").is_some_and(|sum| sum.len() == 8 && sum.ends_with("==")));
    }

    #[test]
    fn policies_may_be_maps_at_run_time_too() {
        let policy = json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17"}});
        let body = of("iam", "PutRolePolicy", policy, None).unwrap().body;
        assert!(String::from_utf8_lossy(&body).contains("PolicyDocument=%7B%22Version%22%3A%222012-10-17%22%7D"));
    }

    /// JSON whose keys are often those of parameters.
    fn any_params() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            ".{0,12}".prop_map(Json::from),
        ];
        let key = prop_oneof![
            Just("Bucket"),
            Just("Key"),
            Just("Body"),
            Just("Metadata"),
            Just("name"),
            Just("resourcesVpcConfig"),
            Just("subnetIds"),
            Just("tags"),
            Just("Filters"),
            Just("Name"),
            Just("Values"),
            Just("Tagging"),
            Just("TagSet"),
            Just("Expires"),
            Just("PolicyDocument"),
            Just("QueueUrl"),
        ];
        leaf.prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::vec((key.clone(), inner), 0..6).prop_map(|entries| {
                    Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_parameters_make_it_panic(params in any_params()) {
            for (service, name) in [("s3", "PutObject"), ("s3", "PutBucketTagging"), ("eks", "CreateCluster"), ("ec2", "DescribeVpcs"),
                                    ("iam", "PutRolePolicy"), ("sqs", "SendMessage"), ("route53", "ChangeTagsForResource")] {
                drop(of(service, name, params.clone(), None));
                let mut written: Argument = serde_json::from_value(params.clone()).unwrap();
                operation(service, name).check(&mut written, &mut Vec::new());
            }
        }

        #[test]
        fn what_the_checker_passes_can_be_encoded(name in "[a-z]{3,20}", values in prop::collection::vec("[ -~]{0,20}", 0..4), flag in any::<bool>()) {
            let params = json!({"Filters": [{"Name": name, "Values": values}], "DryRun": flag});
            let mut written: Argument = serde_json::from_value(params.clone()).unwrap();
            let mut found = Vec::new();
            operation("ec2", "DescribeVpcs").check(&mut written, &mut found);
            prop_assert_eq!(found, Vec::new());
            let params = written.literal().unwrap();
            prop_assert!(of("ec2", "DescribeVpcs", params.exposed(), None).is_ok());
        }
    }
}
