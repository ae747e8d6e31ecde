//! The arguments of a kind: how they are judged at planning and read when the step runs.
//!
//! This file decides what every kind says of a key it does not have, of a value of the wrong type, of a missing one. It
//! must not know particular kinds.

use runbook_model::argument::{Argument, Entry, Node};
use runbook_model::code;
use runbook_model::diagnostic::{Diagnostic, did_you_mean};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::source::Span;
use runbook_model::value::Value;

/// The judge of one call's arguments; its complaints go where the question wants them.
pub(crate) struct Judge<'a> {
    kind: &'static str,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(kind: &'static str, diagnostics: &'a mut Vec<Diagnostic>) -> Self {
        Self { kind, diagnostics }
    }

    /// The judge of a part of the arguments, which has keys of its own.
    pub(crate) fn within(&mut self, part: &'static str) -> Judge<'_> {
        Judge { kind: part, diagnostics: self.diagnostics }
    }

    /// Complains about one place.
    pub(crate) fn complain(&mut self, code: &'static str, span: Span, message: String, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, span, message).help(help));
    }

    /// Warns of what does no harm.
    pub(crate) fn warn(&mut self, code: &'static str, span: Span, message: String, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::warning(code, span, message).help(help));
    }

    /// The entries, if the arguments are a map; each key that is not in `known` is complained about, those in `later` as
    /// something to come.
    pub(crate) fn keys(&mut self, arguments: &Argument, known: &[&str], later: &[&str]) -> bool {
        let kind = self.kind;
        let Some(entries) = arguments.as_map() else {
            let message = format!("`{kind}` takes a map, not {}", arguments.type_name());
            self.complain(
                code::KIND_VALUE,
                arguments.span,
                message,
                format!("write its arguments below it: {}", listed(known)),
            );
            return false;
        };
        for entry in entries {
            let key = entry.key.as_str();
            if later.contains(&key) {
                let message = format!("`{key}` of `{kind}` is not carried out by this version");
                self.complain(
                    code::KIND_LATER,
                    entry.key_span,
                    message,
                    "leave it out, or use a later version of `runbook`",
                );
            } else if !known.contains(&key) {
                let help = match did_you_mean(key, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it takes {}", listed(known)),
                };
                self.complain(code::KIND_KEY, entry.key_span, format!("`{kind}` has no `{key}`"), help);
            }
        }
        true
    }

    /// Complains if the key is not there.
    pub(crate) fn require(&mut self, arguments: &Argument, key: &str, help: &str) {
        if arguments.as_map().is_some() && value_of(arguments, key).is_none() {
            let message = format!("`{}` needs `{key}`", self.kind);
            self.complain(code::KIND_MISSING, arguments.span, message, help);
        }
    }

    /// The text behind a key, if it is literal; numbers and the like become their source text.
    pub(crate) fn text(&mut self, arguments: &mut Argument, key: &str) -> Option<String> {
        let value = value_of_mut(arguments, key)?;
        let literal = self.as_text(value, key)?;
        Some(literal)
    }

    /// Turns a scalar into text where text is wanted; an expression is left alone, anything else is complained about.
    fn as_text(&mut self, value: &mut Argument, what: &str) -> Option<String> {
        match &value.node {
            Node::Expression(_) | Node::Mixed(_) => None,
            _ => match value.as_text().map(str::to_owned) {
                Some(text) => {
                    value.node = Node::Text(text.clone());
                    Some(text)
                }
                None => {
                    let message = format!("`{what}` is {}, not text", value.type_name());
                    self.complain(code::KIND_VALUE, value.span, message, format!("write `{what}` as one line of text"));
                    None
                }
            },
        }
    }

    /// The text behind a key, which has to be one of a few, and literal so that the plan can show it.
    pub(crate) fn choice(&mut self, arguments: &mut Argument, key: &str, choices: &[&str]) -> Option<String> {
        let span = value_of(arguments, key)?.span;
        if !value_of(arguments, key)?.is_literal() {
            let message = format!("`{key}` is an expression");
            self.complain(code::KIND_VALUE, span, message, format!("write one of {}", listed(choices)));
            return None;
        }
        let text = self.text(arguments, key)?;
        if choices.contains(&text.as_str()) {
            return Some(text);
        }
        let help = match did_you_mean(&text, choices.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", listed(choices)),
        };
        self.complain(code::KIND_VALUE, span, format!("`{key}` cannot be `{text}`"), help);
        None
    }

    /// Complains unless what is behind a key is a boolean or an expression.
    pub(crate) fn truth(&mut self, arguments: &Argument, key: &str) {
        let is_expression = |value: &Argument| matches!(value.node, Node::Expression(_));
        if value_of(arguments, key).is_some_and(|value| !is_expression(value)) {
            self.boolean(arguments, key);
        }
    }

    /// The boolean behind a key, which has to be literal.
    pub(crate) fn boolean(&mut self, arguments: &Argument, key: &str) -> bool {
        let Some(value) = value_of(arguments, key) else { return false };
        match value.literal().as_ref().and_then(Value::as_bool) {
            Some(truth) => truth,
            None => {
                let message = format!("`{key}` is {}, not `true` or `false`", value.type_name());
                self.complain(code::KIND_VALUE, value.span, message, format!("write `{key}: true` or leave it out"));
                false
            }
        }
    }
}

/// `template:` and `values:` become the value of `objects:`, which is rendered when the step starts.
pub(crate) fn rendered(judge: &mut Judge<'_>, arguments: &mut Argument, span: Span) {
    let Some(path) = judge.text(arguments, "template") else {
        if value_of(arguments, "template").is_some_and(|template| !template.is_literal()) {
            let help = "write the file's path; choose between files with `when` on two steps";
            judge.complain(code::KIND_VALUE, span, "`template` is an expression".into(), help);
        }
        return;
    };
    let Some(entries) = entries_mut(arguments) else { return };
    let mut taken = |key: &str| {
        let place = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(place))
    };
    let template = taken("template");
    let values = taken("values").map_or_else(|| Argument::new(Node::Map(Vec::new())), |entry| entry.value);
    let key_span = template.map_or(span, |entry| entry.key_span);
    let node = Node::Rendered { template: path, values: Box::new(values) };
    entries.push(Entry { key: "objects".into(), key_span, value: Argument { node, span } });
}

/// The argument behind a key; a written null counts as left out.
pub(crate) fn value_of<'a>(arguments: &'a Argument, key: &str) -> Option<&'a Argument> {
    arguments.get(key).filter(|value| !value.is_null())
}

/// As [`value_of`], to be rewritten.
pub(crate) fn value_of_mut<'a>(arguments: &'a mut Argument, key: &str) -> Option<&'a mut Argument> {
    entries_mut(arguments)?
        .iter_mut()
        .find(|entry| entry.key == key)
        .map(|entry| &mut entry.value)
        .filter(|v| !v.is_null())
}

/// The entries, to be rewritten.
pub(crate) fn entries_mut(arguments: &mut Argument) -> Option<&mut Vec<Entry>> {
    match &mut arguments.node {
        Node::Map(entries) => Some(entries),
        _ => None,
    }
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The text behind a key of evaluated arguments; null counts as left out.
///
/// # Errors
/// `invalid` if it is there and no text.
pub(crate) fn text<'a>(arguments: &'a Value, key: &str) -> Result<Option<&'a str>, Failure> {
    match arguments.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(invalid(format!("`{key}` is {}, not text", value.type_name()))),
        },
    }
}

/// As [`text`], for what has to be there.
pub(crate) fn required_text<'a>(arguments: &'a Value, key: &str) -> Result<&'a str, Failure> {
    match text(arguments, key)? {
        Some("") => Err(invalid(format!("`{key}` is empty"))),
        Some(text) => Ok(text),
        None => Err(invalid(format!("`{key}` has no value")).help(format!("give `{key}` a value that is not null"))),
    }
}

/// A scalar as text: numbers and booleans as they are written. `what` names it in an error.
pub(crate) fn scalar(what: &str, value: &Value) -> Result<String, Failure> {
    match value.peeled() {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(yes) => Ok(yes.to_string()),
        other => Err(invalid(format!("`{what}` is {}, not text", other.type_name()))),
    }
}

/// The boolean behind a key; false if it is left out.
pub(crate) fn flag(arguments: &Value, key: &str) -> bool {
    arguments.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// A failure of arguments that only show when they are evaluated.
pub(crate) fn invalid(message: String) -> Failure {
    Failure::new(FailureClass::Invalid, message)
}
