//! What a call is asked beyond its arguments, and what it answers.
//!
//! This file decides what passes between a step kind, which answers, and the engine, which judges the answer without knowing
//! any kind. It must not know how a call is made.

use crate::duration::Duration;
use crate::kind::Origin;
use crate::value::Value;

/// A look of a wait.
#[derive(Clone, Debug)]
pub struct Look {
    /// Counts from 1, across resumes.
    pub number: u32,
    /// How long a watching source may hold its answer back; zero for "answer at once". A source that has no
    /// [`Look::mark`] to watch on from, or may not watch, answers at once too.
    pub patience: Duration,
    /// What the source said at its last look, for watching on from there (such as a resource version). Not journaled.
    pub mark: Option<Value>,
}

/// A success.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The result that expressions read.
    pub output: Value,
    /// How it came about, where the kind knows; otherwise the engine concludes it from probe and effect.
    pub origin: Option<Origin>,
    /// The id under which the service remembers the call.
    pub request_id: Option<String>,
    /// What was there before, for an undo.
    pub before: Option<Value>,
    /// For the next look; see [`Look::mark`].
    pub mark: Option<Value>,
    /// What keeps that which a look found, as far as the source knows more than its answer says. For people; holds no secret.
    pub blocks: Option<String>,
    /// What people should read, although it succeeded.
    pub warnings: Vec<String>,
}

/// Where a call stands after it was started or asked about.
#[derive(Clone, Debug)]
pub enum Progress {
    /// It is over.
    Done(Answer),
    /// It took effect and goes on outside; ask again. The ticket is journaled.
    Going {
        /// What the kind needs to ask about it, also in another process.
        ticket: Value,
        /// What people are shown.
        observed: Option<String>,
    },
}
