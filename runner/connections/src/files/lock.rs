//! The lock that kubectl and its kin take before they write a kubeconfig: a file `<file>.lock` that must not exist.
//!
//! This file decides whose lock is in the way. Ours says which run and process made it; one of the same run is a dead
//! process's, because a run has one process and that edits one thing at a time. It must not know what the lock protects.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::id::RunId;

use super::{Between, beside, failure};

/// A lock that this process holds.
pub(super) struct Lock(PathBuf);

impl Lock {
    /// Takes the lock of a file; none if the folder is not there either.
    ///
    /// # Errors
    /// `conflict` if somebody else has it; why it cannot be made.
    pub(super) fn take(path: &Path, run: &RunId, between: Between<'_>) -> Result<Option<Self>, Failure> {
        let lock = beside(path, "lock");
        if !lock.parent().is_some_and(Path::exists) {
            return Ok(None);
        }
        let ours = format!("runbook {run}");
        // The lock appears with its words in it: it is written under another name and linked.
        let draft = beside(&lock, run.as_str());
        let words = format!("{ours} process {}\n", std::process::id());
        between()?;
        let mut options = OpenOptions::new();
        let written = options.write(true).create(true).truncate(true).mode(0o600).open(&draft);
        written.and_then(|mut file| file.write_all(words.as_bytes())).map_err(|error| failure("lock", path, &error))?;
        between()?;
        let mut linked = fs::hard_link(&draft, &lock);
        if linked.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists) {
            let found = fs::read_to_string(&lock).unwrap_or_default();
            if found.split(" process ").next() == Some(ours.as_str()) {
                fs::remove_file(&lock).map_err(|error| failure("unlock", path, &error))?;
                between()?;
                linked = fs::hard_link(&draft, &lock);
            }
            if linked.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists) {
                drop(fs::remove_file(&draft));
                return Err(taken(path, &lock, found.trim()));
            }
        }
        between()?;
        drop(fs::remove_file(&draft));
        linked.map_err(|error| failure("lock", path, &error))?;
        Ok(Some(Self(lock)))
    }

    /// Gives it back.
    pub(super) fn release(self) {
        // Nobody can do more about it than the next try of this run, which takes it for a dead process's.
        drop(fs::remove_file(self.0));
    }
}

/// Somebody else has it.
fn taken(path: &Path, lock: &Path, found: &str) -> Failure {
    let whose = match found.strip_prefix("runbook ") {
        Some(run) => format!("by the run {}", run.replace(" process ", ", process ")),
        None => "by kubectl or another program".to_owned(),
    };
    let message = format!("the kubeconfig `{}` is locked {whose}: `{}` is there", path.display(), lock.display());
    Failure::new(FailureClass::Conflict, message).help(format!(
        "programs hold it for a moment only; if none is at work on the file any more, remove it: `rm {}`",
        lock.display()
    ))
}
