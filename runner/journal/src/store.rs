//! The store: all runs, and who holds which.
//!
//! This file decides how runs are made, found, read and held. It must not know where they are kept.

use std::fmt;

use runbook_model::id::RunId;
use runbook_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{CreateError, HoldError, StorageError};
use crate::inbox::Inbox;
use crate::log::{Journal, Reader, Record};

/// All runs of one place.
pub trait Store: Send + Sync {
    /// Makes the log of a new run with its first records and holds it. A run is there with these records or not at
    /// all, whenever the process dies.
    ///
    /// # Errors
    /// There is a run of that id, or the place cannot be written.
    fn create(&self, run: &RunId, holder: &Holder, records: &[Record]) -> Result<Box<dyn Journal>, CreateError>;

    /// All runs, ordered by id. No log is opened for it.
    ///
    /// # Errors
    /// The place itself cannot be read. A place that does not exist yet is an empty list.
    fn list(&self) -> Result<Vec<Listed>, StorageError>;

    /// Both ends of a run's log, which tell what it is and how it stands without reading all of it.
    ///
    /// # Errors
    /// There is no such run, or its log cannot be read by this version.
    fn ends(&self, run: &RunId) -> Result<Ends, StorageError>;

    /// Who holds a run now.
    ///
    /// # Errors
    /// There is no such run.
    fn held_by(&self, run: &RunId) -> Result<Option<Holder>, StorageError>;

    /// The log of a run, for reading.
    ///
    /// # Errors
    /// There is no such run, or its log cannot be read by this version.
    fn open(&self, run: &RunId) -> Result<Box<dyn Reader>, StorageError>;

    /// The log of a run, for writing. Dropping it, or the death of the process, lets the run go.
    ///
    /// # Errors
    /// [`HoldError::HeldBy`] while another process (or another journal of this one) holds it.
    fn hold(&self, run: &RunId, holder: &Holder) -> Result<Box<dyn Journal>, HoldError>;

    /// What people say to a run, whoever holds it.
    ///
    /// # Errors
    /// There is no such run.
    fn inbox(&self, run: &RunId) -> Result<Box<dyn Inbox>, StorageError>;
}

/// A process that holds a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process id on `host`.
    pub pid: u32,
    /// The machine's name.
    pub host: String,
    /// The login name.
    pub user: String,
    /// When it took the run up.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} of {} on {} since {}", self.pid, self.user, self.host, self.since)
    }
}

/// A run in a list.
#[derive(Debug)]
pub struct Listed {
    /// The run.
    pub run: RunId,
    /// Who holds it now.
    pub held_by: Option<Holder>,
    /// How its log can be recognised as unchanged. None while it is written, or was a moment ago.
    pub mark: Option<Mark>,
}

/// What a log looks like from outside. As long as a run has the same mark, its log holds the same: whoever keeps what he
/// read after he saw a mark need not read it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(pub(crate) String);

/// The first and the last record of a log; the same one if there is only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The record with the number 1.
    pub first: Record,
    /// The number of the last record.
    pub number: u64,
    /// The last record.
    pub last: Record,
}
