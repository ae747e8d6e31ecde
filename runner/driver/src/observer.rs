//! Whoever watches a run.
//!
//! This file decides what an observer is told: every record once it is durable, and which calls are under way. It must not
//! hold up the run: an observer that has much to do does it elsewhere.

use runbook_engine::command::Call;
use runbook_engine::event::Stamped;
use runbook_model::path::StepPath;

/// Whoever watches a run.
pub trait Observer: Send {
    /// An event is in the journal under this number.
    fn recorded(&mut self, number: u64, stamped: &Stamped);

    /// A call goes out.
    fn called(&mut self, call: &Call) {
        let _ = call;
    }

    /// A call of this step came back, or is not waited for any more.
    fn returned(&mut self, step: &StepPath) {
        let _ = step;
    }
}

/// Nobody.
impl Observer for () {
    fn recorded(&mut self, _: u64, _: &Stamped) {}
}
