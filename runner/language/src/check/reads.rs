//! Names and members: what they refer to.
//!
//! This file decides what `inputs.x`, `steps.x.y`, `connections.x.y` and the names of a scope mean where they stand. It
//! must not know filters or templates.

use std::ops::Range;

use indexmap::IndexMap;
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::shape::Shape;
use runbook_model::source::Span;
use runbook_template::syntax::{Expr, ExprKind};

use super::infer::{Inference, Place};
use super::shapes::INPUTS;
use super::sight::{Known, Role};
use super::unit::Unit;
use super::{connections, yields};
use crate::written::{Step, meant};

/// A secret that is read from a step's outputs.
#[derive(Clone, Debug)]
pub(super) struct SecretRead {
    /// The address of the step it comes from.
    from: usize,
    /// Its id and the output.
    name: String,
    /// The address of the step that reads it.
    by: usize,
    span: Span,
}

/// Names that mean something elsewhere, and where.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "item",
        "`item` stands for the item of a `for-each`: it can be read on that step and inside it; a connection that reads it is written there",
    ),
    ("key", "`key` names the item of a `for-each`: it can be read on that step and inside it"),
    ("index", "`index` counts the items of a `for-each`: it can be read on that step and inside it"),
    (
        "result",
        "`result` is the step's own answer: it can be read in `check`, `outputs`, `probe`, `retry.when`, `until` and the like",
    ),
    (
        "error",
        "`error` is the step's own failure: it can be read in `check`, `outputs`, `probe`, `retry.when`, `until` and the like",
    ),
    (
        "attempt",
        "`attempt` counts the step's own tries: it can be read in `check`, `outputs`, `retry.when`, `until` and the like",
    ),
    ("self", "`self` is the step that is taken back: it can be read in the steps of `undo`"),
    ("steps", "titles are shown before anything runs: they can hold `inputs` and `item`"),
    ("connections", "titles are shown before anything runs: they can hold `inputs` and `item`"),
    ("run", "titles are shown before anything runs: they can hold `inputs` and `item`"),
];

impl Inference<'_> {
    /// A name of the scope.
    pub(super) fn name(&self, name: &str, range: &Range<usize>) -> Known {
        if let Place::Template { .. } = self.at {
            // Which values a template is given is judged where it is rendered.
            return Known::default();
        }
        if !self.sight.names().any(|visible| visible == name) {
            let (code, message, help) = match ELSEWHERE.iter().find(|(known, _)| *known == name) {
                Some((_, why)) => (code::NAME_ELSEWHERE, format!("`{name}` means nothing here"), (*why).to_owned()),
                None => {
                    let listed: Vec<String> = self.sight.names().map(|name| format!("`{name}`")).collect();
                    let help = match name {
                        "null" => "the word for null is `none`, as in `… is none`".to_owned(),
                        _ => meant(name, self.sight.names(), &format!("here are {}", listed.join(", "))),
                    };
                    (code::NAME_UNKNOWN, format!("there is no name `{name}`"), help)
                }
            };
            self.error(code, range, message, help);
            return Known::default();
        }
        if let Some(notes) = self.sight.notes {
            notes.borrow_mut().names.insert(name.to_owned());
        }
        self.meaning(name, range)
    }

    fn meaning(&self, name: &str, range: &Range<usize>) -> Known {
        let text = |names: &[&str]| Shape::structure("this map", names.iter().map(|name| (*name, Shape::Text)));
        match name {
            "inputs" => self.sight.unit.inputs.clone().into(),
            "steps" | "connections" => {
                let message = format!("`{name}` cannot be used as a whole");
                let help = format!("read one of them by its name: `{name}.…`");
                self.error(code::NAME_WHOLE, range, message, help);
                Known::default()
            }
            "run" => {
                let mut members = vec![("id", Shape::Text), ("name", Shape::Text), ("started_at", Shape::Text)];
                if self.sight.level.is(Role::End) {
                    members.push(("status", Shape::Text));
                    members.push(("error", text(&["class", "code", "message"])));
                }
                Shape::structure("`run`", members).into()
            }
            "item" => self.sight.item.map(|item| item.0.clone()).unwrap_or_default(),
            "key" => Shape::Text.into(),
            "index" | "attempt" => Shape::Number.into(),
            "result" => self.sight.judged.cloned().unwrap_or_default(),
            "error" => text(&["class", "code", "message"]).into(),
            "self" => {
                let names = ["arguments", "outputs", "before", "item", "key"];
                Shape::structure("`self`", names.map(|name| (name, Shape::Any))).into()
            }
            _ => Known::default(),
        }
    }

    /// `base.name` or `base["name"]`.
    pub(super) fn read(&self, whole: &Expr, base: &Expr, name: &str, at: &Range<usize>) -> Known {
        let known = match &base.kind {
            ExprKind::Name(root) if self.is_visible(root, "steps") => return self.step(name, at),
            ExprKind::Name(root) if self.is_visible(root, "connections") => return self.connection(name, at),
            _ => self.known(base),
        };
        let found = self.member(&known, name, at);
        if found.sensitive && !known.sensitive {
            self.note_secret(whole, name);
        }
        Known { sensitive: found.sensitive || known.sensitive, ..found }
    }

    fn is_visible(&self, name: &str, wanted: &str) -> bool {
        name == wanted && matches!(self.at, Place::Written(_)) && self.sight.names().any(|visible| visible == wanted)
    }

    /// `base[index]` with an index that is no literal text.
    pub(super) fn item(&self, base: &Expr, index: &Expr) -> Known {
        self.known(index);
        if let ExprKind::Name(root) = &base.kind
            && self.is_visible(root, "steps")
        {
            let message = "which step this reads is not known before it runs".to_owned();
            self.error(code::NAME_WHOLE, &index.range, message, "name the step: `steps.…`");
            return Known::default();
        }
        let known = self.known(base);
        let shape = match known.shape.resolved() {
            Shape::List(item) | Shape::Map(item) => *item,
            _ => Shape::Any,
        };
        Known { shape, ..known }
    }

    /// A member of a value of which something is known.
    pub(super) fn member(&self, known: &Known, name: &str, at: &Range<usize>) -> Known {
        let refused = |what: String, help: &str| {
            self.error(code::MEMBER_UNKNOWN, at, format!("{what} has no member `{name}`"), help);
            Known { shape: Shape::Any, sensitive: known.sensitive }
        };
        match known.shape.resolved() {
            Shape::Any | Shape::Lazy(_) => Known { shape: Shape::Any, sensitive: known.sensitive },
            Shape::Map(value) => Known { shape: *value, sensitive: known.sensitive },
            Shape::Structure(structure) => match structure.members.get(name) {
                Some(member) => Known { shape: member.shape.clone(), sensitive: known.sensitive || member.sensitive },
                None => {
                    let members: Vec<&str> = structure.members.keys().map(String::as_str).collect();
                    self.no_member(&structure.name, name, &members, at);
                    Known::default()
                }
            },
            Shape::List(_) => refused(
                "a list".into(),
                &format!("take one item with `[0]` or `| first`, or of all of them with `| map(attribute=\"{name}\")`"),
            ),
            other => refused(other.name(), "it is no map"),
        }
    }

    fn no_member(&self, what: &str, name: &str, members: &[&str], at: &Range<usize>) {
        let listed: Vec<String> = members.iter().take(12).map(|name| format!("`{name}`")).collect();
        let more = if members.len() > 12 { " …" } else { "" };
        let there_is = match listed.as_slice() {
            [] => "there is nothing in it".to_owned(),
            some => format!("there is {}{more}", some.join(", ")),
        };
        let help = meant(name, members.iter().copied(), &there_is);
        let is_step = what.starts_with(yields::STEP);
        let (code, message, help) = match what {
            INPUTS if self.sight.unit.runbook.unread.inputs => return,
            INPUTS => (
                code::INPUT_UNKNOWN,
                format!("there is no input `{name}`"),
                meant(name, members.iter().copied(), "declare it under `inputs:`"),
            ),
            _ if is_step && name == "result" => (
                code::RESULT_NOT_KEPT,
                format!("{what} keeps only its outputs, not its result"),
                "keep what is needed of it under `outputs:` of that step".to_owned(),
            ),
            _ if is_step => (code::OUTPUT_UNKNOWN, format!("{what} has no output `{name}`"), help),
            _ => {
                let what = if what.contains([' ', '`']) { what.to_owned() } else { format!("`{what}`") };
                (code::MEMBER_UNKNOWN, format!("{what} has no member `{name}`"), help)
            }
        };
        self.error(code, at, message, help);
    }

    /// `steps.<id>`.
    fn step(&self, id: &str, at: &Range<usize>) -> Known {
        let Some((depth, level, place)) = self.sight.level.find(id) else {
            if !self.sight.unit.runbook.unread.steps {
                let help = self.sight.step_meant(id, "give a step this `id`");
                self.error(code::STEP_UNKNOWN, at, format!("there is no step `{id}`"), help);
            }
            return Known::default();
        };
        let step = &level.steps[place];
        let is_own = self.sight.step.is_some_and(|own| std::ptr::eq(own, step)) || self.holds(step);
        if is_own && !self.sight.level.is(Role::Undo) {
            self.own(id, at);
            return Known::default();
        }
        if let Some(notes) = self.sight.notes {
            let mut notes = notes.borrow_mut();
            notes.names.insert("steps".into());
            notes.steps.push((depth, id.to_owned()));
        }
        self.sight.unit.yields(level, step).shape.clone().into()
    }

    /// Is the step one that holds the list of steps this expression stands in?
    fn holds(&self, step: &Step) -> bool {
        let mut level = Some(self.sight.level);
        while let Some(inner) = level {
            if inner.holder.is_some_and(|holder| std::ptr::eq(holder, step)) {
                return true;
            }
            level = inner.parent;
        }
        false
    }

    fn own(&self, id: &str, at: &Range<usize>) {
        let message = format!("the step `{id}` cannot read its own outputs");
        self.error(code::NAME_ELSEWHERE, at, message, "its own answer is `result`, where it is judged");
    }

    /// `connections.<name>`.
    fn connection(&self, name: &str, at: &Range<usize>) -> Known {
        let unit = self.sight.unit;
        if let Some(definition) = unit.connection(name) {
            if let Some(notes) = self.sight.notes {
                let quiet = self.sight;
                connections::mention(&quiet, definition, notes);
            }
        } else if name != connections::DEFAULT && !unit.runbook.unread.connections {
            let known = unit.runbook.connections.keys().map(String::as_str).chain([connections::DEFAULT]);
            let help = meant(name, known, "declare it under `connections:`");
            self.error(code::CONNECTION_UNKNOWN, at, format!("there is no connection `{name}`"), help);
            return Known::default();
        }
        let names = ["account", "partition", "region", "principal", "cluster", "server"];
        Shape::structure("a connection", names.map(|name| (name, Shape::Text))).into()
    }

    /// Notes that this step reads a secret of another one.
    fn note_secret(&self, whole: &Expr, name: &str) {
        let (Some(_), Some(by)) = (self.sight.notes, self.sight.step) else { return };
        let Some((id, output)) = root_step(whole) else { return };
        let Some((_, level, place)) = self.sight.level.find(&id) else { return };
        let from = &level.steps[place];
        if from.is_one_shot() {
            let output = output.unwrap_or_else(|| name.to_owned());
            self.sight.unit.secret_reads.borrow_mut().push(SecretRead {
                from: std::ptr::from_ref(from).addr(),
                name: format!("{id}.{output}"),
                by: std::ptr::from_ref(by).addr(),
                span: self.span(&whole.range),
            });
        }
    }
}

/// The step and output at the root of a chain of reads.
fn root_step(expr: &Expr) -> Option<(String, Option<String>)> {
    let mut names = Vec::new();
    let mut current = expr;
    loop {
        match &current.kind {
            ExprKind::Member { base, name, .. } => {
                names.push(name.clone());
                current = base;
            }
            ExprKind::Item { base, index } => {
                if let Some(name) = index.as_text() {
                    names.push(name.to_owned());
                }
                current = base;
            }
            ExprKind::Name(name) if name == "steps" => {
                let id = names.pop()?;
                return Some((id, names.pop()));
            }
            _ => return None,
        }
    }
}

impl Unit<'_> {
    /// Complains of secrets that a step tells only once and several steps read: after a resume nobody could tell them again.
    pub(super) fn told_once(&self) {
        let mut readers: IndexMap<(usize, String), Vec<SecretRead>> = IndexMap::new();
        for read in self.secret_reads.borrow().iter() {
            let known = readers.entry((read.from, read.name.clone())).or_default();
            if known.iter().all(|other| other.by != read.by) {
                known.push(read.clone());
            }
        }
        for reads in readers.values() {
            let [first, second, ..] = reads.as_slice() else { continue };
            let message = format!("`steps.{}` is told only once, but more than one step reads it", second.name);
            let diagnostic = Diagnostic::error(code::SECRET_ONCE, second.span, message)
                .help("store it in the first of these steps, and let the others read it from there")
                .related(first.span, "it is already read here");
            self.library.complain(diagnostic);
        }
    }
}
