//! Scalars as text: in forms, XML, headers, paths and queries.
//!
//! This file decides how a scalar of the model is spelled. It must not know where it goes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runbook_model::value::Value;

use crate::check::decoded;
use crate::definition::Kind;
use crate::member::Member;
use crate::timestamp::{self, Format};

/// The text of a scalar; `default` is the time format of the place.
pub(super) fn scalar(member: Member<'_>, value: &Value, default: Format) -> String {
    match (member.kind(), value) {
        (Kind::Timestamp, value) => match moment(value) {
            Some(moment) => timestamp::text(moment, Format::named(member.timestamp_format(), default)),
            None => plain(value),
        },
        (Kind::Blob, Value::String(text)) => base64(text),
        (_, value) => plain(value),
    }
}

/// The moment behind a value, which the check has found to be one.
pub(super) fn moment(value: &Value) -> Option<jiff::Timestamp> {
    match value {
        Value::Number(number) => timestamp::from_number(number),
        Value::String(text) => timestamp::from_text(text),
        _ => None,
    }
}

/// Base64 as the wire wants it, without line breaks.
pub(super) fn base64(text: &str) -> String {
    decoded(text).map_or_else(|| text.to_owned(), |bytes| STANDARD.encode(bytes))
}

/// Text as it is, everything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.exposed().to_string(),
    }
}
