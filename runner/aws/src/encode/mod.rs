//! Requests from parameters.
//!
//! This file decides what all protocols share: the check, the URL with its host prefix, checksums, the signature's terms.
//! What a protocol writes is in its own file; each fills a [`Draft`]. It must not sign and not send.

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};

use crate::check;
use crate::endpoint::Endpoint;
use crate::http::{Payload, Request, Secrets, Signing};
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
    let mut secrets = Secrets::default();
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
    let schemes = definition.auth.as_ref().unwrap_or(&metadata.auth);
    if definition.authtype.as_deref() == Some("none") || schemes.iter().any(|scheme| scheme == "smithy.api#noAuth") {
        return Ok(Signing::None);
    }
    let by_rules = endpoint.schemes.iter().find(|scheme| scheme.name == "sigv4");
    let by_model = schemes.is_empty() && !metadata.signature_version.is_empty()
        || schemes.iter().any(|scheme| scheme == "aws.auth#sigv4");
    if by_rules.is_none() && (!endpoint.schemes.is_empty() || !by_model) {
        let named = endpoint.schemes.iter().map(|scheme| &scheme.name).chain(schemes).cloned().collect::<Vec<_>>();
        let why = format!("it is signed with `{}`, which this version of `runbook` cannot", named.join("` or `"));
        return Err(invalid(operation, &why));
    }
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
