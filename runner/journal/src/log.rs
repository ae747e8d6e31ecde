//! A log: what a record is, reading, and the append that is the fence.
//!
//! This file decides the contract of every log. It must not know where one is kept.

use crate::error::{AppendError, StorageError};

/// One record. The log keeps it and does not look into it.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The version of the meaning of `bytes`; the writer's matter.
    pub version: u16,
    /// What it says, as a word; for people who look into a log, and for listings.
    pub kind: String,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// Without the bytes: they may hold what a log of a program should not.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({} v{}, {} bytes)", self.kind, self.version, self.bytes.len())
    }
}

/// A log that is read. Reading needs no lock, never waits for the holder and never blocks it.
pub trait Reader: Send {
    /// The records from the number `from` on, in order. Numbers begin with 1 and have no gaps; reading from a number
    /// that does not exist yet gives nothing. Every call sees what is durable at that moment.
    ///
    /// # Errors
    /// The log is damaged, of another format, or cannot be read.
    fn read(&self, from: u64) -> Result<Vec<(u64, Record)>, StorageError>;
}

/// A log that is written. Whoever has one holds the run until it is dropped.
pub trait Journal: Reader {
    /// Writes `records` under the numbers from `expected` on and returns the number the next record will get. All of
    /// them are durable when this returns `Ok`, and none is there when it returns a conflict or that the disk is full.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] if `expected` is not the next free number: somebody else writes this log, and the
    /// caller must stop. After [`StorageError::Io`] nobody knows whether the records are durable: this journal takes no
    /// more, and what holds is what the next reader finds.
    fn append(&mut self, expected: u64, records: &[Record]) -> Result<u64, AppendError>;
}
