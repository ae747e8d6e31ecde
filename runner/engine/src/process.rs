//! What this process alone knows: which calls are under way, which answers wait to be judged, what a person has just said.
//!
//! This file decides what of that is remembered between two turns. None of it is journaled: after a crash the next holder
//! begins with an empty one, and the state must be enough. It must not decide anything; `crate::decide` does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use runbook_model::answer::Progress;
use runbook_model::connection::{Connection, Identity};
use runbook_model::failure::Failure;
use runbook_model::kind::Reaches;
use runbook_model::path::StepPath;
use runbook_model::plan::Action;
use runbook_model::time::Timestamp;
use runbook_model::value::{Map, Value};

use crate::agenda::Agenda;
use crate::command::{Call, Command, Purpose};
use crate::event::{Event, ParkReason, Person, StopReason, Word};
use crate::input::{Holding, Input, Said};
use crate::state::State;
use crate::state::node::{NodeId, Phase};

/// What this process alone knows of a run.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub(crate) agenda: Agenda,
    /// A process wants the run.
    pub(crate) holding: Option<Box<Holding>>,
    pub(crate) words: VecDeque<Said>,
    pub(crate) cancel: Option<(Person, Timestamp)>,
    pub(crate) stop: Option<StopReason>,
    pub(crate) halt: bool,
    pub(crate) doings: BTreeMap<NodeId, Doing>,
    /// Whose calls are under way and count against `concurrency`.
    busy: BTreeSet<NodeId>,
    /// Who is being asked who they are, and what they said.
    pub(crate) identifying: BTreeMap<Connection, Option<Identity>>,
    /// Who could not be asked, by the label of the connection, and why.
    pub(crate) unreachable: BTreeMap<String, Failure>,
    /// What a look's source said for watching on from there.
    pub(crate) marks: BTreeMap<NodeId, Value>,
    /// Results that were read again because the journal withholds a part of them.
    pub(crate) results: BTreeMap<NodeId, Value>,
    /// Secret inputs given by whoever resumed.
    pub(crate) supplied: Map,
    /// The turn that is already asked for.
    pub(crate) alarm: Option<Timestamp>,
}

/// What a step is about.
#[derive(Debug, Default)]
pub(crate) struct Doing {
    /// Its call, under way or answered.
    pub(crate) call: Option<Flight>,
    /// What it waits for before it can go on.
    pub(crate) awaits: Option<Awaited>,
    /// Why that did not come.
    pub(crate) hindered: Option<Failure>,
}

/// A call of a step.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) purpose: Purpose,
    pub(crate) issued: Timestamp,
    pub(crate) answer: Option<Result<Progress, Failure>>,
}

/// What a step waits for.
#[derive(Debug)]
pub(crate) enum Awaited {
    /// Who is at the other end; see [`Command::Identify`].
    Identity {
        connection: Box<Connection>,
        needed: bool,
    },
    Reread(NodeId),
}

impl Doing {
    /// Is there something to decide about it?
    pub(crate) fn is_due(&self) -> bool {
        self.hindered.is_some()
            || (self.awaits.is_none() && self.call.as_ref().is_none_or(|call| call.answer.is_some()))
    }
}

impl Process {
    /// How many calls are under way that count against `concurrency`.
    pub(crate) fn acting(&self) -> usize {
        self.busy.len()
    }

    /// Takes in what reached the run. Says whether it was news: a word that comes too late, or an answer nobody waits for,
    /// is none.
    pub(crate) fn absorb(&mut self, state: &State, input: Input) -> bool {
        match input {
            Input::Tick => {}
            // A run that was given up is given up.
            Input::Hold(_) if state.is_given_up() => return false,
            Input::Hold(holding) => {
                self.supplied.clone_from(&holding.secrets);
                self.holding = Some(holding);
            }
            Input::Answered { step, outcome } => return self.answered(state, &step, outcome),
            Input::Identified { connection, outcome } => return self.identified(&connection, outcome),
            Input::Said(said) => {
                if !is_awaited(state, &said) || self.words.iter().any(|word| word.step == said.step) {
                    return false;
                }
                self.words.push_back(said);
            }
            Input::Cancel { by, said_at } => {
                if state.cancelled {
                    return false;
                }
                self.cancel.get_or_insert((by, said_at));
            }
            Input::Stop(reason) => {
                self.stop.get_or_insert(reason);
            }
            Input::Halt => self.halt = true,
        }
        true
    }

    fn answered(&mut self, state: &State, step: &StepPath, outcome: Result<Progress, Failure>) -> bool {
        let Some(id) = state.find(step) else { return false };
        let Some(doing) = self.doings.get_mut(&id) else { return false };
        if let Some(Awaited::Reread(of)) = doing.awaits {
            match outcome {
                Ok(Progress::Done(answer)) => {
                    self.results.insert(of, answer.output);
                }
                Ok(Progress::Going { .. }) => {}
                Err(failure) => doing.hindered = Some(failure),
            }
            self.release(id);
            return true;
        }
        let Some(flight) = doing.call.as_mut().filter(|flight| flight.answer.is_none()) else { return false };
        if let Ok(Progress::Done(answer)) = &outcome {
            match &answer.mark {
                Some(mark) => self.marks.insert(id, mark.clone()),
                None => self.marks.remove(&id),
            };
        }
        flight.answer = Some(outcome);
        self.busy.remove(&id);
        self.agenda.touch(id);
        true
    }

    fn identified(&mut self, connection: &Connection, outcome: Result<Identity, Failure>) -> bool {
        let Some(asked) = self.identifying.get_mut(connection) else { return false };
        match outcome {
            Ok(identity) => *asked = Some(identity),
            Err(failure) => {
                self.identifying.remove(connection);
                for (id, needed) in self.awaiting(|other| other == connection) {
                    if needed && let Some(doing) = self.doings.get_mut(&id) {
                        doing.hindered = Some(failure.clone());
                    }
                    self.release(id);
                }
                self.unreachable.insert(connection.label(), failure);
            }
        }
        true
    }

    /// Notes that a command is being carried out. Says whether a driver has anything to do for it: a second step that
    /// waits for the same identification has not.
    pub(crate) fn issued(&mut self, state: &State, command: &Command, now: Timestamp) -> bool {
        match command {
            Command::Record(_) => true,
            Command::Identify { connection, step, needed } => {
                let news = !self.identifying.contains_key(connection);
                self.identifying.entry(connection.clone()).or_default();
                if let Some(id) = step.as_ref().and_then(|step| state.find(step)) {
                    let connection = Box::new(connection.clone());
                    self.awaits(state, id, Awaited::Identity { connection, needed: *needed });
                }
                news
            }
            Command::Invoke(call) => {
                if let Some(id) = state.find(&call.step) {
                    self.departed(state, id, call, now);
                }
                true
            }
            Command::Abandon(step) => {
                if let Some(id) = state.find(step) {
                    self.forget(id);
                }
                true
            }
            Command::WakeAt(at) => {
                self.alarm = Some(*at);
                true
            }
        }
    }

    fn departed(&mut self, state: &State, id: NodeId, call: &Call, now: Timestamp) {
        if let Purpose::Reread { of } = &call.purpose {
            if let Some(of) = state.find(of) {
                self.awaits(state, id, Awaited::Reread(of));
            }
            return;
        }
        let doing = self.doings.entry(id).or_default();
        doing.call = Some(Flight { purpose: call.purpose.clone(), issued: now, answer: None });
        self.occupied(state, id);
    }

    fn awaits(&mut self, state: &State, id: NodeId, awaited: Awaited) {
        let doing = self.doings.entry(id).or_default();
        (doing.awaits, doing.hindered) = (Some(awaited), None);
        self.occupied(state, id);
    }

    fn occupied(&mut self, state: &State, id: NodeId) {
        if counts(state, id) {
            self.busy.insert(id);
        }
        self.agenda.touch(id);
    }

    /// Forgets what an event has settled.
    pub(crate) fn settled(&mut self, state: &State, event: &Event) {
        match event {
            Event::RunHeld { .. } => self.holding = None,
            // All instances are numbered anew; nothing was under way, because this comes before the run is held.
            Event::PlanChanged(_) => {
                let holding = self.holding.take().map(|holding| Box::new(Holding { with: None, ..*holding }));
                let (words, cancel) = (std::mem::take(&mut self.words), self.cancel.take());
                let supplied = std::mem::take(&mut self.supplied);
                *self = Self { holding, words, cancel, stop: self.stop, halt: self.halt, supplied, ..Self::default() };
            }
            Event::ConnectionIdentified { connection, .. } => self.met(connection),
            Event::CancelAsked { .. } => self.cancel = None,
            Event::WordGiven { step, .. } => self.words.retain(|word| word.step != *step),
            Event::RunEnded { .. } => *self = Self::default(),
            Event::RunCreated(_)
            | Event::RunStopping { .. }
            | Event::StepBegun { .. }
            | Event::StepStarted { .. }
            | Event::ItemsListed { .. }
            | Event::BodyOpened { .. }
            | Event::EndReached { .. } => {}
            Event::StepSkipped { step, .. }
            | Event::StepVerified { step, .. }
            | Event::StepAdjusting { step }
            | Event::StepProbed { step, .. }
            | Event::StepGoing { step, .. }
            | Event::StepLooked { step, .. }
            | Event::StepKept { step }
            | Event::AttemptFailed { step, .. }
            | Event::StepInDoubt { step, .. }
            | Event::StepSucceeded { step, .. }
            | Event::StepFailed { step, .. }
            | Event::StepParked { step, .. }
            | Event::StepReopened { step, .. } => {
                if let Some(id) = state.find(step) {
                    self.forget(id);
                }
            }
        }
    }

    /// The other end of a connection is known now: whoever waited for that goes on.
    fn met(&mut self, label: &str) {
        self.unreachable.remove(label);
        self.identifying.retain(|connection, _| connection.label() != label);
        for (id, _) in self.awaiting(|connection| connection.label() == label) {
            self.release(id);
        }
    }

    /// Who waits for such an identification, and whether they cannot do without.
    fn awaiting(&self, such: impl Fn(&Connection) -> bool) -> Vec<(NodeId, bool)> {
        let waits = |doing: &Doing| match &doing.awaits {
            Some(Awaited::Identity { connection, needed }) if such(connection) => Some(*needed),
            _ => None,
        };
        self.doings.iter().filter_map(|(id, doing)| Some((*id, waits(doing)?))).collect()
    }

    /// What a step waited for came, or will not.
    fn release(&mut self, id: NodeId) {
        let Some(doing) = self.doings.get_mut(&id) else { return };
        doing.awaits = None;
        if doing.call.is_none() && doing.hindered.is_none() {
            self.doings.remove(&id);
        }
        self.busy.remove(&id);
        self.agenda.touch(id);
    }

    fn forget(&mut self, id: NodeId) {
        self.doings.remove(&id);
        self.busy.remove(&id);
        self.agenda.touch(id);
    }
}

/// Does a call of this step count against `concurrency`? The looks of a source that watches do not: they hold their answer
/// back and do nothing meanwhile.
pub(crate) fn counts(state: &State, id: NodeId) -> bool {
    !matches!(&state.step(id).action, Action::Wait(wait) if wait.source.reaches == Reaches::Kubernetes)
}

/// Does the step wait for just this word?
pub(crate) fn is_awaited(state: &State, said: &Said) -> bool {
    let Some(id) = state.find(&said.step) else { return false };
    let node = state.node(id);
    let asked = match node.phase {
        Phase::Parked(ParkReason::Approval) => matches!(said.word, Word::Approve | Word::Reject),
        Phase::Parked(ParkReason::Doubt) => matches!(said.word, Word::Done | Word::Retry),
        _ => false,
    };
    asked && node.work.generation == said.generation && state.is_reachable(id)
}
