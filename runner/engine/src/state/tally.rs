//! Counting: how the instances of a body or loop stand, without looking at all of them.
//!
//! This file decides how an instance counts in what it stands in, and carries every change of that upwards and, when
//! nothing new may start, downwards. It must not know events; it looks at phases only.

use runbook_model::plan::OnFailure;

use super::State;
use super::node::{BodyId, Container, Inner, NodeId, Phase};
use crate::outline;

/// How an instance counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Weight {
    /// It waits for others, or for its turn in a loop.
    #[default]
    Idle,
    /// It can go on, or goes on.
    Live,
    /// It goes on, and something inside has failed that will fail it too.
    Doomed,
    /// It waits for a person or for a resume.
    Parked,
    /// It succeeded or was skipped.
    Ended,
    /// It failed, and others go on.
    Excused,
    /// It failed, and nothing new starts beside it.
    Failed,
}

/// The counts of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Can go on.
    pub(crate) live: u32,
    /// Of these, those that will fail.
    pub(crate) doomed: u32,
    pub(crate) parked: u32,
    pub(crate) excused: u32,
    pub(crate) failed: u32,
}

impl Tally {
    /// Has something in it failed, so that nothing new starts?
    pub(crate) fn has_failed(&self) -> bool {
        self.failed > 0 || self.doomed > 0
    }

    /// Can nothing in it go on, now or after a person's word?
    pub(crate) fn is_over(&self) -> bool {
        self.live == 0 && (self.parked == 0 || self.has_failed())
    }

    fn count(&mut self, weight: Weight, by: i32) {
        let shift = |field: &mut u32| *field = field.saturating_add_signed(by);
        match weight {
            Weight::Idle | Weight::Ended => {}
            Weight::Live => shift(&mut self.live),
            Weight::Doomed => {
                shift(&mut self.live);
                shift(&mut self.doomed);
            }
            Weight::Parked => shift(&mut self.parked),
            Weight::Excused => shift(&mut self.excused),
            Weight::Failed => shift(&mut self.failed),
        }
    }
}

impl State {
    pub(crate) fn tally(&self, container: Container) -> Tally {
        match container {
            Container::Body(body) => self.body(body).tally,
            Container::Loop(whole) => self.node(whole).items().map(|items| items.tally).unwrap_or_default(),
        }
    }

    pub(super) fn owner(&self, container: Container) -> Option<NodeId> {
        match container {
            Container::Body(body) => self.body(body).owner,
            Container::Loop(whole) => Some(whole),
        }
    }

    /// May nothing new start in it: because something in it or around it failed, or what it belongs to is not open? What
    /// belongs to an end is begun because of failures, not in spite of them: only its own halt it.
    pub(super) fn is_halted(&self, container: Container) -> bool {
        if self.tally(container).has_failed() {
            return true;
        }
        if let Container::Body(end) = container
            && let Some(runbook) = self.body(end).end_of
        {
            let open = self.body(end).owner.is_none_or(|owner| self.node(owner).phase == Phase::Open);
            return !open || self.ending(runbook, end).is_none_or(|ending| !ending.reached);
        }
        self.owner(container).is_some_and(|owner_id| {
            let owner = self.node(owner_id);
            owner.phase != Phase::Open || self.waits_again(owner_id) || self.is_halted(owner.container())
        })
    }

    /// Does it, or what it stands in, need something that was done when it began and has been opened again since?
    fn waits_again(&self, id: NodeId) -> bool {
        let around = self.around(id).filter(|around| self.node(*around).phase == Phase::Open);
        self.node(id).needs_left > 0 || around.is_some_and(|around| self.waits_again(around))
    }

    fn weigh(&self, id: NodeId) -> Weight {
        let node = self.node(id);
        let on_failure = self.step(id).on_failure;
        match node.phase {
            Phase::Pending => {
                let ready = node.released && node.needs_left == 0 && node.blockers == 0;
                if ready && !self.is_halted(node.container()) { Weight::Live } else { Weight::Idle }
            }
            Phase::Active if self.waits_again(id) => Weight::Idle,
            Phase::Active => Weight::Live,
            Phase::Open => {
                let inside = self.course_inside(id);
                match (inside.goes_on || inside.is_over, inside.has_failed) {
                    (false, _) => Weight::Parked,
                    (true, true) if matches!(on_failure, OnFailure::Stop | OnFailure::Undo) => Weight::Doomed,
                    (true, _) => Weight::Live,
                }
            }
            Phase::Parked(_) => Weight::Parked,
            Phase::Succeeded | Phase::Skipped => Weight::Ended,
            Phase::Failed => match on_failure {
                OnFailure::Stop | OnFailure::Undo => Weight::Failed,
                OnFailure::Continue | OnFailure::Warn => Weight::Excused,
            },
        }
    }

    /// Brings the counts up to date after anything about an instance has changed.
    pub(super) fn settle(&mut self, id: NodeId) {
        self.touched.push(id);
        let (old, new) = (self.node(id).weight, self.weigh(id));
        if old == new {
            return;
        }
        let container = self.node(id).container();
        let halted = self.is_halted(container);
        self.node_mut(id).weight = new;
        let tally = match container {
            Container::Body(body) => &mut self.body_mut(body).tally,
            Container::Loop(whole) => match &mut self.node_mut(whole).inner {
                Inner::Loop(items) => &mut items.tally,
                Inner::Nothing | Inner::Body(_) => return,
            },
        };
        tally.count(old, -1);
        tally.count(new, 1);
        if self.is_halted(container) != halted {
            self.settle_all(container);
        }
        if let Some(owner) = self.owner(container) {
            self.settle(owner);
        }
    }

    /// Brings everything inside a container up to date, after it came to a halt or goes on again.
    pub(super) fn settle_all(&mut self, container: Container) {
        for child in self.members(container) {
            self.settle(child);
            self.settle_inside(child);
        }
    }

    /// The same for what is inside an instance.
    pub(super) fn settle_inside(&mut self, id: NodeId) {
        match &self.node(id).inner {
            Inner::Nothing => {}
            Inner::Body(body) => self.settle_all(Container::Body(*body)),
            Inner::Loop(_) => self.settle_all(Container::Loop(id)),
        }
    }

    pub(crate) fn children(&self, container: Container) -> Vec<NodeId> {
        match container {
            Container::Body(body) => self.body(body).nodes.clone(),
            Container::Loop(whole) => self.node(whole).items().map(|items| items.nodes.clone()).unwrap_or_default(),
        }
    }

    /// Do all weights and counts say what they would say if they were made anew?
    pub(crate) fn counts_are_right(&self) -> bool {
        let weights = self.node_ids().all(|id| !self.is_reachable(id) || self.node(id).weight == self.weigh(id));
        let bodies = (0..).zip(&self.bodies).filter(|(_, body)| {
            body.owner.is_none_or(|owner| self.is_reachable(owner) && self.node(owner).phase != Phase::Pending)
        });
        let mut containers: Vec<Container> = bodies.map(|(at, _)| Container::Body(BodyId(at))).collect();
        let open = |id: &NodeId| self.is_reachable(*id) && self.node(*id).phase != Phase::Pending;
        let loops = self.node_ids().filter(|id| self.node(*id).items().is_some()).filter(open);
        containers.extend(loops.map(Container::Loop));
        weights
            && containers.into_iter().all(|container| {
                let mut tally = Tally::default();
                for child in self.children(container) {
                    tally.count(self.node(child).weight, 1);
                }
                tally == self.tally(container)
            })
    }

    /// Tells what waits for a step that it has ended.
    pub(super) fn free_dependents(&mut self, id: NodeId) {
        let excused = self.weigh(id) == Weight::Excused;
        for (dependent, mentions) in self.dependents(id) {
            let node = self.node_mut(dependent);
            node.needs_left = node.needs_left.saturating_sub(1);
            node.blockers += u32::from(excused && mentions);
            self.settle_whole(dependent);
        }
    }

    /// Counts anew what an instance waits for, after something it needs was opened again.
    pub(super) fn recount(&mut self, id: NodeId) {
        let node = self.node(id);
        if node.item().is_some() {
            return;
        }
        let layout = self.outline.layout(node.layout);
        let (mut left, mut blockers) = (0, 0);
        for needed in outline::needs(layout, self.step(id), node.index) {
            let needed_id = self.body(node.body).nodes[needed as usize];
            match self.weigh(needed_id) {
                Weight::Ended => {}
                Weight::Excused => {
                    let read = layout.dependents[needed as usize].iter();
                    blockers += u32::from(read.clone().any(|d| d.index == node.index && d.mentions));
                }
                _ => left += 1,
            }
        }
        let node = self.node_mut(id);
        (node.needs_left, node.blockers) = (left, blockers);
        self.settle_whole(id);
    }

    /// Brings the counts up to date after what an instance waits for has changed: what is inside it waits with it.
    fn settle_whole(&mut self, id: NodeId) {
        self.settle(id);
        if self.node(id).phase == Phase::Open {
            self.settle_inside(id);
        }
    }

    /// The instances that wait for the end of this one, and whether they read its outputs.
    pub(super) fn dependents(&self, id: NodeId) -> Vec<(NodeId, bool)> {
        let node = self.node(id);
        if node.item().is_some() {
            return Vec::new();
        }
        let all = &self.outline.layout(node.layout).dependents[node.index as usize];
        all.iter().map(|d| (self.body(node.body).nodes[d.index as usize], d.mentions)).collect()
    }

    /// Lets as many items of a loop go as may run at the same time.
    pub(super) fn refill(&mut self, whole: NodeId) {
        let limit = self.step(whole).for_each.as_ref().and_then(|each| each.concurrency).unwrap_or(u32::MAX);
        loop {
            let Some(items) = self.node(whole).items() else { return };
            if items.going >= limit {
                return;
            }
            let waiting = |at: &usize| {
                let item = self.node(items.nodes[*at]);
                !item.released && !item.phase.is_ended()
            };
            let Some(at) = (items.cursor..items.nodes.len()).find(waiting) else { return };
            let next = items.nodes[at];
            if let Inner::Loop(items) = &mut self.node_mut(whole).inner {
                items.cursor = at + 1;
                items.going += 1;
            }
            self.node_mut(next).released = true;
            self.settle(next);
        }
    }

    /// The instances that need this one, directly.
    pub(crate) fn needing(&self, id: NodeId) -> Vec<NodeId> {
        self.dependents(id).into_iter().map(|(dependent, _)| dependent).collect()
    }

    /// Which body is inside an instance.
    pub(crate) fn inner_body(&self, id: NodeId) -> Option<BodyId> {
        match &self.node(id).inner {
            Inner::Body(body) => Some(*body),
            Inner::Nothing | Inner::Loop(_) => None,
        }
    }
}
