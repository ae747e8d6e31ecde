//! What an expression can see from where it stands.
//!
//! This file decides the scope rules of the language. It must not know how expressions are judged.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use runbook_model::shape::Shape;

use super::unit::Unit;
use crate::written::{Step, meant};

/// What is known of a value before it exists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) shape: Shape,
    /// Is it, or does it rest on, a value that is secret by its type?
    pub(crate) sensitive: bool,
}

impl From<Shape> for Known {
    fn from(shape: Shape) -> Self {
        Self { shape, sensitive: false }
    }
}

/// A list of steps and what is around it.
#[derive(Clone, Copy)]
pub(crate) struct Level<'a> {
    pub(crate) steps: &'a [Step],
    /// Where each id stands among the steps.
    pub(crate) index: &'a Index<'a>,
    pub(crate) parent: Option<&'a Self>,
    /// The step of `parent` that holds it: a group, or one with `undo` or `adjust`.
    pub(crate) holder: Option<&'a Step>,
    pub(crate) role: Role,
    /// The item of a `for-each` around it.
    pub(crate) item: Option<&'a Item>,
    /// The connection that its steps inherit from a group.
    pub(crate) connection: Option<&'a runbook_model::argument::Argument>,
}

/// The places of steps by their ids; of an id given twice the first.
pub(crate) type Index<'a> = BTreeMap<&'a str, usize>;

pub(crate) fn index(steps: &[Step]) -> Index<'_> {
    steps.iter().enumerate().rev().map(|(at, step)| (step.id.value.as_str(), at)).collect()
}

/// What a list of steps is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The steps of the runbook, or of a group in it.
    Run,
    /// `adjust` of a step.
    Adjust,
    /// `undo` of a step.
    Undo,
    /// `when-failed` or `finally`.
    End,
}

/// The item of a `for-each`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Item(pub(crate) Known);

impl<'a> Level<'a> {
    /// A step by its id: how many levels out it stands, and the level and place.
    pub(crate) fn find(&'a self, id: &str) -> Option<(usize, &'a Self, usize)> {
        let mut level = self;
        let mut depth = 0;
        loop {
            if let Some(at) = level.index.get(id) {
                return Some((depth, level, *at));
            }
            level = level.parent?;
            depth += 1;
        }
    }

    /// The ids that are seen from here.
    pub(crate) fn ids(&self) -> Vec<&'a str> {
        let own = self.steps.iter().map(|step| step.id.value.as_str());
        own.chain(self.parent.map(Level::ids).unwrap_or_default()).collect()
    }

    /// Is this list, or one around it, for that?
    pub(crate) fn is(&self, role: Role) -> bool {
        self.role == role || self.parent.is_some_and(|parent| parent.is(role))
    }
}

/// A place where expressions stand.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) unit: &'a Unit<'a>,
    pub(crate) level: &'a Level<'a>,
    /// The step whose key it is.
    pub(crate) step: Option<&'a Step>,
    pub(crate) item: Option<&'a Item>,
    /// The step's own answer, where the step judges it.
    pub(crate) judged: Option<&'a Known>,
    /// A title: only inputs and the item.
    pub(crate) title: bool,
    /// What is noted of what it mentions; `None` for a look that only wants to know a shape and complains of nothing.
    pub(crate) notes: Option<&'a RefCell<Notes>>,
}

/// What the expressions of a step mention.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// Steps: how many levels out, and the id.
    pub(crate) steps: Vec<(usize, String)>,
    /// The names of the scope that are read.
    pub(crate) names: BTreeSet<String>,
    /// The templates that are rendered, directly.
    pub(crate) templates: BTreeSet<String>,
}

impl Notes {
    /// Is the item of a `for-each` mentioned?
    pub(crate) fn item(&self) -> bool {
        ["item", "key", "index"].iter().any(|name| self.names.contains(*name))
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.names.extend(other.names);
        self.templates.extend(other.templates);
    }
}

impl<'a> Sight<'a> {
    /// The same place, where the step's own answer is judged.
    pub(crate) fn judging(self, judged: &'a Known) -> Self {
        Self { judged: Some(judged), ..self }
    }

    /// The same place, noting elsewhere.
    pub(crate) fn noting(self, notes: &'a RefCell<Notes>) -> Self {
        Self { notes: Some(notes), ..self }
    }

    /// The step that was probably meant, as help.
    pub(crate) fn step_meant(&self, id: &str, otherwise: &str) -> String {
        let known = if self.unit.library.is_full() { Vec::new() } else { self.level.ids() };
        meant(id, known, otherwise)
    }

    /// The names that can be read here.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let groups: [(bool, &[&str]); 5] = [
            (true, &["inputs"]),
            (!self.title, &["steps", "connections", "run"]),
            (self.item.is_some(), &["item", "key", "index"]),
            (self.judged.is_some(), &["result", "error", "attempt"]),
            (self.level.is(Role::Undo) && !self.title, &["self"]),
        ];
        groups.into_iter().filter(|(visible, _)| *visible).flat_map(|(_, names)| names).copied()
    }
}
