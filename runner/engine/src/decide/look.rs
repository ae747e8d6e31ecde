//! Waiting: when a wait looks, and what it makes of what it sees.
//!
//! This file decides about `wait-for`: over, hopeless or not yet, and when to look next. It must not hold anything open
//! between looks; a source that can watch holds its own answer back, for as long as its look allows.

use runbook_model::answer::{Answer, Look, Progress};
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Origin;
use runbook_model::plan::{Until, Wait};
use runbook_model::time::Timestamp;
use runbook_model::value::Value;

use super::settle::check_failed;
use super::{Decider, record};
use crate::command::{Command, Purpose};
use crate::evaluate::answer::source;
use crate::evaluate::{Evaluated, Hindrance, Moment, Standpoint, View};
use crate::event::{Event, ParkReason};
use crate::retry;
use crate::state::node::{NodeId, Phase};

/// How long a source that watches may hold its answer back; less than any call may take.
const MOST_PATIENCE: Duration = Duration::from_secs(50);

/// The pause after the first look, and the least pause of a source that watches.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// What one look means for the wait.
enum Seen {
    Over,
    Hopeless(Failure),
    NotYet,
}

impl Decider<'_> {
    /// The next look of a wait.
    pub(super) fn look(self, id: NodeId, wait: &Wait) -> Vec<Command> {
        if let Some(commands) = self.time_is_up(id) {
            return commands;
        }
        self.or_need(id, self.looking(id, wait))
    }

    fn looking(self, id: NodeId, wait: &Wait) -> Evaluated<Vec<Command>> {
        let work = &self.state.node(id).work;
        let mark = self.process.marks.get(&id).cloned();
        let mut patience = if mark.is_some() { MOST_PATIENCE } else { Duration::default() };
        if let Some(left) = self.time_left(id) {
            patience = patience.min(left);
        }
        if let (Some(since), Some(stable)) = (work.holds_since, self.stable_for(id, wait)?) {
            patience = patience.min(since.plus(stable).since(self.now));
        }
        let look = Look { number: work.looks + 1, patience, mark };
        let made = self.prepare(id, &wait.source, Purpose::Look(look))?;
        Ok(vec![Command::Invoke(Box::new(made))])
    }

    fn stable_for(self, id: NodeId, wait: &Wait) -> Evaluated<Option<Duration>> {
        let view = self.sight().of(id);
        wait.stable_for.as_ref().map(|stable| view.duration(stable, "stable-for")).transpose()
    }

    /// What a look's answer means.
    pub(super) fn looked(
        self,
        id: NodeId,
        wait: &Wait,
        number: u32,
        issued: Timestamp,
        answer: &Result<Progress, Failure>,
    ) -> Vec<Command> {
        let outcome = match answer {
            Ok(Progress::Done(answer)) => self.judged(id, wait, number, issued, Ok(answer)),
            Ok(Progress::Going { .. }) => {
                let message = format!("`{}` cannot be a source", wait.source.kind);
                Err(Failure::new(FailureClass::Invalid, message).into())
            }
            Err(failure) => self.look_failed(id, wait, number, issued, failure),
        };
        self.or_need(id, outcome)
    }

    fn look_failed(
        self,
        id: NodeId,
        wait: &Wait,
        number: u32,
        issued: Timestamp,
        failure: &Failure,
    ) -> Evaluated<Vec<Command>> {
        let step = self.state.step(id);
        if failure.class == FailureClass::ExpiredCredentials {
            return Ok(self.failed_attempt(id, failure));
        }
        if wait.reads_error {
            return match self.judged(id, wait, number, issued, Err(failure)) {
                // An expression that did not think of this failure does not end a long wait over a passing one.
                Err(Hindrance::Failure(_)) if failure.in_doubt || retry::passing(&step.retry, failure).is_some() => {
                    Ok(self.failed_attempt(id, failure))
                }
                outcome => outcome,
            };
        }
        let absent = failure.class == FailureClass::Missing
            || failure.class == FailureClass::Unavailable
                && matches!(wait.source.kind.as_str(), "http" | "tcp" | "dns");
        if absent {
            return self.not_yet(id, wait, number, issued, Err(failure), None);
        }
        if failure.is_one_of(&step.accept) {
            return self.accepted(id, failure);
        }
        Ok(self.failed_attempt(id, failure))
    }

    /// Judges what was seen: an answer, or a failure that the author's expressions read.
    fn judged(
        self,
        id: NodeId,
        wait: &Wait,
        number: u32,
        issued: Timestamp,
        answer: Result<&Answer, &Failure>,
    ) -> Evaluated<Vec<Command>> {
        let null = Value::Null;
        let whole = answer.map_or(&null, |answer| &answer.output);
        // A source that judges by itself hands its result over beside its judgement.
        let result = match wait.until {
            Until::Source => whole.get("result").unwrap_or(&null),
            Until::True { .. } => whole,
        };
        let moment = Moment::Answer { result, error: answer.err(), attempt: number };
        let view = self.sight().view(Standpoint::of(self.state, id), moment);
        match self.seen(&view, wait, whole, answer.err())? {
            Seen::Hopeless(failure) => {
                let mut commands = vec![self.attempt_failed(id, failure.clone(), None)];
                commands.extend(self.fail(id, failure));
                Ok(commands)
            }
            Seen::NotYet => self.not_yet(id, wait, number, issued, answer, None),
            Seen::Over => {
                let since = self.state.node(id).work.holds_since.unwrap_or(self.now);
                match self.stable_for(id, wait)? {
                    Some(stable) if self.now.since(since) < stable => {
                        self.not_yet(id, wait, number, issued, answer, Some((since, stable)))
                    }
                    _ => self.over(id, &view, result, answer),
                }
            }
        }
    }

    fn seen(self, view: &View<'_>, wait: &Wait, whole: &Value, error: Option<&Failure>) -> Evaluated<Seen> {
        let over = match &wait.until {
            Until::True { that } => view.truth(that)?,
            Until::Source => match whole.get("state").and_then(Value::as_str) {
                Some("success") => true,
                Some("failure") => {
                    let message = observed(whole).unwrap_or_else(|| "what is waited for has failed".to_owned());
                    return Ok(Seen::Hopeless(Failure::new(FailureClass::CheckFailed, message)));
                }
                _ => false,
            },
        };
        if over {
            return Ok(Seen::Over);
        }
        for fail in &wait.fail_when {
            if view.truth(&fail.when)? {
                let message = match (&fail.say, &wait.observe) {
                    (Some(say), _) => view.text(say)?,
                    (None, Some(observe)) => format!("{} is true: {}", source(&fail.when), view.text(observe)?),
                    (None, None) => format!("{} is true", source(&fail.when)),
                };
                let failure = Failure::new(FailureClass::CheckFailed, message);
                let request_id = error.and_then(|error| error.request_id.clone());
                return Ok(Seen::Hopeless(Failure { request_id, ..failure }));
            }
        }
        Ok(Seen::NotYet)
    }

    /// Another look is needed: when, or the time is up.
    fn not_yet(
        self,
        id: NodeId,
        wait: &Wait,
        number: u32,
        issued: Timestamp,
        answer: Result<&Answer, &Failure>,
        holds: Option<(Timestamp, Duration)>,
    ) -> Evaluated<Vec<Command>> {
        let null = Value::Null;
        let whole = answer.map_or(&null, |answer| &answer.output);
        let result = match wait.until {
            Until::Source => whole.get("result").unwrap_or(&null),
            Until::True { .. } => whole,
        };
        let moment = Moment::Answer { result, error: answer.err(), attempt: number };
        let view = self.sight().view(Standpoint::of(self.state, id), moment);
        let observed = match (&wait.observe, answer) {
            (Some(observe), Ok(_)) => Some(view.text(observe)?),
            (Some(observe), Err(_)) if wait.reads_error => Some(view.text(observe)?),
            (_, Err(failure)) => Some(failure.to_string()),
            (None, Ok(_)) => observed(whole),
        };
        let every = view.duration(&wait.every, "every")?;
        let mut next = if answer.is_ok_and(|answer| answer.mark.is_some()) {
            issued.plus(FIRST_PAUSE).max(self.now)
        } else {
            self.now.plus(pause(number, every))
        };
        if let Some((since, stable)) = holds {
            next = next.min(since.plus(stable));
        }
        let looked = Event::StepLooked {
            step: self.path(id),
            look: number,
            observed: observed.clone(),
            failure: answer.err().cloned(),
            holds_since: holds.map(|(since, _)| since),
            next,
        };
        let mut commands = vec![record(looked)];
        if let Some((deadline, owner)) = self.state.deadline(id)
            && self.now >= deadline
            && !matches!(self.state.node(owner).phase, Phase::Parked(_))
        {
            let message = self.out_of_time(id, owner, moment, observed.as_deref());
            commands.push(self.park(owner, ParkReason::Deadline, message));
        }
        Ok(commands)
    }

    fn over(
        self,
        id: NodeId,
        view: &View<'_>,
        result: &Value,
        answer: Result<&Answer, &Failure>,
    ) -> Evaluated<Vec<Command>> {
        let step = self.state.step(id);
        let verdict = view.checks(&step.check)?;
        if !verdict.errors.is_empty() {
            return Err(check_failed(&verdict.errors).into());
        }
        let (outputs, warnings) = view.outputs(step.outputs.as_ref(), result, &step.secret)?;
        let said = answer.map(|answer| answer.warnings.clone()).unwrap_or_default();
        let mut event = self.done(id, Origin::Unchanged, outputs, [said, verdict.warnings, warnings].concat());
        if let Event::StepSucceeded { request_id, accepted, .. } = &mut event {
            request_id.clone_from(&answer.map_or_else(|e| e.request_id.clone(), |a| a.request_id.clone()));
            *accepted = answer.err().cloned();
        }
        Ok(vec![record(event)])
    }
}

/// What a source that judges by itself shows people; never a secret.
fn observed(whole: &Value) -> Option<String> {
    let Value::Map(map) = whole else { return None };
    map.get("observed")?.redacted().as_str().map(str::to_owned)
}

/// The pause after the look with this number: a second, then ever longer up to `every`.
fn pause(number: u32, every: Duration) -> Duration {
    let mut millis = FIRST_PAUSE.as_millis();
    for _ in 1..number.min(64) {
        if millis >= every.as_millis() {
            break;
        }
        millis = millis * 3 / 2;
    }
    Duration::from_millis(millis).min(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_come_ever_later_up_to_the_ceiling() {
        let pauses = |every: u64| (1..=9).map(move |n| pause(n, Duration::from_secs(every)).as_millis());
        assert_eq!(pauses(15).collect::<Vec<_>>(), [1_000, 1_500, 2_250, 3_375, 5_062, 7_593, 11_389, 15_000, 15_000]);
        assert!(pauses(0).all(|pause| pause == 0));
        assert_eq!(pause(u32::MAX, Duration::from_secs(20)).as_millis(), 20_000);
    }
}
