//! How a step ends or pauses: done, failed, tried again, parked.
//!
//! This file decides what a failure means: an answer after all, another try, doubt, a wait for a person, or the end of the
//! step. It must not know what was called.

use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Effect, Origin};
use runbook_model::plan::{Action, OnFailure};
use runbook_model::time::Timestamp;
use runbook_model::value::Value;

use super::{Decider, record};
use crate::command::Command;
use crate::evaluate::{Evaluated, Moment, Standpoint};
use crate::event::{Event, ParkReason};
use crate::retry::{self, Passing, Tried};
use crate::state::node::{Mark, NodeId, Phase};

impl Decider<'_> {
    /// The success of an instance.
    pub(super) fn done(self, id: NodeId, origin: Origin, outputs: Value, warnings: Vec<String>) -> Event {
        Event::StepSucceeded {
            step: self.path(id),
            generation: self.state.node(id).work.generation,
            origin,
            outputs: outputs.into(),
            request_id: None,
            accepted: None,
            warnings,
            before: None,
        }
    }

    /// The end of an instance that failed for good, as its `on-failure` has it.
    pub(super) fn fail(self, id: NodeId, mut failure: Failure) -> Vec<Command> {
        let step = self.path(id);
        match self.state.step(id).on_failure {
            OnFailure::Warn => {
                let reason = format!("it failed, and `on-failure: warn` counts that as skipped: {failure}");
                vec![record(Event::StepSkipped { step, reason, failure: Some(failure) })]
            }
            OnFailure::Undo => {
                failure.help.get_or_insert_with(|| {
                    "`on-failure: undo` is not carried out by this version; what the run made is still there".into()
                });
                vec![record(Event::StepFailed { step, failure })]
            }
            OnFailure::Stop | OnFailure::Continue => vec![record(Event::StepFailed { step, failure })],
        }
    }

    /// What follows from a call that failed, if that is no answer and leaves no doubt about an effect.
    pub(super) fn failed_attempt(self, id: NodeId, failure: &Failure) -> Vec<Command> {
        // A reading that got no answer is simply made again.
        let lost = failure.in_doubt;
        let failure = Failure { in_doubt: false, ..failure.clone() };
        if failure.class == FailureClass::ExpiredCredentials {
            let message = failure.to_string();
            return vec![self.attempt_failed(id, failure, None), self.park(id, ParkReason::Credentials, message)];
        }
        // Where `retry.when` cannot be evaluated, the failure itself is what people have to read.
        let retry_at = if lost { self.next_try(id, &failure) } else { self.retried(id, &failure).unwrap_or_default() };
        let mut commands = vec![self.attempt_failed(id, failure.clone(), retry_at)];
        if retry_at.is_none() {
            commands.extend(self.fail(id, failure));
        }
        commands
    }

    pub(super) fn attempt_failed(self, id: NodeId, failure: Failure, retry_at: Option<Timestamp>) -> Command {
        let work = &self.state.node(id).work;
        let attempt = match self.state.step(id).action {
            Action::Wait(_) => work.looks + 1,
            _ => work.attempts,
        };
        record(Event::AttemptFailed { step: self.path(id), attempt, failure, retry_at })
    }

    /// When a failed call is made again, if it is.
    pub(super) fn retried(self, id: NodeId, failure: &Failure) -> Evaluated<Option<Timestamp>> {
        let step = self.state.step(id);
        match retry::passing(&step.retry, failure) {
            None => return Ok(None),
            Some(Passing::Always) => {}
            Some(Passing::Named) => {
                // A false check after a one-shot is not tried again: that would do it twice. A failure with a code is the
                // call's own, such as the exit status of a command, and the author named it.
                let one_shot = matches!(&step.action, Action::Call(call) if call.effect == Effect::OneShot);
                if one_shot && failure.class == FailureClass::CheckFailed && failure.code.is_none() {
                    return Ok(None);
                }
                if let Some(when) = &step.retry.when {
                    let attempt = self.state.node(id).work.attempts.max(1);
                    let moment = Moment::Answer { result: &Value::Null, error: Some(failure), attempt };
                    if !self.sight().view(Standpoint::of(self.state, id), moment).truth(when)? {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(self.next_try(id, failure))
    }

    /// When the policy of the step has it tried again after this failure; `None`: it is used up.
    pub(super) fn next_try(self, id: NodeId, failure: &Failure) -> Option<Timestamp> {
        self.retry_after(id, self.state.node(id).work.failures + 1, failure)
    }

    /// The same after so many failures in a row.
    pub(super) fn retry_after(self, id: NodeId, failures: u32, failure: &Failure) -> Option<Timestamp> {
        let since = self.state.node(id).work.tried_since.unwrap_or(self.now);
        let tried = Tried { failures, since, now: self.now };
        retry::next(&self.state.step(id).retry, tried, failure, self.state.run(), &self.state.node(id).path)
    }

    pub(super) fn park(self, id: NodeId, reason: ParkReason, message: String) -> Command {
        record(Event::StepParked { step: self.path(id), reason, message })
    }

    /// What happens when the time of a step, or of what is around it, is up: it looks once more, then it parks. `None` while
    /// there is time, or a look is still to be had.
    pub(super) fn time_is_up(self, id: NodeId) -> Option<Vec<Command>> {
        let (deadline, owner) = self.state.deadline(id)?;
        if self.now < deadline {
            return None;
        }
        let node = self.state.node(id);
        if self.can_look(id) && node.work.last.is_none_or(|last| last < deadline) {
            return None;
        }
        if matches!(self.state.node(owner).phase, Phase::Parked(_)) {
            return Some(Vec::new());
        }
        let moment =
            Moment::Answer { result: &Value::Null, error: node.work.failure.as_ref(), attempt: node.work.looks };
        let message = self.out_of_time(id, owner, moment, None);
        Some(vec![self.park(owner, ParkReason::Deadline, message)])
    }

    /// Can an instance look whether it is done after all?
    fn can_look(self, id: NodeId) -> bool {
        let node = self.state.node(id);
        let step = self.state.step(id);
        matches!(node.phase, Phase::Active | Phase::Open)
            && match &step.action {
                Action::Wait(_) => true,
                Action::Call(call) => {
                    step.probe.is_some() || call.effect == Effect::Reads || node.work.mark == Mark::Going
                }
                _ => false,
            }
    }

    /// What people read when the time of a step is up: the author's sentence, and what was seen last.
    pub(super) fn out_of_time(self, id: NodeId, owner: NodeId, moment: Moment<'_>, observed: Option<&str>) -> String {
        let (node, step) = (self.state.node(id), self.state.step(id));
        let own = match &step.action {
            Action::Wait(wait) => wait
                .otherwise
                .as_ref()
                .and_then(|sentence| self.sight().view(Standpoint::of(self.state, id), moment).text(sentence).ok()),
            _ => None,
        };
        let sentence = own.unwrap_or_else(|| {
            let timeout = self.timeout(owner, self.state.step(owner)).ok().flatten();
            let time = timeout.map_or_else(|| "the time it has".to_owned(), |timeout| timeout.to_string());
            if id == owner {
                format!("it was not done within {time}")
            } else {
                format!("`{}` was not done within {time}", node.path)
            }
        });
        match (observed.or(node.work.observed.as_deref()), &node.work.failure) {
            (Some(observed), _) => format!("{sentence}; last seen: {observed}"),
            (None, Some(failure)) => format!("{sentence}; last failure: {failure}"),
            (None, None) => sentence,
        }
    }

    /// How much of a step's time is left, if it is bounded.
    pub(super) fn time_left(self, id: NodeId) -> Option<Duration> {
        self.state.deadline(id).map(|(deadline, _)| deadline.since(self.now))
    }
}
