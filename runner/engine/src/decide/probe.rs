//! Looking first: is the effect there already, and is it ours?
//!
//! This file decides what a probe's answer means, before the first call as well as after a lost reply. It must not decide
//! whether a step looks at all; that is the resume table's and `super::act`'s.

use runbook_model::answer::{Answer, Progress};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Origin;
use runbook_model::plan::{Action, Probe};

use super::act::origin;
use super::{Decider, record};
use crate::command::{Command, Purpose};
use crate::evaluate::{Evaluated, Moment, Standpoint};
use crate::event::{Event, Finding};
use crate::state::node::{Mark, NodeId};

impl Decider<'_> {
    pub(super) fn probe(self, id: NodeId) -> Evaluated<Vec<Command>> {
        let Some(probe) = &self.state.step(id).probe else { return Ok(Vec::new()) };
        let made = self.prepare(id, &probe.call, Purpose::Probe)?;
        Ok(vec![Command::Invoke(Box::new(made))])
    }

    /// What a probe's answer means.
    pub(super) fn probed(self, id: NodeId, answer: &Result<Progress, Failure>) -> Vec<Command> {
        let Some(probe) = &self.state.step(id).probe else { return Vec::new() };
        match answer {
            Ok(Progress::Done(answer)) => self.or_need(id, self.found(id, probe, answer)),
            Ok(Progress::Going { .. }) => {
                let failure = Failure::new(FailureClass::Invalid, format!("`{}` cannot probe", probe.call.kind));
                self.failed_attempt(id, &failure)
            }
            Err(failure) if failure.class == FailureClass::Missing => self.absent(id),
            Err(failure) => {
                let message = format!("the look failed: {}", failure.message);
                self.failed_attempt(id, &Failure { message, ..failure.clone() })
            }
        }
    }

    fn found(self, id: NodeId, probe: &Probe, answer: &Answer) -> Evaluated<Vec<Command>> {
        let (node, step) = (self.state.node(id), self.state.step(id));
        let result = &answer.output;
        let moment = Moment::Answer { result, error: None, attempt: node.work.attempts.max(1) };
        let view = self.sight().view(Standpoint::of(self.state, id), moment);
        if let Some(condition) = &probe.present_when
            && !view.truth(condition)?
        {
            return Ok(self.absent(id));
        }
        let verdict = view.checks(&probe.matches)?;
        if !verdict.errors.is_empty() {
            return Ok(self.different(id, verdict.errors));
        }
        let outputs = probe.outputs.as_ref().or(step.outputs.as_ref());
        let (kept, warnings) = view.outputs(outputs, result, &step.secret)?;
        let former = node.work.former.as_ref().map(|(origin, _)| *origin);
        let came = match (former, node.work.mark, &step.action) {
            (Some(Origin::Created), ..) => Origin::Created,
            // What a lost call has left is this run's own: the look before it saw nothing.
            (None, Mark::Doubt | Mark::Answered, Action::Call(call)) => origin(step, call),
            _ if self.state.inner_body(id).is_some() => Origin::Changed,
            (former, ..) => former.unwrap_or(Origin::Adopted),
        };
        let mut event = self.done(id, came, kept, [verdict.warnings, warnings].concat());
        if let Event::StepSucceeded { request_id, .. } = &mut event {
            request_id.clone_from(&answer.request_id);
        }
        Ok(vec![self.finding(id, Finding::Matching), record(event)])
    }

    fn absent(self, id: NodeId) -> Vec<Command> {
        let work = &self.state.node(id).work;
        let mut commands = vec![self.finding(id, Finding::Absent)];
        match &work.failure {
            // The service said the name is taken, and nobody has it: something is still on its way in or out.
            Some(taken) if work.taken => {
                let message = format!("{} (and the probe finds nothing)", taken.message);
                let failure = Failure { class: FailureClass::Conflict, message, ..taken.clone() };
                commands.extend(self.failed_attempt(id, &failure));
            }
            // Every try that the policy allows was lost, and none of them has left anything.
            Some(lost) if work.mark == Mark::Doubt && self.retry_after(id, work.failures, lost).is_none() => {
                commands.extend(self.fail(id, lost.clone()));
            }
            _ => {}
        }
        commands
    }

    pub(super) fn finding(self, id: NodeId, finding: Finding) -> Command {
        let generation = self.state.node(id).work.generation;
        record(Event::StepProbed { step: self.path(id), generation, finding })
    }
}
