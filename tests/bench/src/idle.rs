//! A step kind that does nothing, and the nothing it reaches.
//!
//! Its effect is called one-shot, which is what the journal keeps most carefully: intent before, outcome after, each
//! durable. This file must not know what is measured.

use runbook_model::answer::{Answer, Progress};
use runbook_model::argument::Argument;
use runbook_model::connection::{Connection, Identity};
use runbook_model::failure::Failure;
use runbook_model::kind::{Effect, Kind, Kinds, Planned, Question, Reaches};
use runbook_steps::contract::{Invocation, Pending, StepKind};
use runbook_steps::files::Files;
use runbook_steps::ports::{Aws, Kubernetes, Outside};
use runbook_steps::programs::Programs;

/// The kind `idle`.
pub(crate) struct Idle;

impl Kind for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "does nothing"
    }

    fn plan(&self, _: &mut Argument, _: &mut Question<'_>) -> Planned {
        Planned { effect: Effect::OneShot, ..Planned::unknown(Reaches::Nothing) }
    }
}

impl StepKind for Idle {
    fn start<'a>(&'a self, _: &'a Invocation, _: &'a dyn Outside) -> Pending<'a, Result<Progress, Failure>> {
        Box::pin(async { Ok(Progress::Done(Answer::default())) })
    }
}

impl Kinds for Idle {
    fn get(&self, name: &str) -> Option<&dyn Kind> {
        (name == self.name()).then_some(self)
    }

    fn names(&self) -> Vec<&'static str> {
        vec![self.name()]
    }
}

/// Nothing is outside.
pub(crate) struct Nowhere;

impl Outside for Nowhere {
    fn aws(&self) -> &dyn Aws {
        unreachable!("`idle` reaches nothing")
    }

    fn kubernetes(&self) -> &dyn Kubernetes {
        unreachable!("`idle` reaches nothing")
    }

    fn certificates(&self) -> &dyn runbook_steps::certificates::Certificates {
        unreachable!("`idle` reaches nothing")
    }

    fn archives(&self) -> &dyn runbook_steps::archives::Archives {
        unreachable!("`idle` reaches nothing")
    }

    fn network(&self) -> &dyn runbook_steps::network::Network {
        unreachable!("`idle` reaches nothing")
    }

    fn files(&self) -> &dyn Files {
        unimplemented!("nothing here edits files")
    }

    fn programs(&self) -> &dyn Programs {
        unimplemented!("nothing here runs programs")
    }

    fn identify<'a>(&'a self, _: &'a Connection) -> Pending<'a, Result<Identity, Failure>> {
        unreachable!("`idle` reaches nothing")
    }
}
