//! One runbook's file: its parts checked and frozen.
//!
//! This file decides in which order the parts of a runbook are looked at. It must not know steps in detail.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;
use runbook_model::argument::Argument;
use runbook_model::plan::{Body, Step as PlanStep};
use runbook_model::shape::Shape;
use runbook_model::source::{SourceId, Span};

use super::library::Library;
use super::reads::SecretRead;
use super::sight::{Known, Level, Notes, Role, Sight};
use super::yields::Yields;
use super::{calls, connections, shapes, sight, steps};
use crate::written::{Runbook, Step};

/// A runbook that was read and checked.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) labels: IndexMap<String, String>,
    pub(crate) owner: Option<String>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) body: Arc<Body>,
    /// What is known of its outputs.
    pub(crate) outputs: IndexMap<String, Known>,
    /// Its steps, those of nested runbooks included.
    pub(crate) count: usize,
    /// The beginning of its file.
    pub(crate) span: Span,
}

/// A runbook that is being checked.
pub(crate) struct Unit<'a> {
    pub(crate) library: &'a Library<'a>,
    pub(crate) runbook: &'a Runbook,
    /// What is known of the inputs.
    pub(crate) inputs: Shape,
    /// What is known of the outputs of steps, by the step's address.
    pub(super) yields: RefCell<BTreeMap<usize, Rc<Yields>>>,
    /// The steps whose outputs are being worked out.
    pub(super) working: RefCell<Vec<usize>>,
    /// Secrets that are read from steps.
    pub(super) secret_reads: RefCell<Vec<SecretRead>>,
}

pub(crate) fn checked(library: &Library<'_>, source: SourceId, mut runbook: Runbook) -> Loaded {
    calls::ask(library, source, &mut runbook);
    let unit = Unit {
        library,
        runbook: &runbook,
        inputs: shapes::of_inputs(&runbook.inputs),
        yields: RefCell::default(),
        working: RefCell::default(),
        secret_reads: RefCell::default(),
    };
    let index = sight::index(&runbook.steps);
    let level = Level {
        steps: &runbook.steps,
        index: &index,
        parent: None,
        holder: None,
        role: Role::Run,
        item: None,
        connection: None,
    };
    connections::declared(&unit, &level);
    let (steps, _) = steps::frozen(&unit, &level);
    let notes = RefCell::default();
    let seen = unit.sight(&level, &notes);
    let mut outputs = IndexMap::new();
    let mut known = IndexMap::new();
    for entry in &runbook.outputs {
        known.insert(entry.key.clone(), seen.argument(&entry.value));
        outputs.insert(entry.key.clone(), entry.value.clone());
    }
    let ends = |written: &[Step]| -> Vec<PlanStep> {
        let index = sight::index(written);
        let level = Level { steps: written, index: &index, parent: Some(&level), role: Role::End, ..level };
        steps::frozen(&unit, &level).0
    };
    let (when_failed, finally) = (ends(&runbook.when_failed), ends(&runbook.finally));
    unit.told_once();
    let count = count(&steps) + count(&when_failed) + count(&finally);
    let body = Body {
        file: library.sources.borrow().get(source).name.clone(),
        name: Some(runbook.name.clone()),
        shares_scope: false,
        inputs: runbook.inputs.iter().map(|(name, (_, declaration))| (name.clone(), declaration.clone())).collect(),
        connections: runbook.connections.iter().map(|(name, (_, of))| (name.clone(), of.clone())).collect(),
        steps,
        outputs,
        when_failed,
        finally,
    };
    Loaded {
        name: runbook.name,
        version: runbook.version,
        title: runbook.title,
        description: runbook.description,
        labels: runbook.labels,
        owner: runbook.owner,
        concurrency: runbook.concurrency,
        body: Arc::new(body),
        outputs: known,
        count,
        span: Span { source, start: 0, end: 0 },
    }
}

/// The steps of a plan, nested ones included; those of `undo` and `adjust` too, for they are as large.
fn count(steps: &[PlanStep]) -> usize {
    steps
        .iter()
        .map(|step| {
            let undo = match &step.undo {
                runbook_model::plan::Undo::Steps { steps } => count(steps),
                _ => 0,
            };
            let inside = |body: &Body| count(&body.steps) + count(&body.when_failed) + count(&body.finally);
            1 + undo + count(&step.adjust) + step.action.body().map_or(0, inside)
        })
        .sum()
}

impl<'a> Unit<'a> {
    /// A place at the top level of the runbook.
    pub(super) fn sight(&'a self, level: &'a Level<'a>, notes: &'a RefCell<Notes>) -> Sight<'a> {
        Sight { unit: self, level, step: None, item: None, judged: None, title: false, notes: Some(notes) }
    }

    /// A declared connection.
    pub(super) fn connection(&self, name: &str) -> Option<&'a Argument> {
        self.runbook.connections.get(name).map(|(_, argument)| argument)
    }
}
