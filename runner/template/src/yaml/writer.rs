//! Values as YAML text, for `to_yaml`.
//!
//! This file decides the form: block style, keys in their order, text quoted like JSON wherever it could be read as
//! something else. It must not know secrets: what it is given it writes.

use std::fmt::Write as _;

use runbook_model::value::Value;

use super::resolved;

/// A value as YAML in block style, without a line end behind it.
#[must_use]
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    node(value, 0, false, &mut out);
    out
}

/// Writes a node; `inline` says that something already stands on the line.
fn node(value: &Value, indentation: usize, inline: bool, out: &mut String) {
    match value.peeled() {
        Value::Map(map) if !map.is_empty() => {
            for (i, (key, item)) in map.iter().enumerate() {
                if i > 0 || inline {
                    line(indentation, out);
                }
                scalar(key, out);
                out.push(':');
                entry(item, indentation + 2, out);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                if i > 0 || inline {
                    line(indentation, out);
                }
                out.push('-');
                // A map or list begins on the line of its dash.
                match item.peeled() {
                    Value::Map(map) if !map.is_empty() => {
                        out.push(' ');
                        node(item, indentation + 2, false, out);
                    }
                    _ => entry(item, indentation + 2, out),
                }
            }
        }
        Value::String(text) => scalar(text, out),
        other => {
            let _ = write!(out, "{}", other.exposed());
        }
    }
}

fn entry(value: &Value, indentation: usize, out: &mut String) {
    let nested = match value.peeled() {
        Value::Map(map) => !map.is_empty(),
        Value::List(items) => !items.is_empty(),
        _ => false,
    };
    if !nested {
        out.push(' ');
    }
    node(value, indentation, nested, out);
}

fn line(indentation: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indentation));
}

fn scalar(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        let _ = write!(out, "{}", serde_json::Value::from(text));
    }
}

/// Text that any YAML reader, of 1.1 too, takes for itself.
fn is_plain(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'-');
    let ambiguous = ["y", "n", "yes", "no", "on", "off", "null", "true", "false"];
    text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'/' || b == b'_')
        && text.bytes().all(word)
        && resolved(text).is_none()
        && !ambiguous.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::documents;
    use super::*;

    #[test]
    fn it_looks_like_what_people_write() {
        let value =
            Value::from(json!({"a": [1, {"b": "x", "c": []}, ["z"]], "d": {"e": null}, "f": "no", "g: ": "1.30"}));
        assert_eq!(
            write(&value),
            "a:\n  - 1\n  - b: x\n    c: []\n  -\n    - z\nd:\n  e: null\nf: \"no\"\n\"g: \": \"1.30\""
        );
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|b| json!(b)),
            any::<i64>().prop_map(|n| json!(n)),
            "\\PC{0,8}|[ -~\n\t]{0,8}".prop_map(|text| json!(text)),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| json!(items)),
                prop::collection::vec(("\\PC{1,6}", inner), 0..4)
                    .prop_map(|entries| entries.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(json in any_json()) {
            let value = Value::from(json);
            let text = write(&value);
            let back = documents(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            if value.is_null() {
                prop_assert!(back.is_empty());
            } else {
                prop_assert_eq!(back, vec![value], "{}", text);
            }
        }
    }
}
