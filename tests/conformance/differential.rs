//! Every operation of every embedded service, encoded and decoded by botocore and by us: the same requests, the same data,
//! the same refusals. `differential.py` beside this file says what botocore does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runbook_aws::http::{Request, Response};
use runbook_aws::{EndpointParameters, Operation, catalog};
use runbook_harness::{Python, PythonError};
use runbook_model::value::{Map, Value};
use serde_json::Value as Json;

use crate::compare::{Body, same_body};
use crate::conclude;

const TOKEN: &str = "00000000-0000-4000-8000-000000000000";

/// Headers that the signature, the connection or botocore itself adds.
const NOT_COMPARED: [&str; 9] = [
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "content-length",
    "expect",
    "host",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
];

/// One call through botocore.
struct Call {
    name: String,
    operation: Operation,
    json: Json,
}

impl Call {
    fn params(&self) -> Value {
        Value::from(self.json["params"].clone())
    }

    /// What goes wrong with a call that botocore makes is told with its name.
    fn named<T>(&self, result: Result<T, String>) -> Result<T, String> {
        result.map_err(|why| format!("{}: {why}", self.name))
    }
}

/// All calls, or why there are none.
static CALLS: LazyLock<Result<Vec<Call>, String>> = LazyLock::new(calls);

fn calls() -> Result<Vec<Call>, String> {
    let python = match Python::with("conformance", "tests/conformance/requirements.txt") {
        Ok(python) => python,
        Err(error @ (PythonError::Io { .. } | PythonError::Failed { .. })) => return Err(error.to_string()),
    };
    // EC2 alone is a third of the work; the others go beside it on the second core.
    let (ec2, others): (Vec<&str>, Vec<&str>) = catalog().services().partition(|name| *name == "ec2");
    let script = runbook_harness::project::root().join("tests/conformance/differential.py");
    let start = |services: &[&str]| {
        let mut command = python.python();
        command.arg(&script).args(services).stdout(Stdio::piped());
        command.spawn().expect("the interpreter of the environment starts")
    };
    let mut processes = [start(&ec2), start(&others)];
    let readers: Vec<_> = processes
        .iter_mut()
        .map(|process| {
            let output = process.stdout.take().expect("it is piped");
            std::thread::spawn(move || BufReader::new(output).lines().map(|line| line.unwrap()).collect::<Vec<_>>())
        })
        .collect();
    let lines: Vec<String> = readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect();
    for process in &mut processes {
        assert!(process.wait().unwrap().success(), "differential.py failed; its words are above");
    }
    Ok(lines.iter().map(|line| call(serde_json::from_str(line).unwrap())).collect())
}

fn call(json: Json) -> Call {
    let text = |key: &str| json[key].as_str().unwrap();
    let operation = catalog().service(text("service")).unwrap().operation(text("operation")).unwrap();
    Call { name: format!("{} {} {}", text("service"), text("operation"), text("variant")), operation, json }
}

/// Compares all calls, or says by name that it cannot.
fn compare(what: &str, check: impl Fn(&Call) -> Result<(), String>) {
    match &*CALLS {
        Err(why) => println!("{what}: SKIPPED, there is no Python with botocore {}: {why}", runbook_aws::BOTOCORE),
        Ok(calls) => {
            let different: Vec<String> = calls.iter().filter_map(|call| call.named(check(call)).err()).collect();
            assert!(calls.len() > 6000, "{} calls", calls.len());
            conclude(what, calls.len(), &different);
        }
    }
}

#[test]
fn botocore_makes_every_call() {
    compare("calls of botocore", |call| match call.json["failed"].as_str() {
        Some(why) => Err(format!("botocore itself says {why}")),
        None => Ok(()),
    });
}

/// botocore puts the bucket of this one operation into the path instead of the host; S3 answers both.
const IN_PATH: &str = "s3 GetBucketLocation";

#[test]
fn every_request_is_that_of_botocore() {
    compare("requests", |call| {
        let request = encode(call, call.params())?;
        same_request(call, &request)
    });
}

#[test]
fn a_null_is_as_good_as_nothing() {
    compare("requests with nulls", |call| {
        let params = call.params();
        let mut nulls: Map = call.operation.parameters().iter().map(|p| (p.name.clone(), Value::Null)).collect();
        nulls.extend(params.as_map().cloned().unwrap_or_default());
        let (plain, with_nulls) = (encode(call, params)?, encode(call, Value::Map(nulls))?);
        let same =
            (&plain.url, &plain.headers, &plain.body) == (&with_nulls.url, &with_nulls.headers, &with_nulls.body);
        if same { Ok(()) } else { Err("nulls make another request".into()) }
    });
}

/// A deprecated operation whose model gives two members the same place in the answer; each of the two reads them all.
const SAME_PLACE: &str = "s3 GetBucketNotification";

#[test]
fn every_answer_is_that_of_botocore() {
    compare("answers", |call| {
        let answer = &call.json["answer"];
        let headers: Vec<(String, String)> = answer["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let body = STANDARD.decode(answer["body"].as_str().unwrap_or_default()).unwrap();
        let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
        let response = Response { status, headers: &headers, body: &body };
        let decoded = call.operation.decode(&Request::default(), &response);
        let wanted_id = call.json["request_id"].as_str();
        match (decoded, &call.json["result"], &call.json["error"]) {
            (Ok(answer), result @ Json::Object(_), _) => {
                let output = answer.output.exposed();
                if answer.request_id.as_deref() != wanted_id {
                    return Err(format!("request id {:?}, wanted {wanted_id:?}", answer.request_id));
                }
                if call.name.starts_with(SAME_PLACE) { Ok(()) } else { agrees(&output, result, "") }
            }
            (Err(failure), _, error @ Json::Object(_)) => {
                let code = error["code"].as_str();
                let message = error["message"].as_str().unwrap_or_default();
                // Where botocore makes words up for a status, we do too.
                let words = failure.message == message.trim() || response.body.is_empty();
                if failure.code.as_deref() == code && words && failure.request_id.as_deref() == wanted_id {
                    Ok(())
                } else {
                    Err(format!("{failure:?}\n    wanted {error} {wanted_id:?}"))
                }
            }
            (decoded, ..) => Err(format!("{decoded:?}")),
        }
    });
}

fn encode(call: &Call, params: Value) -> Result<Request, String> {
    let parameters = EndpointParameters { region: Some("eu-west-1".into()), ..EndpointParameters::default() };
    let params = call.operation.with_token(params, TOKEN);
    let failed = |failure: runbook_model::failure::Failure| failure.to_string();
    let endpoint = call.operation.endpoint(&parameters, &params).map_err(failed)?;
    call.operation.encode(&params, &endpoint).map_err(failed)
}

fn same_request(call: &Call, got: &Request) -> Result<(), String> {
    let wanted = &call.json["request"];
    let text = |key: &str| wanted[key].as_str().unwrap_or_default();
    if got.method != text("method") {
        return Err(format!("method {}, wanted {}", got.method, text("method")));
    }
    // botocore was asked for http, so that checksums stand before the body.
    let ours = parts(&got.url.replacen("https://", "http://", 1));
    let in_path = call.name.starts_with(IN_PATH) && ours.0.starts_with("http://my-bucket.");
    if !in_path && ours != parts(text("url")) {
        return Err(format!("url {}, wanted {}", got.url, text("url")));
    }
    let mut headers: BTreeMap<String, &str> =
        got.headers.iter().map(|(k, v)| (k.to_ascii_lowercase(), v.as_str())).collect();
    let theirs: BTreeMap<String, &str> = wanted["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default()))
        .filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str()))
        .collect();
    let kind = headers.get("content-type").copied().unwrap_or_default();
    // botocore does not say that XML is XML, and calls text and bytes nothing.
    if !theirs.contains_key("content-type") {
        headers.remove("content-type");
    }
    let body = STANDARD.decode(text("body")).unwrap();
    let mut theirs = theirs;
    if got.body != body {
        // The same XML in other letters has another checksum.
        for sums in [&mut headers, &mut theirs] {
            sums.iter_mut().filter(|(name, _)| name.starts_with("x-amz-checksum-")).for_each(|(_, sum)| *sum = "");
        }
    }
    if headers != theirs {
        return Err(format!("headers {headers:?}\n    wanted {theirs:?}"));
    }
    let form = match kind {
        _ if kind.contains("json") => Body::Json,
        _ if kind.contains("xml") => Body::Xml,
        _ if kind.contains("form-urlencoded") => Body::Form,
        _ => Body::Bytes,
    };
    same_body(form, &got.body, &body)
}

/// The path of a URL, and the fields of its query in order of their names.
fn parts(url: &str) -> (String, Vec<String>) {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    // A query of a name alone is the same with and without `=`.
    let mut fields: Vec<String> =
        query.split('&').map(|field| field.strip_suffix('=').unwrap_or(field).to_owned()).collect();
    fields.sort();
    (path.trim_end_matches('/').to_owned(), fields)
}

/// Whether our output says what botocore's says. Ours has every member; botocore leaves out what did not come, marks times and
/// bytes, and leaves JSON text as it is.
fn agrees(ours: &Json, theirs: &Json, path: &str) -> Result<(), String> {
    let differ = || Err(format!("{path}: {ours}, wanted {theirs}"));
    match (ours, theirs) {
        (Json::String(ours), Json::Object(mark)) if mark.contains_key("$time") => {
            let moment = |text: &str| text.parse::<jiff::Timestamp>().ok();
            let same = moment(ours).is_some() && moment(ours) == mark["$time"].as_str().and_then(moment);
            if same { Ok(()) } else { differ() }
        }
        (Json::String(ours), Json::Object(mark)) if mark.contains_key("$bytes") => {
            if mark["$bytes"] == ours.as_str() {
                Ok(())
            } else {
                differ()
            }
        }
        (Json::Object(ours), Json::Object(theirs)) => {
            for (name, value) in ours {
                match theirs.get(name) {
                    Some(theirs) => agrees(value, theirs, &format!("{path}.{name}"))?,
                    None if is_nothing(value) => {}
                    None => return Err(format!("{path}.{name}: {value}, wanted nothing")),
                }
            }
            match theirs.iter().find(|(name, value)| !ours.contains_key(*name) && !is_nothing(value)) {
                Some((name, value)) => Err(format!("{path}.{name}: nothing, wanted {value}")),
                None => Ok(()),
            }
        }
        (Json::Array(ours), Json::Array(theirs)) if ours.len() == theirs.len() => {
            (0..).zip(ours.iter().zip(theirs)).try_for_each(|(i, (a, b))| agrees(a, b, &format!("{path}[{i}]")))
        }
        (Json::Number(a), Json::Number(b)) if a.as_f64() == b.as_f64() => Ok(()),
        (Json::Object(_) | Json::Array(_), Json::String(text)) => match serde_json::from_str::<Json>(text) {
            Ok(decoded) => agrees(ours, &decoded, path),
            Err(_) => differ(),
        },
        (a, b) if a == b || is_nothing(a) && is_nothing(b) => Ok(()),
        _ => differ(),
    }
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.values().all(is_nothing),
        _ => false,
    }
}
