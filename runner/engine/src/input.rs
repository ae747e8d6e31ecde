//! What reaches a run from outside: answers, a person's words, signals, the passing of time.
//!
//! This file decides the forms of these. It must not decide what any of them means; that is `crate::process` for what is
//! remembered and `crate::decide` for what follows.

use runbook_model::answer::Progress;
use runbook_model::connection::{Connection, Identity};
use runbook_model::duration::Duration;
use runbook_model::failure::Failure;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;
use runbook_model::value::Map;

use crate::event::{Person, PlanChanged, StopReason, Word};

/// One thing that reaches a run.
#[derive(Debug)]
pub enum Input {
    /// A process takes the run up. Always the first input.
    Hold(Box<Holding>),
    /// Time has passed, or there is simply a turn to take.
    Tick,
    /// A call ([`crate::command::Command::Invoke`]) is over.
    Answered {
        /// The step that made it.
        step: StepPath,
        /// What came of it.
        outcome: Result<Progress, Failure>,
    },
    /// Somebody asked who is at the other end ([`crate::command::Command::Identify`]).
    Identified {
        /// Of what.
        connection: Connection,
        /// Who.
        outcome: Result<Identity, Failure>,
    },
    /// A person's word about a step.
    Said(Said),
    /// A person gives the run up.
    Cancel {
        /// Who.
        by: Person,
        /// When.
        said_at: Timestamp,
    },
    /// A signal asks to stop: nothing new starts, calls in flight end.
    Stop(StopReason),
    /// A second signal: let go now, whatever is in flight.
    Halt,
}

/// A process that takes a run up, and what the person who started it wants.
#[derive(Clone, Debug, Default)]
pub struct Holding {
    /// Who.
    pub by: Person,
    /// The process.
    pub pid: u32,
    /// The version of the program.
    pub version: String,
    /// The secret inputs that the journal withholds, fitted to their types; see [`crate::State::withheld_inputs`].
    pub secrets: Map,
    /// Run this step and what depends on it again.
    pub from: Option<StepPath>,
    /// Go on by an edited runbook.
    pub with: Option<Box<PlanChanged>>,
    /// How much time a step gets whose deadline has passed; `None`: its whole `timeout` again.
    pub extend: Option<Duration>,
}

/// A person's word about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The step.
    pub step: StepPath,
    /// The generation of the step that the person saw.
    pub generation: u32,
    /// The word.
    pub word: Word,
    /// Who said it.
    pub by: Person,
    /// When.
    pub said_at: Timestamp,
}
