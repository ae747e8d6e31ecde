//! Scalars from text: of XML, of headers, and text inside JSON.
//!
//! This file decides how text is read by its type. Text that is not what the model says stays text: an answer that surprises
//! is better than none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runbook_model::value::Value;
use serde_json::{Number, Value as Json};

use crate::definition::{JsonText, Kind};
use crate::member::Member;
use crate::{percent, timestamp};

/// A scalar from its text.
pub(super) fn scalar(member: Member<'_>, text: &str) -> Value {
    let trimmed = text.trim();
    match member.kind() {
        Kind::Boolean => trimmed.eq_ignore_ascii_case("true").into(),
        kind if kind.is_whole_number() => trimmed.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        kind if kind.is_fraction() => {
            let number = trimmed.parse::<f64>().ok().and_then(Number::from_f64);
            number.map_or_else(|| text.into(), Value::Number)
        }
        Kind::Timestamp => moment(text),
        Kind::Blob => trimmed.into(),
        _ => words(member, text),
    }
}

/// A time as RFC 3339.
pub(super) fn moment(text: &str) -> Value {
    timestamp::from_text(text).map_or_else(|| text.into(), |moment| moment.to_string().into())
}

/// Text, decoded where it holds JSON.
pub(super) fn words(member: Member<'_>, text: &str) -> Value {
    let holds_json = member.json_text() == Some(JsonText::Both) || member.is_json_value();
    let found = if holds_json { json(text) } else { None };
    found.unwrap_or_else(|| text.into())
}

/// The JSON in a text, which IAM percent-encodes. Only lists and maps: a policy that is no JSON stays what it is.
fn json(text: &str) -> Option<Value> {
    let encoded = text.trim_start().starts_with('%').then(|| percent::decode(text)).flatten();
    let read: Json = serde_json::from_str(encoded.as_deref().unwrap_or(text)).ok()?;
    (read.is_object() || read.is_array()).then(|| read.into())
}

/// Base64 of bytes.
pub(super) fn base64(bytes: &[u8]) -> Value {
    STANDARD.encode(bytes).into()
}

/// A header that holds JSON in base64.
pub(super) fn json_header(text: &str) -> Value {
    let read = STANDARD.decode(text.trim()).ok().and_then(|bytes| serde_json::from_slice::<Json>(&bytes).ok());
    read.map_or_else(|| text.into(), Value::from)
}
