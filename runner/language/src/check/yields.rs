//! What is known of the outputs of a step before it runs.
//!
//! This file decides which outputs a step has and what they look like, worked out when they are first asked for. It must
//! not complain: whoever checks the step itself does.

use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;
use runbook_model::argument::Entry;
use runbook_model::kind::Effect;
use runbook_model::shape::{Member, Shape, Structure};

use super::each;
use super::sight::{self, Item, Known, Level, Sight};
use super::unit::Unit;
use crate::written::{Action, Call, Step};

/// The outputs of a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Yields {
    /// `steps.<id>`.
    pub(super) shape: Shape,
}

/// How far outputs are followed that rest on outputs of steps written later.
const DEEPEST: usize = 40;

/// How the names of structures of outputs begin, so that a complaint can tell them from other values.
pub(super) const STEP: &str = "the step `";

impl<'a> Unit<'a> {
    /// What is known of `steps.<id>` for a step of a level.
    pub(super) fn yields(&'a self, level: &'a Level<'a>, step: &'a Step) -> Rc<Yields> {
        let address = std::ptr::from_ref(step).addr();
        if let Some(known) = self.yields.borrow().get(&address) {
            return known.clone();
        }
        if self.working.borrow().contains(&address) || self.working.borrow().len() > DEEPEST {
            // A cycle, which is told elsewhere; or a chain of steps written backwards that is too long to be followed.
            return Rc::default();
        }
        self.working.borrow_mut().push(address);
        let outputs = self.outputs(level, step);
        self.working.borrow_mut().pop();
        let shape = outputs.map_or(Shape::Any, |outputs| {
            let members = outputs
                .into_iter()
                .map(|(name, known)| {
                    let named = step.secret.iter().any(|secret| secret.value == name);
                    (name, Member { shape: known.shape, sensitive: known.sensitive || named })
                })
                .collect();
            let one = Shape::Structure(Arc::new(Structure { name: format!("{STEP}{}`", step.id.value), members }));
            if step.for_each.is_some() { Shape::Map(Box::new(one)) } else { one }
        });
        let yields = Rc::new(Yields { shape });
        self.yields.borrow_mut().insert(address, yields.clone());
        yields
    }

    /// The outputs of one instance of a step; `None` if nothing is known, because something in it is wrong.
    fn outputs(&'a self, level: &'a Level<'a>, step: &'a Step) -> Option<IndexMap<String, Known>> {
        let outer =
            Sight { unit: self, level, step: Some(step), item: level.item, judged: None, title: false, notes: None };
        let own: Option<Item> = step.for_each.as_ref().map(|over| each::item(&outer.argument(over)));
        let sight = Sight { item: own.as_ref().or(level.item), ..outer };
        let all = |entries: &[Entry], sight: Sight<'_>| -> IndexMap<String, Known> {
            entries.iter().map(|entry| (entry.key.clone(), sight.argument(&entry.value))).collect()
        };
        match step.action.as_ref()? {
            Action::Set(entries) => Some(all(entries, sight)),
            Action::Assert(_) | Action::Approve(_) => Some(IndexMap::new()),
            Action::Uses(uses) => {
                let nested = &uses.loaded.as_ref()?.outputs;
                match &step.outputs {
                    None => Some(nested.clone()),
                    Some(entries) => Some(all(entries, sight.judging(&nested_result(nested)))),
                }
            }
            Action::Group(steps) => {
                let index = sight::index(steps);
                let inner =
                    Level { steps, index: &index, parent: Some(level), holder: Some(step), item: sight.item, ..*level };
                let entries = step.outputs.as_deref().unwrap_or_default();
                Some(all(entries, Sight { level: &inner, ..sight }))
            }
            Action::Call(call) if call.later && step.outputs.is_none() => None,
            Action::Call(_) | Action::Wait(_) => {
                let judged = step.result();
                match &step.outputs {
                    Some(entries) => Some(all(entries, sight.judging(&judged))),
                    None if step.probe.is_some() => Some(IndexMap::new()),
                    None => Some(IndexMap::from_iter([("result".to_owned(), judged)])),
                }
            }
        }
    }
}

/// `result` of a step that runs a nested runbook: its outputs.
pub(super) fn nested_result(outputs: &IndexMap<String, Known>) -> Known {
    let member = |known: &Known| Member { shape: known.shape.clone(), sensitive: known.sensitive };
    let members = outputs.iter().map(|(name, known)| (name.clone(), member(known))).collect();
    Shape::Structure(Arc::new(Structure { name: "the nested runbook".into(), members })).into()
}

impl Step {
    /// What is known of the step's own answer.
    pub(super) fn result(&self) -> Known {
        match &self.action {
            Some(Action::Call(call)) => call.result(),
            Some(Action::Wait(wait)) => wait.source.result(),
            _ => Known::default(),
        }
    }

    /// Does what it does change something in a way that cannot be repeated?
    pub(super) fn is_one_shot(&self) -> bool {
        let planned = match &self.action {
            Some(Action::Call(call)) => call.planned.as_ref(),
            _ => None,
        };
        planned.is_some_and(|planned| planned.effect == Effect::OneShot)
    }
}

impl Call {
    /// What is known of its answer.
    pub(super) fn result(&self) -> Known {
        self.planned.as_ref().map(|planned| planned.result.clone()).unwrap_or_default().into()
    }
}
