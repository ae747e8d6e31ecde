//! Logs in SQLite: one folder per run, one database in it.
//!
//! This file decides the layout of the state folder and the order in which a run comes into being. It must not know
//! the tables (`format`), the lock (`lock`) or the words (`words`).
//!
//! ```text
//! <state>/                       0700
//!   <run id>/                    0700; it appears by one rename, with its first records in it
//!     journal.sqlite             0600; beside it `-wal` and `-shm` while somebody has it open, or after a kill
//!     holder                     0600; locked by the holder, whose name is inside
//!     inbox/                     0700; one file per word, made with the first one
//!   .new-…/                      a creation that was cut off; never read, may be deleted
//! ```

mod database;
mod folder;
mod format;
mod lock;
mod mark;
mod refusal;
mod wal;
mod words;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use runbook_model::id::RunId;

use crate::error::{CreateError, HoldError, StorageError};
use crate::inbox::Inbox;
use crate::log::{Journal, Reader, Record};
use crate::store::{Ends, Holder, Listed, Store};

const DATABASE: &str = "journal.sqlite";
const LOCK: &str = "holder";
const INBOX: &str = "inbox";

/// All runs below one state folder.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    folder: PathBuf,
}

impl SqliteStore {
    /// The store in `folder`, which is made when the first run is. Nothing is read or written yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The state folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of a run, where what belongs to it may be kept beside the journal (backups, the trace of a process).
    #[must_use]
    pub fn folder_of(&self, run: &RunId) -> PathBuf {
        self.folder.join(run.as_str())
    }

    fn existing(&self, run: &RunId) -> Result<PathBuf, StorageError> {
        let folder = self.folder_of(run);
        match std::fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => Ok(folder),
            Ok(_) => Err(StorageError::Foreign { path: folder, why: "it is no folder".into() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(StorageError::Missing { run: run.clone() })
            }
            Err(error) => Err(StorageError::from_io(&folder, error)),
        }
    }
}

impl Store for SqliteStore {
    fn create(&self, run: &RunId, holder: &Holder, records: &[Record]) -> Result<Box<dyn Journal>, CreateError> {
        folder::make_private(&self.folder)?;
        let wanted = self.folder_of(run);
        if wanted.symlink_metadata().is_ok() {
            return Err(CreateError::Exists { run: run.clone() });
        }
        let new = folder::temporary(&self.folder)?;
        let lock = lock::Lock::take(&new.path().join(LOCK), holder).map_err(|error| match error {
            HoldError::Storage(error) => error,
            HoldError::HeldBy(_) => unreachable!("nobody knows this folder's name yet"),
        })?;
        format::create(&new.path().join(DATABASE), run, records)?;
        folder::sync(new.path())?;
        folder::publish(new, &wanted).map_err(|error| match error.kind() {
            // Linux says the first, other systems the second, when the folder is there and not empty.
            std::io::ErrorKind::DirectoryNotEmpty | std::io::ErrorKind::AlreadyExists => {
                CreateError::Exists { run: run.clone() }
            }
            _ => StorageError::from_io(&wanted, error).into(),
        })?;
        folder::sync(&self.folder)?;
        Ok(Box::new(database::Held::open(&wanted.join(DATABASE), run, lock)?))
    }

    fn list(&self) -> Result<Vec<Listed>, StorageError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StorageError::from_io(&self.folder, error)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| StorageError::from_io(&self.folder, error))?;
            // Whatever is not named like a run is not ours.
            if let Some(run) = entry.file_name().to_str().and_then(|name| name.parse::<RunId>().ok()) {
                let folder = entry.path();
                let mark = mark::of(&folder.join(DATABASE), SystemTime::now());
                runs.push(Listed { run, held_by: lock::holder_of(&folder.join(LOCK)), mark });
            }
        }
        runs.sort_by(|a, b| a.run.cmp(&b.run));
        Ok(runs)
    }

    fn ends(&self, run: &RunId) -> Result<Ends, StorageError> {
        database::Database::open_to_read(&self.existing(run)?.join(DATABASE), run)?.ends()
    }

    fn held_by(&self, run: &RunId) -> Result<Option<Holder>, StorageError> {
        Ok(lock::holder_of(&self.existing(run)?.join(LOCK)))
    }

    fn open(&self, run: &RunId) -> Result<Box<dyn Reader>, StorageError> {
        let folder = self.existing(run)?;
        Ok(Box::new(database::Database::open_to_read(&folder.join(DATABASE), run)?))
    }

    fn hold(&self, run: &RunId, holder: &Holder) -> Result<Box<dyn Journal>, HoldError> {
        let folder = self.existing(run)?;
        let lock = lock::Lock::take(&folder.join(LOCK), holder)?;
        Ok(Box::new(database::Held::open(&folder.join(DATABASE), run, lock)?))
    }

    fn inbox(&self, run: &RunId) -> Result<Box<dyn Inbox>, StorageError> {
        Ok(Box::new(words::Words::new(self.existing(run)?.join(INBOX))))
    }
}
