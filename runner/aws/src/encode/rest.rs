//! HTTP methods and paths: the REST protocols.
//!
//! This file decides what of the parameters goes into the path, the query, the headers and the body. What a body looks like
//! is in [`super::json`] and [`super::xml`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runbook_model::failure::Failure;
use runbook_model::value::{Map, Value};

use super::{Draft, invalid, json, text, xml};
use crate::check::decoded;
use crate::definition::{Kind, Location};
use crate::member::Member;
use crate::operation::Operation;
use crate::percent::encode;
use crate::timestamp::Format;

/// What bodies are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Json,
    Xml,
}

pub(super) fn draft(operation: &Operation, params: &Map, form: Body) -> Result<Draft, Failure> {
    let mut draft = Draft { path: operation.definition().http.request_uri.clone(), ..Draft::default() };
    let Some(input) = operation.input() else { return Ok(draft) };
    let mut query = Vec::new();
    let mut body = Map::new();
    for (name, member) in input.members() {
        let Some(value) = params.get(name) else { continue };
        let wire = member.wire_name().unwrap_or(name);
        match member.location() {
            Some(Location::Uri) => draft.path = filled(operation, name, member, value, &draft.path)?,
            Some(Location::QueryString) => add_query(member, wire, value, &mut query),
            // Whoever sends the body knows its length.
            Some(Location::Header) if wire.eq_ignore_ascii_case("content-length") => {}
            Some(Location::Header) => {
                if let Some(text) = header(member, value) {
                    draft.header(wire, text);
                }
            }
            Some(Location::Headers) => {
                for (key, value) in value.as_map().into_iter().flatten() {
                    draft.header(&format!("{wire}{key}"), text::plain(value));
                }
            }
            Some(Location::StatusCode) => {}
            None => {
                body.insert(name.to_owned(), value.clone());
            }
        }
    }
    if let Some((_, label)) = draft.path.split_once('{') {
        let label = label.split(['}', '+']).next().unwrap_or_default().to_owned();
        return Err(invalid(operation, &format!("`{label}` is part of the path and has no value")));
    }
    let between = if draft.path.contains('?') { '&' } else { '?' };
    let query: Vec<String> =
        named_first(query).iter().map(|(k, v)| format!("{}={}", encode(k, ""), encode(v, ""))).collect();
    if !query.is_empty() {
        draft.path = format!("{}{between}{}", draft.path, query.join("&"));
    }
    fill_body(input, params, body, form, &mut draft);
    for (name, value) in &draft.headers {
        if value.bytes().any(|b| b < 0x20 && b != b'\t' || b == 0x7f) {
            return Err(invalid(
                operation,
                &format!("the header `{name}` cannot hold line breaks or control characters"),
            ));
        }
    }
    Ok(draft)
}

/// The path with one label filled in; `{Key+}` keeps slashes.
fn filled(operation: &Operation, name: &str, member: Member<'_>, value: &Value, path: &str) -> Result<String, Failure> {
    let wire = member.wire_name().unwrap_or(name);
    let text = text::scalar(member, value, Format::Iso8601);
    if text.is_empty() {
        return Err(invalid(operation, &format!("`{name}` is part of the path and must not be empty")));
    }
    Ok(path.replace(&format!("{{{wire}+}}"), &encode(&text, "/")).replace(&format!("{{{wire}}}"), &encode(&text, "")))
}

/// A field of the query, and whether it came out of a map.
struct Field {
    name: String,
    value: String,
    free: bool,
}

fn add_query(member: Member<'_>, wire: &str, value: &Value, query: &mut Vec<Field>) {
    let named = |value: String| Field { name: wire.to_owned(), value, free: false };
    match (member.kind(), value) {
        (Kind::Map, Value::Map(map)) => {
            for (key, value) in map {
                let free = |value: &Value| Field { name: key.clone(), value: text::plain(value), free: true };
                match value {
                    Value::List(items) => query.extend(items.iter().map(free)),
                    one => query.push(free(one)),
                }
            }
        }
        (Kind::List, Value::List(items)) => {
            query.extend(items.iter().map(|item| named(text::scalar(member.item(), item, Format::Iso8601))));
        }
        _ => query.push(named(text::scalar(member, value, Format::Iso8601))),
    }
}

/// Members by name first; what a map holds under the name of one of them does not count.
fn named_first(query: Vec<Field>) -> Vec<(String, String)> {
    let (free, named): (Vec<Field>, Vec<Field>) = query.into_iter().partition(|field| field.free);
    let free = free.into_iter().filter(|field| !named.iter().any(|known| known.name == field.name)).collect::<Vec<_>>();
    named.into_iter().chain(free).map(|field| (field.name, field.value)).collect()
}

/// The text of a header; `None` for an empty list.
fn header(member: Member<'_>, value: &Value) -> Option<String> {
    if member.is_json_value() {
        return Some(STANDARD.encode(text::plain(value)));
    }
    match (member.kind(), value) {
        (Kind::List, Value::List(items)) if items.is_empty() => None,
        (Kind::List, Value::List(items)) => {
            let item = member.item();
            let texts = items.iter().filter(|value| !value.is_null()).map(|value| {
                let text = header(item, value).unwrap_or_default();
                let quoted = item.kind().is_text() && text.contains(['"', ',']);
                if quoted { format!("\"{}\"", text.replace('"', "\\\"")) } else { text }
            });
            Some(texts.collect::<Vec<_>>().join(","))
        }
        _ => Some(text::scalar(member, value, Format::Rfc822)),
    }
}

fn fill_body(input: Member<'_>, params: &Map, body: Map, form: Body, draft: &mut Draft) {
    let document = |member: Member<'_>, value: &Value| match form {
        Body::Json => json::value(member, value).to_string().into_bytes(),
        Body::Xml => xml::document(member, value),
    };
    let mut content_type = match form {
        Body::Json => "application/json",
        Body::Xml => "application/xml",
    };
    let mut is_raw = false;
    match input.payload() {
        Some((name, member)) => match (member.kind(), params.get(name)) {
            (Kind::Blob, value) => {
                let bytes = value.and_then(Value::as_str).and_then(decoded);
                (content_type, is_raw) = ("application/octet-stream", value.is_some());
                draft.body = bytes.unwrap_or_default();
            }
            (kind, value) if kind.is_text() => {
                (content_type, is_raw) = ("text/plain", value.is_some());
                draft.body = value.map(text::plain).unwrap_or_default().into_bytes();
            }
            (_, Some(value)) => draft.body = document(member, value),
            // JSON services want an object even where there is nothing to say.
            (_, None) if form == Body::Json && !member.is_document() && !member.shape.union => {
                draft.body = b"{}".to_vec();
            }
            (_, None) => {}
        },
        None if !body.is_empty() => draft.body = document(input, &Value::Map(body)),
        None if form == Body::Json && input.members().any(|(_, member)| member.location().is_none()) => {
            draft.body = b"{}".to_vec();
        }
        None => {}
    }
    if (is_raw || !draft.body.is_empty()) && !draft.has_header("content-type") {
        draft.header("Content-Type", content_type);
    }
}
