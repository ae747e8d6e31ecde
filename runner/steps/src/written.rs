//! Arguments as an author would have written them, for the tests of kinds.
//!
//! It decides nothing that the tests are about: JSON stands for YAML, and text that begins with `${` is an expression.

use runbook_model::argument::{Argument, Entry, Expression, Node, Origin};
use runbook_model::diagnostic::Diagnostic;
use runbook_model::kind::{Kind, Place, Planned, Question};
use runbook_model::source::Span;
use serde_json::Value as Json;

/// The argument that JSON stands for.
pub(crate) fn written(json: Json) -> Argument {
    let node = match json {
        Json::Object(map) => Node::Map(
            map.into_iter()
                .map(|(key, value)| Entry { key, key_span: Span::default(), value: written(value) })
                .collect(),
        ),
        Json::Array(items) => Node::List(items.into_iter().map(written).collect()),
        Json::String(text) if text.starts_with("${") => Node::Expression(Expression {
            source: text.trim_matches(['$', '{', '}']).to_owned(),
            line: 1,
            column: 1,
            origin: Origin::default(),
        }),
        Json::String(text) => Node::Text(text),
        plain => {
            let text = plain.to_string();
            Node::Plain { value: plain.into(), text }
        }
    };
    Argument::new(node)
}

/// What planning leaves of the arguments, what it learns, and what it complains about: `CODE message (help)`.
pub(crate) fn planned(kind: &dyn Kind, place: Place, arguments: Json) -> (Argument, Planned, Vec<String>) {
    let mut arguments = written(arguments);
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let planned = kind.plan(&mut arguments, &mut Question { place, diagnostics: &mut diagnostics });
    let told = diagnostics.into_iter().map(|d| format!("{} {} ({})", d.code, d.message, d.help.unwrap_or_default()));
    (arguments, planned, told.collect())
}
