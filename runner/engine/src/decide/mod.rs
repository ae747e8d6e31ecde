//! Decides what happens next, from what is recorded and what this process knows.
//!
//! This file decides in which order things are looked at, and makes one decision at a time: what a decision records changes
//! the state that the next one is made on (see `crate::engine`). It must not change anything itself, and it reads no
//! clock: `now` is given. Decisions about a step are in `begin`, `act`, `probe`, `adjust`, `verify`, `look` and `complete`,
//! those about the run in `hold`, `close` and `end`, a person's in `word`.

mod act;
mod adjust;
mod begin;
mod close;
mod complete;
mod end;
mod hold;
mod look;
mod probe;
mod settle;
mod verify;
mod word;

use runbook_model::answer::Progress;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::path::StepPath;
use runbook_model::plan::Action;
use runbook_model::time::Timestamp;

use crate::command::{Command, Purpose};
use crate::evaluate::{Evaluated, Hindrance, Need, Sight};
use crate::event::{Event, StopReason};
use crate::process::Process;
use crate::state::State;
use crate::state::node::{NodeId, Phase};

pub(crate) use act::checkpoint;
pub(crate) use hold::Again;

/// What a decision is made on.
#[derive(Clone, Copy)]
struct Decider<'a> {
    state: &'a State,
    process: &'a Process,
    now: Timestamp,
}

/// The next decision: nothing if there is none to make before something else happens. The same state, process and time give
/// the same commands in the same order.
#[must_use]
pub(crate) fn decide(state: &State, process: &Process, now: Timestamp) -> Vec<Command> {
    let decider = Decider { state, process, now };
    if let Some(holding) = &process.holding {
        if let Some(changed) = &holding.with {
            // What is opened again is decided on the state that this makes.
            return vec![record(Event::PlanChanged(changed.clone()))];
        }
        return decider.take_up(holding);
    }
    if state.hold.is_none() {
        return Vec::new();
    }
    if process.halt {
        return decider.let_go();
    }
    if let Some(commands) = decider.met().or_else(|| decider.said()).or_else(|| decider.stop()) {
        return commands;
    }
    match state.stopping {
        Some(_) => decider.wind_down(),
        None => decider.go_on(),
    }
}

impl<'a> Decider<'a> {
    fn sight(self) -> Sight<'a> {
        Sight { state: self.state, process: self.process }
    }

    fn path(self, id: NodeId) -> StepPath {
        self.state.node(id).path.clone()
    }

    /// While nothing stops the run.
    fn go_on(self) -> Vec<Command> {
        // What is done is verified before anything rests on it.
        let verifies = !self.state.to_verify.is_empty();
        for id in self.process.agenda.due(self.is_free()) {
            if verifies && !self.state.to_verify.contains(&id) && !self.process.doings.contains_key(&id) {
                continue;
            }
            let commands = self.advance(id);
            if !commands.is_empty() {
                return commands;
            }
        }
        self.wake().unwrap_or_else(|| self.end_if_still())
    }

    /// May a call be made that counts against `concurrency`?
    fn is_free(self) -> bool {
        self.process.acting() < self.state.plan().concurrency.max(1) as usize
    }

    /// The next moment at which somebody has something to do, if nobody set an alarm for that yet.
    fn wake(self) -> Option<Vec<Command>> {
        let next = self.process.agenda.next()?;
        let unset = self.process.alarm.is_none_or(|alarm| alarm > next || alarm <= self.now);
        unset.then(|| vec![Command::WakeAt(next)])
    }

    /// After something stopped the run: answers are still judged, looks and probes are given up, nothing new starts but
    /// what belongs to its end.
    fn wind_down(self) -> Vec<Command> {
        for id in self.process.agenda.due(self.is_free()) {
            let node = self.state.node(id);
            let judges = self.process.doings.contains_key(&id);
            if self.is_closing(id) {
                let commands = self.advance(id);
                if !commands.is_empty() {
                    return commands;
                }
            } else if judges || node.phase == Phase::Open {
                let commands = self.advance(id);
                // What completes a nested runbook may need a look outside; then it is left to the resume.
                if !commands.is_empty() && (judges || commands.iter().all(|c| matches!(c, Command::Record(_)))) {
                    return commands;
                }
            }
        }
        let idle =
            self.process.doings.iter().filter(|(id, _)| !self.is_closing(**id)).find(|(_, doing)| match &doing.call {
                None => true,
                Some(flight) => flight.answer.is_none() && flight.purpose.only_reads(),
            });
        match idle {
            Some((id, _)) => vec![Command::Abandon(self.path(*id))],
            None => self.wake().filter(|_| self.closes()).unwrap_or_else(|| self.end_if_still()),
        }
    }

    /// What one instance does next.
    fn advance(self, id: NodeId) -> Vec<Command> {
        if let Some(doing) = self.process.doings.get(&id) {
            if let Some(failure) = &doing.hindered {
                return self.hindered(id, failure);
            }
            return match doing.call.as_ref().and_then(|flight| Some((flight, flight.answer.as_ref()?))) {
                Some((flight, answer)) => self.judge(id, &flight.purpose, flight.issued, answer),
                None => Vec::new(),
            };
        }
        match (self.state.node(id).phase, &self.state.step(id).action) {
            (Phase::Pending, _) => self.begin(id),
            (Phase::Open, Action::Call(_)) if !self.state.node(id).is_loop() => self.adjusted(id),
            (Phase::Open, _) => self.complete(id),
            (Phase::Succeeded, _) => self.verify(id),
            (Phase::Active, Action::Wait(wait)) => self.look(id, wait),
            (Phase::Active, Action::Call(call)) => self.call(id, call),
            _ => Vec::new(),
        }
    }

    /// What an answer means.
    fn judge(
        self,
        id: NodeId,
        purpose: &Purpose,
        issued: Timestamp,
        answer: &Result<Progress, Failure>,
    ) -> Vec<Command> {
        match (purpose, &self.state.step(id).action) {
            (Purpose::Act | Purpose::Poll { .. }, Action::Call(call)) => self.acted(id, call, purpose, answer),
            (Purpose::Probe, _) => self.probed(id, answer),
            (Purpose::Verify, _) => self.verified(id, answer),
            (Purpose::Look(look), Action::Wait(wait)) => self.looked(id, wait, look.number, issued, answer),
            _ => Vec::new(),
        }
    }

    /// A step could not be prepared: its connection answered to nobody, or what it reads could not be read again. That
    /// counts as the failure of the call it was about to make.
    fn hindered(self, id: NodeId, failure: &Failure) -> Vec<Command> {
        let node = self.state.node(id);
        let answered = self.process.doings.get(&id).and_then(|doing| doing.call.as_ref());
        if answered.is_some() {
            // Its call is answered, and only what is kept of the answer could not be made out.
            let failure = Failure { class: FailureClass::CheckFailed, in_doubt: false, ..failure.clone() };
            return self.failed_attempt(id, &failure);
        }
        match (node.phase, &self.state.step(id).action) {
            (Phase::Active, Action::Wait(wait)) => {
                self.looked(id, wait, node.work.looks + 1, self.now, &Err(failure.clone()))
            }
            (Phase::Open, Action::Call(_)) if !node.is_loop() => self.probed(id, &Err(failure.clone())),
            (Phase::Succeeded, _) => self.verified(id, &Err(failure.clone())),
            (Phase::Active, Action::Call(_)) if self.looks_first(id) => self.probed(id, &Err(failure.clone())),
            (Phase::Active, Action::Call(_)) if failure.is_one_of(&self.state.step(id).accept) => {
                self.or_need(id, self.accepted(id, failure))
            }
            _ => self.failed_attempt(id, failure),
        }
    }

    /// The commands, or what has to come before them.
    fn or_need(self, id: NodeId, commands: Evaluated<Vec<Command>>) -> Vec<Command> {
        match commands {
            Ok(commands) => commands,
            Err(Hindrance::Need(need)) => self.need(id, &need),
            Err(Hindrance::Failure(failure)) => self.fail(id, *failure),
        }
    }

    fn need(self, id: NodeId, need: &Need) -> Vec<Command> {
        match need {
            Need::Identity(connection) => vec![self.identify(id, connection)],
            Need::Reread(of) => self.reread(id, *of),
        }
    }
}

fn record(event: Event) -> Command {
    Command::Record(event)
}

/// Is this a signal's reason?
fn is_signal(reason: StopReason) -> bool {
    matches!(reason, StopReason::Interrupted | StopReason::Terminated)
}
