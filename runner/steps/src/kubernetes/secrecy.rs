//! What of an object nobody may see.
//!
//! This file decides which members of Kubernetes objects are secret by their type, and which are left out of answers.
//! It must not know who asked.

use runbook_model::value::{Map, Value};

/// Members of a Secret that hold what is kept secret.
pub const DATA: [&str; 2] = ["data", "stringData"];

/// The annotation in which `kubectl apply` keeps the whole manifest, data included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object as answers show it: data of Secrets marked, the record of field managers (long, and of no use in a
/// runbook) left out.
#[must_use]
pub fn shown(object: Value) -> Value {
    let Value::Map(mut object) = object else { return object };
    if let Some(Value::Map(metadata)) = object.get_mut("metadata") {
        metadata.shift_remove("managedFields");
    }
    if is_secret(&object) {
        for member in DATA {
            mark_entries(&mut object, member);
        }
        if let Some(Value::Map(metadata)) = object.get_mut("metadata")
            && let Some(Value::Map(annotations)) = metadata.get_mut("annotations")
            && let Some(value) = annotations.get_mut(LAST_APPLIED)
        {
            *value = std::mem::take(value).into_secret();
        }
    }
    Value::Map(object)
}

/// Is it a `v1` Secret?
#[must_use]
pub fn is_secret(object: &Map) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Secret")
        && object.get("apiVersion").and_then(Value::as_str) == Some("v1")
}

/// Keys of a Secret are no secrets: a runbook reads `result.data["tls.crt"]`.
fn mark_entries(object: &mut Map, member: &str) {
    if let Some(Value::Map(entries)) = object.get_mut(member) {
        for value in entries.values_mut() {
            *value = std::mem::take(value).into_secret();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_of_secrets_is_secret_and_its_keys_are_not() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "eA=="}, "metadata": {
            "name": "s", "managedFields": [{}], "annotations": {LAST_APPLIED: "{\"data\":…}", "other": "x"}}});
        assert_eq!(
            shown(secret.into()).redacted(),
            json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "(secret)"}, "metadata": {
                "name": "s", "annotations": {LAST_APPLIED: "(secret)", "other": "x"}}})
        );
    }

    #[test]
    fn data_of_others_stays_open() {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "x"}, "metadata": {"name": "s"}});
        assert_eq!(shown(map.clone().into()).redacted(), map);
    }
}
