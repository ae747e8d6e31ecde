//! The index of the state folder: what was last seen of runs that nobody has written since.
//!
//! This file decides its form. It spares opening every journal there is; the journals stay the truth, and without the index,
//! or with one that cannot be read or written, everything is only slower. It must not decide how a run stands.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use runbook_journal::Mark;
use runbook_model::id::RunId;
use serde::{Deserialize, Serialize};

use crate::runs::Glance;

/// Its name in the state folder; no run has such a name.
const NAME: &str = "index.json";

/// What was seen, by run.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Index {
    /// Another version may see other things in the same journal.
    version: String,
    runs: BTreeMap<RunId, Seen>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    mark: Mark,
    glance: Glance,
}

impl Default for Index {
    fn default() -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), runs: BTreeMap::new() }
    }
}

impl Index {
    /// The index of a state folder, or an empty one.
    pub(crate) fn read(folder: &Path) -> Self {
        let read = std::fs::read(folder.join(NAME)).ok();
        let index = read.and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        index.filter(|index| index.version == env!("CARGO_PKG_VERSION")).unwrap_or_default()
    }

    /// Puts it in place of the one that is there, if that can be done. It is not synced: after a power cut half of it is no
    /// JSON, and counts as none.
    pub(crate) fn write(&self, folder: &Path) {
        let written = || -> std::io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.persist(folder.join(NAME))?;
            Ok(())
        };
        let _slower_without = written();
    }

    /// What was seen of a run when it had this mark.
    pub(crate) fn get(&self, run: &RunId, mark: &Mark) -> Option<&Glance> {
        self.runs.get(run).filter(|seen| seen.mark == *mark).map(|seen| &seen.glance)
    }

    /// Keeps what was seen of a run after it had this mark.
    pub(crate) fn put(&mut self, run: RunId, mark: Mark, glance: Glance) {
        self.runs.insert(run, Seen { mark, glance });
    }
}
