//! What a value is, and that a secret stays one.
//!
//! This file decides how data looks inside the program. It must not know where data comes from; how it
//! is written into a journal stands in [`crate::record`].

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Number;

/// A map that keeps the order in which its entries were written; equality does not look at the order.
pub type Map = IndexMap<String, Value>;

/// Data of a runbook: inputs, answers, outputs, arguments.
///
/// There is deliberately no `Display`, `Serialize` or `Deserialize`: whoever prints a value chooses between
/// [`Value::redacted`] (for people, reports and errors), [`crate::record`] (for journals) and
/// [`Value::exposed`] (for the one place that must send it).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value. In maps of arguments an entry that is null is left out.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number as JSON knows it.
    Number(Number),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Self>),
    /// A map from text to values.
    Map(Map),
    /// A value nobody may see. What is computed from it is secret too.
    Secret(Secret),
    /// A value that once was and is not to be had now; see [`Unavailable`].
    Unavailable(Unavailable),
}

/// A value that is never written in the clear. `Debug` does not show it.
#[derive(Clone, PartialEq)]
pub struct Secret(Arc<Value>);

/// Why a value that a step produced cannot be read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// A secret that the journal withheld; it has to be read or asked for again.
    Withheld,
    /// A result larger than what a journal keeps (256 KiB).
    TooLarge,
    /// The answer never came; a person said that the effect is there.
    Lost,
}

/// What stands for a secret wherever people look.
pub const REDACTED: &str = "(secret)";

impl Secret {
    /// The value itself. Only for sending it to where it belongs, and for computing with it.
    #[must_use]
    pub fn expose(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Value {
    /// This value as a secret. Null stays null (there is nothing to hide) and a secret stays as it is.
    #[must_use]
    pub fn into_secret(self) -> Self {
        match self {
            Self::Null | Self::Secret(_) | Self::Unavailable(_) => self,
            other => Self::Secret(Secret(Arc::new(other.exposed_value()))),
        }
    }

    /// The same value with every secret in it opened.
    #[must_use]
    pub fn exposed_value(&self) -> Self {
        match self {
            Self::Secret(secret) => secret.expose().exposed_value(),
            Self::List(items) => Self::List(items.iter().map(Self::exposed_value).collect()),
            Self::Map(map) => Self::Map(map.iter().map(|(k, v)| (k.clone(), v.exposed_value())).collect()),
            other => other.clone(),
        }
    }

    /// JSON with secrets in the clear, for the one place that sends it on. `Unavailable` becomes null.
    #[must_use]
    pub fn exposed(&self) -> serde_json::Value {
        self.json(&|secret| secret.expose().exposed())
    }

    /// JSON for people, reports and errors: every secret reads [`REDACTED`].
    #[must_use]
    pub fn redacted(&self) -> serde_json::Value {
        self.json(&|_| serde_json::Value::String(REDACTED.into()))
    }

    fn json(&self, secret: &dyn Fn(&Secret) -> serde_json::Value) -> serde_json::Value {
        match self {
            Self::Null | Self::Unavailable(_) => serde_json::Value::Null,
            Self::Bool(b) => (*b).into(),
            Self::Number(n) => n.clone().into(),
            Self::String(s) => s.clone().into(),
            Self::List(items) => items.iter().map(|v| v.json(secret)).collect(),
            Self::Map(map) => map.iter().map(|(k, v)| (k.clone(), v.json(secret))).collect(),
            Self::Secret(s) => secret(s),
        }
    }

    /// True if this is a secret or holds one.
    #[must_use]
    pub fn holds_secret(&self) -> bool {
        match self {
            Self::Secret(_) => true,
            Self::List(items) => items.iter().any(Self::holds_secret),
            Self::Map(map) => map.values().any(Self::holds_secret),
            _ => false,
        }
    }

    /// The first reason why this value, or a part of it, cannot be read.
    #[must_use]
    pub fn unavailable(&self) -> Option<Unavailable> {
        match self {
            Self::Unavailable(why) => Some(*why),
            Self::Secret(secret) => secret.expose().unavailable(),
            Self::List(items) => items.iter().find_map(Self::unavailable),
            Self::Map(map) => map.values().find_map(Self::unavailable),
            _ => None,
        }
    }

    /// The value behind a secret, or the value itself.
    #[must_use]
    pub fn peeled(&self) -> &Self {
        match self {
            Self::Secret(secret) => secret.expose().peeled(),
            other => other,
        }
    }

    /// The text of a string, also of a secret one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self.peeled() {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    /// The entries of a map, also of a secret one.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match self.peeled() {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The items of a list, also of a secret one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self.peeled() {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The member `name` of a map. A member of a secret map is to be treated as secret by the caller.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_map()?.get(name)
    }

    /// True or false, also from a secret.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.peeled() {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// A whole number, also from a secret.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self.peeled() {
            Self::Number(n) => n.as_i64(),
            _ => None,
        }
    }

    /// True for null; a secret is never null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Without the map entries that are null, at every depth; list items stay.
    #[must_use]
    pub fn without_nulls(self) -> Self {
        match self {
            Self::Map(map) => {
                Self::Map(map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, v.without_nulls())).collect())
            }
            Self::List(items) => Self::List(items.into_iter().map(Self::without_nulls).collect()),
            other => other,
        }
    }

    /// What people call this type in an error: `text`, `a list`, …
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.peeled() {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Secret(_) | Self::Unavailable(_) => "a withheld value",
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(b) => Self::Bool(b),
            serde_json::Value::Number(n) => Self::Number(n),
            serde_json::Value::String(s) => Self::String(s),
            serde_json::Value::Array(items) => Self::List(items.into_iter().map(Into::into).collect()),
            serde_json::Value::Object(map) => Self::Map(map.into_iter().map(|(k, v)| (k, v.into())).collect()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Number(n.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_secret() -> Value {
        let mut map = Map::new();
        map.insert("user".into(), "ann".into());
        map.insert("password".into(), Value::from("hunter2").into_secret());
        Value::Map(map)
    }

    #[test]
    fn a_secret_shows_nowhere_but_where_it_is_exposed() {
        let value = with_secret();
        assert_eq!(value.redacted(), json!({"user": "ann", "password": "(secret)"}));
        assert_eq!(value.exposed(), json!({"user": "ann", "password": "hunter2"}));
        assert!(!format!("{value:?}").contains("hunter2"));
        assert!(!format!("{:?}", value.clone().into_secret()).contains("ann"));
        assert!(value.holds_secret());
    }

    #[test]
    fn a_secret_map_is_one_secret_without_inner_ones() {
        let Value::Secret(secret) = with_secret().into_secret() else { panic!("is a secret") };
        assert!(!secret.expose().holds_secret());
        assert_eq!(Value::Null.into_secret(), Value::Null);
    }

    #[test]
    fn nulls_go_from_maps_and_stay_in_lists() {
        let value = Value::from(json!({"a": null, "b": [null, {"c": null, "d": 1}]}));
        assert_eq!(value.without_nulls(), Value::from(json!({"b": [null, {"d": 1}]})));
    }
}
