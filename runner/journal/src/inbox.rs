//! The inbox: what a person says to a run without holding it.
//!
//! This file decides that a word is said once per step and generation, and that the first one wins. It must not know
//! which words there are.

use runbook_model::path::StepPath;
use serde::{Deserialize, Serialize};

use crate::error::StorageError;

/// What a word is about. There is one word per slot, for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// The step; `None` for the run as a whole.
    pub step: Option<StepPath>,
    /// The generation of the step; 0 for the run as a whole.
    pub generation: u32,
}

/// A word in the inbox.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub slot: Slot,
    /// What was said; the bytes of the one who posted it.
    pub bytes: Vec<u8>,
}

/// Without the bytes; see [`crate::Record`].
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({:?}, {} bytes)", self.slot, self.bytes.len())
    }
}

/// What became of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a word that came too late has to be told to the person"]
pub enum Posted {
    /// It is the word of this slot, durably; the holder or the next one will read it.
    Posted,
    /// Somebody was faster; this is what they said.
    AlreadyThere(Entry),
}

/// The inbox of one run.
pub trait Inbox: Send {
    /// Leaves a word if the slot has none yet.
    ///
    /// # Errors
    /// The inbox cannot be read or written.
    fn post(&self, slot: &Slot, bytes: &[u8]) -> Result<Posted, StorageError>;

    /// The words that this handle has not given yet, in a stable order. Words are never removed, so that a crash
    /// between taking and journaling loses none: a new handle gives all of them again, and the holder passes over
    /// what its journal already has.
    ///
    /// # Errors
    /// The inbox cannot be read, or holds something that is no word.
    fn take(&mut self) -> Result<Vec<Entry>, StorageError>;
}
