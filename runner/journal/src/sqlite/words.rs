//! The inbox as a folder: one file per word, made with all its content or not at all.
//!
//! This file decides the files of an inbox. It must not know what is said.
//!
//! A file is named after its slot and holds the slot as one line of JSON, then the bytes. It is written under another
//! name, synced, and linked to its own name, which fails if there is one: this is the create-if-absent.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use runbook_model::digest::Digest;

use crate::error::StorageError;
use crate::inbox::{Entry, Inbox, Posted, Slot};
use crate::sqlite::folder;

/// The inbox of one run.
pub(super) struct Words {
    folder: PathBuf,
    given: BTreeSet<OsString>,
}

impl Words {
    /// The inbox in `folder`.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, given: BTreeSet::new() }
    }

    /// Keys of steps may be longer than file names and hold anything, so the name is a digest.
    fn file_of(&self, slot: &Slot) -> PathBuf {
        let name = match &slot.step {
            Some(step) => format!("step-{}-{}", &Digest::of(step.to_string().as_bytes()).hex()[..32], slot.generation),
            None => format!("run-{}", slot.generation),
        };
        self.folder.join(name)
    }

    fn write(&self, path: &Path, slot: &Slot, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.folder)?;
        let mut text = serde_json::to_vec(slot)?;
        text.push(b'\n');
        text.extend_from_slice(bytes);
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        std::fs::hard_link(file.path(), path)
    }
}

impl Inbox for Words {
    fn post(&self, slot: &Slot, bytes: &[u8]) -> Result<Posted, StorageError> {
        let path = self.file_of(slot);
        folder::make_private(&self.folder)?;
        match self.write(&path, slot, bytes) {
            Ok(()) => {
                folder::sync(&self.folder)?;
                Ok(Posted::Posted)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => read(&path).map(Posted::AlreadyThere),
            Err(error) => Err(StorageError::from_io(&path, error)),
        }
    }

    fn take(&mut self) -> Result<Vec<Entry>, StorageError> {
        let failed = |error| StorageError::from_io(&self.folder, error);
        let mut new = BTreeSet::new();
        let listing = match std::fs::read_dir(&self.folder) {
            // Nobody has said anything yet.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            listing => listing.map_err(failed)?,
        };
        for entry in listing {
            let name = entry.map_err(failed)?.file_name();
            // A leading dot: a word that is being written, or was when its process died.
            if !name.as_encoded_bytes().starts_with(b".") && !self.given.contains(&name) {
                new.insert(name);
            }
        }
        let entries = new.iter().map(|name| read(&self.folder.join(name))).collect::<Result<_, _>>()?;
        self.given.append(&mut new);
        Ok(entries)
    }
}

fn read(path: &Path) -> Result<Entry, StorageError> {
    let text = std::fs::read(path).map_err(|error| StorageError::from_io(path, error))?;
    let foreign = || StorageError::Foreign { path: path.to_owned(), why: "it is no word of `runbook`".into() };
    let line = text.iter().position(|&byte| byte == b'\n').ok_or_else(foreign)?;
    let slot = serde_json::from_slice(&text[..line]).map_err(|_| foreign())?;
    Ok(Entry { slot, bytes: text[line + 1..].to_vec() })
}
