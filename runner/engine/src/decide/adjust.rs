//! Bringing into shape what is there and not as wanted, with the author's own steps.
//!
//! This file decides what follows when a probe found something else than wanted: the steps of `adjust`, once, and then one
//! more look. It must not decide about these steps; they are steps like any other.

use runbook_model::failure::{Failure, FailureClass};

use super::complete::failure_inside;
use super::{Decider, record};
use crate::command::Command;
use crate::event::{Event, Finding};
use crate::state::node::{Container, NodeId, Phase};

impl Decider<'_> {
    /// A probe found it there, and not as wanted.
    pub(super) fn different(self, id: NodeId, sentences: Vec<String>) -> Vec<Command> {
        let adjusted = self.state.node(id).phase == Phase::Open;
        if !adjusted && !self.state.step(id).adjust.is_empty() {
            return vec![
                self.finding(id, Finding::Different { sentences }),
                record(Event::StepAdjusting { step: self.path(id) }),
            ];
        }
        let now = sentences.join("\n");
        let before = self.state.node(id).work.different.join("\n");
        let message = match (adjusted, before == now) {
            (false, _) => now,
            (true, true) => format!("{now}\n`adjust` has run and changed nothing of that"),
            (true, false) => format!("{now}\nbefore `adjust` it was: {before}"),
        };
        let mut commands = vec![self.finding(id, Finding::Different { sentences })];
        commands.extend(self.fail(id, Failure::new(FailureClass::Exists, message)));
        commands
    }

    /// The steps of its `adjust` may be over: what they left is looked at, or the failure of one is the step's own.
    pub(super) fn adjusted(self, id: NodeId) -> Vec<Command> {
        let Some(body) = self.state.inner_body(id) else { return Vec::new() };
        let course = self.state.course(body);
        if !course.is_over {
            return Vec::new();
        }
        let inside = Container::Body(body);
        if self.state.has_failures(inside) {
            return self.fail(id, failure_inside(self.state, inside));
        }
        if !self.state.is_done(inside) {
            return Vec::new();
        }
        self.time_is_up(id).unwrap_or_else(|| self.or_need(id, self.probe(id)))
    }
}
