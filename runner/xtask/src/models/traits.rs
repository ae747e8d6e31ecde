//! Which traits of a model the program keeps.
//!
//! This file decides on every trait botocore's models have: kept because `runbook_aws::definition` reads it, or dropped for
//! a reason. One that is on neither list stops the packing, so that nothing new is lost unseen.

use serde_json::{Map, Value};

struct Traits {
    kept: &'static [&'static str],
    /// Documentation and dates are for people; `pattern` and `max` are left to the service, as botocore leaves them, because
    /// services widen both before their models do; which errors an operation declares says nothing that their codes do not;
    /// the rest changes nothing on the wire or belongs to features that the crate refuses by name.
    dropped: &'static [&'static str],
}

const METADATA: Traits = Traits {
    kept: &[
        "apiVersion",
        "auth",
        "awsQueryCompatible",
        "endpointPrefix",
        "jsonVersion",
        "protocol",
        "protocols",
        "serviceFullName",
        "serviceId",
        // Becomes part of `auth`; see `corrections`.
        "signatureVersion",
        "signingName",
        "targetPrefix",
    ],
    dropped: &[
        "checksumFormat",
        "globalEndpoint",
        "protocolSettings",
        "ripServiceName",
        "serviceAbbreviation",
        "uid",
        "xmlNamespace",
    ],
};

const OPERATION: Traits = Traits {
    kept: &[
        "auth",
        "authtype",
        "endpoint",
        "http",
        "httpChecksum",
        "httpChecksumRequired",
        "idempotent",
        "input",
        "operationContextParams",
        "output",
        "readonly",
        "staticContextParams",
        "unsignedPayload",
    ],
    dropped: &[
        "deprecated",
        "deprecatedMessage",
        "deprecatedSince",
        "documentation",
        "documentationUrl",
        "endpointdiscovery",
        "endpointoperation",
        "errors",
        "name",
        "requestcompression",
    ],
};

const REFERENCE: Traits = Traits {
    kept: &[
        "contextParam",
        "deprecated",
        "enum",
        "eventstream",
        "flattened",
        "hostLabel",
        "idempotencyToken",
        "jsonvalue",
        "location",
        "locationName",
        "queryName",
        "resultWrapper",
        "shape",
        "timestampFormat",
        "xmlAttribute",
        "xmlNamespace",
    ],
    dropped: &[
        "box",
        "deprecatedMessage",
        "deprecatedSince",
        "documentation",
        "error",
        "eventpayload",
        "exception",
        "streaming",
    ],
};

const SHAPE: Traits = Traits {
    kept: &[
        "document",
        "enum",
        "error",
        "eventstream",
        "exception",
        "flattened",
        "jsonvalue",
        "key",
        "locationName",
        "member",
        "members",
        "min",
        "payload",
        "required",
        "retryable",
        "sensitive",
        "timestampFormat",
        "type",
        "union",
        "value",
        "xmlNamespace",
    ],
    dropped: &[
        "box",
        "deprecated",
        "deprecatedMessage",
        "deprecatedSince",
        "documentation",
        "event",
        "fault",
        "max",
        "pattern",
        "requiresLength",
        "sparse",
        "streaming",
        "synthetic",
        "wrapper",
        "xmlOrder",
    ],
};

impl Traits {
    fn strip(&self, of: &str, traits: &mut Value) -> Result<(), String> {
        let Value::Object(map) = traits else { return Err(format!("`{of}` is no map")) };
        if let Some(new) =
            map.keys().find(|key| !self.kept.contains(&key.as_str()) && !self.dropped.contains(&key.as_str()))
        {
            return Err(format!(
                "`{of}` has the trait `{new}`, which is new; keep or drop it in `xtask/src/models/traits.rs`"
            ));
        }
        map.retain(|key, _| self.kept.contains(&key.as_str()));
        Ok(())
    }
}

/// Removes from a model all the program does not read.
pub(super) fn strip(model: &mut Value) -> Result<(), String> {
    METADATA.strip("metadata", &mut model["metadata"])?;
    for (name, operation) in entries(&mut model["operations"]) {
        OPERATION.strip(name, operation)?;
        for key in ["input", "output"] {
            if let Some(reference) = operation.get_mut(key) {
                REFERENCE.strip(name, reference)?;
            }
        }
    }
    for (name, shape) in entries(&mut model["shapes"]) {
        SHAPE.strip(name, shape)?;
        for key in ["member", "key", "value"] {
            if let Some(reference) = shape.get_mut(key) {
                REFERENCE.strip(name, reference)?;
            }
        }
        if let Some(members) = shape.get_mut("members") {
            for (member, reference) in entries(members) {
                REFERENCE.strip(&format!("{name}.{member}"), reference)?;
            }
        }
    }
    for (_, waiter) in entries(&mut model["waiters"]) {
        remove(waiter, "description");
    }
    if let Some(rules) = model["rules"].as_object_mut() {
        rules.remove("version");
    }
    remove_everywhere(&mut model["rules"], "documentation");
    Ok(())
}

/// The entries of a map; none if it is something else.
pub(super) fn entries(map: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    map.as_object_mut().into_iter().flat_map(Map::iter_mut)
}

fn remove(map: &mut Value, key: &str) {
    if let Some(map) = map.as_object_mut() {
        map.shift_remove(key);
    }
}

fn remove_everywhere(json: &mut Value, key: &str) {
    remove(json, key);
    match json {
        Value::Object(map) => map.values_mut().for_each(|value| remove_everywhere(value, key)),
        Value::Array(items) => items.iter_mut().for_each(|value| remove_everywhere(value, key)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_named_like_traits_stay() {
        let mut model = json!({"metadata": {"uid": "x", "protocol": "json"}, "operations": {}, "shapes": {
            "S": {"type": "structure", "documentation": "words", "members": {"pattern": {"shape": "S", "documentation": "words"}}}}});
        strip(&mut model).unwrap();
        assert_eq!(model["metadata"], json!({"protocol": "json"}));
        assert_eq!(model["shapes"], json!({"S": {"type": "structure", "members": {"pattern": {"shape": "S"}}}}));
    }

    #[test]
    fn a_new_trait_stops_the_packing() {
        let mut model = json!({"metadata": {}, "operations": {"Do": {"weather": true}}, "shapes": {}});
        assert!(strip(&mut model).unwrap_err().contains("`weather`"));
    }
}
