//! Answers into data.
//!
//! This file decides what a success is and what its output looks like: every member the model knows is there, null when it
//! was left out, lists and maps empty; sensitive members are secret. What a protocol sends is read in the file of its form,
//! refusals in [`failure`]. It agrees with [`crate::result`]. It must not decide what a refusal means ([`crate::class`]).

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};

use crate::definition::Kind;
use crate::http::{Answer, Response};
use crate::member::Member;
use crate::operation::Operation;
use crate::service::Protocol;
use crate::support;

mod failure;
mod json;
mod rest;
mod text;
mod xml;

/// What an answer says.
pub(crate) fn answer(operation: &Operation, response: &Response<'_>) -> Result<Answer, Failure> {
    let protocol = support::refuse(operation)?;
    if response.status >= 300 || failure::hides_in_a_success(protocol, response) {
        return Err(failure::read(operation, protocol, response));
    }
    let output = match operation.output() {
        Some(output) => {
            body(operation, protocol, output, response).map_err(|why| unreadable(operation, response, &why))?
        }
        None => Value::Map(Map::new()),
    };
    Ok(Answer { output, request_id: request_id(protocol, response) })
}

fn body(
    operation: &Operation,
    protocol: Protocol,
    output: Member<'_>,
    response: &Response<'_>,
) -> Result<Value, String> {
    match protocol {
        Protocol::Json => json::document(output, response.body),
        Protocol::Query | Protocol::Ec2 => xml::result(operation, protocol, output, response.body),
        Protocol::RestJson => rest::output(output, response, rest::Body::Json),
        Protocol::RestXml => rest::output(output, response, rest::Body::Xml),
    }
}

/// The id of a success: in the headers, or in the body of the older protocols.
fn request_id(protocol: Protocol, response: &Response<'_>) -> Option<String> {
    failure::request_id(response).or_else(|| match protocol {
        Protocol::Query => xml::between(response.body, "<RequestId>", "</RequestId>"),
        Protocol::Ec2 => xml::between(response.body, "<requestId>", "</requestId>"),
        _ => None,
    })
}

/// The service has accepted the call, and nobody knows with what result.
fn unreadable(operation: &Operation, response: &Response<'_>, why: &str) -> Failure {
    let failure =
        Failure::new(FailureClass::Unknown, format!("the answer of `{}` cannot be read: {why}", operation.name()));
    let mut failure =
        failure.help("look whether something between here and AWS answers in its place, such as a proxy").doubtful();
    failure.request_id = failure::request_id(response);
    failure
}

/// A structure with all its members: `find` yields what was sent of one.
fn structure<E>(
    member: Member<'_>,
    mut find: impl FnMut(&str, Member<'_>) -> Result<Option<Value>, E>,
) -> Result<Value, E> {
    let mut map = Map::new();
    for (name, part) in member.members() {
        if part.is_event_stream() {
            continue;
        }
        let found = find(name, part)?.unwrap_or_else(|| absent(part));
        map.insert(name.to_owned(), if part.is_sensitive() { found.into_secret() } else { found });
    }
    Ok(Value::Map(map))
}

/// What stands for a member that was left out.
fn absent(member: Member<'_>) -> Value {
    match member.kind() {
        Kind::List => Value::List(Vec::new()),
        Kind::Map => Value::Map(Map::new()),
        _ => Value::Null,
    }
}

/// A value inside a list or a map, which may be sensitive as well.
fn marked(member: Member<'_>, value: Value) -> Value {
    if member.is_sensitive() { value.into_secret() } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runbook_model::duration::Duration;
    use runbook_model::known_secrets::KnownSecrets;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::catalog::catalog;
    use crate::http::Request;

    fn decode(service: &str, name: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Result<Answer, Failure> {
        decode_after(&Request::default(), service, name, status, headers, body.as_bytes())
    }

    fn decode_after(
        request: &Request,
        service: &str,
        name: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, Failure> {
        let operation = catalog().service(service).unwrap().operation(name).unwrap();
        let headers: Vec<(String, String)> = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        operation.decode(request, &Response { status, headers: &headers, body })
    }

    fn output(service: &str, name: &str, body: &str) -> Value {
        decode(service, name, 200, &[], body).unwrap().output
    }

    #[test]
    fn every_member_the_model_knows_is_there() {
        let answer =
            output("eks", "DescribeCluster", r#"{"cluster": {"name": "a", "createdAt": 1795341600.5, "new": 1}}"#);
        let cluster = answer.get("cluster").unwrap();
        assert_eq!(cluster.get("name"), Some(&"a".into()));
        assert_eq!(cluster.get("createdAt"), Some(&"2026-11-22T10:00:00.5Z".into()));
        assert_eq!(cluster.get("arn"), Some(&Value::Null));
        assert_eq!(cluster.get("tags"), Some(&Value::Map(Map::new())));
        assert_eq!(cluster.get("encryptionConfig"), Some(&Value::List(Vec::new())));
        assert_eq!(cluster.get("new"), None);
        let empty = output("ec2", "DescribeVpcs", "<DescribeVpcsResponse/>");
        assert_eq!(empty.exposed(), json!({"NextToken": null, "Vpcs": []}));
        assert_eq!(output("iam", "DeleteRole", "<DeleteRoleResponse/>").exposed(), json!({}));
    }

    #[test]
    fn the_shape_told_before_is_the_shape_that_comes() {
        for (service, name, body) in [
            ("eks", "DescribeCluster", r#"{"cluster": {}}"#),
            ("ec2", "DescribeVpcs", "<R><vpcSet><item><vpcId>v</vpcId></item></vpcSet></R>"),
            ("s3", "GetBucketVersioning", "<VersioningConfiguration/>"),
        ] {
            let shape = catalog().service(service).unwrap().operation(name).unwrap().output_shape();
            same_members(&shape.resolved(), &output(service, name, body));
        }
    }

    fn same_members(shape: &runbook_model::shape::Shape, value: &Value) {
        use runbook_model::shape::Shape;
        match (shape.resolved(), value) {
            (Shape::Structure(structure), Value::Map(map)) => {
                assert!(structure.members.keys().eq(map.keys()), "{}: {map:?}", structure.name);
                structure.members.iter().for_each(|(name, member)| same_members(&member.shape, &map[name.as_str()]));
            }
            (Shape::List(item), Value::List(items)) => items.iter().for_each(|value| same_members(&item, value)),
            _ => {}
        }
    }

    #[test]
    fn text_that_holds_json_is_decoded_where_it_does() {
        let role = |document: &str| {
            let body = format!(
                "<GetRolePolicyResponse><GetRolePolicyResult><PolicyDocument>{document}</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>"
            );
            output("iam", "GetRolePolicy", &body).get("PolicyDocument").unwrap().exposed()
        };
        assert_eq!(role("%7B%22Version%22%3A%222012-10-17%22%7D"), json!({"Version": "2012-10-17"}));
        assert_eq!(role("{\"a\": [1]}"), json!({"a": [1]}));
        assert_eq!(role("not json"), "not json");
        assert_eq!(role("\"text\""), "\"text\"");
        let prices = output("pricing", "GetProducts", r#"{"PriceList": ["{\"product\": {\"sku\": \"X\"}}"]}"#);
        assert_eq!(prices.exposed()["PriceList"], json!([{"product": {"sku": "X"}}]));
        let policy = decode("s3", "GetBucketPolicy", 200, &[], r#"{"Statement": []}"#).unwrap().output;
        assert_eq!(policy.exposed(), json!({"Policy": {"Statement": []}}));
    }

    #[test]
    fn secrets_are_secret_by_the_model_and_by_our_corrections() {
        let secret = output("secretsmanager", "GetSecretValue", r#"{"Name": "n", "SecretString": "hunter2"}"#);
        assert_eq!(secret.redacted()["SecretString"], "(secret)");
        assert_eq!(secret.redacted()["Name"], "n");
        let body = "<R><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>hunter2</SecretAccessKey><SessionToken>hunter3</SessionToken></Credentials></AssumeRoleResult></R>";
        let shown = output("sts", "AssumeRole", body).redacted().to_string();
        assert!(!shown.contains("hunter") && shown.contains("\"A\""), "{shown}");
    }

    #[test]
    fn a_refusal_keeps_what_the_service_said_and_no_secret_of_the_request() {
        let secrets = KnownSecrets::default().and_all_of(&"hunter2hunter2".into());
        let request = Request { secrets, ..Request::default() };
        let body = br#"{"__type": "com.amazonaws.kms#ValidationException", "message": "bad value 'hunter2hunter2'"}"#;
        let headers = [("x-amzn-RequestId", "id-1"), ("Retry-After", "7")];
        let failure = decode_after(&request, "kms", "Encrypt", 400, &headers, body).unwrap_err();
        assert_eq!(failure.class, FailureClass::Invalid);
        assert_eq!(failure.code.as_deref(), Some("ValidationException"));
        assert_eq!(failure.message, "bad value '(secret)'");
        assert_eq!(failure.request_id.as_deref(), Some("id-1"));
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
        assert!(!failure.in_doubt);
    }

    #[test]
    fn no_part_of_a_refusal_shows_a_secret_however_the_service_writes_it() {
        let secret = Value::from("p\"ss w&rd").into_secret();
        let put = catalog().service("s3").unwrap().operation("PutObject").unwrap();
        let metadata = Value::Map(Map::from_iter([("pin".to_owned(), secret.clone())]));
        let params = [("Bucket", "b".into()), ("Key", secret), ("Metadata", metadata)];
        let params = Value::Map(params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        let parameters = crate::endpoint::EndpointParameters {
            region: Some("eu-west-1".into()),
            url: Some("https://s3.test".into()),
            ..Default::default()
        };
        let endpoint = put.endpoint(&parameters, &params).unwrap();
        let request = put.encode(&params, &endpoint).unwrap();
        let metadata = request.headers.iter().find(|(name, _)| name == "x-amz-meta-pin").unwrap();
        let body = format!(
            "<Error><Code>Odd p&quot;ss w&amp;rd</Code><Message>{} with {}: {{&quot;key&quot;:&quot;p\\&quot;ss w&amp;rd&quot;}}</Message></Error>",
            request.url,
            metadata.1.replace('&', "&amp;"),
        );
        let response = Response { status: 400, headers: &[], body: body.as_bytes() };
        let failure = put.decode(&request, &response).unwrap_err();
        assert_eq!(failure.message, "https://s3.test/b/(secret) with (secret): {\"key\":\"(secret)\"}");
        assert_eq!(failure.code.as_deref(), Some("Odd (secret)"));
    }

    #[test]
    fn the_time_to_wait_is_a_number_or_a_moment() {
        let wait = |headers: &[(&str, &str)]| {
            decode("eks", "ListClusters", 503, headers, "").unwrap_err().retry_after.map(Duration::as_millis)
        };
        assert_eq!(wait(&[("Retry-After", "3")]), Some(3_000));
        assert_eq!(wait(&[("x-amz-retry-after", "1500")]), Some(1_500));
        let date = ("Date", "Sun, 22 Nov 2026 10:00:00 GMT");
        assert_eq!(wait(&[("Retry-After", "Sun, 22 Nov 2026 10:00:30 GMT"), date]), Some(30_000));
        assert_eq!(wait(&[("Retry-After", "Sun, 22 Nov 2026 09:00:30 GMT"), date]), None);
        assert_eq!(wait(&[("Retry-After", "soon")]), None);
    }

    #[test]
    fn refusals_without_words_and_in_disguise_are_seen() {
        let head = decode("s3", "HeadBucket", 404, &[("x-amz-request-id", "r")], "").unwrap_err();
        assert_eq!((head.class, head.code.as_deref()), (FailureClass::Missing, Some("404")));
        assert_eq!(head.message, "the service answered with status 404");
        let copy = decode(
            "s3",
            "CopyObject",
            200,
            &[],
            "<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>wait</Message></Error>",
        );
        assert_eq!(copy.unwrap_err().class, FailureClass::Throttled);
        let moved = decode(
            "s3",
            "ListObjectsV2",
            301,
            &[("x-amz-bucket-region", "eu-central-1")],
            "<Error><Code>PermanentRedirect</Code><Message>m</Message></Error>",
        )
        .unwrap_err();
        assert_eq!(moved.help.as_deref(), Some("the bucket is in `eu-central-1`; use a connection to that region"));
        assert!(decode("eks", "ListClusters", 504, &[], "<html>").unwrap_err().in_doubt);
    }

    #[test]
    fn an_answer_that_cannot_be_read_leaves_the_effect_in_doubt() {
        for (service, name, body) in
            [("eks", "CreateCluster", "<html>"), ("iam", "CreateRole", "{}"), ("eks", "CreateCluster", "[]")]
        {
            let failure = decode(service, name, 200, &[], body).unwrap_err();
            assert!(failure.in_doubt && failure.class == FailureClass::Unknown, "{failure:?}");
        }
    }

    #[test]
    fn a_bucket_in_the_first_region_has_no_location() {
        let location = |body: &str| output("s3", "GetBucketLocation", body).exposed();
        assert_eq!(
            location("<LocationConstraint xmlns=\"x\">eu-west-1</LocationConstraint>"),
            json!({"LocationConstraint": "eu-west-1"})
        );
        assert_eq!(location("<LocationConstraint xmlns=\"x\"/>"), json!({"LocationConstraint": Json::Null}));
    }

    #[test]
    fn hostile_depth_does_not_crash() {
        let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
        for status in [200, 400] {
            drop(decode("ec2", "DescribeVpcs", status, &[], &deep));
        }
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(decode("eks", "ListClusters", 200, &[], &deep).is_err());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            status in 100u16..600,
            body in prop_oneof![".{0,200}", "(<[a-zA-Z]{1,8}>|</[a-zA-Z]{1,8}>|[{}\\[\\]\":,a-z0-9]){0,60}"],
            header in "[ -~]{0,40}",
        ) {
            for (service, name) in [("ec2", "DescribeInstances"), ("iam", "GetRole"), ("eks", "DescribeCluster"), ("s3", "GetObject"), ("s3", "ListObjectsV2"), ("sqs", "ReceiveMessage")] {
                let headers = [("x-amzn-errortype", header.as_str()), ("retry-after", &header), ("last-modified", &header), ("x-amzn-query-error", &header)];
                drop(decode(service, name, status, &headers, &body));
            }
        }
    }
}
