//! The JSON Schema (draft-07) of a runbook's file, for editors and for whoever checks YAML without this program.
//!
//! This file decides how the language's own part (`language.json`), the kinds and the AWS operations become one document. It
//! must not be stricter than the checker: what `lint` takes, the schema takes. An expression may stand wherever the
//! language allows one.

mod aws;
mod kinds;

use serde_json::{Map, Value as Json, json};

pub(crate) use self::aws::alone;

/// Text with an expression in it.
const EXPRESSION: &str = r"\$\{\{";

/// The schema of a runbook's file.
pub(crate) fn document() -> Json {
    let mut document: Json =
        serde_json::from_str(include_str!("language.json")).expect("the language's part is JSON, as a test sees");
    let kinds = kinds::properties();
    let definitions = document["definitions"].as_object_mut().expect("the language's part has definitions");
    let steps: Vec<&(&str, kinds::Places, Json)> = kinds.iter().filter(|(_, places, _)| places.step).collect();
    let looks: Vec<&(&str, kinds::Places, Json)> =
        kinds.iter().filter(|(_, places, _)| places.look && places.step).collect();

    let step = definitions["step"].clone();
    definitions.insert("step".into(), with_one_of(step.clone(), &steps));
    let mut aside = step;
    // Steps beside the run, such as those of `undo`, need no id.
    if let Some(aside) = aside.as_object_mut() {
        aside.remove("required");
    }
    definitions.insert("aside".into(), with_one_of(aside, &steps));
    for place in ["probe", "verify"] {
        let look = definitions[place].clone();
        definitions.insert(place.into(), with_one_of(look, &looks));
    }
    definitions.insert("wait".into(), kinds::wait());
    for (name, _, schema) in &kinds {
        definitions.insert((*name).to_owned(), schema.clone());
    }
    aws::add(definitions);
    document
}

/// The schema as text, a definition a line: it is large, and people compare two of them.
pub(crate) fn text() -> String {
    let document = document();
    let mut parts = Vec::new();
    for (key, value) in document.as_object().into_iter().flatten() {
        if key == "definitions" {
            let lines =
                value.as_object().into_iter().flatten().map(|(key, value)| format!("  {}: {value}", json!(key)));
            parts.push(format!("\"definitions\": {{\n{}\n}}", lines.collect::<Vec<_>>().join(",\n")));
        } else {
            parts.push(format!("{}: {value}", json!(key)));
        }
    }
    format!("{{\n{}\n}}\n", parts.join(",\n"))
}

/// The map with a property for each kind, of which just one has to be there.
fn with_one_of(mut map: Json, kinds: &[&(&str, kinds::Places, Json)]) -> Json {
    for (name, _, schema) in kinds {
        let about = schema["description"].clone();
        map["properties"][*name] = json!({"allOf": [reference(name)], "description": about});
    }
    map["oneOf"] = kinds.iter().map(|(name, ..)| json!({"required": [name]})).collect();
    map
}

fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/definitions/{name}")})
}

/// A map with these entries, and no others.
fn closed(properties: Map<String, Json>, required: &[&str]) -> Json {
    let mut schema = json!({"type": "object", "additionalProperties": false});
    schema["properties"] = properties.into();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

#[cfg(test)]
mod tests;
