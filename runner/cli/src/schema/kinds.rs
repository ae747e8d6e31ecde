//! The kinds of steps in the schema.
//!
//! This file decides how what a kind says of itself becomes a schema. It must not know AWS operations.

use runbook_model::kind::Takes;
use serde_json::{Map, Value as Json, json};

use super::{EXPRESSION, closed, reference};
use crate::catalogue::{self, Argued, Entry};

/// Where a kind may stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// As a step.
    pub(super) step: bool,
    /// As a look: in `probe` and `verify`.
    pub(super) look: bool,
}

/// All kinds: name, place, and the schema of what stands under the name.
pub(super) fn properties() -> Vec<(&'static str, Places, Json)> {
    catalogue::all().into_iter().map(|entry| (entry.name, places(&entry), schema(&entry))).collect()
}

fn places(entry: &Entry) -> Places {
    Places { step: entry.place != catalogue::LOOK, look: entry.place == catalogue::BOTH }
}

fn schema(entry: &Entry) -> Json {
    let mut schema = match (entry.name, &entry.arguments) {
        ("assert", _) => reference("checks"),
        ("set", _) => reference("outputs"),
        ("wait-for", _) => reference("wait"),
        ("group", _) => closed(
            Map::from_iter([("steps".to_owned(), json!({"type": "array", "items": reference("step")}))]),
            &["steps"],
        ),
        (_, None) => json!({}),
        (_, Some(arguments)) => closed(
            arguments.iter().map(|argument| (argument.name.clone(), self::argument(argument))).collect(),
            &arguments
                .iter()
                .filter(|argument| argument.required)
                .map(|argument| argument.name.as_str())
                .collect::<Vec<_>>(),
        ),
    };
    if schema.get("$ref").is_some() {
        schema = json!({"allOf": [schema]});
    }
    let later = entry.later.map(|later| format!("\n\nNot in this version: {later}")).unwrap_or_default();
    schema["description"] = format!("This kind {}.{later}", entry.summary).into();
    schema
}

fn argument(argument: &Argued) -> Json {
    let mut schema = match (argument.takes, argument.fixed) {
        (Takes::Anything, _) => json!({}),
        (Takes::Text, _) => json!({"type": ["string", "number", "boolean"]}),
        (Takes::Count, true) => json!({"type": "integer", "minimum": 0}),
        (Takes::Count, false) => json!({"type": ["integer", "string"], "pattern": format!("^[0-9]+$|{EXPRESSION}")}),
        (Takes::Flag, true) => json!({"type": "boolean"}),
        (Takes::Flag, false) => json!({"type": ["boolean", "string"], "pattern": EXPRESSION}),
        (Takes::Duration, true) => json!({"allOf": [reference("duration")]}),
        (Takes::Duration, false) => json!({"allOf": [reference("timespan")]}),
        (Takes::List, true) => json!({"type": "array"}),
        (Takes::List, false) => json!({"type": ["array", "string"], "pattern": EXPRESSION}),
        (Takes::Map, true) => json!({"type": "object"}),
        (Takes::Map, false) => json!({"type": ["object", "string"], "pattern": EXPRESSION}),
        (Takes::OneOf(words), true) => json!({"enum": words}),
        (Takes::OneOf(words), false) => json!({"anyOf": [{"enum": words}, reference("expression")]}),
        (Takes::Connection(_), _) => json!({"allOf": [reference("connection")]}),
    };
    if !argument.about.is_empty() {
        schema["description"] = argument.about.clone().into();
    }
    schema
}

/// `wait-for`: one source, and when it is over.
pub(super) fn wait() -> Json {
    let all = catalogue::all();
    let find = |name: &str| all.iter().find(|entry| entry.name == name);
    let told = find("wait-for").and_then(|entry| entry.arguments.clone()).unwrap_or_default();
    let mut properties: Map<String, Json> =
        told.iter().map(|argument| (argument.name.clone(), self::argument(argument))).collect();
    let sources = [("aws-call", "aws-call"), ("k8s", "k8s-get"), ("http", "http"), ("tcp", "tcp"), ("dns", "dns")];
    for (key, kind) in sources {
        let schema =
            if find(kind).is_some_and(|entry| entry.arguments.is_some()) { reference(kind) } else { json!({}) };
        properties[key] = schema;
    }
    properties["until"] = json!({"description": "When it is over: an expression, or `ready` for `k8s`",
        "anyOf": [{"const": "ready"}, reference("condition")]});
    properties["fail-when"] = reference("failWhen");
    properties["connection"] = reference("connection");
    let mut schema = closed(properties, &[]);
    schema["oneOf"] = sources.iter().map(|(key, _)| json!({"required": [key]})).collect();
    schema
}
