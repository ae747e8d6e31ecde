//! The only change a state knows: an event is applied to it.
//!
//! This file decides which events fit which standing of a step, as one total match, and what each of them means. It must not
//! decide which events come about; that is `crate::decide`. An event that does not fit is refused by name, and a state
//! that refused one must not be used on.

use std::sync::Arc;

use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::plan::Action;
use runbook_model::time::Timestamp;
use runbook_model::value::{Unavailable, Value};

use super::illegal::IllegalEvent;
use super::node::{Absent, Container, End, Inner, Intent, Mark, Node, NodeId, Phase};
use super::tally::Weight;
use super::{Ended, Hold, Met, State};
use crate::event::{EndStatus, Event, Finding, ParkReason, Stamped, Word};

/// What an event asks of a step before it may happen.
type Fits = fn(&Node, &Action) -> bool;

impl State {
    /// Applies the next event of the journal.
    ///
    /// # Errors
    /// The event does not fit.
    pub fn apply(&mut self, stamped: &Stamped) -> Result<(), IllegalEvent> {
        let (event, now) = (&stamped.event, stamped.time);
        if event.step().is_some() && self.hold.is_none() {
            return Err(IllegalEvent::run(event, "nobody holds it"));
        }
        match event {
            Event::RunCreated(_) => return Err(IllegalEvent::run(event, "it is there already")),
            Event::RunHeld { by, pid, warnings, verifies, .. } => {
                if self.is_given_up() {
                    return Err(IllegalEvent::run(event, "it was cancelled"));
                }
                if let Some(Ended { status: EndStatus::Parked | EndStatus::TimedOut, at, .. }) = &self.ended {
                    let rested = now.since(*at);
                    self.node_ids().for_each(|id| self.put_off(id, rested));
                }
                self.holds += 1;
                self.hold = Some(Hold { by: by.clone(), pid: *pid, since: now, warnings: warnings.clone() });
                (self.stopping, self.ended) = (None, None);
                self.doubt_what_was_started();
                if !self.cancelled {
                    self.leave_ends();
                }
                self.begin_verifying(verifies);
            }
            Event::PlanChanged(changed) => {
                if self.cancelled {
                    return Err(IllegalEvent::run(event, "it was cancelled"));
                }
                self.change_plan(changed);
            }
            Event::ConnectionIdentified { connection, identity } => {
                self.met.insert(connection.clone(), Met { identity: identity.clone(), hold: self.holds });
            }
            Event::BodyOpened { inputs, deadline, .. } => {
                let id = self.fitting(event, |node, action| {
                    node.phase == Phase::Pending && !node.is_loop() && action.body().is_some()
                })?;
                let node = self.node(id);
                let layout = self.outline.layout(node.layout).inner[node.index as usize];
                let changed = self.node_mut(id).renewal.take().unwrap_or_default().changed;
                if let Some(layout) = layout {
                    let before = self.inner_body(id).map(|body| self.body(body).inputs.clone());
                    let body = self.open_body(layout, Some(id), Arc::new(inputs.0.clone()));
                    if let Some(before) = before {
                        self.review_body(id, body, &before, &changed);
                    }
                }
                let work = self.begin(id, now);
                work.deadline = *deadline;
                self.set_phase(id, Phase::Open);
            }
            Event::EndReached { .. } => self.reach_end(event)?,
            Event::ItemsListed { items, .. } => {
                let id = self.fitting(event, |node, _| node.phase == Phase::Pending && node.is_loop())?;
                self.list_items(id, items);
                self.begin(id, now);
                self.set_phase(id, Phase::Open);
            }
            Event::StepSkipped { reason, failure, .. } => {
                let id = self.fitting(event, |node, _| !node.phase.is_ended())?;
                self.finish(id, now, Phase::Skipped, |end| {
                    end.reason = Some(reason.clone());
                    end.failure.clone_from(failure);
                });
            }
            Event::StepBegun { deadline, .. } => {
                let id = self.fitting(event, |node, action| {
                    node.phase == Phase::Pending
                        && !node.is_loop()
                        && matches!(action, Action::Call(_) | Action::Wait(_))
                })?;
                let work = self.begin(id, now);
                (work.begun, work.deadline) = (true, *deadline);
                self.set_phase(id, Phase::Active);
            }
            Event::StepVerified { sentences, .. } => self.verified(event, sentences)?,
            Event::StepProbed { finding, .. } => self.probed(event, finding, now)?,
            Event::StepAdjusting { .. } => self.begin_adjusting(event)?,
            Event::StepStarted { generation, attempt, definition, arguments, connection, .. } => {
                let id = self.fitting(event, |node, action| {
                    node.phase == Phase::Active
                        && matches!(action, Action::Call(_))
                        && !matches!(node.work.mark, Mark::Started | Mark::Going)
                })?;
                let work = self.begin(id, now);
                let known = work.intent.as_ref().filter(|intent| intent.generation == *generation);
                let token_since = known.map_or(now, |intent| intent.token_since);
                work.intent = Some(Intent {
                    generation: *generation,
                    definition: *definition,
                    arguments: *arguments,
                    connection: connection.clone(),
                    token_since,
                });
                (work.generation, work.attempts) = (*generation, *attempt);
                (work.mark, work.taken, work.pause) = (Mark::Started, false, None);
                work.tried_since.get_or_insert(now);
                self.node_mut(id).renewal = None;
                self.settle(id);
            }
            Event::StepGoing { ticket, observed, next, .. } => {
                let id = self.fitting(event, |node, _| {
                    node.phase == Phase::Active && matches!(node.work.mark, Mark::Started | Mark::Going)
                })?;
                let work = &mut self.node_mut(id).work;
                (work.mark, work.failures, work.tried_since, work.pause) = (Mark::Going, 0, None, None);
                work.last = Some(now);
                work.ticket = Some(ticket.0.clone());
                work.observed.clone_from(observed);
                work.next = Some(*next);
                self.settle(id);
            }
            Event::StepLooked { look, observed, failure, holds_since, next, .. } => {
                let id = self
                    .fitting(event, |node, action| node.phase == Phase::Active && matches!(action, Action::Wait(_)))?;
                let work = &mut self.node_mut(id).work;
                (work.looks, work.failures, work.tried_since, work.pause) = (*look, 0, None, None);
                work.last = Some(now);
                work.observed.clone_from(observed);
                work.failure.clone_from(failure);
                work.holds_since = *holds_since;
                work.next = Some(*next);
                self.settle(id);
            }
            Event::AttemptFailed { attempt, failure, retry_at, .. } => {
                let id = self.fitting(event, can_fail)?;
                if self.node(id).phase == Phase::Succeeded && !self.to_verify.contains(&id) {
                    return Err(IllegalEvent::step(event, &self.node(id).path, "it is done"));
                }
                let waits = matches!(self.step(id).action, Action::Wait(_));
                let work = self.begin(id, now);
                if work.mark == Mark::Started {
                    work.mark = after_failure(failure);
                    work.taken = failure.class == FailureClass::Exists;
                    // A call that was turned away made nothing, so that what the probe saw still holds.
                    if work.taken || work.mark == Mark::Answered {
                        work.absent = None;
                    }
                }
                work.last = Some(now);
                if waits {
                    work.looks = work.looks.max(*attempt);
                    work.holds_since = None;
                }
                // A name that is taken is looked at first; what the probe finds is what counts.
                work.failures += u32::from(!work.taken);
                work.tried_since.get_or_insert(now);
                work.failure = Some(failure.clone());
                work.pause = *retry_at;
                self.settle(id);
            }
            Event::StepInDoubt { failure, retry_at, .. } => {
                let id = self.fitting(event, |node, _| matches!(node.work.mark, Mark::Started | Mark::Going))?;
                let work = &mut self.node_mut(id).work;
                (work.mark, work.absent, work.pause) = (Mark::Doubt, None, *retry_at);
                work.last = Some(now);
                work.failures += 1;
                work.failure = Some(failure.clone());
                self.settle(id);
            }
            Event::StepKept { .. } => {
                let id = self.fitting(event, |node, _| {
                    node.phase == Phase::Active
                        && node.work.mark == Mark::Untouched
                        && node.renewal.as_ref().is_some_and(|renewal| renewal.outcome.is_some())
                })?;
                let node = self.node_mut(id);
                node.end = node.renewal.take().and_then(|renewal| renewal.outcome);
                self.set_phase(id, Phase::Succeeded);
            }
            Event::StepSucceeded { generation, origin, outputs, warnings, accepted, .. } => {
                let id = self.fitting(event, |node, _| !node.phase.is_ended())?;
                let work = self.begin(id, now);
                work.generation = work.generation.max(*generation);
                work.mark = Mark::Untouched;
                let kept = if self.node(id).is_loop() { self.item_outputs(id) } else { outputs.0.clone() };
                self.finish(id, now, Phase::Succeeded, |end| {
                    end.withheld = kept.unavailable() == Some(Unavailable::Withheld);
                    end.outputs = Some(Arc::new(kept));
                    end.origin = Some(*origin);
                    end.warnings.clone_from(warnings);
                    end.failure.clone_from(accepted);
                });
            }
            Event::StepFailed { failure, .. } => {
                let id = self.fitting(event, |node, _| !node.phase.is_ended())?;
                let work = self.begin(id, now);
                if work.mark == Mark::Going {
                    // What went on outside did not end well; it happened all the same.
                    work.mark = Mark::Answered;
                }
                self.finish(id, now, Phase::Failed, |end| end.failure = Some(failure.clone()));
            }
            Event::StepParked { reason, message, .. } => {
                let approval = *reason == ParkReason::Approval;
                let id = self.fitting(event, if approval { can_ask } else { can_park })?;
                let work = self.begin(id, now);
                work.generation = work.generation.max(1);
                let failure = work.failure.clone().filter(|_| !approval);
                self.finish(id, now, Phase::Parked(*reason), |end| {
                    end.reason = Some(message.clone());
                    end.failure = failure;
                });
            }
            Event::StepReopened { generation, deadline, afresh, .. } => {
                let id = self.fitting(event, |node, _| node.phase != Phase::Pending)?;
                self.leave_ends_around(id);
                self.to_verify.remove(&id);
                if *afresh {
                    self.reset(id);
                    self.node_mut(id).work.generation = *generation;
                } else {
                    self.reopen(id, *generation, *deadline);
                }
            }
            Event::WordGiven { generation, word, .. } => {
                let id = self.fitting(event, |node, _| matches!(node.phase, Phase::Parked(_)))?;
                self.put_off_around(id, now);
                let node = self.node(id);
                let asked = match node.phase {
                    Phase::Parked(ParkReason::Approval) => matches!(word, Word::Approve | Word::Reject),
                    Phase::Parked(ParkReason::Doubt) => matches!(word, Word::Done | Word::Retry),
                    _ => false,
                };
                if !asked || node.work.generation != *generation {
                    return Err(IllegalEvent::step(event, &node.path, "it does not wait for this word"));
                }
            }
            Event::CancelAsked { .. } => self.cancelled = true,
            Event::RunStopping { reason } => {
                self.stopping.get_or_insert(*reason);
            }
            Event::RunEnded { status, outputs, because } => {
                if self.hold.take().is_none() {
                    return Err(IllegalEvent::run(event, "nobody holds it"));
                }
                self.ended = Some(Ended {
                    status: *status,
                    at: now,
                    outputs: outputs.as_ref().map(|outputs| outputs.0.clone()),
                    because: because.clone(),
                });
            }
        }
        Ok(())
    }

    /// The instance an event is about, if the event fits its standing.
    pub(super) fn fitting(&self, event: &Event, fits: Fits) -> Result<NodeId, IllegalEvent> {
        let Some(path) = event.step() else { return Err(IllegalEvent::run(event, "it names no step")) };
        let Some(id) = self.find(path) else {
            return Err(IllegalEvent::step(event, path, "there is no such step"));
        };
        if !self.is_reachable(id) {
            return Err(IllegalEvent::step(event, path, "what is around it is not open"));
        }
        let node = self.node(id);
        if fits(node, &self.step(id).action) {
            Ok(id)
        } else {
            Err(IllegalEvent::step(event, path, format!("it is {:?} and its effect {:?}", node.phase, node.work.mark)))
        }
    }

    /// What an instance does, from the first word about it on.
    fn begin(&mut self, id: NodeId, now: Timestamp) -> &mut super::node::Work {
        let work = &mut self.node_mut(id).work;
        work.began_at.get_or_insert(now);
        work
    }

    fn finish(&mut self, id: NodeId, now: Timestamp, phase: Phase, fill: impl FnOnce(&mut End)) {
        let mut end = End { at: now, ..End::default() };
        fill(&mut end);
        let node = self.node_mut(id);
        (node.end, node.renewal) = (Some(Box::new(end)), None);
        self.set_phase(id, phase);
    }

    fn probed(&mut self, event: &Event, finding: &Finding, now: Timestamp) -> Result<(), IllegalEvent> {
        let id = self.fitting(event, |node, action| {
            (node.phase == Phase::Active || is_adjusting(node, action))
                && !matches!(node.work.mark, Mark::Started | Mark::Going)
        })?;
        let hold = self.holds;
        let work = &mut self.node_mut(id).work;
        match finding {
            Finding::Absent => {
                let since = work.absent.map_or(now, |absent| absent.since);
                work.absent = Some(Absent { since, last: now, hold });
            }
            Finding::Matching => work.absent = None,
            Finding::Different { sentences } => {
                work.absent = None;
                work.different.clone_from(sentences);
            }
        }
        (work.pause, work.taken, work.last) = (None, false, Some(now));
        if *finding == Finding::Absent && self.node(id).phase == Phase::Open {
            // What was adjusted is gone: now it is made.
            self.set_phase(id, Phase::Active);
        }
        self.settle(id);
        Ok(())
    }

    /// Whatever was started and has no outcome when a new holder comes is in doubt.
    fn doubt_what_was_started(&mut self) {
        for id in self.node_ids() {
            if self.node(id).work.mark == Mark::Started {
                let work = &mut self.node_mut(id).work;
                (work.mark, work.absent) = (Mark::Doubt, None);
                self.touched.push(id);
            }
        }
    }

    /// Time does not count while the run is parked: whatever is not done gets it back.
    fn put_off(&mut self, id: NodeId, rested: Duration) {
        let work = &mut self.node_mut(id).work;
        if let Some(deadline) = &mut work.deadline {
            *deadline = deadline.plus(rested);
            self.touched.push(id);
        }
    }

    /// Nor does it count for what is around a step that a person let wait. What it waited before this process was given
    /// back when the process came.
    fn put_off_around(&mut self, id: NodeId, now: Timestamp) {
        let since = self.node(id).end.as_ref().map_or(now, |end| end.at);
        let rested = now.since(self.hold.as_ref().map_or(since, |hold| hold.since.max(since)));
        let mut around = self.around(id);
        while let Some(owner) = around {
            self.put_off(owner, rested);
            self.settle_inside(owner);
            around = self.around(owner);
        }
    }

    /// Opens an instance again where it stood, with a fresh count of tries.
    fn reopen(&mut self, id: NodeId, generation: u32, deadline: Option<Timestamp>) {
        let (waits, calls) = match self.step(id).action {
            Action::Wait(_) => (true, false),
            Action::Call(_) => (false, true),
            _ => (false, false),
        };
        // One that has adjusted all there was to adjust looks from the beginning.
        let calls = calls && !self.node(id).is_loop();
        let looks_anew = calls && self.inner_body(id).is_some_and(|body| self.is_done(Container::Body(body)));
        let node = self.node_mut(id);
        let work = &mut node.work;
        if node.phase == Phase::Succeeded && calls {
            // It is not as it was any more: its effect happened, and is looked at like one that did not pass its checks.
            work.mark = Mark::Answered;
            work.former = node.end.take().and_then(|end| Some((end.origin?, end.outputs?)));
        } else if generation > work.generation {
            // Whoever raises it says that what was in doubt did not happen.
            work.mark = Mark::Untouched;
        }
        work.generation = generation;
        (work.failures, work.tried_since, work.pause, work.absent, work.last) = (0, None, None, None, None);
        work.deadline = deadline.or(work.deadline);
        if waits {
            work.next = None;
        }
        let phase = match &node.inner {
            Inner::Body(_) if looks_anew => Phase::Active,
            Inner::Body(_) | Inner::Loop(_) => Phase::Open,
            Inner::Nothing if work.begun => Phase::Active,
            // It failed before its turn came, such as by its `when`.
            Inner::Nothing => Phase::Pending,
        };
        node.end = None;
        self.set_phase(id, phase);
    }

    /// Gives an instance a phase and tells everything that depends on it.
    pub(super) fn set_phase(&mut self, id: NodeId, phase: Phase) {
        let old = std::mem::replace(&mut self.node_mut(id).phase, phase);
        let for_good = |phase| matches!(phase, Phase::Parked(reason) if reason != ParkReason::Approval);
        self.parked_for_good = self.parked_for_good + u32::from(for_good(phase)) - u32::from(for_good(old));
        let (was, is) = (old.is_ended(), phase.is_ended());
        let node = self.node(id);
        let (loop_, released) = (node.item().map(|item| (item.of, item.position as usize)), node.released);
        if let Some((whole, position)) = loop_ {
            if !was && is && released {
                self.items_going(whole, -1, usize::MAX);
            }
            if was && !is {
                self.node_mut(id).released = false;
                self.items_going(whole, 0, position);
            }
        }
        self.settle(id);
        if (old == Phase::Open) != (phase == Phase::Open) {
            self.settle_inside(id);
        }
        if let Some((whole, _)) = loop_ {
            self.refill(whole);
        }
        if !was && is && matches!(self.node(id).weight, Weight::Ended | Weight::Excused) {
            self.free_dependents(id);
        } else if was && !is {
            for (dependent, _) in self.dependents(id) {
                self.recount(dependent);
            }
        }
    }

    pub(super) fn items_going(&mut self, whole: NodeId, by: i32, cursor: usize) {
        if let Inner::Loop(items) = &mut self.node_mut(whole).inner {
            items.going = items.going.saturating_add_signed(by);
            items.cursor = items.cursor.min(cursor);
        }
    }

    /// `steps.x` of a loop: key and outputs of the items that succeeded, in the order of the list.
    fn item_outputs(&self, whole: NodeId) -> Value {
        let items = self.children(Container::Loop(whole));
        let entry = |id: NodeId| {
            let node = self.node(id);
            Some((node.item()?.key.clone(), node.outputs()?.as_ref().clone()))
        };
        Value::Map(items.into_iter().filter_map(entry).collect())
    }
}

/// Are the steps of its `adjust` under way, or just done?
fn is_adjusting(node: &Node, action: &Action) -> bool {
    node.phase == Phase::Open && !node.is_loop() && matches!(action, Action::Call(_))
}

/// What is done may be looked at again, and that look may fail.
fn can_fail(node: &Node, _: &Action) -> bool {
    matches!(node.phase, Phase::Pending | Phase::Active | Phase::Open | Phase::Succeeded)
}

fn can_ask(node: &Node, action: &Action) -> bool {
    node.phase == Phase::Pending && !node.is_loop() && matches!(action, Action::Approve { .. })
}

fn can_park(node: &Node, _: &Action) -> bool {
    matches!(node.phase, Phase::Pending | Phase::Active | Phase::Open)
}

/// What a failed call says about its effect.
fn after_failure(failure: &Failure) -> Mark {
    match failure.class {
        // Nothing was done: too many calls, nobody there, no login. The same call may be made again under its token.
        FailureClass::Throttled
        | FailureClass::Unavailable
        | FailureClass::Timeout
        | FailureClass::ExpiredCredentials => Mark::Untouched,
        FailureClass::CheckFailed => Mark::Answered,
        FailureClass::Denied
        | FailureClass::Conflict
        | FailureClass::Exists
        | FailureClass::Missing
        | FailureClass::Invalid
        | FailureClass::Unknown => Mark::Refused,
    }
}
