//! A kubeconfig's text as a tree of byte ranges.
//!
//! This file decides what is asked of the tree, and which parts mean more than they show, so that an edit must not touch
//! them. JSON is YAML here. No error quotes the text, for it holds keys. It must not know what the entries mean.

use runbook_model::failure::{Failure, FailureClass};
use runbook_template::yaml::{self, Kind, Limits, Node, Pair, Style};
use serde_json::Value as Json;

/// Reads a text. `None` if there is nothing in it but blanks and comments.
///
/// # Errors
/// `invalid` with the place, if it is no YAML, holds several documents, or something that kubeconfigs do not hold.
pub(crate) fn read(path: &str, text: &str) -> Result<Option<Node>, Failure> {
    let mut reading = yaml::read(text, &Limits::default());
    if let Some(complaint) = reading.complaints.first() {
        let (line, column) = place(text, complaint.range.start);
        return Err(unusable(path, &format!("line {line}, column {column} is nothing a kubeconfig holds")));
    }
    match reading.documents.len() {
        0 | 1 => Ok(reading.documents.pop()),
        _ => Err(unusable(path, "it holds several documents")),
    }
}

/// Nothing, `~` or `null`.
pub(crate) fn is_null(node: &Node) -> bool {
    let words = ["", "~", "null", "Null", "NULL"];
    matches!(&node.kind, Kind::Scalar(scalar) if scalar.style == Style::Plain && words.contains(&scalar.text.as_str()))
}

/// The text of a scalar.
pub(crate) fn text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// The entry of a map.
pub(crate) fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Pair> {
    match &node.kind {
        Kind::Map(pairs) => pairs.iter().find(|pair| pair.key == key),
        _ => None,
    }
}

/// The value behind a key.
pub(crate) fn get<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    entry(node, key).map(|pair| &pair.value)
}

/// Is it written in brackets, as JSON is?
pub(crate) fn is_flow(source: &str, node: &Node) -> bool {
    source[node.range.start..].starts_with(['[', '{'])
}

/// Has it an anchor, so that a change of it changes other places?
pub(crate) fn is_anchored(source: &str, node: &Node) -> bool {
    let before = source[..node.range.start].split_whitespace().next_back();
    before.is_some_and(|word| word.trim_start_matches(['[', '{', ',']).starts_with('&'))
}

/// Is it a copy that an alias put there, so that its bytes stand elsewhere?
pub(crate) fn is_copy(parent: &Node, node: &Node) -> bool {
    node.range.start < parent.range.start || node.range.end > parent.range.end
}

/// Does it say just this? Scalars are compared as they are written.
pub(crate) fn says(node: &Node, wanted: &Json) -> bool {
    match (&node.kind, wanted) {
        (Kind::Map(pairs), Json::Object(map)) => {
            pairs.len() == map.len() && map.iter().all(|(key, value)| get(node, key).is_some_and(|n| says(n, value)))
        }
        (Kind::List(items), Json::Array(list)) => {
            items.len() == list.len() && items.iter().zip(list).all(|(item, value)| says(item, value))
        }
        (Kind::Scalar(scalar), Json::String(wanted)) => scalar.text == *wanted,
        (Kind::Scalar(scalar), Json::Bool(_) | Json::Number(_)) => scalar.text == format!("{wanted}"),
        (_, Json::Null) => is_null(node),
        _ => false,
    }
}

/// Line and column, from 1.
pub(crate) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
}

/// A failure over a file.
pub(crate) fn unusable(path: &str, why: &str) -> Failure {
    Failure::new(FailureClass::Invalid, format!("the kubeconfig `{path}` cannot be edited: {why}"))
        .help("look at the file with `kubectl config view`, and mend it by hand")
}
