//! What is inside a nested runbook, a group or a loop is over: how that ends the step.
//!
//! This file decides about instances that are open and in which nothing can go on. It must not decide about the run itself.

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Origin;
use runbook_model::value::{Map, Value};

use super::{Decider, record};
use crate::command::Command;
use crate::evaluate::answer::limited;
use crate::state::State;
use crate::state::node::{Container, Inner, NodeId, Phase};
use crate::state::tally::{Tally, Weight};

impl Decider<'_> {
    pub(super) fn complete(self, id: NodeId) -> Vec<Command> {
        let node = self.state.node(id);
        let (container, inside) = match &node.inner {
            Inner::Body(body) => (Container::Body(*body), self.state.inside(id)),
            Inner::Loop(_) => (Container::Loop(id), self.state.inside(id)),
            Inner::Nothing => return Vec::new(),
        };
        if !inside.is_over() {
            return Vec::new();
        }
        if has_failures(inside) {
            return self.fail(id, failure_inside(self.state, container));
        }
        if !is_done(self.state, container) {
            // A failure elsewhere stopped it in the middle; the resume goes on with it.
            return Vec::new();
        }
        if node.is_loop() {
            return vec![record(self.done(id, Origin::Unchanged, Value::Map(Map::new()), Vec::new()))];
        }
        let outputs = self.sight().body_outputs(id).map(|outputs| {
            let (outputs, warnings) = limited(outputs);
            vec![record(self.done(id, Origin::Unchanged, outputs, warnings))]
        });
        self.or_need(id, outputs)
    }
}

fn has_failures(tally: Tally) -> bool {
    tally.failed > 0 || tally.excused > 0 || tally.doomed > 0
}

/// Did everything in a container succeed, or need not run?
pub(super) fn is_done(state: &State, container: Container) -> bool {
    state.children(container).into_iter().all(|id| state.node(id).weight == Weight::Ended)
}

/// What failed in a container: the innermost failure, with its path, and how many more there are.
pub(super) fn failure_inside(state: &State, container: Container) -> Failure {
    let mut failed = Vec::new();
    failures(state, container, &mut failed);
    let Some((path, first)) = failed.first() else {
        return Failure::new(FailureClass::Unknown, "steps inside wait for each other and cannot go on");
    };
    let more = match failed.len() - 1 {
        0 => String::new(),
        1 => " (and 1 more failed)".to_owned(),
        more => format!(" (and {more} more failed)"),
    };
    Failure { message: format!("`{path}` failed: {first}{more}"), code: None, ..first.clone() }
}

/// The failed instances that nothing inside them explains, in the order of the plan.
pub(super) fn failures(state: &State, container: Container, found: &mut Vec<(String, Failure)>) {
    for id in state.children(container) {
        let node = state.node(id);
        if !matches!(node.phase, Phase::Failed | Phase::Open) {
            continue;
        }
        let before = found.len();
        match &node.inner {
            Inner::Nothing => {}
            Inner::Body(body) => failures(state, Container::Body(*body), found),
            Inner::Loop(_) => failures(state, Container::Loop(id), found),
        }
        if node.phase == Phase::Failed
            && found.len() == before
            && let Some(failure) = node.end.as_ref().and_then(|end| end.failure.clone())
        {
            found.push((node.path.to_string(), failure));
        }
    }
}
