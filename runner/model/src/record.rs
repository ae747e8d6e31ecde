//! How values are written into a journal: plain, withheld or sealed, from the first format on.
//!
//! This file decides the JSON of recorded values. A plain value is its own JSON. Whatever is not plain is an
//! object with the one key `$runbook`, and a plain map that has such a key is wrapped, so nothing is ambiguous:
//!
//! | JSON | meaning |
//! | --- | --- |
//! | `{"$runbook": "withheld"}` | a secret that was not written |
//! | `{"$runbook": "sealed", "with": …, "bytes": …}` | a secret, encrypted; this version refuses to open it |
//! | `{"$runbook": "too-large"}` | a result above the limit |
//! | `{"$runbook": "lost"}` | an answer that never came |
//! | `{"$runbook": "map", "entries": {…}}` | a plain map with a key `$runbook` |
//!
//! It must not know keys or ciphers: sealing, once it comes, stands beside it.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map as Json, Value as J};

use crate::value::{Unavailable, Value};

const MARK: &str = "$runbook";

/// A value on its way into or out of a journal. Secrets do not survive the way: they come back as withheld.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded(pub Value);

impl From<Value> for Recorded {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        encode(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decode(J::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

fn mark(word: &str) -> J {
    J::Object(Json::from_iter([(MARK.to_owned(), J::String(word.to_owned()))]))
}

/// The JSON of `value` as a journal keeps it. Secrets become `withheld`.
#[must_use]
pub fn encode(value: &Value) -> J {
    match value {
        Value::Secret(_) | Value::Unavailable(Unavailable::Withheld) => mark("withheld"),
        Value::Unavailable(Unavailable::TooLarge) => mark("too-large"),
        Value::Unavailable(Unavailable::Lost) => mark("lost"),
        Value::List(items) => J::Array(items.iter().map(encode).collect()),
        Value::Map(map) => {
            let entries: Json<String, J> = map.iter().map(|(k, v)| (k.clone(), encode(v))).collect();
            if map.contains_key(MARK) {
                let J::Object(mut wrapped) = mark("map") else { unreachable!("a mark is an object") };
                wrapped.insert("entries".into(), J::Object(entries));
                J::Object(wrapped)
            } else {
                J::Object(entries)
            }
        }
        plain => plain.exposed(),
    }
}

/// The value behind recorded JSON.
///
/// # Errors
/// A mark this version does not know, such as `sealed`.
pub fn decode(json: J) -> Result<Value, UnknownMark> {
    Ok(match json {
        J::Array(items) => Value::List(items.into_iter().map(decode).collect::<Result<_, _>>()?),
        J::Object(mut map) => match map.get(MARK).and_then(J::as_str) {
            None => entries(map)?,
            Some("withheld") => Value::Unavailable(Unavailable::Withheld),
            Some("too-large") => Value::Unavailable(Unavailable::TooLarge),
            Some("lost") => Value::Unavailable(Unavailable::Lost),
            Some("map") => match map.remove("entries") {
                Some(J::Object(inner)) => entries(inner)?,
                _ => return Err(UnknownMark("map without entries".into())),
            },
            Some(other) => return Err(UnknownMark(other.to_owned())),
        },
        plain => plain.into(),
    })
}

fn entries(map: Json<String, J>) -> Result<Value, UnknownMark> {
    Ok(Value::Map(map.into_iter().map(|(k, v)| Ok((k, decode(v)?))).collect::<Result<_, _>>()?))
}

/// A recorded value of a kind this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the journal holds a value marked `{0}`, which this version cannot read")]
pub struct UnknownMark(String);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_json() -> impl Strategy<Value = J> {
        let leaf = prop_oneof![
            Just(J::Null),
            any::<bool>().prop_map(J::from),
            any::<i64>().prop_map(J::from),
            ".{0,8}".prop_map(J::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(J::from),
                prop::collection::vec(("[a-c]|\\$runbook", inner), 0..4)
                    .prop_map(|entries| J::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn plain_values_come_back_as_they_were(json in any_json()) {
            let value = Value::from(json);
            prop_assert_eq!(decode(encode(&value)).unwrap(), value);
        }
    }

    #[test]
    fn a_secret_is_withheld_and_says_so_when_read_back() {
        let value = Value::from(json!(["a", "b"])).into_secret();
        let written = serde_json::to_string(&Recorded(value)).unwrap();
        assert_eq!(written, r#"{"$runbook":"withheld"}"#);
        let back: Recorded = serde_json::from_str(&written).unwrap();
        assert_eq!(back.0, Value::Unavailable(Unavailable::Withheld));
    }

    #[test]
    fn what_is_not_to_be_had_says_why_when_read_back() {
        for why in [Unavailable::Withheld, Unavailable::TooLarge, Unavailable::Lost] {
            let value = Value::List(vec![Value::Unavailable(why), Value::from(1)]);
            assert_eq!(decode(encode(&value)).unwrap(), value);
        }
    }

    #[test]
    fn a_sealed_value_is_refused_with_a_word() {
        let error = decode(json!({"$runbook": "sealed", "bytes": ""})).unwrap_err();
        assert!(error.to_string().contains("`sealed`"));
    }
}
