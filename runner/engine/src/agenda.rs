//! The agenda: which instances have something to do now, and which at what time.
//!
//! This file decides how that is found without looking at all instances on every turn. It follows from the state and from
//! what this process is doing, is kept up to date by naming what changed, and can be made anew at any time. It must not
//! decide what is done.

use std::collections::{BTreeMap, BTreeSet};

use runbook_model::kind::Effect;
use runbook_model::plan::Action;
use runbook_model::time::Timestamp;

use crate::process::{Process, counts};
use crate::state::State;
use crate::state::node::{Mark, NodeId, Phase};
use crate::state::tally::Weight;

/// Who has something to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Agenda {
    /// Have something to decide that calls nobody, or nobody that counts against `concurrency`.
    quiet: BTreeSet<NodeId>,
    /// Want to call somebody.
    acting: BTreeSet<NodeId>,
    /// Have something to do later.
    later: BTreeSet<(Timestamp, NodeId)>,
    /// Where each of these stands.
    slots: BTreeMap<NodeId, Slot>,
    changed: Vec<NodeId>,
}

/// When an instance has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Quiet,
    Acting,
    At(Timestamp, bool),
}

impl Agenda {
    /// Has to look at this instance again.
    pub(crate) fn touch(&mut self, id: NodeId) {
        self.changed.push(id);
    }

    /// The instances to decide about, those first that call nobody; `free` says whether a call may be made.
    pub(crate) fn due(&self, free: bool) -> impl Iterator<Item = NodeId> + '_ {
        let acting = if free { Some(&self.acting) } else { None };
        self.quiet.iter().chain(acting.into_iter().flatten()).copied()
    }

    /// The next moment at which somebody has something to do.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.later.first().map(|(at, _)| *at)
    }

    fn put(&mut self, id: NodeId, slot: Option<Slot>) {
        match self.slots.remove(&id) {
            Some(Slot::Quiet) => self.quiet.remove(&id),
            Some(Slot::Acting) => self.acting.remove(&id),
            Some(Slot::At(at, _)) => self.later.remove(&(at, id)),
            None => false,
        };
        if let Some(slot) = slot {
            self.slots.insert(id, slot);
            match slot {
                Slot::Quiet => self.quiet.insert(id),
                Slot::Acting => self.acting.insert(id),
                Slot::At(at, _) => self.later.insert((at, id)),
            };
        }
    }
}

impl Process {
    /// Brings the agenda up to date with what changed since, and with the time.
    pub(crate) fn review(&mut self, state: &mut State, now: Timestamp) {
        let mut changed = std::mem::take(&mut self.agenda.changed);
        changed.append(&mut state.touched);
        for id in changed {
            let slot = slot(state, self, id).map(|slot| at_once(slot, now));
            self.agenda.put(id, slot);
        }
        while let Some(&(at, id)) = self.agenda.later.first()
            && at <= now
        {
            let slot = self.agenda.slots.get(&id).copied();
            self.agenda.put(id, slot.map(|slot| at_once(slot, now)));
        }
    }

    /// Is the agenda what it would be if it were made anew, and are the counts? Looked at in tests and debug builds, for
    /// runs small enough.
    pub(crate) fn is_right(&self, state: &State, now: Timestamp) -> bool {
        if state.ended.is_some() || state.node_ids().len() > 100 {
            return true;
        }
        let wanted = |id| slot(state, self, id).map(|slot| at_once(slot, now));
        state.counts_are_right() && state.node_ids().all(|id| self.agenda.slots.get(&id).copied() == wanted(id))
    }

    /// Makes the agenda anew from all instances.
    pub(crate) fn review_all(&mut self, state: &mut State, now: Timestamp) {
        self.agenda = Agenda { changed: state.node_ids().collect(), ..Agenda::default() };
        self.review(state, now);
    }
}

/// What is due later and what is due now.
fn at_once(slot: Slot, now: Timestamp) -> Slot {
    match slot {
        Slot::At(at, acting) if at <= now => {
            if acting {
                Slot::Acting
            } else {
                Slot::Quiet
            }
        }
        other => other,
    }
}

fn slot(state: &State, process: &Process, id: NodeId) -> Option<Slot> {
    if let Some(doing) = process.doings.get(&id) {
        return doing.is_due().then_some(Slot::Quiet);
    }
    let node = state.node(id);
    if state.to_verify.contains(&id) {
        return Some(node.work.pause.map_or(Slot::Acting, |at| Slot::At(at, true)));
    }
    if !matches!(node.weight, Weight::Live | Weight::Doomed) || !state.is_reachable(id) || state.is_asleep(id) {
        return None;
    }
    let work = &node.work;
    let acts = match &state.step(id).action {
        Action::Call(_) => !node.is_loop(),
        Action::Wait(_) => !node.is_loop() && node.phase == Phase::Active && counts(state, id),
        _ => false,
    };
    let pause = work.pause;
    let due = match node.phase {
        Phase::Pending => pause,
        Phase::Open => {
            if !state.course_inside(id).is_over {
                return None;
            }
            pause
        }
        Phase::Active => {
            let settled = match (work.mark, work.absent, &state.step(id).action, &state.step(id).probe) {
                // Absence has to hold for a while before a one-shot in doubt is repeated.
                (Mark::Doubt | Mark::Answered, Some(absent), Action::Call(call), Some(probe))
                    if call.effect == Effect::OneShot =>
                {
                    Some(absent.since.plus(probe.settle))
                }
                _ => None,
            };
            let next = pause.or(work.next).or(settled);
            match (next, state.deadline(id)) {
                (Some(next), Some((deadline, _))) => Some(next.min(deadline)),
                (next, _) => next,
            }
        }
        Phase::Parked(_) | Phase::Succeeded | Phase::Skipped | Phase::Failed => return None,
    };
    Some(match due {
        Some(at) => Slot::At(at, acts),
        None if acts => Slot::Acting,
        None => Slot::Quiet,
    })
}
