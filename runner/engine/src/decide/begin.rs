//! A step's turn has come: whether it runs at all, for which items, and how it begins.
//!
//! This file decides about instances of which nothing is recorded yet. It must not call anybody.

use runbook_model::duration::Duration;
use runbook_model::kind::Origin;
use runbook_model::plan::{Action, Step};
use runbook_model::time::Timestamp;
use runbook_model::value::{Map, Value};

use super::{Decider, record};
use crate::command::Command;
use crate::evaluate::answer::source;
use crate::evaluate::{Evaluated, Moment, Standpoint};
use crate::event::{Event, ParkReason};
use crate::state::node::NodeId;

impl Decider<'_> {
    pub(super) fn begin(self, id: NodeId) -> Vec<Command> {
        if let Some(commands) = self.time_is_up(id) {
            return commands;
        }
        self.or_need(id, self.beginning(id))
    }

    fn beginning(self, id: NodeId) -> Evaluated<Vec<Command>> {
        let (node, step) = (self.state.node(id), self.state.step(id));
        let view = self.sight().of(id);
        // A condition about items is asked per item, any other before the list.
        let asked = if node.is_loop() { !step.when_per_item } else { node.item().is_none() || step.when_per_item };
        if let Some(when) = step.when.as_ref().filter(|_| asked)
            && !view.truth(when)?
        {
            let reason = format!("`when` is false: {}", source(when));
            return Ok(vec![record(Event::StepSkipped { step: self.path(id), reason, failure: None })]);
        }
        if node.is_loop() {
            let items = self.sight().list(id)?;
            return Ok(vec![record(Event::ItemsListed { step: self.path(id), items })]);
        }
        let event = match &step.action {
            Action::Set { values } => {
                let (outputs, warnings) = crate::evaluate::answer::limited(view.named_values(values, &step.secret)?);
                self.done(id, Origin::Unchanged, outputs, warnings)
            }
            Action::Assert { checks } => {
                let warnings = view.passed(checks)?;
                self.done(id, Origin::Unchanged, Value::Map(Map::new()), warnings)
            }
            Action::Approve { message } => {
                Event::StepParked { step: self.path(id), reason: ParkReason::Approval, message: view.text(message)? }
            }
            Action::Run(_) | Action::Group { .. } => {
                let inputs = self.sight().inputs_for(id)?.into();
                Event::BodyOpened { step: self.path(id), inputs, deadline: self.new_deadline(id, step)? }
            }
            Action::Call(_) | Action::Wait(_) => {
                Event::StepBegun { step: self.path(id), deadline: self.new_deadline(id, step)? }
            }
        };
        Ok(vec![record(event)])
    }

    /// When the time of a step is up that begins, or begins again, now.
    pub(super) fn new_deadline(self, id: NodeId, step: &Step) -> Evaluated<Option<Timestamp>> {
        Ok(self.timeout(id, step)?.map(|timeout| self.now.plus(timeout)))
    }

    pub(super) fn timeout(self, id: NodeId, step: &Step) -> Evaluated<Option<Duration>> {
        let Some(timeout) = &step.timeout else { return Ok(None) };
        let view = self.sight().view(Standpoint::of(self.state, id), Moment::Before);
        view.duration(timeout, "timeout").map(Some)
    }
}
