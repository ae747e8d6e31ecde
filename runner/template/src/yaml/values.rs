//! Trees as values, for texts that hold no expressions: rendered manifests and inputs.
//!
//! This file decides how a fault in such a text is told. It must not know files or codes of diagnostics.

use std::ops::Range;

use runbook_model::value::{Map, Value};

use super::{Fault, Kind, Limits, Node, Style, read, resolved};

/// Why a text holds no values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotYaml {
    /// One clause. It may quote keys of the text.
    pub message: String,
    /// Where in the text.
    pub range: Range<usize>,
}

/// The values of all documents of a text; those that are empty or null are left out.
///
/// # Errors
/// The first fault.
pub fn documents(text: &str) -> Result<Vec<Value>, NotYaml> {
    let reading = read(text, &Limits::default());
    match reading.complaints.into_iter().next() {
        Some(complaint) => Err(NotYaml { message: complaint.fault.to_string(), range: complaint.range }),
        None => Ok(reading.documents.iter().map(value).filter(|value| !value.is_null()).collect()),
    }
}

/// The value of a tree.
#[must_use]
pub fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(scalar) if scalar.style == Style::Plain => {
            resolved(&scalar.text).unwrap_or_else(|| Value::String(scalar.text.clone()))
        }
        Kind::Scalar(scalar) => Value::String(scalar.text.clone()),
        Kind::List(items) => Value::List(items.iter().map(value).collect()),
        Kind::Map(pairs) => {
            Value::Map(pairs.iter().map(|pair| (pair.key.clone(), value(&pair.value))).collect::<Map>())
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax(words) => f.write_str(words),
            Self::Tab => f.write_str("a tab cannot indent"),
            Self::ColonInPlain => f.write_str("a `: ` cannot stand in text without quotes"),
            Self::Tag(tag) => write!(f, "the tag `{tag}` is not supported"),
            Self::DoubleKey { key, .. } => write!(f, "the key `{key}` stands twice in this map"),
            Self::MergeKey => f.write_str("the merge key `<<` is not supported"),
            Self::KeyNotText => f.write_str("a key has to be text, not a list or a map"),
            Self::EmptyKey => f.write_str("a key has no text"),
            Self::UnknownAnchor(name) => write!(f, "there is no anchor `&{name}` before this alias"),
            Self::TooDeep => f.write_str("lists and maps are nested too deep"),
            Self::TooManyAliases => f.write_str("aliases make the text too large"),
            Self::TooManyFaults => f.write_str("there are too many errors, the rest of the text was not read"),
        }
    }
}
