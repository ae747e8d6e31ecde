//! Parameters against the model: one set of rules, for what an author wrote and for what a run computed.
//!
//! This file decides what fits. It walks any [`Tree`]: the written one has expressions, which may turn out to be anything and
//! are left alone, and places to point at; the computed one has neither. It must not change anything.
//!
//! Left to the service, because it widens them before its model does: greatest lengths and values, patterns, and which
//! values an enum has (an unknown one is only a warning).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runbook_model::code;
use runbook_model::diagnostic::{Diagnostic, did_you_mean};
use runbook_model::source::Span;
use serde_json::Number;

use crate::definition::{Kind, Shape};
use crate::member::Member;
use crate::operation::Operation;
use crate::timestamp;

mod argument;
mod value;

pub(crate) use argument::argument;
pub(crate) use value::{normal, value};

/// Something of the form of parameters.
trait Tree: Sized {
    /// Is it what a run computed, and not what an author wrote? Then idempotency tokens are filled in, and nothing of what the
    /// model calls sensitive may be quoted.
    const COMPUTED: bool;

    fn view(&self) -> View<'_, Self>;

    /// Where it was written.
    fn span(&self) -> Option<Span>;

    /// Is it a secret, with all that is in it?
    fn is_secret(&self) -> bool;
}

enum View<'a, T> {
    /// An expression: it may turn out to be anything.
    Unknown,
    /// Text with expressions inside.
    SomeText,
    Null,
    Boolean,
    Number(&'a Number),
    Text(Cow<'a, str>),
    List(&'a [T]),
    Map(Vec<Pair<'a, T>>),
    /// What nothing fits, by its name.
    Other(&'static str),
}

struct Pair<'a, T> {
    key: &'a str,
    key_span: Option<Span>,
    value: &'a T,
}

/// The walk: where it is, and what it found.
struct Walk<'a> {
    operation: &'a str,
    path: String,
    /// Is the walk inside a secret, of which nothing may be told, names included?
    hidden: bool,
    found: Vec<Diagnostic>,
}

/// Everything about `params` that does not fit.
fn walk<T: Tree>(operation: &Operation, params: &T) -> Vec<Diagnostic> {
    let mut walk = Walk { operation: operation.name(), path: String::new(), hidden: false, found: Vec::new() };
    match operation.input() {
        Some(input) => walk.member(input, params),
        None => walk.structure(None, params),
    }
    walk.found
}

impl Walk<'_> {
    fn member<T: Tree>(&mut self, member: Member<'_>, tree: &T) {
        if member.is_document() || member.is_json_value() {
            return;
        }
        let around = self.hidden;
        self.hidden |= tree.is_secret() || T::COMPUTED && member.is_sensitive();
        self.by_kind(member, tree);
        self.hidden = around;
    }

    fn by_kind<T: Tree>(&mut self, member: Member<'_>, tree: &T) {
        match (member.kind(), tree.view()) {
            (_, View::Unknown | View::Null) => {}
            (Kind::Structure, _) => self.structure(Some(member), tree),
            (Kind::List, View::List(items)) => {
                self.at_least(member, items.len(), "items", tree);
                for (index, item) in items.iter().enumerate() {
                    self.inside(&format!("[{index}]"), |walk| walk.member(member.item(), item));
                }
            }
            (Kind::Map, View::Map(pairs)) => {
                self.at_least(member, pairs.len(), "entries", tree);
                for pair in pairs {
                    self.inside(&format!(".{}", pair.key), |walk| {
                        walk.choice(member.key(), pair.key, pair.key_span);
                        walk.member(member.value(), pair.value);
                    });
                }
            }
            (Kind::Boolean, View::Boolean) => {}
            (Kind::Timestamp | Kind::Blob, View::SomeText) => {}
            (Kind::Timestamp, View::Number(number)) if timestamp::from_number(number).is_some() => {}
            (Kind::Timestamp, View::Text(text)) if timestamp::from_text(&text).is_some() => {}
            (Kind::Blob, View::Text(text)) => self.blob(&text, tree),
            (kind, View::Number(number)) if kind.is_fraction() || kind.is_whole_number() => {
                self.number(member, number, tree);
            }
            // What JSON cannot say as a number.
            (kind, View::Text(text))
                if kind.is_fraction() && matches!(text.as_ref(), "NaN" | "Infinity" | "-Infinity") => {}
            (kind, view) if kind.is_text() => self.text(member, &view, tree),
            (_, view) => self.wrong_type(member, &view, tree),
        }
    }

    fn structure<T: Tree>(&mut self, member: Option<Member<'_>>, tree: &T) {
        let pairs = match (tree.view(), member) {
            (View::Map(pairs), _) => pairs,
            (View::Null, _) => Vec::new(),
            (view, Some(member)) => return self.wrong_type(member, &view, tree),
            (_, None) => return,
        };
        for pair in &pairs {
            match member.and_then(|member| member.get(pair.key)) {
                Some(part) => self.inside(&format!(".{}", pair.key), |walk| walk.member(part, pair.value)),
                None if matches!(pair.value.view(), View::Null) => {}
                None => self.unknown(member, pair),
            }
        }
        if let Some(member) = member {
            self.required(member, &pairs, tree);
            if member.shape.union {
                self.exactly_one(member.shape, &pairs, tree);
            }
        }
    }

    fn unknown<T: Tree>(&mut self, member: Option<Member<'_>>, pair: &Pair<'_, T>) {
        let names: Vec<&str> = member.iter().flat_map(Member::members).map(|(name, _)| name).collect();
        let message = match self.place() {
            _ if self.hidden => format!("{} has a member that `{}` does not know", self.subject(), self.operation),
            None => format!("`{}` has no parameter `{}`", self.operation, pair.key),
            Some(place) => format!("`{place}` of `{}` has no member `{}`", self.operation, pair.key),
        };
        let near = did_you_mean(pair.key, names.iter().copied()).filter(|_| !self.hidden);
        let help = match (near, names.as_slice()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, []) => "it takes none; leave it out".into(),
            (None, names) => format!("it has {}", listed(names)),
        };
        self.found.push(Diagnostic::error(code::AWS_PARAMETER, pair.key_span, message).help(help));
    }

    fn required<T: Tree>(&mut self, member: Member<'_>, pairs: &[Pair<'_, T>], tree: &T) {
        for name in &member.shape.required {
            let given = pairs.iter().any(|pair| pair.key == name && !matches!(pair.value.view(), View::Null));
            let comes_later = !T::COMPUTED && member.get(name).is_some_and(|part| part.reference.idempotency_token);
            if given || comes_later {
                continue;
            }
            let message = match self.place() {
                None => format!("`{}` needs the parameter `{name}`", self.operation),
                Some(place) => format!("`{place}` of `{}` needs `{name}`", self.operation),
            };
            let wanted = member.get(name).map_or("a value", |part| part.wanted());
            let help = format!("add `{name}`: {wanted}");
            self.found.push(Diagnostic::error(code::AWS_REQUIRED, tree.span(), message).help(help));
        }
    }

    /// A union holds one member. What an expression yields may be null, so it counts only where it must.
    fn exactly_one<T: Tree>(&mut self, shape: &Shape, pairs: &[Pair<'_, T>], tree: &T) {
        let sure = pairs.iter().filter(|pair| !matches!(pair.value.view(), View::Null | View::Unknown)).count();
        let unsure = pairs.iter().filter(|pair| matches!(pair.value.view(), View::Unknown)).count();
        if sure > 1 || sure + unsure == 0 {
            let names: Vec<&str> = shape.members.keys().map(String::as_str).collect();
            let message = format!("{} takes exactly one member, not {sure}", self.subject());
            let help = format!("give one of {}", listed(&names));
            self.found.push(Diagnostic::error(code::AWS_UNION, tree.span(), message).help(help));
        }
    }

    fn text<T: Tree>(&mut self, member: Member<'_>, view: &View<'_, T>, tree: &T) {
        match view {
            View::SomeText | View::Boolean | View::Number(_) => {}
            View::Text(text) => {
                self.at_least(member, text.chars().count(), "characters", tree);
                self.choice(member, text, tree.span());
            }
            View::List(_) | View::Map(_) if member.json_text().is_some() => {}
            view => self.wrong_type(member, view, tree),
        }
    }

    fn number<T: Tree>(&mut self, member: Member<'_>, number: &Number, tree: &T) {
        let shown = if self.hidden { "a secret number".into() } else { format!("`{number}`") };
        if member.kind().is_whole_number() && !(number.is_i64() || number.is_u64()) {
            let message = format!("{} is {shown}, not a whole number", self.subject());
            self.found.push(Diagnostic::error(code::AWS_TYPE, tree.span(), message).help("write a whole number"));
            return;
        }
        if let (Some(min), Some(number)) = (member.shape.min, number.as_f64())
            && number < min
        {
            let message = format!("{} is {shown}, at least `{min}` is wanted", self.subject());
            self.too_small(tree, message, format!("write `{min}` or more"));
        }
    }

    fn too_small<T: Tree>(&mut self, tree: &T, message: String, help: String) {
        self.found.push(Diagnostic::error(code::AWS_LEAST, tree.span(), message).help(help));
    }

    fn blob<T: Tree>(&mut self, text: &str, tree: &T) {
        if decoded(text).is_none() {
            let message = format!("{} is text that is not base64", self.subject());
            let help = fitting(Kind::Blob, &tree.view());
            self.found.push(Diagnostic::error(code::AWS_TYPE, tree.span(), message).help(help));
        }
    }

    fn choice(&mut self, member: Member<'_>, text: &str, span: Option<Span>) {
        let choices = member.choices();
        if choices.is_empty() || self.hidden || choices.iter().any(|choice| choice == text) {
            return;
        }
        let message = format!("{} is `{text}`, which the service's model does not know", self.subject());
        let help = match did_you_mean(text, choices.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? A service may know more values than its model"),
            None => {
                let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
                format!("it knows {}; a service may know more values than its model", listed(&choices))
            }
        };
        self.found.push(Diagnostic::warning(code::AWS_CHOICE, span, message).help(help));
    }

    fn at_least<T: Tree>(&mut self, member: Member<'_>, length: usize, unit: &str, tree: &T) {
        #[expect(clippy::cast_precision_loss, reason = "nobody writes 2^53 characters")]
        if let Some(min) = member.shape.min
            && (length as f64) < min
        {
            let message = format!("{} has {length} {unit}, at least {min} are wanted", self.subject());
            self.too_small(tree, message, format!("give at least {min} {unit}"));
        }
    }

    fn wrong_type<T: Tree>(&mut self, member: Member<'_>, view: &View<'_, T>, tree: &T) {
        let is = match view {
            View::Unknown => "an expression",
            View::SomeText | View::Text(_) => "text",
            View::Null => "null",
            View::Boolean => "a boolean",
            View::Number(_) => "a number",
            View::List(_) => "a list",
            View::Map(_) => "a map",
            View::Other(name) => name,
        };
        let message = format!("{} is {is}, not {}", self.subject(), member.wanted());
        let found = Diagnostic::error(code::AWS_TYPE, tree.span(), message).help(fitting(member.kind(), view));
        self.found.push(found);
    }

    fn inside(&mut self, part: &str, walk: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if !self.hidden {
            self.path.push_str(part);
        }
        walk(self);
        self.path.truncate(length);
    }

    /// The way to where the walk is; `None` at the parameters themselves.
    fn place(&self) -> Option<&str> {
        (!self.path.is_empty()).then(|| self.path.strip_prefix('.').unwrap_or(&self.path))
    }

    fn subject(&self) -> String {
        match self.place() {
            Some(place) => format!("`{place}`"),
            None => format!("what `{}` is called with", self.operation),
        }
    }
}

/// What to write where a value of `kind` is wanted and `view` was found.
fn fitting<T: Tree>(kind: Kind, view: &View<'_, T>) -> &'static str {
    let text = if let View::Text(text) = view { text.as_ref() } else { "" };
    match kind {
        Kind::Boolean if !T::COMPUTED && matches!(text, "true" | "false") => "write it without quotes",
        Kind::Boolean if T::COMPUTED => "let the expression yield true or false, such as `x == \"true\"`",
        Kind::Boolean => "write `true` or `false`",
        kind if T::COMPUTED && kind.is_whole_number() => "in an expression, `| int` makes a whole number of text",
        kind if T::COMPUTED && kind.is_fraction() => "in an expression, `| float` makes a number of text",
        kind if kind.is_whole_number() && text.parse::<i64>().is_ok() => "write it without quotes",
        kind if kind.is_fraction() && text.parse::<f64>().is_ok() => "write it without quotes",
        kind if kind.is_whole_number() => "write a whole number",
        kind if kind.is_fraction() => "write a number",
        Kind::List if matches!(view, View::Map(_)) => "write a list: an entry begins with `- `",
        Kind::List => "put it into brackets: `[…]`",
        Kind::Structure | Kind::Map => "write a map: an entry is `name: value`",
        Kind::Timestamp => "times are written as in RFC 3339, or as seconds since 1970",
        Kind::Blob => "bytes are written as base64; in an expression, `| b64encode` makes it",
        _ => "write one text",
    }
}

/// The bytes of base64 text, in which line breaks do not count.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(plain).ok()
}

/// Names for a help line; a long list is cut.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 16;
    let mut told: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    if names.len() > MOST {
        told.push(format!("and {} more", names.len() - MOST));
    }
    told.join(", ")
}
