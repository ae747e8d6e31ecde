//! Files for real: read, judged, backed up, replaced.
//!
//! This file decides in which order an edit touches the disk. At every moment each file is the old one or the new one, and
//! what a killed process leaves behind is named after its run, so that the next try finds it. It must not know what is in
//! the files.

mod lock;
mod replace;
#[cfg(test)]
mod tests;

use std::io::{Error, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::id::RunId;
use runbook_steps::contract::Pending;
use runbook_steps::files::{Edit, Edited, Files, Judged, Original};

use self::lock::Lock;

/// The port.
#[derive(Default)]
pub(crate) struct RealFiles {
    /// One edit at a time: two of one run would take each other's locks for those of a dead process.
    at_work: Arc<Mutex<()>>,
}

impl Files for RealFiles {
    fn kubeconfigs(&self) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        for path in crate::kubernetes::default_paths() {
            let path = path.to_string_lossy().into_owned();
            if !seen.contains(&path) {
                seen.push(path);
            }
        }
        seen
    }

    fn edit(&self, edit: Edit) -> Pending<'_, Result<Edited, Failure>> {
        let at_work = Arc::clone(&self.at_work);
        Box::pin(async move {
            let work = tokio::task::spawn_blocking(move || {
                let _alone = at_work.lock().unwrap_or_else(PoisonError::into_inner);
                edited(&edit, &mut || Ok(()))
            });
            work.await.map_err(|error| Failure::new(FailureClass::Unknown, error.to_string()).doubtful())?
        })
    }
}

/// Where a test stops an edit as a kill would: between two touches of the disk, without tidying up.
type Between<'a> = &'a mut dyn FnMut() -> Result<(), Failure>;

fn edited(edit: &Edit, between: Between<'_>) -> Result<Edited, Failure> {
    let paths: Vec<PathBuf> = edit.paths.iter().map(|path| crate::kubernetes::expanded(path)).collect();
    // Most often nothing has to be done, and then nothing is locked. What is wrong now may be right a moment later, when
    // nobody else is writing any more.
    let originals = read(&paths, &edit.run)?;
    if let Ok(Judged { changes, found }) = (edit.judge)(&originals)
        && changes.is_empty()
    {
        return Ok(Edited { found, changed: false, backups: backups(&paths, &edit.run) });
    }
    if !edit.locks {
        return written(edit, &paths, between);
    }
    let mut locks = Vec::new();
    for path in &paths {
        match Lock::take(path, &edit.run, between) {
            Ok(lock) => locks.extend(lock),
            Err(failure) => {
                locks.into_iter().rev().for_each(Lock::release);
                return Err(failure);
            }
        }
    }
    let outcome = written(edit, &paths, between);
    #[cfg(test)]
    if outcome.as_ref().is_err_and(tests::is_killed) {
        return outcome;
    }
    locks.into_iter().rev().for_each(Lock::release);
    outcome
}

fn written(edit: &Edit, paths: &[PathBuf], between: Between<'_>) -> Result<Edited, Failure> {
    let originals = read(paths, &edit.run)?;
    let Judged { changes, found } = (edit.judge)(&originals)?;
    for change in &changes {
        let (path, original) = (&paths[change.file], &originals[change.file]);
        if original.mode.is_some_and(|mode| mode & 0o200 == 0) {
            let mode = original.mode.unwrap_or_default();
            let message = format!("`{}` is read-only (its mode is {mode:04o})", path.display());
            return Err(Failure::new(FailureClass::Denied, message)
                .help(format!("if it may be changed: `chmod u+w {}`", path.display())));
        }
        if let (Some(content), false) = (&original.content, original.backed_up) {
            let backup = beside(path, &format!("{}.bak", edit.run));
            replace::replace(&backup, content, original.mode, path, &edit.run, between)?;
        }
        replace::replace(path, &change.content, change.mode.or(original.mode), path, &edit.run, between)?;
    }
    Ok(Edited { found, changed: !changes.is_empty(), backups: backups(paths, &edit.run) })
}

/// A file beside another one: its name and more.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(more);
    PathBuf::from(name)
}

fn backups(paths: &[PathBuf], run: &RunId) -> Vec<String> {
    let all = paths.iter().map(|path| beside(path, &format!("{run}.bak")));
    all.filter(|backup| backup.exists()).map(|backup| backup.to_string_lossy().into_owned()).collect()
}

fn read(paths: &[PathBuf], run: &RunId) -> Result<Vec<Original>, Failure> {
    let one = |path: &PathBuf| {
        let shown = path.to_string_lossy().into_owned();
        let backed_up = beside(path, &format!("{run}.bak")).exists();
        let content = match std::fs::read(path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Original { path: shown, content: None, mode: None, backed_up });
            }
            Err(error) => return Err(failure("read", path, &error)),
        };
        let metadata = std::fs::metadata(path).map_err(|error| failure("read", path, &error))?;
        Ok(Original { path: shown, content: Some(content), mode: Some(metadata.mode() & 0o7777), backed_up })
    };
    paths.iter().map(one).collect()
}

/// What the system says of a file, for people.
fn failure(doing: &str, path: &Path, error: &Error) -> Failure {
    let path = path.display();
    let (class, help) = match error.kind() {
        ErrorKind::PermissionDenied => (FailureClass::Denied, format!("look at who may do that: `ls -ld {path}`")),
        ErrorKind::ReadOnlyFilesystem => (FailureClass::Denied, "its file system is mounted read-only".to_owned()),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (FailureClass::Unavailable, format!("make room on its file system: `df {path}`"))
        }
        ErrorKind::IsADirectory => (FailureClass::Invalid, "name a file, not a folder".to_owned()),
        ErrorKind::NotADirectory => (FailureClass::Invalid, "a part of the path is a file".to_owned()),
        _ => (FailureClass::Unknown, format!("look at the file: `ls -ld {path}`")),
    };
    Failure::new(class, format!("failed to {doing} `{path}`: {error}")).help(help)
}
