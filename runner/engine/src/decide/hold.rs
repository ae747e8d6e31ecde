//! Taking a run up: what is opened again, and what is said about the plan.
//!
//! This file decides which steps a resume opens again: those that failed, timed out or lost their login, and those that a
//! person wants run again with what depends on them. It must not decide how an opened step goes on; the resume table does.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use runbook_model::duration::Duration;
use runbook_model::plan::{Action, Body, OnFailure, Step};
use runbook_model::time::Timestamp;

use super::{Decider, record};
use crate::command::Command;
use crate::event::{Event, ParkReason};
use crate::input::Holding;
use crate::state::State;
use crate::state::node::{Container, Inner, NodeId, Phase};

impl Decider<'_> {
    pub(super) fn take_up(self, holding: &Holding) -> Vec<Command> {
        let again = Again::new(self.state, holding.from.as_ref().and_then(|path| self.state.find(path)));
        let given_up = self.state.cancelled || self.process.cancel.is_some();
        let verified = if given_up { Vec::new() } else { self.state.relied_on(&again.runs(self.state)) };
        let mut commands = vec![record(Event::RunHeld {
            by: holding.by.clone(),
            pid: holding.pid,
            version: holding.version.clone(),
            warnings: left_out(&self.state.plan().body),
            verifies: verified.into_iter().map(|id| self.path(id)).collect(),
        })];
        if !given_up {
            self.reopen_in(Container::Body(self.state.root_id()), &again, holding.extend, &mut commands);
        } else if self.state.cancelled {
            // Of a run that was given up only its end goes on.
            for ending in self.state.endings() {
                self.reopen_in(Container::Body(ending), &again, holding.extend, &mut commands);
            }
        }
        commands
    }

    fn reopen_in(self, container: Container, again: &Again, extend: Option<Duration>, commands: &mut Vec<Command>) {
        for id in self.state.members(container) {
            let (node, step) = (self.state.node(id), self.state.step(id));
            if let Some(reason) = again.afresh.get(&id) {
                if node.phase != Phase::Pending {
                    let generation = node.work.generation + u32::from(node.work.generation > 0);
                    commands.push(self.reopened(id, generation, None, true, reason));
                }
                continue;
            }
            let generation = node.work.generation;
            let whole = || self.new_deadline(id, step).ok().flatten();
            match node.phase {
                Phase::Failed => {
                    // A rejection was the answer to one question; the next one is another.
                    let asked_anew = u32::from(matches!(step.action, Action::Approve { .. }));
                    commands.push(self.reopened(id, generation + asked_anew, whole(), false, "it failed"));
                }
                Phase::Parked(ParkReason::Credentials) => {
                    commands.push(self.reopened(id, generation, whole(), false, "the login may be renewed"));
                }
                Phase::Parked(ParkReason::Deadline) => {
                    let deadline = extend.map_or_else(whole, |extend| Some(self.now.plus(extend)));
                    commands.push(self.reopened(id, generation, deadline, false, "it gets more time"));
                }
                Phase::Succeeded | Phase::Skipped if again.open.contains(&id) => {
                    commands.push(self.reopened(id, generation, whole(), false, "a step inside it runs again"));
                }
                Phase::Active if self.overdue_inside_parked(id) => {
                    commands.push(self.reopened(id, generation, whole(), false, "what is around it gets more time"));
                }
                Phase::Open => {}
                _ => continue,
            }
            match &node.inner {
                Inner::Nothing => {}
                Inner::Body(body) => self.reopen_in(Container::Body(*body), again, extend, commands),
                Inner::Loop(_) => self.reopen_in(Container::Loop(id), again, extend, commands),
            }
        }
    }

    /// Its own time ran out together with that of what is around it.
    fn overdue_inside_parked(self, id: NodeId) -> bool {
        let mut around = self.state.around(id);
        while let Some(owner) = around {
            if self.state.node(owner).phase == Phase::Parked(ParkReason::Deadline) {
                return self.state.node(id).work.deadline.is_some_and(|deadline| deadline <= self.now);
            }
            around = self.state.around(owner);
        }
        false
    }

    pub(super) fn reopened(
        self,
        id: NodeId,
        generation: u32,
        deadline: Option<Timestamp>,
        afresh: bool,
        reason: &str,
    ) -> Command {
        record(Event::StepReopened { step: self.path(id), generation, deadline, afresh, reason: reason.to_owned() })
    }
}

/// What `--from STEP` runs again.
#[derive(Default)]
pub(crate) struct Again {
    /// From their beginning, and why.
    pub(crate) afresh: BTreeMap<NodeId, &'static str>,
    /// Opened, because something inside them runs again.
    pub(crate) open: BTreeSet<NodeId>,
}

impl Again {
    /// The step, all that depends on it, and so on outwards.
    pub(crate) fn new(state: &State, from: Option<NodeId>) -> Self {
        let mut again = Self::default();
        let Some(from) = from else { return again };
        again.afresh.insert(from, "a person wants it run again");
        let mut inner = from;
        loop {
            again.dependents(state, inner);
            let Some(around) = state.around(inner) else { return again };
            again.open.insert(around);
            inner = around;
        }
    }

    /// Of which instances it is known that they run again: those, and all inside them.
    pub(crate) fn runs(&self, state: &State) -> impl Fn(NodeId) -> bool {
        move |id| {
            let mut around = Some(id);
            while let Some(at) = around {
                if self.afresh.contains_key(&at) {
                    return true;
                }
                around = state.around(at);
            }
            false
        }
    }

    fn dependents(&mut self, state: &State, id: NodeId) {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            for dependent in state.needing(id) {
                if let Entry::Vacant(entry) = self.afresh.entry(dependent) {
                    entry.insert("it depends on a step that runs again");
                    open.push(dependent);
                }
            }
        }
    }
}

/// What a plan asks for and this version does not carry out, as sentences.
fn left_out(body: &Body) -> Vec<String> {
    let mut undone = Vec::new();
    undone_on_failure(body, &mut undone);
    if undone.is_empty() {
        return Vec::new();
    }
    vec![format!("`on-failure: undo` of {} is not carried out by this version: it counts as `stop`", undone.join(", "))]
}

fn undone_on_failure(body: &Body, found: &mut Vec<String>) {
    for Step { id, on_failure, action, .. } in body.steps.iter().chain(&body.when_failed).chain(&body.finally) {
        if *on_failure == OnFailure::Undo {
            found.push(format!("`{id}`"));
        }
        if let Some(inside) = action.body() {
            undone_on_failure(inside, found);
        }
    }
}
