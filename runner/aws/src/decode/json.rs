//! JSON bodies of answers.
//!
//! This file decides how JSON is read by the model. What the model does not know is left out.

use runbook_model::value::Value;
use serde_json::{Map as JsonMap, Value as Json};

use super::{marked, structure, text};
use crate::definition::Kind;
use crate::member::Member;
use crate::timestamp;

/// A body as the member it is.
///
/// # Errors
/// It is not JSON.
pub(super) fn document(member: Member<'_>, body: &[u8]) -> Result<Value, String> {
    let json = parse(body)?;
    match (member.kind(), &json) {
        (Kind::Structure, Json::Object(map)) if !member.is_document() => Ok(members(member, map)),
        (Kind::Structure, other) if !member.is_document() => {
            Err(format!("it is {}, not a map", Value::from(other.clone()).type_name()))
        }
        _ => Ok(value(member, &json)),
    }
}

/// The JSON of a body; an empty one is an empty map.
///
/// # Errors
/// It is not JSON.
pub(super) fn parse(body: &[u8]) -> Result<Json, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Object(JsonMap::new()));
    }
    serde_json::from_slice(body).map_err(|error| format!("it is not JSON ({error})"))
}

/// A structure from its JSON.
pub(super) fn members(member: Member<'_>, map: &JsonMap<String, Json>) -> Value {
    let find = |name: &str, part: Member<'_>| {
        let found = map.get(part.wire_name().unwrap_or(name)).filter(|found| !found.is_null());
        Ok::<_, std::convert::Infallible>(found.map(|found| value(part, found)))
    };
    let Ok(read) = structure(member, find);
    read
}

fn value(member: Member<'_>, json: &Json) -> Value {
    match (member.kind(), json) {
        (_, Json::Null) => Value::Null,
        _ if member.is_document() => json.clone().into(),
        (Kind::Structure, Json::Object(map)) => members(member, map),
        (Kind::List, Json::Array(items)) => {
            let item = member.item();
            Value::List(items.iter().map(|json| marked(item, value(item, json))).collect())
        }
        (Kind::Map, Json::Object(map)) => {
            let part = member.value();
            Value::Map(map.iter().map(|(key, json)| (key.clone(), marked(part, value(part, json)))).collect())
        }
        (Kind::Timestamp, Json::Number(number)) => match timestamp::from_number(number) {
            Some(moment) => moment.to_string().into(),
            None => json.clone().into(),
        },
        (Kind::Timestamp, Json::String(found)) => text::moment(found),
        (kind, Json::String(found)) if kind.is_text() => text::words(member, found),
        _ => json.clone().into(),
    }
}
