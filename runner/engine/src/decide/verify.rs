//! Looking at what is done before anything rests on it: `verify`, when a run is taken up.
//!
//! This file decides what such a look means. A result that does not hold any more is not trusted: the step is opened again
//! with its effect as one that happened and was found wanting, so that the resume table decides between a probe, another
//! try and a person. It must not decide which steps are looked at; that is `crate::state`.

use runbook_model::answer::Progress;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::Value;

use super::{Decider, record};
use crate::command::{Command, Purpose};
use crate::evaluate::{Hindrance, Moment, Standpoint};
use crate::event::{Because, EndStatus, Event};
use crate::state::node::{NodeId, Phase};

impl Decider<'_> {
    /// Looks at a finished step.
    pub(super) fn verify(self, id: NodeId) -> Vec<Command> {
        let Some(verify) = &self.state.step(id).verify else { return Vec::new() };
        match self.prepare(id, &verify.call, Purpose::Verify) {
            Ok(made) => vec![Command::Invoke(Box::new(made))],
            Err(Hindrance::Need(need)) => self.need(id, &need),
            Err(Hindrance::Failure(failure)) => self.distrust(id, vec![failure.message]),
        }
    }

    /// What that look says.
    pub(super) fn verified(self, id: NodeId, answer: &Result<Progress, Failure>) -> Vec<Command> {
        match answer {
            Ok(Progress::Done(answer)) => self.still_holds(id, &answer.output),
            Ok(Progress::Going { .. }) => self.distrust(id, vec!["its `verify` gave no answer".to_owned()]),
            Err(failure) if failure.class == FailureClass::ExpiredCredentials => {
                // The step is as it was; whoever logs in and resumes looks again.
                let because = Some(Because { step: Some(self.path(id)), failure: failure.clone() });
                vec![record(Event::RunEnded { status: EndStatus::Parked, outputs: None, because })]
            }
            Err(failure) => {
                let again = match failure.class {
                    FailureClass::Missing => None,
                    _ if failure.in_doubt => self.next_try(id, failure),
                    _ => self.retried(id, failure).unwrap_or_default(),
                };
                let failure = Failure { in_doubt: false, ..failure.clone() };
                let sentence = format!("its `verify` failed: {failure}");
                let mut commands = vec![self.attempt_failed(id, failure, again)];
                if again.is_none() {
                    commands.extend(self.distrust(id, vec![sentence]));
                }
                commands
            }
        }
    }

    fn still_holds(self, id: NodeId, result: &Value) -> Vec<Command> {
        let Some(verify) = &self.state.step(id).verify else { return Vec::new() };
        let work = &self.state.node(id).work;
        let moment = Moment::Answer { result, error: None, attempt: work.attempts.max(work.looks).max(1) };
        match self.sight().view(Standpoint::of(self.state, id), moment).checks(&verify.check) {
            Ok(verdict) if verdict.errors.is_empty() => {
                vec![record(Event::StepVerified { step: self.path(id), sentences: Vec::new() })]
            }
            Ok(verdict) => self.distrust(id, verdict.errors),
            Err(Hindrance::Need(need)) => self.need(id, &need),
            Err(Hindrance::Failure(failure)) => self.distrust(id, vec![failure.message]),
        }
    }

    /// The step is opened again, with all that is around it and ended with it.
    fn distrust(self, id: NodeId, sentences: Vec<String>) -> Vec<Command> {
        let mut commands = vec![record(Event::StepVerified { step: self.path(id), sentences })];
        let mut around = Vec::new();
        let mut at = self.state.around(id);
        while let Some(owner) = at {
            if self.state.node(owner).phase == Phase::Succeeded {
                around.push(owner);
            }
            at = self.state.around(owner);
        }
        for owner in around.into_iter().rev() {
            let generation = self.state.node(owner).work.generation;
            commands.push(self.reopened(owner, generation, None, false, "a step inside it is looked at again"));
        }
        let generation = self.state.node(id).work.generation;
        let deadline = self.new_deadline(id, self.state.step(id)).ok().flatten();
        let why = "its `verify` says that it is not as it was left";
        // What comes of it is another thing than what there was: a new token.
        commands.push(self.reopened(id, generation + u32::from(generation > 0), deadline, false, why));
        commands
    }
}
