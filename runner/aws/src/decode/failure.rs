//! Refusals: code, message, request id, and how long the service asks to wait.
//!
//! This file decides where each protocol says these. What a code means is in [`crate::class`].

use jiff::Timestamp;
use roxmltree::{Document, Node};
use runbook_model::duration::Duration;
use runbook_model::failure::Failure;
use serde_json::Value as Json;

use super::{json, xml};
use crate::class;
use crate::http::Response;
use crate::operation::Operation;
use crate::service::Protocol;
use crate::timestamp;

/// What a refusal said of itself.
#[derive(Default)]
struct Said {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

/// The failure behind a refusal.
pub(super) fn read(operation: &Operation, protocol: Protocol, response: &Response<'_>) -> Failure {
    let said = match protocol {
        Protocol::Json | Protocol::RestJson => from_json(protocol, response),
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => from_xml(response),
    };
    // A refusal without a body (HEAD, a load balancer): the status is all there is.
    let code = said.code.filter(|code| !code.is_empty()).unwrap_or_else(|| response.status.to_string());
    let message = said.message.filter(|message| !message.trim().is_empty());
    let message = message
        .map_or_else(|| format!("the service answered with status {}", response.status), |m| m.trim().to_owned());
    let class = class::of(operation, &code, &message, response.status);
    let mut failure = Failure::new(class, message).code(&code);
    failure.help = class::help(class, &code, response);
    failure.in_doubt = class::is_doubtful(response.status);
    failure.request_id = request_id(response).or(said.request_id);
    failure.retry_after = retry_after(response);
    failure
}

/// Is a refusal sent with the status of a success? S3 does that when a long call fails after its headers went out.
pub(super) fn hides_in_a_success(protocol: Protocol, response: &Response<'_>) -> bool {
    protocol == Protocol::RestXml
        && response.body.windows(6).take(256).any(|window| window == b"<Error")
        && xml::utf8(response.body).ok().flatten().is_some_and(|text| {
            Document::parse(text).is_ok_and(|document| document.root_element().tag_name().name() == "Error")
        })
}

/// The id in the headers of an answer, under any of its names.
pub(super) fn request_id(response: &Response<'_>) -> Option<String> {
    ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"]
        .iter()
        .find_map(|name| response.header(name))
        .map(str::to_owned)
}

fn from_json(protocol: Protocol, response: &Response<'_>) -> Said {
    let body = json::parse(response.body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Json::as_str).map(str::to_owned);
    let header = response.header("x-amzn-errortype").map(str::to_owned);
    let named = match protocol {
        Protocol::RestJson => header.or_else(|| text("__type")).or_else(|| text("code")).or_else(|| text("Code")),
        _ => text("__type").or_else(|| text("code")).or_else(|| text("Code")).or(header),
    };
    // `aws.protocoltests#FooError:http://…` is `FooError`.
    let short = |code: String| {
        let code = code.split(':').next().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    };
    // Services that used to speak the query protocol say the code of that time in a header of their own.
    let former = response
        .header("x-amzn-query-error")
        .and_then(|header| header.split_once(';'))
        .map(|(code, _)| code.to_owned());
    Said {
        code: former.filter(|code| !code.is_empty()).or_else(|| named.map(short)),
        message: text("message").or_else(|| text("Message")).or_else(|| text("errorMessage")),
        request_id: None,
    }
}

fn from_xml(response: &Response<'_>) -> Said {
    let Ok(Some(text)) = xml::utf8(response.body) else { return Said::default() };
    let Ok(document) = Document::parse(text) else { return Said::default() };
    let find = |name: &str| {
        let is_named = |node: &Node<'_, '_>| node.is_element() && node.tag_name().name() == name;
        document.descendants().find(is_named).map(xml::words)
    };
    Said { code: find("Code"), message: find("Message"), request_id: find("RequestId").or_else(|| find("RequestID")) }
}

/// How long to wait: seconds, a moment (measured by the answer's own `Date`), or milliseconds in AWS's own header.
fn retry_after(response: &Response<'_>) -> Option<Duration> {
    if let Some(millis) = response.header("x-amz-retry-after").and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    let text = response.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let moment = |text: &str| timestamp::from_text(text).map(Timestamp::as_millisecond);
    let wait = moment(text)? - moment(response.header("date")?)?;
    u64::try_from(wait).ok().map(Duration::from_millis)
}
