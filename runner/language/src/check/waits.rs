//! `wait-for`: its conditions checked and frozen.
//!
//! This file decides where a wait's answer is judged and whether it judges failed looks too. It must not know sources.

use std::cell::RefCell;

use runbook_model::argument::{Argument, Node};
use runbook_model::plan::{FailWhen, Until, Wait as PlanWait};
use runbook_model::source::Span;

use super::sight::{Notes, Sight};
use super::steps::frozen_call;
use crate::written::{self, Step, Wait};

/// The longest pause between looks unless the author says otherwise.
const EVERY: &str = "15s";

/// Checks a wait and freezes it.
pub(super) fn frozen(sight: &Sight<'_>, step: &Step, wait: &Wait, inherited: Option<&Argument>) -> PlanWait {
    let source = frozen_call(sight, &wait.source, inherited);
    let judged = step.result();
    let notes = RefCell::new(Notes::default());
    let judging = sight.judging(&judged).noting(&notes);
    let until = match &wait.until {
        written::Until::True(that) => {
            judging.argument(that);
            Until::True { that: that.clone() }
        }
        written::Until::Source => Until::Source,
    };
    for (when, _) in &wait.fail_when {
        judging.argument(when);
    }
    wait.observe.iter().for_each(|observe| drop(judging.argument(observe)));
    let judges = notes.take();
    let reads_error = judges.names.contains("error");
    for said in wait.fail_when.iter().filter_map(|(_, say)| say.as_ref()).chain(&wait.otherwise) {
        judging.argument(said);
    }
    for timespan in wait.every.iter().chain(&wait.stable_for) {
        sight.argument(timespan);
    }
    if let Some(outer) = sight.notes {
        outer.borrow_mut().add(judges);
        outer.borrow_mut().add(notes.take());
    }
    let default = || Argument { node: Node::Text(EVERY.into()), span: Span::default() };
    PlanWait {
        source,
        until,
        fail_when: wait.fail_when.iter().map(|(when, say)| FailWhen { when: when.clone(), say: say.clone() }).collect(),
        observe: wait.observe.clone(),
        otherwise: wait.otherwise.clone(),
        every: wait.every.clone().unwrap_or_else(default),
        stable_for: wait.stable_for.clone(),
        reads_error,
    }
}
