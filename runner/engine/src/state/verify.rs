//! Finished steps that are looked at again when a run is taken up, before anything rests on them.
//!
//! This file decides which these are: those with `verify` that something still to run needs, directly or through what they
//! stand in. It must not look, nor decide what a look means.

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::path::StepPath;

use super::State;
use super::illegal::IllegalEvent;
use super::node::{NodeId, Phase};
use crate::event::Event;

impl State {
    /// The finished instances to verify before the run goes on; `runs` says of which instances it is known that they run
    /// again although they ended.
    pub(crate) fn relied_on(&self, runs: &dyn Fn(NodeId) -> bool) -> Vec<NodeId> {
        let finished = |id: NodeId| {
            let node = self.node(id);
            node.phase == Phase::Succeeded && !node.is_loop() && !runs(id) && self.step(id).verify.is_some()
        };
        self.node_ids().filter(|id| finished(*id) && self.is_reachable(*id) && self.is_needed(*id, runs)).collect()
    }

    /// Does something that is still to run need this instance, or what it stands in?
    fn is_needed(&self, id: NodeId, runs: &dyn Fn(NodeId) -> bool) -> bool {
        let to_run = |id: NodeId| runs(id) || !matches!(self.node(id).phase, Phase::Succeeded | Phase::Skipped);
        let mut at = id;
        loop {
            if self.needing(at).into_iter().any(to_run) {
                return true;
            }
            match self.around(at) {
                // What is inside something unfinished counts for that only where something in there reads it.
                Some(around) if self.node(around).phase == Phase::Succeeded && !runs(around) => at = around,
                _ => return false,
            }
        }
    }

    pub(super) fn begin_verifying(&mut self, steps: &[StepPath]) {
        let known: Vec<NodeId> = steps.iter().filter_map(|path| self.find(path)).collect();
        self.touched.extend(self.to_verify.iter().chain(&known));
        self.to_verify = known.into_iter().collect();
    }

    /// A finished instance was looked at: it is trusted, or is opened again next.
    pub(super) fn verified(&mut self, event: &Event, sentences: &[String]) -> Result<(), IllegalEvent> {
        let id = self.fitting(event, |node, _| node.phase == Phase::Succeeded)?;
        if !self.to_verify.contains(&id) {
            return Err(IllegalEvent::step(event, &self.node(id).path, "nobody wants it verified"));
        }
        let work = &mut self.node_mut(id).work;
        (work.pause, work.failures, work.tried_since) = (None, 0, None);
        match sentences {
            [] => drop(self.to_verify.remove(&id)),
            sentences => work.failure = Some(Failure::new(FailureClass::CheckFailed, sentences.join("\n"))),
        }
        self.settle(id);
        Ok(())
    }
}
