//! The state folder: where the journals are.
//!
//! This file decides the folder, and how trouble with it is told. It must not know what a journal says.

use std::path::PathBuf;

use runbook_journal::{SqliteStore, StorageError};

use crate::exit::Exit;
use crate::stop::{Stop, because};

/// The store in the state folder of this environment. Nothing is made or read yet.
pub(crate) fn store() -> Result<SqliteStore, Stop> {
    folder().map(SqliteStore::new)
}

/// `RUNBOOK_STATE`, else `runbook` in the XDG state home.
pub(crate) fn folder() -> Result<PathBuf, Stop> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(chosen) = set("RUNBOOK_STATE") {
        let text = chosen.to_string_lossy();
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(Stop::environment(format!(
                "`RUNBOOK_STATE` is `{text}`, and this version keeps no journals in `{scheme}`"
            ))
            .help("set `RUNBOOK_STATE` to a folder of this machine"));
        }
        return std::path::absolute(&chosen)
            .map_err(|error| Stop::environment(format!("`RUNBOOK_STATE` is no folder: {error}")));
    }
    // A relative path there is to be ignored, says the XDG base directory specification.
    if let Some(home) = set("XDG_STATE_HOME").map(PathBuf::from).filter(|home| home.is_absolute()) {
        return Ok(home.join("runbook"));
    }
    match std::env::home_dir().filter(|home| home.is_absolute()) {
        Some(home) => Ok(home.join(".local/state/runbook")),
        None => Err(Stop::environment("there is no home folder for the journals")
            .help("set `RUNBOOK_STATE` to a folder that only you can write")),
    }
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        let exit = if matches!(error, StorageError::Missing { .. }) { Exit::Usage } else { Exit::Environment };
        Self::new(exit, because(&error)).help(error.help())
    }
}
