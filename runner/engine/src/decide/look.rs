//! Waiting: when a wait looks, and what it makes of what it sees.
//!
//! This file decides about `wait-for`: over, hopeless or not yet, and when to look next. It must not hold anything open
//! between looks; a source that can watch holds its own answer back, for as long as its look allows.

use runbook_model::answer::{Answer, Look, Progress};
use runbook_model::argument::Argument;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Origin;
use runbook_model::plan::{Until, Wait};
use runbook_model::time::Timestamp;
use runbook_model::value::Value;
use runbook_template::syntax::{ExprKind, parse};

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

static NULL: Value = Value::Null;

/// One look and what came of it.
#[derive(Clone, Copy)]
struct Glance<'a> {
    number: u32,
    issued: Timestamp,
    answer: Result<&'a Answer, &'a Failure>,
    /// All that the source said; null after a failure.
    whole: &'a Value,
    /// What expressions see of it. A source that judges by itself hands its result over beside its judgement.
    result: &'a Value,
}

impl<'a> Glance<'a> {
    fn new(wait: &Wait, number: u32, issued: Timestamp, answer: Result<&'a Answer, &'a Failure>) -> Self {
        let whole = answer.map_or(&NULL, |answer| &answer.output);
        let result = match wait.until {
            Until::Source => whole.get("result").unwrap_or(&NULL),
            Until::True { .. } => whole,
        };
        Self { number, issued, answer, whole, result }
    }

    fn moment(&self) -> Moment<'a> {
        Moment::Answer { result: self.result, error: self.answer.err(), attempt: self.number }
    }
}

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
            Ok(Progress::Done(answer)) => self.judged(id, wait, Glance::new(wait, number, issued, Ok(answer))),
            Ok(Progress::Going { .. }) => {
                let message = format!("`{}` cannot be a source", wait.source.kind);
                Err(Failure::new(FailureClass::Invalid, message).into())
            }
            Err(failure) => self.look_failed(id, wait, Glance::new(wait, number, issued, Err(failure)), failure),
        };
        self.or_need(id, outcome)
    }

    fn look_failed(self, id: NodeId, wait: &Wait, glance: Glance<'_>, failure: &Failure) -> Evaluated<Vec<Command>> {
        let step = self.state.step(id);
        if failure.class == FailureClass::ExpiredCredentials {
            return Ok(self.failed_attempt(id, failure));
        }
        let seen = match self.seen(&self.sight().view(Standpoint::of(self.state, id), glance.moment()), wait, glance) {
            // An expression that did not think of this failure does not end a long wait over a passing one.
            Err(Hindrance::Failure(_)) if failure.in_doubt || retry::passing(&step.retry, failure).is_some() => {
                return Ok(self.failed_attempt(id, failure));
            }
            seen => seen?,
        };
        let judged_by_until = matches!(&wait.until, Until::True { that } if reads_error(that));
        if judged_by_until || !matches!(seen, Seen::NotYet) {
            return self.follow(id, wait, glance, seen);
        }
        let absent = failure.class == FailureClass::Missing
            || failure.class == FailureClass::Unavailable
                && matches!(wait.source.kind.as_str(), "http" | "tcp" | "dns");
        if absent {
            return self.not_yet(id, wait, glance, None);
        }
        if failure.is_one_of(&step.accept) {
            return self.accepted(id, failure);
        }
        Ok(self.failed_attempt(id, failure))
    }

    fn judged(self, id: NodeId, wait: &Wait, glance: Glance<'_>) -> Evaluated<Vec<Command>> {
        let view = self.sight().view(Standpoint::of(self.state, id), glance.moment());
        self.follow(id, wait, glance, self.seen(&view, wait, glance)?)
    }

    /// What follows from what was seen.
    fn follow(self, id: NodeId, wait: &Wait, glance: Glance<'_>, seen: Seen) -> Evaluated<Vec<Command>> {
        match seen {
            Seen::Hopeless(failure) => {
                let mut commands = vec![self.attempt_failed(id, failure.clone(), None)];
                commands.extend(self.fail(id, failure));
                Ok(commands)
            }
            Seen::NotYet => self.not_yet(id, wait, glance, None),
            Seen::Over => {
                let since = self.state.node(id).work.holds_since.unwrap_or(self.now);
                match self.stable_for(id, wait)? {
                    Some(stable) if self.now.since(since) < stable => {
                        self.not_yet(id, wait, glance, Some((since, stable)))
                    }
                    _ => {
                        let view = self.sight().view(Standpoint::of(self.state, id), glance.moment());
                        self.over(id, &view, glance)
                    }
                }
            }
        }
    }

    /// Judges a look. A failed one is seen only by the expressions that read `error`.
    fn seen(self, view: &View<'_>, wait: &Wait, glance: Glance<'_>) -> Evaluated<Seen> {
        let sees = |judge: &Argument| glance.answer.is_ok() || wait.reads_error && reads_error(judge);
        let over = match &wait.until {
            Until::True { that } => sees(that) && view.truth(that)?,
            Until::Source => match glance.whole.get("state").and_then(Value::as_str) {
                Some("success") => true,
                Some("failure") => {
                    let message = observed(glance.whole).unwrap_or_else(|| "what is waited for has failed".to_owned());
                    return Ok(Seen::Hopeless(Failure::new(FailureClass::CheckFailed, message)));
                }
                _ => false,
            },
        };
        if over {
            return Ok(Seen::Over);
        }
        for fail in wait.fail_when.iter().filter(|fail| sees(&fail.when)) {
            if view.truth(&fail.when)? {
                let message = match (&fail.say, wait.observe.as_ref().filter(|observe| sees(observe))) {
                    (Some(say), _) => view.text(say)?,
                    (None, Some(observe)) => format!("{} is true: {}", source(&fail.when), view.text(observe)?),
                    (None, None) => format!("{} is true", source(&fail.when)),
                };
                let mut failure = Failure::new(FailureClass::CheckFailed, message);
                failure.help = glance.answer.ok().and_then(|answer| answer.blocks.clone());
                let request_id = glance.answer.err().and_then(|error| error.request_id.clone());
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
        glance: Glance<'_>,
        holds: Option<(Timestamp, Duration)>,
    ) -> Evaluated<Vec<Command>> {
        let view = self.sight().view(Standpoint::of(self.state, id), glance.moment());
        let observed = match (&wait.observe, glance.answer) {
            (Some(observe), Ok(_)) => Some(view.text(observe)?),
            (Some(observe), Err(_)) if reads_error(observe) => Some(view.text(observe)?),
            (_, Err(failure)) => Some(failure.to_string()),
            (None, Ok(_)) => observed(glance.whole),
        };
        let blocks = glance.answer.ok().and_then(|answer| answer.blocks.clone());
        let observed = match (observed, blocks) {
            (Some(observed), Some(blocks)) => Some(format!("{observed}; {blocks}")),
            (observed, blocks) => observed.or(blocks),
        };
        let every = view.duration(&wait.every, "every")?;
        let mut next = if glance.answer.is_ok_and(|answer| answer.mark.is_some()) {
            glance.issued.plus(FIRST_PAUSE).max(self.now)
        } else {
            self.now.plus(pause(glance.number, every))
        };
        if let Some((since, stable)) = holds {
            next = next.min(since.plus(stable));
        }
        let looked = Event::StepLooked {
            step: self.path(id),
            look: glance.number,
            observed: observed.clone(),
            failure: glance.answer.err().cloned(),
            holds_since: holds.map(|(since, _)| since),
            next,
        };
        let mut commands = vec![record(looked)];
        if let Some((deadline, owner)) = self.state.deadline(id)
            && self.now >= deadline
            && !matches!(self.state.node(owner).phase, Phase::Parked(_))
        {
            let message = self.out_of_time(id, owner, glance.moment(), observed.as_deref());
            commands.push(self.park(owner, ParkReason::Deadline, message));
        }
        Ok(commands)
    }

    fn over(self, id: NodeId, view: &View<'_>, glance: Glance<'_>) -> Evaluated<Vec<Command>> {
        let (outputs, warnings) = view.kept(self.state.step(id), glance.result)?;
        let said = glance.answer.map(|answer| answer.warnings.clone()).unwrap_or_default();
        let mut event = self.done(id, Origin::Unchanged, outputs, [said, warnings].concat());
        if let Event::StepSucceeded { request_id, accepted, .. } = &mut event {
            *request_id = match glance.answer {
                Ok(answer) => answer.request_id.clone(),
                Err(failure) => failure.request_id.clone(),
            };
            *accepted = glance.answer.err().cloned();
        }
        Ok(vec![record(event)])
    }
}

/// Does an expression of the author think of failed looks?
fn reads_error(argument: &Argument) -> bool {
    let mut reads = false;
    argument.expressions(&mut |expression| {
        if let Ok(parsed) = parse(&expression.source) {
            parsed.root.walk(&mut |expr| reads |= matches!(&expr.kind, ExprKind::Name(name) if name == "error"));
        }
    });
    reads
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
