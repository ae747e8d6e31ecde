//! Which failures stand for themselves: a step fails over what failed inside it, and people are told once.
//!
//! This file decides that from how the steps stand. It must not know how a failure is put into words.

use std::collections::BTreeSet;

use runbook_engine::view::{StepStatus, StepView};
use runbook_model::path::StepPath;

/// The steps around those that failed: what failed inside explains their failure, if they failed at all.
pub(crate) fn explained<'a>(steps: impl IntoIterator<Item = &'a StepView>) -> BTreeSet<StepPath> {
    let mut explained = BTreeSet::new();
    for step in steps.into_iter().filter(|step| step.status == StepStatus::Failed) {
        let mut inner = around(&step.path);
        while let Some(outer) = inner {
            inner = around(&outer);
            if !explained.insert(outer) {
                break;
            }
        }
    }
    explained
}

/// The loop around an item, the step around everything else.
fn around(path: &StepPath) -> Option<StepPath> {
    if path.last().key.is_some() { Some(path.whole()) } else { path.parent() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_left_outwards_one_step_at_a_time() {
        let item = StepPath::root("join").item("a");
        let inner = item.child("register");
        assert_eq!(around(&inner), Some(item.clone()));
        assert_eq!(around(&item), Some(StepPath::root("join")));
        assert_eq!(around(&StepPath::root("join")), None);
    }
}
