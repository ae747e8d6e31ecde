//! Other secrets of the same types, to see what a secret decides.
//!
//! What comes out the same with other secrets does not tell them. This file decides how a secret is altered: every
//! character becomes another one of its kind and the text gets longer, numbers and booleans change. It must not know
//! where the result is compared.

use runbook_model::value::{Map, Value};
use serde_json::Number;

/// The same value with every secret in it replaced by another one.
pub(crate) fn altered(value: &Value) -> Value {
    match value {
        Value::Secret(secret) => other(secret.expose()).into_secret(),
        Value::List(items) => Value::List(items.iter().map(altered).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), altered(value))).collect::<Map>()),
        plain => plain.clone(),
    }
}

fn other(value: &Value) -> Value {
    match value {
        Value::Bool(b) => Value::Bool(!b),
        Value::Number(n) => Value::Number(match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => n.wrapping_add(1).into(),
            (None, Some(n)) => Number::from_f64(n / 2.0 + 1.0).unwrap_or_else(|| 1.into()),
            (None, None) => 1.into(),
        }),
        Value::String(text) => Value::String(text.chars().map(turned).chain("xQ7".chars()).collect()),
        Value::List(items) => Value::List(items.iter().map(other).chain([Value::from("xQ7")]).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), other(value))).collect::<Map>()),
        other => other.clone(),
    }
}

/// Another character of the same kind, so that what only looks at the kind of text (digits, case) goes on working.
fn turned(c: char) -> char {
    let shift = |base: u8, count: u8| char::from(base + (c as u8 - base + 7) % count);
    match c {
        'a'..='z' => shift(b'a', 26),
        'A'..='Z' => shift(b'A', 26),
        '0'..='9' => shift(b'0', 10),
        ' ' | '\t' | '\n' | '\r' => c,
        '-' => '_',
        _ => '-',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_changes_and_nothing_else() {
        let secret = |value: Value| value.into_secret();
        let value = Value::List(vec!["open".into(), secret("hunter2".into()), secret(7.into()), secret(true.into())]);
        assert_eq!(altered(&value).exposed(), serde_json::json!(["open", "obualy9xQ7", 8, false]));
        assert!(matches!(altered(&value).as_list().unwrap()[1], Value::Secret(_)));
    }
}
