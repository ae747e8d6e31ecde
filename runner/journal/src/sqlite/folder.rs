//! Folders that only their owner can enter, made so that a crash leaves nothing half.
//!
//! This file decides modes and syncs of folders. It must not know what is in them.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use crate::error::StorageError;

/// Makes a folder, and those above it, with mode 0700. One that is there must not be writable for others: whoever can
/// swap a journal for another decides what a resume does.
pub(super) fn make_private(folder: &Path) -> Result<(), StorageError> {
    let failed = |error| StorageError::from_io(folder, error);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let mode = std::fs::metadata(folder).map_err(failed)?.permissions().mode();
    if mode & 0o022 != 0 {
        let why = format!("others may write into it (mode {:o}); `chmod go-w` it", mode & 0o7777);
        return Err(StorageError::Denied { path: folder.to_owned(), why });
    }
    Ok(())
}

/// A folder with mode 0700 and a name that no run has; it goes away unless it is published.
pub(super) fn temporary(parent: &Path) -> Result<tempfile::TempDir, StorageError> {
    tempfile::Builder::new()
        .prefix(".new-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(|error| StorageError::from_io(parent, error))
}

/// Gives a temporary folder its name. It fails if a folder with something in it has that name.
pub(super) fn publish(folder: tempfile::TempDir, name: &Path) -> io::Result<()> {
    std::fs::rename(folder.path(), name)?;
    // The name it had is free now and not this value's to remove.
    let _former_name = folder.keep();
    Ok(())
}

/// Makes the entries of a folder durable.
pub(super) fn sync(folder: &Path) -> Result<(), StorageError> {
    File::open(folder).and_then(|open| open.sync_all()).map_err(|error| StorageError::from_io(folder, error))
}
