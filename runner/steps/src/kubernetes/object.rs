//! One Kubernetes object as data, and what every object has.
//!
//! This file decides how members are found in an object. It must not know particular kinds.

use runbook_model::value::Value;

/// A borrowed object; every reader answers "nothing" where a member is missing or of another type.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a>(pub &'a Value);

/// An entry of `status.conditions`.
#[derive(Clone, Copy, Debug)]
pub struct Condition<'a> {
    entry: Object<'a>,
}

impl<'a> Object<'a> {
    /// The member at a path of keys.
    #[must_use]
    pub fn at(self, path: &[&str]) -> Option<&'a Value> {
        path.iter().try_fold(self.0, |value, key| value.get(key)).filter(|value| !value.is_null())
    }

    /// The text at a path.
    #[must_use]
    pub fn text(self, path: &[&str]) -> Option<&'a str> {
        self.at(path)?.as_str()
    }

    /// The whole number at a path.
    #[must_use]
    pub fn number(self, path: &[&str]) -> Option<i64> {
        self.at(path)?.as_i64()
    }

    /// The items of the list at a path; none if there is no list.
    #[must_use]
    pub fn items(self, path: &[&str]) -> &'a [Value] {
        self.at(path).and_then(Value::as_list).unwrap_or_default()
    }

    /// Group and version.
    #[must_use]
    pub fn api_version(self) -> &'a str {
        self.text(&["apiVersion"]).unwrap_or_default()
    }

    /// The group; empty for the core group.
    #[must_use]
    pub fn group(self) -> &'a str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// The kind.
    #[must_use]
    pub fn kind(self) -> &'a str {
        self.text(&["kind"]).unwrap_or_default()
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.text(&["metadata", "name"]).unwrap_or_default()
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(self) -> Option<&'a str> {
        self.text(&["metadata", "namespace"])
    }

    /// The version the server gives to every state of the object.
    #[must_use]
    pub fn resource_version(self) -> Option<&'a str> {
        self.text(&["metadata", "resourceVersion"])
    }

    /// The number of the wish (`spec`), and whether `status` speaks of that wish already.
    #[must_use]
    pub fn is_observed(self) -> bool {
        match (self.number(&["metadata", "generation"]), self.number(&["status", "observedGeneration"])) {
            (Some(wanted), Some(seen)) => seen >= wanted,
            _ => true,
        }
    }

    /// The condition of a type.
    #[must_use]
    pub fn condition(self, of_type: &str) -> Option<Condition<'a>> {
        self.items(&["status", "conditions"])
            .iter()
            .map(Object)
            .find(|entry| entry.text(&["type"]) == Some(of_type))
            .map(|entry| Condition { entry })
    }

    /// How people name it: `Deployment shop/web`.
    #[must_use]
    pub fn label(self) -> String {
        match self.namespace() {
            Some(namespace) => format!("{} {namespace}/{}", self.kind(), self.name()),
            None => format!("{} {}", self.kind(), self.name()),
        }
    }
}

impl<'a> Condition<'a> {
    /// Is its status `True`, and does it speak of the present generation, as far as it says?
    #[must_use]
    pub fn holds(self, object: Object<'_>) -> bool {
        self.status() == "True" && !self.is_stale(object)
    }

    /// Is its status `False`, and does it speak of the present generation, as far as it says?
    #[must_use]
    pub fn fails(self, object: Object<'_>) -> bool {
        self.status() == "False" && !self.is_stale(object)
    }

    /// `True`, `False` or `Unknown`.
    #[must_use]
    pub fn status(self) -> &'a str {
        self.entry.text(&["status"]).unwrap_or("Unknown")
    }

    /// The word for why.
    #[must_use]
    pub fn reason(self) -> Option<&'a str> {
        self.entry.text(&["reason"]).filter(|reason| !reason.is_empty())
    }

    /// Reason and message, whichever there are, for people.
    #[must_use]
    pub fn why(self) -> String {
        let message = self.entry.text(&["message"]).map(str::trim).filter(|message| !message.is_empty());
        match (self.reason(), message) {
            (Some(reason), Some(message)) => format!("{reason}: {message}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => format!("it is {}", self.status()),
        }
    }

    fn is_stale(self, object: Object<'_>) -> bool {
        match (self.entry.number(&["observedGeneration"]), object.number(&["metadata", "generation"])) {
            (Some(seen), Some(wanted)) => seen < wanted,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_of_an_older_generation_does_not_count() {
        let object = |seen| {
            Value::from(json!({"metadata": {"generation": 2}, "status": {"conditions": [
                {"type": "Ready", "status": "True", "observedGeneration": seen}]}}))
        };
        let (old, new) = (object(1), object(2));
        assert!(!Object(&old).condition("Ready").unwrap().holds(Object(&old)));
        assert!(Object(&new).condition("Ready").unwrap().holds(Object(&new)));
    }

    #[test]
    fn names_are_read_as_people_write_them() {
        let object = Value::from(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"}}));
        assert_eq!(Object(&object).label(), "Deployment shop/web");
        assert_eq!(Object(&object).group(), "apps");
        assert_eq!(Object(&Value::Null).label(), " ");
    }
}
