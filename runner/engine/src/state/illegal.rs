//! An event that does not fit.
//!
//! This file decides how that is told. It must not know which events fit.

use runbook_model::path::StepPath;

use crate::event::Event;

/// An event that does not fit what came before it. It is never right to go on after one: the journal, or this program, is
/// wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event `{event}` does not fit {subject}: {why}")]
pub struct IllegalEvent {
    /// The name of the event.
    pub event: &'static str,
    /// The step in backticks, or `the run`.
    pub subject: String,
    /// Why not.
    pub why: String,
}

impl IllegalEvent {
    pub(super) fn run(event: &Event, why: impl Into<String>) -> Self {
        Self { event: event.kind(), subject: "the run".into(), why: why.into() }
    }

    pub(super) fn empty() -> Self {
        Self { event: "run-created", subject: "the run".into(), why: "the journal has no events".into() }
    }

    pub(super) fn step(event: &Event, path: &StepPath, why: impl Into<String>) -> Self {
        Self { event: event.kind(), subject: format!("step `{path}`"), why: why.into() }
    }
}
