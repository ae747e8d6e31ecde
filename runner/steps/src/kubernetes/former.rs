//! What an object held before a step set its fields.
//!
//! This file decides which former values an undo needs: those of the fields a manifest sets, no others. It must not
//! know how they are put back.

use runbook_model::value::{Map, Value};

use super::secrecy;

/// The part of `object` that `manifest` is about to set. A field the object lacked is left out; a list is kept whole
/// unless its items have names, and then by name. Data of Secrets is never kept.
#[must_use]
pub fn former(manifest: &Value, object: &Value) -> Value {
    let (Some(wanted), Some(had)) = (manifest.as_map(), object.as_map()) else { return Value::Null };
    let keeps_data = !secrecy::is_secret(had);
    let mut kept = Map::new();
    for (key, value) in wanted {
        let is_data = secrecy::DATA.contains(&key.as_str());
        match had.get(key) {
            Some(former) if key == "metadata" || keeps_data || !is_data => {
                kept.insert(key.clone(), part(value, former));
            }
            _ => {}
        }
    }
    Value::Map(kept)
}

fn part(wanted: &Value, had: &Value) -> Value {
    match (wanted, had) {
        // What replaces it is a secret, so what it replaces most likely was one.
        (Value::Secret(_), had) => had.clone().into_secret(),
        (Value::Map(wanted), Value::Map(had)) => Value::Map(
            wanted.iter().filter_map(|(key, value)| Some((key.clone(), part(value, had.get(key)?)))).collect(),
        ),
        (Value::List(wanted), Value::List(had)) => match named(wanted).zip(named(had)) {
            Some((wanted, had)) => Value::List(
                wanted
                    .iter()
                    .filter_map(|(name, value)| Some(part(value, had.iter().find(|(n, _)| n == name)?.1)))
                    .collect(),
            ),
            None if Value::List(wanted.clone()).holds_secret() => Value::List(had.clone()).into_secret(),
            None => Value::List(had.clone()),
        },
        (wanted, had) if wanted.holds_secret() => had.clone().into_secret(),
        (_, had) => had.clone(),
    }
}

/// The items with their names, if all have one and no two the same.
fn named(items: &[Value]) -> Option<Vec<(&str, &Value)>> {
    let named: Vec<(&str, &Value)> =
        items.iter().map(|item| Some((item.get("name")?.as_str()?, item))).collect::<Option<_>>()?;
    let mut names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair[0] != pair[1]).then_some(named)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_fields_a_manifest_sets_are_kept() {
        let manifest = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "labels": {"new": "1"}},
            "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "b", "image": "b:2"}]}}}});
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "uid": "u", "labels": {"old": "1"}},
            "spec": {"replicas": 1, "paused": true, "template": {"spec": {"containers": [
                {"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1", "args": ["x"]}]}}}, "status": {"replicas": 1}});
        assert_eq!(
            former(&manifest.into(), &object.into()).redacted(),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "labels": {}},
                "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "b", "image": "b:1"}]}}}})
        );
    }

    #[test]
    fn what_a_secret_held_is_not_kept() {
        let of = |value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque", "data": {"a": value}});
        assert_eq!(
            former(&of("new").into(), &of("old").into()).exposed(),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque"})
        );
    }

    #[test]
    fn what_a_secret_replaces_is_secret() {
        let manifest = Value::Map(Map::from_iter([
            ("kind".to_owned(), Value::from("X")),
            ("a".to_owned(), Value::from("new").into_secret()),
            ("list".to_owned(), Value::List(vec![Value::from("n").into_secret()])),
        ]));
        let object = json!({"kind": "X", "a": "old", "list": ["o"]});
        assert_eq!(
            former(&manifest, &object.into()).redacted(),
            json!({"kind": "X", "a": "(secret)", "list": "(secret)"})
        );
    }
}
