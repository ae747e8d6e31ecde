//! Reading the keys of a map: which are there, which are unknown, of which type their values are.
//!
//! This file decides the words for what is missing, unknown or of the wrong type. It must not know any particular map.

use runbook_model::argument::{Argument, Entry, Node, Part};
use runbook_model::code;
use runbook_model::diagnostic::{Diagnostic, did_you_mean};
use runbook_model::duration::Duration;
use runbook_model::source::Span;
use runbook_model::value::Value;

use super::{Check, Spanned};

/// Where complaints go.
pub(super) type Sink = Vec<Diagnostic>;

/// A map whose keys are read.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    entries: &'a [Entry],
    /// What people call the map: `a step`, `retry`.
    what: &'static str,
    /// The place to complain about what is missing.
    span: Span,
}

impl<'a> Keys<'a> {
    /// The keys of an argument, if it is a map. Complains about keys other than `known`.
    pub(super) fn of(argument: &'a Argument, what: &'static str, known: &[&str], sink: &mut Sink) -> Option<Self> {
        let keys = Self::any(argument, what, sink)?;
        for entry in keys.entries {
            if !known.contains(&entry.key.as_str()) {
                sink.push(unknown_key(entry, what, known));
            }
        }
        Some(keys)
    }

    /// The keys of an argument, if it is a map, whatever they are.
    pub(super) fn any(argument: &'a Argument, what: &'static str, sink: &mut Sink) -> Option<Self> {
        let Node::Map(entries) = &argument.node else {
            wrong_type(argument, what, "a map", sink);
            return None;
        };
        let span = entries.first().map_or(argument.span, |entry| entry.key_span);
        Some(Self { entries, what, span })
    }

    pub(super) fn entries(self) -> &'a [Entry] {
        self.entries
    }

    /// The place to complain about what is missing: the first key, or the empty map.
    pub(super) fn span(self) -> Span {
        self.span
    }

    /// The value of a key, unless it is null.
    pub(super) fn get(self, key: &str) -> Option<&'a Argument> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value).filter(|value| !value.is_null())
    }

    /// The value of a key that has to be there.
    pub(super) fn require(self, key: &'static str, help: &str, sink: &mut Sink) -> Option<&'a Argument> {
        let found = self.get(key);
        if found.is_none() {
            let written = self.entries.iter().find(|entry| entry.key == key);
            let span = written.map_or(self.span, |entry| entry.key_span);
            let message = match written {
                Some(_) => format!("`{key}` has no value"),
                None => format!("{} has no `{key}`", subject(self.what)),
            };
            sink.push(Diagnostic::error(code::KEY_MISSING, span, message).help(help));
        }
        found
    }

    /// Fixed text.
    pub(super) fn text(self, key: &str, sink: &mut Sink) -> Option<Spanned<String>> {
        text(self.get(key)?, key, sink)
    }

    /// A whole number of at least one.
    pub(super) fn count(self, key: &str, sink: &mut Sink) -> Option<u32> {
        let argument = self.get(key)?;
        let number = match &argument.node {
            Node::Plain { value, .. } => value.as_i64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0),
            _ => None,
        };
        if number.is_none() {
            wrong_value(argument, key, "a whole number of at least 1", sink);
        }
        number
    }

    /// True or false.
    pub(super) fn flag(self, key: &str, sink: &mut Sink) -> Option<bool> {
        let argument = self.get(key)?;
        match &argument.node {
            Node::Plain { value: Value::Bool(b), .. } => Some(*b),
            _ => {
                wrong_value(argument, key, "`true` or `false`", sink);
                None
            }
        }
    }

    /// A fixed duration.
    pub(super) fn duration(self, key: &str, sink: &mut Sink) -> Option<Duration> {
        let argument = self.get(key)?;
        let parsed = argument.as_text().and_then(|text| text.parse().ok());
        if parsed.is_none() {
            wrong_value(argument, key, "a duration such as `90s`, `30m` or `1h30m`", sink);
        }
        parsed
    }

    /// A duration, or an expression that yields one. Nothing takes no time at all.
    pub(super) fn timespan(self, key: &str, sink: &mut Sink) -> Option<Argument> {
        let argument = self.get(key)?;
        match &argument.node {
            Node::Expression(_) | Node::Mixed(_) => Some(argument.clone()),
            _ => {
                let duration = self.duration(key, sink)?;
                if duration == Duration::default() {
                    wrong_value(argument, key, "a duration above zero", sink);
                    return None;
                }
                Some(Argument { node: Node::Text(duration.to_string()), span: argument.span })
            }
        }
    }

    /// The items of a list.
    pub(super) fn list(self, key: &str, sink: &mut Sink) -> Option<&'a [Argument]> {
        let argument = self.get(key)?;
        match &argument.node {
            Node::List(items) => Some(items),
            _ => {
                wrong_type(argument, key, "a list", sink);
                None
            }
        }
    }

    /// The steps of a runbook or a group: at least one.
    pub(super) fn steps(self, sink: &mut Sink) -> Option<&'a [Argument]> {
        let argument = self.require("steps", "write at least one step", sink)?;
        let steps = self.list("steps", sink)?;
        if steps.is_empty() {
            let diagnostic = Diagnostic::error(code::VALUE_WRONG, argument.span, "`steps` is an empty list");
            sink.push(diagnostic.help("write at least one step"));
        }
        Some(steps)
    }

    /// A list of fixed texts; a single text counts as a list of one.
    pub(super) fn texts(self, key: &str, sink: &mut Sink) -> Option<Vec<Spanned<String>>> {
        let argument = self.get(key)?;
        match &argument.node {
            Node::List(items) => Some(items.iter().filter_map(|item| text(item, key, sink)).collect()),
            _ => text(argument, key, sink).map(|one| vec![one]),
        }
    }

    /// The entries of a map with free keys.
    pub(super) fn map(self, key: &'static str, sink: &mut Sink) -> Option<&'a [Entry]> {
        Some(Keys::any(self.get(key)?, key, sink)?.entries)
    }

    /// What people are told, with expressions in it or without.
    pub(super) fn sentence(self, key: &str, sink: &mut Sink) -> Option<Argument> {
        let argument = self.get(key)?;
        if matches!(argument.node, Node::List(_) | Node::Map(_)) {
            wrong_type(argument, key, "a sentence", sink);
            return None;
        }
        Some(argument.clone())
    }

    /// A condition: one expression, `true` or `false`.
    pub(super) fn condition(self, key: &str, sink: &mut Sink) -> Option<Argument> {
        condition(self.get(key)?, key, sink)
    }

    /// A list of checks.
    pub(super) fn checks(self, key: &str, sink: &mut Sink) -> Vec<Check> {
        self.list(key, sink).map(|items| checks(items, sink)).unwrap_or_default()
    }
}

/// Checks as they stand in `check`, `matches` and `assert`.
pub(super) fn checks(items: &[Argument], sink: &mut Sink) -> Vec<Check> {
    items.iter().filter_map(|item| check(item, sink)).collect()
}

fn check(item: &Argument, sink: &mut Sink) -> Option<Check> {
    let keys = Keys::of(item, "a check", &["that", "else", "level"], sink)?;
    let warns = match keys.text("level", sink) {
        None => false,
        Some(level) => match level.value.as_str() {
            "error" => false,
            "warn" => true,
            _ => {
                sink.push(not_one_of(&level, "level", &["error", "warn"]));
                false
            }
        },
    };
    let that = keys.require("that", "write what must hold: `that: ${{ … }}`", sink)?;
    let otherwise = keys.sentence("else", sink);
    Some(Check { span: keys.span, that: condition(that, "that", sink)?, otherwise, warns })
}

/// An expression without the blanks and line breaks around it, as `>` and `|` leave one behind: for places where text means
/// nothing.
pub(super) fn alone(argument: &Argument) -> Argument {
    let mut alone = argument.clone();
    if let Node::Mixed(parts) = &argument.node {
        let blank = |part: &&Part| matches!(part, Part::Text(text) if text.trim().is_empty());
        let mut rest = parts.iter().filter(|part| !blank(part));
        if let (Some(Part::Expression(expression)), None) = (rest.next(), rest.next()) {
            alone.node = Node::Expression(expression.clone());
        }
    }
    alone
}

/// A condition: one expression, `true` or `false`. Other text would always count as true.
pub(super) fn condition(argument: &Argument, key: &str, sink: &mut Sink) -> Option<Argument> {
    let help = "write one expression: `${{ … }}`";
    let argument = &alone(argument);
    match &argument.node {
        Node::Expression(_) | Node::Plain { value: Value::Bool(_), .. } => return Some(argument.clone()),
        Node::Text(_) | Node::Mixed(_) => {
            let message = format!("`{key}` is text and would always be true");
            sink.push(Diagnostic::error(code::CONDITION_TEXT, argument.span, message).help(help));
        }
        _ => wrong_type(argument, key, "a condition", sink),
    }
    None
}

/// Keys stand in backticks, phrases as they are.
fn subject(what: &str) -> String {
    if what.contains(' ') { what.to_owned() } else { format!("`{what}`") }
}

/// Fixed text.
pub(super) fn text(argument: &Argument, key: &str, sink: &mut Sink) -> Option<Spanned<String>> {
    if let Some(text) = argument.as_text() {
        return Some(Spanned { value: text.to_owned(), span: argument.span });
    }
    match &argument.node {
        Node::Expression(_) | Node::Mixed(_) => sink.push(literal_wanted(argument, key)),
        _ => wrong_type(argument, key, "text", sink),
    }
    None
}

/// The complaint about an expression where the value is needed before anything runs.
pub(super) fn literal_wanted(argument: &Argument, key: &str) -> Diagnostic {
    let message = format!("`{key}` has to be known before anything runs and cannot hold an expression");
    Diagnostic::error(code::LITERAL_WANTED, argument.span, message).help("write the value itself")
}

pub(super) fn wrong_type(argument: &Argument, what: &str, wanted: &str, sink: &mut Sink) {
    // An empty expression was complained about when it was read.
    if matches!(&argument.node, Node::Expression(expression) if expression.source.is_empty()) {
        return;
    }
    let message = format!("{} is {}, not {wanted}", subject(what), argument.type_name());
    sink.push(Diagnostic::error(code::TYPE_WRONG, argument.span, message).help(format!("write {wanted}")));
}

pub(super) fn wrong_value(argument: &Argument, key: &str, wanted: &str, sink: &mut Sink) {
    match &argument.node {
        Node::Expression(_) | Node::Mixed(_) => sink.push(literal_wanted(argument, key)),
        Node::List(_) | Node::Map(_) | Node::Rendered { .. } => wrong_type(argument, key, wanted, sink),
        Node::Plain { text, .. } | Node::Text(text) => {
            let message = format!("`{key}` is `{}`, not {wanted}", shortened(text));
            sink.push(Diagnostic::error(code::VALUE_WRONG, argument.span, message).help(format!("write {wanted}")));
        }
    }
}

/// The complaint about a text that is none of a few.
pub(super) fn not_one_of(given: &Spanned<String>, key: &str, choices: &[&str]) -> Diagnostic {
    let shown: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    let message = format!("`{key}` cannot be `{}`", shortened(&given.value));
    Diagnostic::error(code::VALUE_WRONG, given.span, message).help(meant(
        &given.value,
        choices.iter().copied(),
        &format!("it is one of {}", shown.join(", ")),
    ))
}

/// Keys that are easily put one level too high, and where they belong.
const ELSEWHERE: [(&str, &str); 17] = [
    ("settle", "probe"),
    ("present-when", "probe"),
    ("matches", "probe"),
    ("until", "wait-for"),
    ("waiter", "wait-for"),
    ("fail-when", "wait-for"),
    ("observe", "wait-for"),
    ("every", "wait-for"),
    ("stable-for", "wait-for"),
    ("attempts", "retry"),
    ("delay", "retry"),
    ("max-delay", "retry"),
    ("errors", "retry"),
    ("uses", "runbook"),
    ("with", "runbook"),
    ("with-connections", "runbook"),
    ("params", "aws-call"),
];

/// The complaint about a key that is not known.
pub(super) fn unknown_key(entry: &Entry, what: &str, known: &[&str]) -> Diagnostic {
    let shown: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
    let message = format!("{} has no key `{}`", subject(what), shortened(&entry.key));
    let otherwise = if entry.key.contains(' ') && entry.value.is_null() {
        "a comma ends a value inside `{…}` and `[…]`: put the text before it in quotes".to_owned()
    } else if let Some((_, owner)) = ELSEWHERE.iter().find(|(key, owner)| *key == entry.key && known.contains(owner)) {
        format!("`{}` stands under `{owner}`", entry.key)
    } else {
        format!("it takes {}", shown.join(", "))
    };
    Diagnostic::error(code::KEY_UNKNOWN, entry.key_span, message).help(meant(
        &entry.key,
        known.iter().copied(),
        &otherwise,
    ))
}

/// "did you mean", or other help.
pub(crate) fn meant<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    match did_you_mean(wrong, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}

pub(super) fn shortened(text: &str) -> String {
    if text.chars().count() > 60 { text.chars().take(57).chain("…".chars()).collect() } else { text.to_owned() }
}
