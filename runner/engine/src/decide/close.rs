//! The end of a runbook: what runs after a failure and what runs at every end.
//!
//! This file decides when `when-failed` and `finally` begin: at the end of a nested runbook, and when the run ends succeeded,
//! failed or cancelled, for every runbook that is open then, innermost first. A run that parks, is interrupted or refused
//! is not at its end. It must not decide how the run ends; see `super::end`.

use super::complete::failures;
use super::{Decider, record};
use crate::command::Command;
use crate::event::{Because, EndPart, EndStatus, Event, StopReason};
use crate::state::node::{BodyId, Container, Inner, NodeId, Phase};

/// How far the ends of a run are.
#[derive(Debug)]
pub(super) enum Closing {
    /// This has to begin.
    Begins(Box<Command>),
    /// Something in them goes on.
    GoesOn,
    /// Something in them waits for a person or a resume, or was stopped.
    Waits,
    /// There is nothing left to do.
    Over,
}

impl Decider<'_> {
    /// May steps that belong to an end begin, and go on, although the run stops?
    pub(super) fn closes(self) -> bool {
        if self.process.stop.is_some() || self.refusal().is_some() {
            return false;
        }
        match self.state.stopping {
            None | Some(StopReason::Failed | StopReason::Cancelled) => true,
            // A step that failed while another one parked makes it a failed run.
            Some(StopReason::Parked) => self.state.root().tally.has_failed() || self.state.cancelled,
            Some(StopReason::Interrupted | StopReason::Terminated | StopReason::Refused) => false,
        }
    }

    /// Does an instance belong to an end that may go on?
    pub(super) fn is_closing(self, id: NodeId) -> bool {
        self.closes() && self.state.end_around(id).is_some_and(|ending| ending.reached)
    }

    /// The part of a runbook's end that comes next, if its own steps are over.
    pub(super) fn next_end(self, body: BodyId) -> Option<Command> {
        let open = self.state.body(body);
        let (status, because) = self.outcome(body);
        let reached = |part: EndPart| open.ends.iter().any(|ending| ending.part == part && ending.reached);
        let wanted = |part: EndPart| part == EndPart::Finally || status == EndStatus::Failed;
        let parts = self.state.outline.layout(open.layout).ends.iter().map(|(part, _)| *part);
        let part = parts.into_iter().find(|part| wanted(*part) && !reached(*part))?;
        let step = open.owner.map(|owner| self.path(owner));
        Some(record(Event::EndReached { step, part, status, because }))
    }

    /// How the own steps of a runbook ended, and what decided that.
    fn outcome(self, body: BodyId) -> (EndStatus, Option<Because>) {
        let mut failed = Vec::new();
        for id in self.state.children(Container::Body(body)) {
            failures(self.state, id, &mut failed);
        }
        let mut failed = failed.into_iter().map(|(path, failure)| Because { step: path.parse().ok(), failure });
        match failed.next() {
            because if self.state.cancelled => (EndStatus::Cancelled, because),
            Some(because) => (EndStatus::Failed, Some(because)),
            None if self.state.is_done(Container::Body(body)) => (EndStatus::Succeeded, None),
            // It was stopped in the middle by what failed elsewhere.
            None => (EndStatus::Cancelled, self.because(EndStatus::Failed)),
        }
    }

    /// How far the ends of all open runbooks are, once their own steps have come to rest.
    pub(super) fn closing(self) -> Closing {
        self.closing_of(self.state.root_id())
    }

    fn closing_of(self, body: BodyId) -> Closing {
        for id in self.state.members(Container::Body(body)) {
            match self.closing_inside(id) {
                Closing::Over => {}
                closing => return closing,
            }
        }
        for ending in self.state.body(body).ends.iter().filter(|ending| ending.reached) {
            let course = self.state.course(ending.body);
            if course.goes_on {
                return Closing::GoesOn;
            }
            let end = Container::Body(ending.body);
            if !course.is_over || !(self.state.has_failures(end) || self.state.is_done(end)) {
                return Closing::Waits;
            }
        }
        self.next_end(body).map_or(Closing::Over, |command| Closing::Begins(Box::new(command)))
    }

    fn closing_inside(self, id: NodeId) -> Closing {
        let node = self.state.node(id);
        match &node.inner {
            Inner::Body(body) if node.phase == Phase::Open => self.closing_of(*body),
            Inner::Loop(items) if node.phase == Phase::Open => {
                let items = items.nodes.iter().map(|item| self.closing_inside(*item));
                items.into_iter().find(|closing| !matches!(closing, Closing::Over)).unwrap_or(Closing::Over)
            }
            _ => Closing::Over,
        }
    }
}
