//! What SQLite refuses, sorted into what a person can act upon.
//!
//! This file decides which of SQLite's codes means what. It must not know what was being done.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::error::StorageError;

/// SQLite's error about the file at `path`, sorted.
pub(super) fn sorted(path: &Path, error: Error) -> StorageError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => {
            StorageError::Damaged { path, what: "parts of the file are missing or overwritten".into() }
        }
        Some(ErrorCode::NotADatabase) => StorageError::Foreign { path, why: "it is no SQLite database".into() },
        Some(ErrorCode::DiskFull) => StorageError::Full { path },
        Some(ErrorCode::ReadOnly) => StorageError::Denied { path, why: "it may not be written".into() },
        Some(ErrorCode::PermissionDenied) => StorageError::Denied { path, why: "the system does not allow it".into() },
        // The file is there and not empty, or nobody would have asked SQLite.
        Some(ErrorCode::CannotOpen) => {
            StorageError::Denied { path, why: "it, or a file beside it, cannot be opened".into() }
        }
        // With the right application id, what is missing in the file was there once.
        Some(ErrorCode::Unknown) | None => {
            StorageError::Damaged { path, what: format!("it does not hold what a journal holds ({error})") }
        }
        Some(_) => StorageError::Io { path, source: error.into() },
    }
}
