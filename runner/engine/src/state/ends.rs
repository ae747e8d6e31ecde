//! The end of a runbook: `when-failed` and `finally`, whose instances stand beside those of the runbook's own steps.
//!
//! This file decides when these instances are there and awake, and how they count for the runbook they belong to: it is over
//! when they are. They are made when the end is first reached; when a resume goes on with the runbook's own steps, the end
//! is left, and what had ended in it begins anew when it is reached again. It must not decide when that is; see
//! `crate::decide`.

use super::State;
use super::illegal::IllegalEvent;
use super::node::{BodyId, Container, Ending, Inner, NodeId, Phase};
use super::tally::{Tally, Weight};
use crate::event::{Because, EndPart, EndStatus, Event};

/// How all that is inside an instance, or the run, stands: its own steps and those of its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Course {
    /// Something in it can go on, or goes on.
    pub(crate) goes_on: bool,
    /// Nothing can, not even after a person's word; or something has failed and the rest has stopped.
    pub(crate) is_over: bool,
    /// Something has failed, so that the whole will.
    pub(crate) has_failed: bool,
}

impl From<Tally> for Course {
    fn from(tally: Tally) -> Self {
        Self { goes_on: tally.live > 0, is_over: tally.is_over(), has_failed: tally.has_failed() }
    }
}

impl State {
    /// How a body and what was reached of its end stand.
    pub(crate) fn course(&self, body: BodyId) -> Course {
        let open = self.body(body);
        let reached = open.ends.iter().filter(|ending| ending.reached);
        reached.fold(Course::from(open.tally), |course, ending| {
            let end = Course::from(self.body(ending.body).tally);
            Course {
                goes_on: course.goes_on || end.goes_on,
                is_over: course.is_over && end.is_over,
                has_failed: course.has_failed || end.has_failed,
            }
        })
    }

    /// The same for what is inside an instance.
    pub(crate) fn course_inside(&self, id: NodeId) -> Course {
        match &self.node(id).inner {
            Inner::Body(body) => self.course(*body),
            Inner::Loop(items) => items.tally.into(),
            Inner::Nothing => Tally::default().into(),
        }
    }

    /// The instances of a container, those of its end last.
    pub(crate) fn members(&self, container: Container) -> Vec<NodeId> {
        let mut members = self.children(container);
        if let Container::Body(body) = container {
            let ends = self.body(body).ends.iter();
            members.extend(ends.flat_map(|ending| self.body(ending.body).nodes.iter().copied()));
        }
        members
    }

    /// Did everything in a container succeed, or need not run?
    pub(crate) fn is_done(&self, container: Container) -> bool {
        self.children(container).into_iter().all(|id| self.node(id).weight == Weight::Ended)
    }

    /// Did anything in a container fail, or in its end, so that the whole fails?
    pub(crate) fn has_failures(&self, container: Container) -> bool {
        let failed = |tally: Tally| tally.has_failed() || tally.excused > 0;
        let ends = match container {
            Container::Body(body) => self.body(body).ends.as_slice(),
            Container::Loop(_) => &[],
        };
        let mut ends = ends.iter().filter(|ending| ending.reached);
        failed(self.tally(container)) || ends.any(|ending| failed(self.body(ending.body).tally))
    }

    /// The end that an instance belongs to, if it stands in one.
    pub(crate) fn end_around(&self, id: NodeId) -> Option<&Ending> {
        let body = self.body(self.node(id).body);
        match (body.end_of, body.owner) {
            (Some(runbook), _) => self.ending(runbook, self.node(id).body),
            (None, owner) => self.end_around(owner?),
        }
    }

    /// Does an instance stand in an end that was reached and then left?
    pub(crate) fn is_asleep(&self, id: NodeId) -> bool {
        self.end_around(id).is_some_and(|ending| !ending.reached)
    }

    /// Does an instance stand right in an end that a resume leaves and comes back to, because steps of its runbook still
    /// run? `runs` says of which instances it is known that they run although they ended.
    pub(crate) fn end_begins_again(&self, id: NodeId, runs: &dyn Fn(NodeId) -> bool) -> bool {
        let Some(runbook) = self.body(self.node(id).body).end_of else { return false };
        let own = Container::Body(runbook);
        !self.cancelled && (!self.is_done(own) || self.children(own).into_iter().any(runs))
    }

    /// All ends that are reached, of runbooks that are still there.
    pub(crate) fn endings(&self) -> Vec<BodyId> {
        let there = |owner: Option<NodeId>| owner.is_none_or(|owner| self.is_reachable(owner));
        let bodies = self.bodies.iter().filter(|body| there(body.owner));
        bodies.flat_map(|body| &body.ends).filter(|ending| ending.reached).map(|ending| ending.body).collect()
    }

    /// The end of a runbook that this body is.
    pub(super) fn ending(&self, runbook: BodyId, end: BodyId) -> Option<&Ending> {
        self.body(runbook).ends.iter().find(|ending| ending.body == end)
    }

    /// What a body that shares its scope stands in: a step of another one, or another one as a whole.
    pub(crate) fn surroundings(&self, body: BodyId) -> Option<(Option<NodeId>, BodyId)> {
        let open = self.body(body);
        match (open.end_of, open.owner) {
            (Some(runbook), _) => Some((None, runbook)),
            (None, Some(owner)) if self.outline.body(open.layout).shares_scope => {
                Some((Some(owner), self.node(owner).body))
            }
            _ => None,
        }
    }

    /// The end of a runbook is reached: the instances of that part begin, or begin anew.
    pub(super) fn reach_end(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        let Event::EndReached { step, part, status, because } = event else { return Ok(()) };
        let body = match step {
            None => self.root_id(),
            Some(path) => {
                let open = self.find(path).filter(|id| self.is_reachable(*id) && self.node(*id).phase == Phase::Open);
                let body = open.and_then(|id| self.inner_body(id));
                body.ok_or_else(|| IllegalEvent::step(event, path, "it is not open"))?
            }
        };
        let layout = self.body(body).layout;
        let Some((_, layout)) = self.outline.layout(layout).ends.iter().find(|(known, _)| known == part).copied()
        else {
            return Err(IllegalEvent::run(event, "its runbook has no such steps"));
        };
        self.set_end(body, *part, *status, because.clone(), layout);
        Ok(())
    }

    fn set_end(
        &mut self,
        runbook: BodyId,
        part: EndPart,
        status: EndStatus,
        because: Option<Because>,
        layout: crate::outline::LayoutId,
    ) {
        let known = self.body(runbook).ends.iter().position(|ending| ending.part == part);
        let at = known.unwrap_or_else(|| {
            let owner = self.body(runbook).owner;
            let body = self.make_body(layout, owner, Some(runbook));
            let ends = &mut self.body_mut(runbook).ends;
            ends.push(Ending { part, body, reached: false, status, because: None });
            ends.len() - 1
        });
        let end = self.body(runbook).ends[at].body;
        for child in self.children(Container::Body(end)) {
            if self.node(child).phase.is_ended() {
                self.reset(child);
            }
        }
        let ending = &mut self.body_mut(runbook).ends[at];
        (ending.reached, ending.status, ending.because) = (true, status, because);
        for child in self.children(Container::Body(end)) {
            self.recount(child);
        }
        self.rouse(runbook);
    }

    /// A resume goes on with the runbooks whose own steps are not done: their ends are left.
    pub(super) fn leave_ends(&mut self) {
        for body in (0..u32::try_from(self.bodies.len()).unwrap_or(u32::MAX)).map(BodyId) {
            if self.body(body).ends.iter().any(|ending| ending.reached) && !self.is_done(Container::Body(body)) {
                self.leave_end(body);
            }
        }
    }

    /// A step is opened again: the ends of all runbooks whose own steps it is among, or inside, are left.
    pub(super) fn leave_ends_around(&mut self, id: NodeId) {
        let body = self.node(id).body;
        let open = self.body(body);
        let owner = open.owner;
        if open.end_of.is_none() {
            self.leave_end(body);
        }
        if let Some(owner) = owner {
            self.leave_ends_around(owner);
        }
    }

    pub(super) fn leave_end(&mut self, runbook: BodyId) {
        if self.body(runbook).ends.iter().all(|ending| !ending.reached) {
            return;
        }
        for ending in &mut self.body_mut(runbook).ends {
            ending.reached = false;
        }
        self.rouse(runbook);
    }

    /// Brings the counts of a runbook's ends up to date, and of what it stands in.
    fn rouse(&mut self, runbook: BodyId) {
        for end in self.body(runbook).ends.iter().map(|ending| ending.body).collect::<Vec<_>>() {
            self.settle_all(Container::Body(end));
        }
        if let Some(owner) = self.body(runbook).owner {
            self.settle(owner);
        }
    }
}
