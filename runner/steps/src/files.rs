//! The port to files: read, judged and replaced in one go.
//!
//! This file decides what a kind can do to files. It must not do it: `connections` locks, backs up and writes for real.

use runbook_model::failure::Failure;
use runbook_model::id::RunId;
use runbook_model::value::Value;

use crate::contract::Pending;

/// Files of this machine.
pub trait Files: Send + Sync {
    /// The kubeconfig files that are meant where none is named: what `KUBECONFIG` lists, or the one in the home folder.
    fn kubeconfigs(&self) -> Vec<String>;

    /// Reads files, asks what shall become of them, and writes that. Each file is replaced whole, in the order of the
    /// changes, so that whoever reads it meanwhile, or after a crash, sees the old one or the new one. A file that was
    /// there is first copied beside itself as `<file>.<run id>.bak`, once per run. Symbolic links stay, and so do mode and
    /// owner where a change says no other.
    ///
    /// # Errors
    /// What `Edit::judge` says; `denied` for a file that may not be read or written, `conflict` for one that somebody
    /// else has locked.
    fn edit(&self, edit: Edit) -> Pending<'_, Result<Edited, Failure>>;
}

/// What shall become of files, from what they are.
pub type Judge = Box<dyn Fn(&[Original]) -> Result<Judged, Failure> + Send>;

/// An edit of files that belong together.
pub struct Edit {
    /// The run, after which backups are named.
    pub run: RunId,
    /// The files. A leading `~` is the home folder.
    pub paths: Vec<String>,
    /// Are the files locked as kubectl locks kubeconfigs, with a file `<file>.lock`? A lock that a dead process of the same
    /// run left is taken away.
    pub locks: bool,
    /// Decides. It sees the files in the order of `paths`, and is asked again once they are locked.
    pub judge: Judge,
}

/// A file before an edit.
pub struct Original {
    /// Its path, with the home folder in it.
    pub path: String,
    /// Its bytes; `None` if it is not there.
    pub content: Option<Vec<u8>>,
    /// Its permissions, as in `chmod`.
    pub mode: Option<u32>,
    /// Has this run made a backup of it already?
    pub backed_up: bool,
}

/// What a judge wants.
#[derive(Default)]
pub struct Judged {
    /// What is written, in this order; none leaves everything as it is.
    pub changes: Vec<Change>,
    /// What the kind wants to know afterwards.
    pub found: Value,
}

/// A new content.
pub struct Change {
    /// The place of the file in `Edit::paths`.
    pub file: usize,
    /// Its new bytes.
    pub content: Vec<u8>,
    /// Its new permissions; `None` keeps them, and is 0600 for a new file.
    pub mode: Option<u32>,
}

/// What an edit left.
#[derive(Debug)]
pub struct Edited {
    /// What the judge found.
    pub found: Value,
    /// Was anything written?
    pub changed: bool,
    /// The backups that the run has of these files.
    pub backups: Vec<String>,
}
