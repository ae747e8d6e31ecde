//! What is there and not as wanted: the steps that bring it into shape.
//!
//! This file decides which instances these are: they stand inside the step itself, which stays open until they are done. It
//! must not decide when they run nor what follows; see `crate::decide`.

use runbook_model::plan::Action;

use super::State;
use super::illegal::IllegalEvent;
use super::node::{Container, Mark, Phase, empty};
use crate::event::Event;

impl State {
    /// The steps of `adjust` begin; those of an earlier time begin anew.
    pub(super) fn begin_adjusting(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        let id = self.fitting(event, |node, action| {
            node.phase == Phase::Active
                && matches!(action, Action::Call(_))
                && !matches!(node.work.mark, Mark::Started | Mark::Going)
        })?;
        let node = self.node(id);
        let Some(layout) = self.outline.layout(node.layout).inner[node.index as usize] else {
            return Err(IllegalEvent::step(event, &node.path, "it has no `adjust`"));
        };
        for child in self.inner_body(id).map(|body| self.children(Container::Body(body))).unwrap_or_default() {
            self.reset(child);
        }
        self.open_body(layout, Some(id), empty());
        self.set_phase(id, Phase::Open);
        Ok(())
    }
}
