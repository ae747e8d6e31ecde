//! Why a run cannot be opened, and why one that goes on has to be dropped at once.
//!
//! This file decides the kinds of trouble and what a person can do about each. It must not decide exit codes; the command
//! line does.

use runbook_engine::IllegalEvent;
use runbook_engine::stored::Unreadable;
use runbook_journal::{AppendError, CreateError, HoldError, StorageError};

/// A run cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// It cannot be made.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// It cannot be held: somebody else does, or the place is in trouble.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// Its journal or inbox cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A record of it means nothing to this version.
    #[error("record {number} cannot be read: {source}")]
    Unreadable {
        /// The number of the record.
        number: u64,
        /// What is wrong with it.
        source: Unreadable,
    },
    /// Its records contradict each other.
    #[error("the journal contradicts itself: {0}")]
    Contradictory(IllegalEvent),
}

impl Unopened {
    /// What a person can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Create(CreateError::Exists { run }) => format!("`runbook resume {run}` goes on with it"),
            Self::Create(CreateError::Storage(storage)) | Self::Hold(HoldError::Storage(storage)) => storage.help(),
            Self::Hold(HoldError::HeldBy(_)) => {
                "wait until that process is done, or stop it; it records where it stood".to_owned()
            }
            Self::Storage(storage) => storage.help(),
            Self::Unreadable { source, .. } => source.help().to_owned(),
            Self::Contradictory(_) => {
                "nothing was changed; put the run's journal back from a backup, or report this if it was never touched"
                    .to_owned()
            }
        }
    }
}

/// A run that was going on had to be dropped: nothing more was written, calls in flight were left to themselves. The next
/// holder finds them in doubt.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Somebody else writes this run: the append is the fence.
    #[error("another process took this run: record {expected} was there already")]
    Fenced {
        /// The number that was to be written.
        expected: u64,
    },
    /// The journal takes no more.
    #[error(transparent)]
    Append(AppendError),
    /// The inbox cannot be read.
    #[error(transparent)]
    Inbox(#[from] StorageError),
    /// The engine contradicts itself.
    #[error("a decision contradicts what was recorded: {0}")]
    Bug(#[from] IllegalEvent),
}

impl Broken {
    /// What a person can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Fenced { .. } => "let the other process finish; `runbook show` tells how the run stands".to_owned(),
            Self::Append(AppendError::Storage(storage)) | Self::Inbox(storage) => storage.help(),
            Self::Append(_) => "check the disk, then `runbook resume`".to_owned(),
            Self::Bug(_) => "this is a bug of runbook; `runbook resume` starts from what was recorded".to_owned(),
        }
    }
}

impl From<AppendError> for Broken {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict { expected, .. } => Self::Fenced { expected },
            other => Self::Append(other),
        }
    }
}
