//! A person's word on its way: into the inbox of a run that somebody else may hold, and out of it.
//!
//! This file decides how a word is written into an inbox, version 1, and what it becomes when it is taken. It must not
//! decide what a word does; the engine does.

use runbook_engine::event::{Person, Word};
use runbook_engine::input::{Input, Said};
use runbook_journal::{Entry, Inbox, Posted, Slot, StorageError};
use runbook_model::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A word as it lies in an inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The version of this format: 1.
    version: u16,
    /// What is said of the step; `None` gives the run up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<Word>,
    /// Who says it.
    pub by: Person,
    /// When.
    pub said_at: Timestamp,
}

const VERSION: u16 = 1;

/// What became of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a word that came too late has to be told to the person"]
pub enum Heard {
    /// It is left for whoever holds the run, now or next.
    Left,
    /// Somebody was faster; this is what they said, as far as this version can read it.
    TooLate(Option<Note>),
}

/// Says a word about a step.
///
/// # Errors
/// The inbox cannot be read or written.
pub fn say(inbox: &dyn Inbox, said: &Said) -> Result<Heard, StorageError> {
    let slot = Slot { step: Some(said.step.clone()), generation: said.generation };
    post(inbox, &slot, &Note { version: VERSION, word: Some(said.word), by: said.by.clone(), said_at: said.said_at })
}

/// Gives a run up.
///
/// # Errors
/// The inbox cannot be read or written.
pub fn cancel(inbox: &dyn Inbox, by: Person, said_at: Timestamp) -> Result<Heard, StorageError> {
    let slot = Slot { step: None, generation: 0 };
    post(inbox, &slot, &Note { version: VERSION, word: None, by, said_at })
}

fn post(inbox: &dyn Inbox, slot: &Slot, note: &Note) -> Result<Heard, StorageError> {
    let bytes = serde_json::to_vec(note).unwrap_or_default();
    Ok(match inbox.post(slot, &bytes)? {
        Posted::Posted => Heard::Left,
        Posted::AlreadyThere(first) => Heard::TooLate(read(&first)),
    })
}

/// What an entry of an inbox says; `None` if this version cannot read it.
#[must_use]
pub fn read(entry: &Entry) -> Option<Note> {
    serde_json::from_slice(&entry.bytes).ok().filter(|note: &Note| note.version <= VERSION)
}

/// The input that an entry is for the engine; `None` if this version cannot read it.
#[must_use]
pub fn input(entry: &Entry) -> Option<Input> {
    let note = read(entry)?;
    match (&entry.slot.step, note.word) {
        (Some(step), Some(word)) => Some(Input::Said(Said {
            step: step.clone(),
            generation: entry.slot.generation,
            word,
            by: note.by,
            said_at: note.said_at,
        })),
        (None, None) => Some(Input::Cancel { by: note.by, said_at: note.said_at }),
        _ => None,
    }
}
