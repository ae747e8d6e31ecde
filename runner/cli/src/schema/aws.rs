//! AWS in the schema: services, their operations, and what each operation takes.
//!
//! This file decides how a service's model becomes a schema. It must not know any operation by name.

use runbook_aws::{Operation, Parameter, Service, catalog};
use serde_json::{Map, Value as Json, json};

use super::{EXPRESSION, closed, reference};

/// Deeper than this, parameters are not told: they may hold themselves.
const DEEPEST: usize = 8;

/// Adds what is known of AWS to the definition of `aws-call`. Conditions stand below the condition of their service, so
/// that an editor tries a hundred of them for a call and not thousands.
pub(super) fn add(definitions: &mut Map<String, Json>) {
    let services: Vec<_> = catalog().services().filter_map(|name| catalog().service(name).ok()).collect();
    let mut conditions = Vec::new();
    for service in &services {
        let key = format!("aws.{}", service.name());
        conditions.push(json!({"if": says("service", service.name()), "then": reference(&key)}));
        definitions.insert(key, self::service(service));
        for found in service.operations().filter_map(|name| service.operation(name).ok()) {
            definitions.insert(format!("aws.{}.{}", service.name(), found.name()), operation(&found));
        }
    }
    definitions.extend(leaves().map(|(name, schema)| (name.to_owned(), schema)));
    if let Some(call) = definitions.get_mut("aws-call") {
        // Services have more names than the models' own.
        let names: Vec<&str> = services.iter().map(|service| service.name()).collect();
        call["properties"]["service"]["anyOf"] = json!([{"enum": names}, {"type": "string"}]);
        call["allOf"] = conditions.into();
    }
}

/// What a call of this service may say.
fn service(service: &std::sync::Arc<Service>) -> Json {
    let names: Vec<&str> = service.operations().collect();
    let condition = |name: &&str| {
        let params = reference(&format!("aws.{}.{name}", service.name()));
        json!({"if": says("operation", name), "then": {"properties": {"params": params}}})
    };
    let conditions: Vec<Json> = names.iter().map(condition).collect();
    json!({"properties": {"operation": {"enum": names}}, "allOf": conditions})
}

/// True of a call that says just this.
fn says(key: &str, word: &str) -> Json {
    json!({"properties": {key: {"const": word}}, "required": [key]})
}

/// A whole schema of what one operation takes.
pub(crate) fn alone(of: &Operation) -> Json {
    let mut schema = operation(of);
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["definitions"] = leaves().into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    schema
}

/// What most parameters come down to.
fn leaves() -> [(&'static str, Json); 2] {
    let json = [TEXT.as_slice(), &["object", "array"]].concat();
    [("aws.text", json!({"type": TEXT})), ("aws.json", json!({"type": json}))]
}

/// The parameters of one operation.
fn operation(operation: &Operation) -> Json {
    let mut schema = structure(&operation.parameters(), 0);
    schema["description"] = format!("The parameters of `{}`", operation.name()).into();
    schema
}

fn structure(parts: &[Parameter], depth: usize) -> Json {
    let properties = parts.iter().map(|part| (part.name.clone(), parameter(part, depth + 1))).collect();
    // A token that the tool fills in need not be written.
    let required = parts.iter().filter(|part| part.required && !part.is_token).map(|part| part.name.as_str());
    let mut schema = closed(properties, &required.collect::<Vec<_>>());
    schema["type"] = json!(["object", "string"]);
    schema["pattern"] = EXPRESSION.into();
    schema
}

fn parameter(parameter: &Parameter, depth: usize) -> Json {
    let parts = if depth > DEEPEST { Vec::new() } else { parameter.parts() };
    let choices = parameter.choices();
    let mut schema = match (parameter.wanted(), parts.as_slice()) {
        // Services learn values before their models do, and text may hold an expression: the names are an offer.
        ("text", _) if !choices.is_empty() => json!({"anyOf": [{"enum": choices}, reference("aws.text")]}),
        // Where the API wants JSON as text, a map or a list is taken as well.
        ("text", _) => reference("aws.json"),
        ("a list", [item]) => {
            json!({"type": ["array", "string"], "pattern": EXPRESSION, "items": self::parameter(item, depth + 1)})
        }
        ("a list", _) => json!({"type": ["array", "string"], "pattern": EXPRESSION}),
        ("a map", [value]) if value.name == "{}" => json!({"type": ["object", "string"], "pattern": EXPRESSION,
            "additionalProperties": self::parameter(value, depth + 1)}),
        ("a map", []) => json!({"type": ["object", "string"], "pattern": EXPRESSION}),
        ("a map", parts) => structure(parts, depth),
        ("true or false", _) => {
            json!({"type": ["boolean", "string"], "pattern": format!("^(true|false)$|{EXPRESSION}")})
        }
        ("a whole number", _) => {
            json!({"type": ["integer", "string"], "pattern": format!("^-?[0-9]+$|{EXPRESSION}")})
        }
        ("a number", _) => json!({"type": ["number", "string"]}),
        ("any value", _) => json!({}),
        _ => reference("aws.text"),
    };
    if parameter.is_token {
        schema = json!({"allOf": [schema], "description": "Filled in where it is left out"});
    } else if parameter.deprecated {
        schema = json!({"allOf": [schema], "description": "Deprecated"});
    }
    schema
}

/// What stands where text is wanted: plain scalars keep their source text.
const TEXT: [&str; 3] = ["string", "number", "boolean"];
