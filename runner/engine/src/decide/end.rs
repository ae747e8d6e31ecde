//! Stopping and ending: when nothing new starts any more, and how the run stands when its holder lets go.
//!
//! This file decides about the run as a whole. It must not decide about steps, nor which exit code an end has.

use runbook_model::connection::Connection;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::path::StepPath;
use runbook_model::value::{Map, Value};

use super::close::Closing;
use super::complete::{all_failures, failure_inside};
use super::{Decider, is_signal, record};
use crate::command::Command;
use crate::evaluate::{Hindrance, Moment, Need, Standpoint};
use crate::event::{Because, EndStatus, Event, ParkReason, StopReason};
use crate::state::node::{Container, NodeId, Phase};

impl Decider<'_> {
    /// Somebody answered who they are: recorded, or refused if it is another one than before.
    pub(super) fn met(self) -> Option<Vec<Command>> {
        let (connection, identity) = self
            .process
            .identifying
            .iter()
            .filter(|(connection, _)| self.stranger(connection).is_none())
            .find_map(|(connection, met)| Some((connection, met.clone()?)))?;
        Some(vec![record(Event::ConnectionIdentified { connection: connection.label(), identity })])
    }

    /// Why the one who answered is not the one who was met before.
    fn stranger(self, connection: &Connection) -> Option<Failure> {
        let label = connection.label();
        let answered = self.process.identifying.get(connection)?.as_ref()?;
        let known = &self.state.met.get(&label)?.identity;
        if answered.is_same_as(known) {
            return None;
        }
        let message = format!("the connection `{label}` was {known} when this run used it, and now is {answered}");
        Some(
            Failure::new(FailureClass::Denied, message)
                .help("log in to where the run began, then `runbook resume`; nothing was changed elsewhere"),
        )
    }

    pub(super) fn refusal(self) -> Option<Failure> {
        self.process.identifying.keys().find_map(|connection| self.stranger(connection))
    }

    /// Why nothing new starts from now on, if that is new.
    pub(super) fn stop(self) -> Option<Vec<Command>> {
        if self.state.stopping.is_some() {
            return None;
        }
        let root = self.state.course(self.state.root_id());
        let reason = if self.state.cancelled {
            StopReason::Cancelled
        } else if self.refusal().is_some() {
            StopReason::Refused
        } else if let Some(signal) = self.process.stop {
            signal
        } else if root.has_failed {
            StopReason::Failed
        } else if self.state.parked_for_good > 0 {
            StopReason::Parked
        } else {
            return None;
        };
        Some(vec![record(Event::RunStopping { reason })])
    }

    /// A second signal: the run is let go with everything in flight.
    pub(super) fn let_go(self) -> Vec<Command> {
        let because = self.because(EndStatus::Interrupted);
        vec![record(Event::RunEnded { status: EndStatus::Interrupted, outputs: None, because })]
    }

    /// The end, once nothing is under way and nothing can go on.
    pub(super) fn end_if_still(self) -> Vec<Command> {
        let goes_on = self.state.course(self.state.root_id()).goes_on;
        let under_way = !self.process.doings.is_empty() || !self.process.identifying.is_empty();
        if self.state.stopping.is_none() && (under_way || goes_on) {
            return Vec::new();
        }
        if !self.process.doings.is_empty() {
            return Vec::new();
        }
        let own = self.status_of_steps();
        let at_end = matches!(own, EndStatus::Succeeded | EndStatus::Failed | EndStatus::Cancelled);
        let status = match self.closing() {
            _ if !at_end => own,
            Closing::Begins(command) if self.closes() => return vec![*command],
            Closing::GoesOn if self.closes() => return Vec::new(),
            Closing::Over if own == EndStatus::Succeeded && self.has_failures() => EndStatus::Failed,
            Closing::Over => own,
            Closing::Waits if self.state.parked_for_good > 0 || self.closes() => self.parked_status(),
            Closing::Begins(_) | Closing::GoesOn | Closing::Waits => EndStatus::Interrupted,
        };
        if status == EndStatus::Succeeded {
            return self.succeed();
        }
        vec![record(Event::RunEnded { status, outputs: None, because: self.because(status) })]
    }

    /// Did a step of the run fail, or one that belongs to its end?
    fn has_failures(self) -> bool {
        self.state.has_failures(Container::Body(self.state.root_id()))
    }

    /// How the run stands, as far as its own steps go.
    fn status_of_steps(self) -> EndStatus {
        let root = self.state.root().tally;
        match self.state.stopping {
            _ if self.state.cancelled => EndStatus::Cancelled,
            Some(StopReason::Refused) => EndStatus::Interrupted,
            _ if root.has_failed() => EndStatus::Failed,
            // A signal that came when all was done interrupted nothing.
            Some(reason) if is_signal(reason) && !self.is_done() => EndStatus::Interrupted,
            _ if root.parked > 0 || self.state.parked_for_good > 0 => self.parked_status(),
            // Failed with `on-failure: continue`, or waiting for each other, which no checked plan does.
            _ if root.excused > 0 || !self.is_done() => EndStatus::Failed,
            _ => EndStatus::Succeeded,
        }
    }

    fn parked_status(self) -> EndStatus {
        let deadline = |id: &NodeId| self.state.node(*id).phase == Phase::Parked(ParkReason::Deadline);
        if self.parked().iter().any(deadline) { EndStatus::TimedOut } else { EndStatus::Parked }
    }

    fn is_done(self) -> bool {
        let root = self.state.root();
        root.nodes.iter().all(|id| matches!(self.state.node(*id).phase, Phase::Succeeded | Phase::Skipped))
    }

    /// The parked instances, those first that time or a login has to help.
    fn parked(self) -> Vec<NodeId> {
        let rank = |id: &NodeId| match self.state.node(*id).phase {
            Phase::Parked(ParkReason::Deadline) => Some(0),
            Phase::Parked(ParkReason::Credentials) => Some(1),
            Phase::Parked(ParkReason::Doubt) => Some(2),
            Phase::Parked(ParkReason::Approval) => Some(3),
            _ => None,
        };
        let mut parked: Vec<NodeId> =
            self.state.node_ids().filter(|id| rank(id).is_some() && self.state.is_reachable(*id)).collect();
        parked.sort_by_key(rank);
        parked
    }

    pub(super) fn because(self, status: EndStatus) -> Option<Because> {
        match status {
            EndStatus::Failed => {
                let root = Container::Body(self.state.root_id());
                match all_failures(self.state, root).into_iter().next() {
                    Some((path, failure)) => Some(Because { step: path.parse::<StepPath>().ok(), failure }),
                    None => Some(Because { step: None, failure: failure_inside(self.state, root) }),
                }
            }
            EndStatus::Parked | EndStatus::TimedOut => {
                let id = self.parked().into_iter().next()?;
                let node = self.state.node(id);
                let end = node.end.as_ref()?;
                let message = end.reason.clone().unwrap_or_default();
                let failure = match node.phase {
                    Phase::Parked(ParkReason::Approval) => return None,
                    Phase::Parked(ParkReason::Deadline) => Failure::new(FailureClass::Timeout, message),
                    _ => end.failure.clone().unwrap_or_else(|| Failure::new(FailureClass::Unknown, message)),
                };
                Some(Because { step: Some(node.path.clone()), failure })
            }
            EndStatus::Interrupted => self.refusal().map(|failure| Because { step: None, failure }),
            // What failed at the end of a cancelled run is told with it.
            EndStatus::Cancelled => {
                let at_end = self.state.node_ids().filter(|id| self.state.end_around(*id).is_some());
                let failed = at_end.filter(|id| self.state.is_reachable(*id)).find_map(|id| {
                    let failure = self.state.node(id).end.as_ref()?.failure.clone()?;
                    (self.state.node(id).phase == Phase::Failed).then_some((id, failure))
                });
                failed.map(|(id, failure)| Because { step: Some(self.path(id)), failure })
            }
            EndStatus::Succeeded | EndStatus::Undone => None,
        }
    }

    /// Every step is done: the run succeeds, unless what it gives back cannot be made out.
    fn succeed(self) -> Vec<Command> {
        let body = self.state.root_id();
        let view = self.sight().view(Standpoint::inside(body), Moment::Before);
        let mut outputs = Map::new();
        for (name, argument) in &self.state.plan().body.outputs {
            let failure = match view.value_or_gap(argument) {
                Ok(value) => {
                    outputs.insert(name.clone(), value);
                    continue;
                }
                Err(Hindrance::Need(Need::Identity(connection))) => {
                    match self.process.unreachable.get(&connection.label()) {
                        Some(failure) => failure.clone(),
                        None if self.process.identifying.contains_key(&connection) => return Vec::new(),
                        None => {
                            return vec![Command::Identify { connection: *connection, step: None, needed: false }];
                        }
                    }
                }
                Err(Hindrance::Need(Need::Reread(_))) => continue,
                Err(Hindrance::Failure(failure)) => *failure,
            };
            let message = format!("the output `{name}` of the runbook cannot be made out: {}", failure.message);
            let because = Some(Because { step: None, failure: Failure { message, ..failure } });
            return vec![record(Event::RunEnded { status: EndStatus::Failed, outputs: None, because })];
        }
        let outputs = Some(Value::Map(outputs).into());
        vec![record(Event::RunEnded { status: EndStatus::Succeeded, outputs, because: None })]
    }
}
