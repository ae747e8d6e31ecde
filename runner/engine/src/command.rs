//! What the engine wants done.
//!
//! This file decides the forms of commands. It must not know who carries them out: a driver, a rehearsal, a test.

use std::collections::BTreeMap;

use runbook_model::answer::Look;
use runbook_model::connection::Connection;
use runbook_model::duration::Duration;
use runbook_model::id::Token;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;
use runbook_model::value::Value;

use crate::event::Event;

/// One thing to do. Records are made durable before anything that comes after them.
#[derive(Clone, Debug)]
pub enum Command {
    /// Write it down.
    Record(Event),
    /// Ask who is at the other end. Answered by [`crate::input::Input::Identified`].
    Identify {
        /// Of what.
        connection: Connection,
        /// The step that waits for it; `None`: the run itself, for what it gives back.
        step: Option<StepPath>,
        /// Does the step call through this connection? Otherwise it only wants to know, before it changes anything, that a
        /// resumed run is where it was before.
        needed: bool,
    },
    /// Call a kind. Answered by [`crate::input::Input::Answered`].
    Invoke(Box<Call>),
    /// The answer to this step's call is not wanted any more. Only what reads is given up.
    Abandon(StepPath),
    /// Take a turn then.
    WakeAt(Timestamp),
}

/// One call of a kind.
#[derive(Clone, Debug)]
pub struct Call {
    /// The step that makes it; it makes one at a time.
    pub step: StepPath,
    /// The name of the innermost runbook around it.
    pub runbook: String,
    /// The kind.
    pub kind: String,
    /// What it is called for.
    pub purpose: Purpose,
    /// The arguments, evaluated.
    pub arguments: Value,
    /// The door.
    pub connection: Option<Connection>,
    /// The further doors, by the argument that names them.
    pub connections: BTreeMap<String, Connection>,
    /// The token of this generation.
    pub token: Token,
    /// How long it may take before it has to answer something.
    pub limit: Duration,
}

/// What a call is made for.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// The effect of the step.
    Act,
    /// To hear about an effect that goes on outside.
    Poll {
        /// What the kind said it needs for that.
        ticket: Value,
    },
    /// To see whether the effect is there.
    Probe,
    /// To see whether what a finished step did still holds.
    Verify,
    /// A look of a wait.
    Look(Look),
    /// To read again what the journal withheld of another step.
    Reread {
        /// That step.
        of: StepPath,
    },
}

impl Purpose {
    /// Does the call leave everything as it is?
    #[must_use]
    pub fn only_reads(&self) -> bool {
        !matches!(self, Self::Act)
    }
}
