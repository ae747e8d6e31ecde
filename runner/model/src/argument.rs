//! The spanned tree: what an author wrote, with its places, its source text and its expressions.
//!
//! This file decides how written data is held between the text and its evaluation, and how it is frozen into a plan.
//! It must not parse YAML (that is `language`) nor evaluate anything (that is `template` and `engine`).

use std::ops::Range;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map as Json, Value as J, json};

use crate::source::Span;
use crate::value::{Map, Value};

/// One node of what an author wrote.
#[derive(Clone, Debug, Default)]
pub struct Argument {
    /// What it is.
    pub node: Node,
    /// Where it stands. Not part of a plan: a frozen argument has an empty span.
    pub span: Span,
}

/// What an author may write in one place.
#[derive(Clone, Debug)]
pub enum Node {
    /// A plain scalar that YAML's core schema reads as null, a boolean or a number. `text` is what the author
    /// typed and what counts where a string is wanted (`1.30`, `true`, `0x1F`).
    Plain {
        /// [`Value::Null`], [`Value::Bool`] or [`Value::Number`].
        value: Value,
        /// The source text.
        text: String,
    },
    /// Text without expressions (`$${{` already undone).
    Text(String),
    /// A scalar that is exactly one expression: it yields a typed value.
    Expression(Expression),
    /// Text around expressions: it yields text.
    Mixed(Vec<Part>),
    /// A list.
    List(Vec<Argument>),
    /// A map, in the order written.
    Map(Vec<Entry>),
    /// A file under `templates/`, rendered with `values` when the step starts and parsed as a list of YAML documents.
    /// Made from `template:` and `values:` at planning; no author can write it.
    Rendered {
        /// The path relative to `templates/`; a key of the plan's `templates`.
        template: String,
        /// What the template sees.
        values: Box<Argument>,
    },
}

impl Default for Node {
    fn default() -> Self {
        Self::Plain { value: Value::Null, text: String::new() }
    }
}

/// A part of a text with expressions.
#[derive(Clone, Debug)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// An expression whose value is printed in its place.
    Expression(Expression),
}

/// An entry of a map.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key; never an expression.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Argument,
}

/// The inside of `${{ … }}`, trimmed.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The source text of the expression.
    pub source: String,
    /// Line and column of its first character in its file; kept in the plan for errors at run time.
    pub line: u32,
    /// See `line`.
    pub column: u32,
    /// Where its bytes stand in the file.
    pub origin: Origin,
}

/// How the bytes of an expression map to the bytes of its file. Not part of a plan.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The scalar it stands in; underlined whole where the exact place is not known.
    pub scalar: Span,
    /// For each byte of the expression, and for its end, the byte of the file; `None` if escaping or folding
    /// could not be followed exactly.
    pub bytes: Option<Arc<[u32]>>,
}

impl Expression {
    /// The place of a byte range of this expression in the file.
    #[must_use]
    pub fn span(&self, range: &Range<usize>) -> Span {
        let Some(bytes) = &self.origin.bytes else { return self.origin.scalar };
        let last = bytes.len().saturating_sub(1);
        let start = bytes[range.start.min(last)];
        let end = if range.end > range.start { bytes[(range.end - 1).min(last)] + 1 } else { start };
        Span { source: self.origin.scalar.source, start, end: end.max(start) }
    }

    /// The place of the whole expression.
    #[must_use]
    pub fn whole(&self) -> Span {
        self.span(&(0..self.source.len()))
    }
}

impl Argument {
    /// A node without a place.
    #[must_use]
    pub fn new(node: Node) -> Self {
        Self { node, span: Span::default() }
    }

    /// The entries, if it is a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.node {
            Node::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, if it is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.node {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entry `key`, if it is a map that has one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The text, where a string is wanted: of text, and the source text of plain scalars that are not null.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            Node::Plain { value, text } if !value.is_null() => Some(text),
            _ => None,
        }
    }

    /// True for a written null (`~`, `null`, nothing).
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.node, Node::Plain { value: Value::Null, .. })
    }

    /// True if nothing in it has to be evaluated.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        match &self.node {
            Node::Plain { .. } | Node::Text(_) => true,
            Node::Expression(_) | Node::Mixed(_) | Node::Rendered { .. } => false,
            Node::List(items) => items.iter().all(Self::is_literal),
            Node::Map(entries) => entries.iter().all(|entry| entry.value.is_literal()),
        }
    }

    /// The value of a literal; `None` if something in it has to be evaluated.
    #[must_use]
    pub fn literal(&self) -> Option<Value> {
        Some(match &self.node {
            Node::Plain { value, .. } => value.clone(),
            Node::Text(text) => Value::String(text.clone()),
            Node::List(items) => Value::List(items.iter().map(Self::literal).collect::<Option<_>>()?),
            Node::Map(entries) => {
                Value::Map(entries.iter().map(|e| Some((e.key.clone(), e.value.literal()?))).collect::<Option<Map>>()?)
            }
            Node::Expression(_) | Node::Mixed(_) | Node::Rendered { .. } => return None,
        })
    }

    /// Calls `visit` on every expression in it, in order of writing.
    pub fn expressions<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        match &self.node {
            Node::Plain { .. } | Node::Text(_) => {}
            Node::Expression(expression) => visit(expression),
            Node::Mixed(parts) => {
                for part in parts {
                    if let Part::Expression(expression) = part {
                        visit(expression);
                    }
                }
            }
            Node::List(items) => items.iter().for_each(|item| item.expressions(visit)),
            Node::Map(entries) => entries.iter().for_each(|entry| entry.value.expressions(visit)),
            Node::Rendered { values, .. } => values.expressions(visit),
        }
    }

    /// What this type of node is called in an error.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match &self.node {
            Node::Plain { value, .. } => value.type_name(),
            Node::Text(_) | Node::Mixed(_) => "text",
            Node::Expression(_) => "an expression",
            Node::List(_) => "a list",
            Node::Map(_) => "a map",
            Node::Rendered { .. } => "a template",
        }
    }

    /// What enters a definition digest: everything but places, and nothing of how a scalar was quoted.
    #[must_use]
    pub fn definition(&self) -> J {
        self.json(false)
    }

    fn json(&self, places: bool) -> J {
        let expression = |e: &Expression| {
            if places { json!({"$": e.source, "at": [e.line, e.column]}) } else { json!({"$": e.source}) }
        };
        match &self.node {
            Node::Plain { value, text } => {
                let plain = value.exposed();
                // Keep the source text only where the value printed back would differ from it.
                if value.is_null() || plain.to_string().as_str() == text {
                    plain
                } else {
                    json!({"$plain": text, "value": plain})
                }
            }
            Node::Text(text) => J::String(text.clone()),
            Node::Expression(e) => expression(e),
            Node::Mixed(parts) => {
                let parts: Vec<J> = parts
                    .iter()
                    .map(|part| match part {
                        Part::Text(text) => J::String(text.clone()),
                        Part::Expression(e) => expression(e),
                    })
                    .collect();
                json!({"$mixed": parts})
            }
            Node::List(items) => items.iter().map(|item| item.json(places)).collect(),
            Node::Map(entries) => {
                let map: Json<String, J> = entries.iter().map(|e| (e.key.clone(), e.value.json(places))).collect();
                if entries.iter().any(|e| e.key.starts_with('$')) { json!({"$map": map}) } else { J::Object(map) }
            }
            Node::Rendered { template, values } => json!({"$template": template, "values": values.json(places)}),
        }
    }

    fn from_json(json: J) -> Result<Self, String> {
        let node = match json {
            J::String(text) => Node::Text(text),
            J::Array(items) => Node::List(items.into_iter().map(Self::from_json).collect::<Result<_, _>>()?),
            J::Object(mut map) => {
                if let Some(J::String(source)) = map.get("$") {
                    Node::Expression(thawed(source.clone(), map.get("at")))
                } else if let Some(J::String(text)) = map.get("$plain") {
                    let text = text.clone();
                    Node::Plain { value: map.remove("value").unwrap_or_default().into(), text }
                } else if let Some(J::Array(parts)) = map.remove("$mixed") {
                    Node::Mixed(parts.into_iter().map(part_from_json).collect::<Result<_, _>>()?)
                } else if let Some(J::String(template)) = map.get("$template") {
                    let template = template.clone();
                    let values = Box::new(Self::from_json(map.remove("values").unwrap_or_default())?);
                    Node::Rendered { template, values }
                } else if let Some(J::Object(inner)) = map.remove("$map") {
                    Node::Map(entries_from_json(inner)?)
                } else {
                    Node::Map(entries_from_json(map)?)
                }
            }
            plain => {
                let text = plain.to_string();
                Node::Plain { value: plain.into(), text }
            }
        };
        Ok(Self::new(node))
    }
}

fn thawed(source: String, at: Option<&J>) -> Expression {
    let number =
        |i: usize| at.and_then(|a| a.get(i)).and_then(J::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    Expression { source, line: number(0), column: number(1), origin: Origin::default() }
}

fn part_from_json(json: J) -> Result<Part, String> {
    match json {
        J::String(text) => Ok(Part::Text(text)),
        J::Object(map) => match map.get("$") {
            Some(J::String(source)) => Ok(Part::Expression(thawed(source.clone(), map.get("at")))),
            _ => Err("a part of a text is neither text nor an expression".into()),
        },
        _ => Err("a part of a text is neither text nor an expression".into()),
    }
}

fn entries_from_json(map: Json<String, J>) -> Result<Vec<Entry>, String> {
    map.into_iter()
        .map(|(key, value)| Ok(Entry { key, key_span: Span::default(), value: Argument::from_json(value)? }))
        .collect()
}

impl Serialize for Argument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json(true).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(J::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl PartialEq for Argument {
    /// Equal in definition; places do not count.
    fn eq(&self, other: &Self) -> bool {
        self.definition() == other.definition()
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Argument::new(Node::Expression(self.clone())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Argument::deserialize(deserializer)?.node {
            Node::Expression(expression) => Ok(expression),
            _ => Err(D::Error::custom("an expression was expected")),
        }
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(source: &str) -> Expression {
        Expression { source: source.into(), line: 3, column: 7, origin: Origin::default() }
    }

    #[test]
    fn a_frozen_argument_thaws_to_the_same_definition() {
        let entry = |key: &str, node| Entry { key: key.into(), key_span: Span::default(), value: Argument::new(node) };
        let argument = Argument::new(Node::Map(vec![
            entry("version", Node::Plain { value: Value::from(serde_json::json!(1.3)), text: "1.30".into() }),
            entry("$odd", Node::Text("x".into())),
            entry("nothing", Node::default()),
            entry("typed", Node::Expression(expression("steps.a.b"))),
            entry("mixed", Node::Mixed(vec![Part::Text("a-".into()), Part::Expression(expression("inputs.b"))])),
            entry("list", Node::List(vec![Argument::new(Node::Text("1".into()))])),
            entry(
                "objects",
                Node::Rendered { template: "a.yaml.j2".into(), values: Box::new(Argument::new(Node::Map(vec![]))) },
            ),
        ]));
        let frozen = serde_json::to_string(&argument).unwrap();
        let thawed: Argument = serde_json::from_str(&frozen).unwrap();
        assert_eq!(thawed, argument);
        assert_eq!(serde_json::to_string(&thawed).unwrap(), frozen);
        let Some(Node::Expression(e)) = thawed.get("typed").map(|a| &a.node) else { panic!("is an expression") };
        assert_eq!((e.line, e.column), (3, 7));
        assert_eq!(thawed.get("version").unwrap().as_text(), Some("1.30"));
    }

    #[test]
    fn text_that_looks_like_a_number_is_not_one() {
        let text = Argument::new(Node::Text("1".into()));
        let number = Argument::new(Node::Plain { value: 1.into(), text: "1".into() });
        assert_ne!(text, number);
        let back: Argument = serde_json::from_value(serde_json::to_value(&number).unwrap()).unwrap();
        assert_eq!(back, number);
    }
}
