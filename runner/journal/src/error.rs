//! What can go wrong with a journal, and what a person can do about it.
//!
//! This file decides the kinds of trouble and their words. It must not know SQLite: `crate::sqlite` sorts its codes
//! into these.

use std::path::{Path, PathBuf};

use runbook_model::id::RunId;

use crate::store::Holder;

/// A place cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No such run.
    #[error("there is no run `{run}`")]
    Missing {
        /// The run.
        run: RunId,
    },
    /// The file is something else.
    #[error("`{}` is not the journal of this run: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead, as a clause.
        why: String,
    },
    /// A later version of the program wrote it.
    #[error("`{}` has the journal format {found}, and this version of runbook reads formats up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The latest format this version knows.
        known: i64,
    },
    /// Something in it is not as it was written.
    #[error("`{}` is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, as a clause.
        what: String,
    },
    /// The permissions do not allow it.
    #[error("no permission for `{}`: {why}", path.display())]
    Denied {
        /// The file or folder.
        path: PathBuf,
        /// What is not allowed, as a clause.
        why: String,
    },
    /// The disk, or the quota, is full.
    #[error("no space is left for `{}`", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The machine refused.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StorageError {
    /// What the operating system said about `path`, sorted.
    pub(crate) fn from_io(path: &Path, error: std::io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Self::Denied { path, why: "the system does not allow it".into() },
            std::io::ErrorKind::ReadOnlyFilesystem => Self::Denied { path, why: "the file system is read-only".into() },
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Io { path, source: error.into() },
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Missing { .. } => "`runbook runs` lists the runs that there are".into(),
            Self::Foreign { .. } => "put back the run's own folder, or choose another state folder with \
                                     `RUNBOOK_STATE`"
                .into(),
            Self::Newer { .. } => "use the version of runbook that wrote it, or a later one".into(),
            Self::Damaged { .. } => "nothing was changed; put the run's folder back from a backup, and check the disk \
                                     (`docs/journal.md` tells how to read what is left)"
                .into(),
            Self::Denied { path, .. } => {
                format!(
                    "look at the owner and mode with `ls -ld {}`, or choose another state folder with `RUNBOOK_STATE`",
                    path.display()
                )
            }
            Self::Full { .. } => "nothing was written; make room, then `runbook resume`".into(),
            Self::Io { .. } => {
                "check the disk and the mount, then `runbook resume`; what was recorded before stays".into()
            }
        }
    }
}

/// Records were not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The number is taken, or numbers before it are missing: somebody else writes this journal.
    #[error("record {expected} was to be written, but the next one is {actual}: another process writes this run")]
    Conflict {
        /// The number the caller wanted to write first.
        expected: u64,
        /// The next free number.
        actual: u64,
    },
    /// An earlier append failed half-way, and this journal takes no more.
    #[error("the journal was given up after an append failed")]
    GivenUp,
    /// The place.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A run cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Somebody has it.
    #[error("{} holds the run", .0.as_ref().map_or("a process that has not said which".into(), ToString::to_string))]
    HeldBy(Option<Holder>),
    /// The place.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A run cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The id is taken.
    #[error("there is a run `{run}` already")]
    Exists {
        /// The run.
        run: RunId,
    },
    /// The place.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
