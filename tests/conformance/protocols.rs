//! botocore's protocol test suites: requests, answers and refusals of every protocol we speak.

use std::collections::BTreeMap;
use std::sync::Arc;

use runbook_aws::http::{Request, Response};
use runbook_aws::{EndpointParameters, Operation, Service, pack};
use runbook_model::value::Value;
use serde_json::{Value as Json, json};

use crate::compare::{Body, filled, same_body, same_json, wire_params};
use crate::{conclude, read};

const SUITES: [&str; 12] = [
    "ec2",
    "json",
    "json_1_0",
    "json_1_0-query-compatible",
    "legacy-ec2",
    "legacy-json",
    "legacy-query",
    "legacy-rest-json",
    "legacy-rest-xml",
    "query",
    "rest-json",
    "rest-xml",
];

/// Smithy's tests fill idempotency tokens with this one.
const TOKEN: &str = "00000000-0000-4000-8000-000000000000";

struct Exception {
    side: &'static str,
    reason: &'static str,
    cases: &'static [&'static str],
}

/// Cases that we do not follow, by the reason; botocore does not follow most of them either. One that we follow after all
/// is an error.
const EXCEPTIONS: [Exception; 13] = [
    Exception {
        side: "input",
        reason: "the payload is named on the reference or the location on the shape, which no service's model does",
        cases: &[
            "legacy-rest-json: Blob payload 1",
            "legacy-rest-json: Blob payload 2",
            "legacy-rest-json: Structure payload 1",
            "legacy-rest-json: String payload 1",
            "legacy-rest-xml: Header maps 1",
        ],
    },
    Exception {
        side: "output",
        reason: "the location is on the shape, which no service's model does",
        cases: &[
            "legacy-rest-json: Scalar members 1",
            "legacy-rest-xml: Scalar members 1",
            "legacy-rest-xml: Scalar members 2",
            "legacy-rest-xml: Scalar members in headers 1",
        ],
    },
    Exception {
        side: "output",
        reason: "event streams are refused by name",
        cases: &[
            "legacy-json: RPC JSON Event Stream 1",
            "legacy-rest-xml: REST XML Event Stream 1",
            "legacy-rest-xml: REST XML Event Stream 2",
            "legacy-rest-xml: REST XML Event Stream 3",
        ],
    },
    Exception {
        side: "input",
        reason: "no content type is sent with an empty body",
        cases: &["legacy-rest-json: Content-Type and JSON body 8"],
    },
    Exception {
        side: "input",
        reason: "bodies are never compressed, which services allow",
        cases: &[
            "SDKAppliedContentEncoding_ec2Query",
            "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_ec2Query",
            "SDKAppliedContentEncoding_awsJson1_1",
            "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1",
            "SDKAppliedContentEncoding_awsJson1_0",
            "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0",
            "SDKAppliedContentEncoding_awsQuery",
            "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery",
            "SDKAppliedContentEncoding_restJson1",
            "SDKAppendedGzipAfterProvidedEncoding_restJson1",
            "SDKAppliedContentEncoding_restXml",
            "SDKAppendedGzipAfterProvidedEncoding_restXml",
        ],
    },
    Exception {
        side: "input",
        reason: "the model names the items, and botocore sends that name",
        cases: &["QueryFlattenedListArgWithXmlName"],
    },
    Exception {
        side: "input",
        reason: "a required checksum is a CRC32, as in botocore, where Smithy wants an MD5",
        cases: &["RestJsonHttpChecksumRequired"],
    },
    Exception {
        side: "input",
        reason: "an empty list sends no header, as in botocore",
        cases: &["RestJsonNullAndEmptyHeaders", "NullAndEmptyHeaders"],
    },
    Exception {
        side: "input",
        reason: "the name of the member, which real models have, counts before that of the structure; as in botocore",
        cases: &[
            "BodyWithXmlName",
            "RestXmlHttpPayloadWithUnion",
            "HttpPayloadWithXmlName",
            "HttpPayloadWithXmlNamespace",
            "HttpPayloadWithXmlNamespaceAndPrefix",
            "XmlAttributesOnPayload",
        ],
    },
    Exception {
        side: "output",
        reason: "the name of the member, which real models have, counts before that of the structure; as in botocore",
        cases: &["BodyWithXmlName"],
    },
    Exception {
        side: "output",
        reason: "an empty body is an object without bytes, not no object",
        cases: &["RestJsonHttpPayloadTraitsWithNoBlobBody", "HttpPayloadTraitsWithNoBlobBody"],
    },
    Exception {
        side: "output",
        reason: "a null that a service sends is kept",
        cases: &["RestJsonDeserializesDenseSetMapAndSkipsNull"],
    },
    Exception { side: "output", reason: "JSON in a header is decoded", cases: &["MediaTypeHeaderOutputBase64"] },
];

/// One case of a suite, with the service that its suite describes.
struct Case<'a> {
    id: &'a str,
    json: &'a Json,
    suite: &'a Json,
    operation: Operation,
}

#[test]
fn requests_of_every_protocol() {
    run("input", "params", request);
}

#[test]
fn answers_of_every_protocol() {
    run("output", "response", answer);
}

fn run(side: &str, key: &str, check: fn(&Case<'_>) -> Result<(), String>) {
    let (mut counts, mut different, mut excused) = (BTreeMap::new(), Vec::new(), 0);
    for protocol in SUITES {
        let suites = read(&format!("protocols/{side}/{protocol}.json"));
        for suite in suites.as_array().unwrap() {
            for (number, json) in
                (1..).zip(suite["cases"].as_array().unwrap()).filter(|(_, case)| case.get(key).is_some())
            {
                // The older suites number their cases only.
                let of_suite = format!("{protocol}: {} {number}", suite["description"].as_str().unwrap_or_default());
                let id = json["id"].as_str().unwrap_or(&of_suite);
                let case = Case { id, json, suite, operation: operation(suite, json) };
                *counts.entry(protocol).or_insert(0) += 1;
                let excuse =
                    EXCEPTIONS.iter().find(|exception| exception.side == side && exception.cases.contains(&id));
                match (check(&case), excuse) {
                    (Ok(()), None) => {}
                    (Err(_), Some(_)) => excused += 1,
                    (Err(why), None) => different.push(format!("{id}: {why}")),
                    (Ok(()), Some(Exception { reason, .. })) => {
                        different.push(format!("{id} is not an exception any more ({reason})"));
                    }
                }
            }
        }
    }
    println!("{counts:?}, {excused} excused");
    conclude(&format!("protocol cases ({side})"), counts.values().sum(), &different);
}

/// The operation of a case, in a service that has just this one.
fn operation(suite: &Json, case: &Json) -> Operation {
    let mut given = case["given"].clone();
    let name = given["name"].as_str().unwrap_or("OperationName").to_owned();
    if given["http"]["method"].is_null() {
        given["http"] = json!({"method": "POST", "requestUri": "/"});
    }
    let url = suite["clientEndpoint"].as_str().unwrap_or("https://example.com");
    let rules = json!({"parameters": {}, "rules": [{"type": "endpoint", "conditions": [], "endpoint": {"url": url}}]});
    let mut metadata = suite["metadata"].clone();
    if metadata["auth"].is_null() {
        metadata["auth"] = json!(["aws.auth#sigv4"]);
    }
    let mut operations = json!({});
    operations[&name] = given;
    let model = json!({"metadata": metadata, "operations": operations, "shapes": suite["shapes"], "rules": rules});
    let service = Service::from_text("suite", pack::text(&model)).unwrap();
    Arc::new(service).operation(&name).unwrap()
}

fn request(case: &Case<'_>) -> Result<(), String> {
    let shapes = &case.suite["shapes"];
    let params = wire_params(shapes, &case.json["given"]["input"], &case.json["params"]);
    let params = case.operation.with_token(Value::from(params), TOKEN);
    let failed = |failure: runbook_model::failure::Failure| failure.to_string();
    let endpoint = case.operation.endpoint(&EndpointParameters::default(), &params).map_err(failed)?;
    let request = case.operation.encode(&params, &endpoint).map_err(failed)?;
    let wanted = &case.json["serialized"];
    if let Some(body) = wanted["body"].as_str() {
        let form = match case.suite["metadata"]["protocol"].as_str() {
            Some("json" | "rest-json") => Body::Json,
            Some("rest-xml") => Body::Xml,
            _ => Body::Form,
        };
        same_body(form, &request.body, body.as_bytes())?;
    }
    for (name, value) in wanted["headers"].as_object().into_iter().flatten() {
        let plain = |text: &str| text.replace(", ", ",").replace("; charset=utf-8", "");
        let got =
            request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| plain(value));
        if got != value.as_str().map(plain) {
            return Err(format!("header {name}: {got:?}, wanted {value}"));
        }
    }
    for name in wanted["forbidHeaders"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        if request.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Err(format!("header {name} is forbidden"));
        }
    }
    let (_, rest) = request.url.split_once("://").unwrap();
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if wanted["uri"].as_str().is_some_and(|wanted| wanted != path) {
        return Err(format!("uri {path}, wanted {}", wanted["uri"]));
    }
    if wanted["method"].as_str().is_some_and(|wanted| wanted != request.method) {
        return Err(format!("method {}, wanted {}", request.method, wanted["method"]));
    }
    if wanted["host"].as_str().is_some_and(|wanted| wanted.split('/').next() != Some(host)) {
        return Err(format!("host {host}, wanted {}", wanted["host"]));
    }
    Ok(())
}

fn answer(case: &Case<'_>) -> Result<(), String> {
    let sent = &case.json["response"];
    let headers: Vec<(String, String)> = sent["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let status = sent["status_code"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let response = Response { status, headers: &headers, body: sent["body"].as_str().unwrap_or_default().as_bytes() };
    let decoded = case.operation.decode(&Request::default(), &response);
    if case.json.get("error").is_some() {
        let failure = decoded.err().ok_or("it is taken for a success")?;
        let code = case.json["errorCode"].as_str().unwrap_or_default();
        let message = case.json["errorMessage"].as_str().unwrap_or_default();
        if failure.code.as_deref() != Some(code) {
            return Err(format!("code {:?}, wanted {code}", failure.code));
        }
        if !message.is_empty() && failure.message != message.trim() {
            return Err(format!("message {:?}, wanted {message:?}", failure.message));
        }
        return Ok(());
    }
    let output = decoded.map_err(|failure| failure.to_string())?.output.exposed();
    let wanted = filled(&case.suite["shapes"], &case.json["given"]["output"], &case.json["result"]);
    if same_json(&output, &wanted) { Ok(()) } else { Err(format!("{} of {}\n    wanted {wanted}", output, case.id)) }
}
