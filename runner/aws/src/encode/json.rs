//! JSON bodies: the JSON protocols, and the bodies of REST with JSON.
//!
//! This file decides how a value of the model is written as JSON. It must not know any operation.

use runbook_model::value::{Map, Value};
use serde_json::{Map as JsonMap, Value as Json};

use super::{Draft, text};
use crate::definition::Kind;
use crate::member::Member;
use crate::operation::Operation;
use crate::timestamp::{self, Format};

pub(super) fn draft(operation: &Operation, params: &Map) -> Draft {
    let metadata = operation.service().metadata();
    let body = operation.input().map_or_else(|| Json::Object(JsonMap::new()), |input| structure(input, params));
    let mut draft = Draft { path: "/".to_owned(), body: body.to_string().into_bytes(), ..Draft::default() };
    let target = metadata.target_prefix.as_deref().unwrap_or_default();
    draft.header("X-Amz-Target", format!("{target}.{}", operation.name()));
    let version = metadata.json_version.as_deref().unwrap_or("1.1");
    draft.header("Content-Type", format!("application/x-amz-json-{version}"));
    if metadata.aws_query_compatible.is_some() {
        draft.header("x-amzn-query-mode", "true");
    }
    draft
}

/// The JSON of a structure's members that are there.
pub(super) fn structure(member: Member<'_>, map: &Map) -> Json {
    let entry = |(name, part): (&str, Member<'_>)| {
        let wire = part.wire_name().unwrap_or(name).to_owned();
        map.get(name).map(|found| (wire, value(part, found)))
    };
    Json::Object(member.members().filter_map(entry).collect())
}

/// The JSON of a value.
pub(super) fn value(member: Member<'_>, found: &Value) -> Json {
    if member.is_document() {
        return found.exposed();
    }
    match (member.kind(), found) {
        (Kind::Structure, Value::Map(map)) => structure(member, map),
        (Kind::List, Value::List(items)) => items.iter().map(|item| value(member.item(), item)).collect(),
        (Kind::Map, Value::Map(map)) => {
            map.iter().map(|(key, item)| (key.clone(), value(member.value(), item))).collect()
        }
        (Kind::Timestamp, found) => match text::moment(found) {
            Some(moment) => timestamp::json(moment, Format::named(member.timestamp_format(), Format::UnixTimestamp)),
            None => found.exposed(),
        },
        (Kind::Blob, Value::String(base64)) => text::base64(base64).into(),
        // JSON inside JSON is text.
        (_, found) if member.is_json_value() => text::plain(found).into(),
        (_, found) => found.exposed(),
    }
}
