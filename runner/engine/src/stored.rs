//! How an event becomes the bytes of a journal record, and how people's tools see it.
//!
//! This file decides the format of records, version 1: the name of the event as the record's kind, and JSON of the form
//! `{"time": …, "event": {"step-begun": {…}}}` as its bytes. The format is described in `docs/journal.md`; records of
//! every version ever written are kept in `fixtures/journals/` and stay readable. It must not know where records are kept.

use runbook_model::id::RunId;
use runbook_model::plan;
use serde_json::{Map, Value as J};

use crate::event::{Event, Stamped};

/// The version of the format that this program writes, and the latest it reads.
pub const VERSION: u16 = 1;

/// An event as a journal keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// The version of the format.
    pub version: u16,
    /// The name of the event.
    pub kind: String,
    /// JSON.
    pub bytes: Vec<u8>,
}

/// A record that this version cannot read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A later version of the program wrote it.
    #[error("a record has the format {found}, and this version of runbook reads formats up to {VERSION}")]
    Newer {
        /// Its format.
        found: u16,
    },
    /// The plan in it is of a later format.
    #[error("the plan has the format {found}, and this version of runbook reads formats up to {}", plan::FORMAT)]
    NewerPlan {
        /// Its format.
        found: u32,
    },
    /// It is not what a record of that kind looks like.
    #[error("a record named `{kind}` does not read as an event: {why}")]
    Malformed {
        /// The record's kind.
        kind: String,
        /// What the reader says.
        why: String,
    },
}

impl Unreadable {
    /// What a person can do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Newer { .. } | Self::NewerPlan { .. } => "use the version of runbook that wrote it, or a later one",
            Self::Malformed { .. } => "nothing was changed; put the run's journal back from a backup",
        }
    }
}

/// The record of an event. Secrets do not survive this way; see [`runbook_model::record`].
#[must_use]
pub fn encode(stamped: &Stamped) -> Stored {
    Stored {
        version: VERSION,
        kind: stamped.event.kind().to_owned(),
        // Writing JSON into memory fails for maps without text keys only, which events do not hold.
        bytes: serde_json::to_vec(stamped).unwrap_or_default(),
    }
}

/// The event of a record.
///
/// # Errors
/// A later format, or bytes that are no event of that kind.
pub fn decode(version: u16, kind: &str, bytes: &[u8]) -> Result<Stamped, Unreadable> {
    if version > VERSION {
        return Err(Unreadable::Newer { found: version });
    }
    let malformed = |why: String| Unreadable::Malformed { kind: kind.to_owned(), why };
    let stamped: Stamped = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    if stamped.event.kind() != kind {
        return Err(malformed(format!("it holds the event `{}`", stamped.event.kind())));
    }
    match &stamped.event {
        Event::RunCreated(created) if created.plan.format > plan::FORMAT => {
            Err(Unreadable::NewerPlan { found: created.plan.format })
        }
        Event::PlanChanged(changed) if changed.plan.format > plan::FORMAT => {
            Err(Unreadable::NewerPlan { found: changed.plan.format })
        }
        _ => Ok(stamped),
    }
}

/// The line of an event in `-o ndjson`: its number, time, run and name, then its own fields.
#[must_use]
pub fn line(number: u64, run: &RunId, stamped: &Stamped) -> J {
    let mut line = Map::new();
    line.insert("seq".into(), number.into());
    line.insert("time".into(), stamped.time.to_string().into());
    line.insert("run".into(), run.as_str().into());
    line.insert("event".into(), stamped.event.kind().into());
    let fields = match serde_json::to_value(&stamped.event) {
        Ok(J::Object(event)) => event.into_iter().next().map(|(_, fields)| fields),
        _ => None,
    };
    if let Some(J::Object(fields)) = fields {
        // The key of the run and the texts of its package are for the machine.
        line.extend(fields.into_iter().filter(|(name, _)| name != "key" && name != "package"));
    }
    J::Object(line)
}
