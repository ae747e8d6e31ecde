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

impl Decider<'_> {
    pub(super) fn complete(self, id: NodeId) -> Vec<Command> {
        let node = self.state.node(id);
        let (container, body) = match &node.inner {
            Inner::Body(body) => (Container::Body(*body), Some(*body)),
            Inner::Loop(_) => (Container::Loop(id), None),
            Inner::Nothing => return Vec::new(),
        };
        let failed = self.state.has_failures(container);
        // A failure elsewhere may have stopped it in the middle; then the resume goes on with it.
        if !self.state.course_inside(id).is_over || !failed && !self.state.is_done(container) {
            return Vec::new();
        }
        if let Some(end) = body.and_then(|body| self.next_end(body)) {
            return if self.closes() { vec![end] } else { Vec::new() };
        }
        if failed {
            return self.fail(id, failure_inside(self.state, container));
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

/// What failed in a container: the innermost failure, with its path, and how many more there are.
pub(super) fn failure_inside(state: &State, container: Container) -> Failure {
    let failed = all_failures(state, container);
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

/// The failed instances of a container that nothing inside them explains, in the order of the plan.
pub(super) fn all_failures(state: &State, container: Container) -> Vec<(String, Failure)> {
    let mut found = Vec::new();
    for id in state.members(container) {
        failures(state, id, &mut found);
    }
    found
}

/// The same of one instance and what is inside it.
pub(super) fn failures(state: &State, id: NodeId, found: &mut Vec<(String, Failure)>) {
    let node = state.node(id);
    if !matches!(node.phase, Phase::Failed | Phase::Open) {
        return;
    }
    let inside = match &node.inner {
        Inner::Nothing => Vec::new(),
        Inner::Body(body) => all_failures(state, Container::Body(*body)),
        Inner::Loop(_) => all_failures(state, Container::Loop(id)),
    };
    let explained = !inside.is_empty();
    found.extend(inside);
    if node.phase == Phase::Failed
        && !explained
        && let Some(failure) = node.end.as_ref().and_then(|end| end.failure.clone())
    {
        found.push((node.path.to_string(), failure));
    }
}
