//! A run of a store, opened: its journal, its inbox and the engine over both.
//!
//! This file decides how a run is made, taken up and read: how records become events and events become records. It must not
//! decide when anything is written.

use runbook_engine::event::{Event, RunCreated, Stamped};
use runbook_engine::{Engine, State, stored};
use runbook_journal::{Holder, Inbox, Journal, Record, Store};
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;

use crate::error::{Broken, Unopened};

/// A run that this process holds.
pub struct Run {
    pub(crate) engine: Engine,
    pub(crate) inbox: Box<dyn Inbox>,
    journal: Box<dyn Journal>,
    /// The number of the next record.
    next: u64,
}

impl Run {
    /// Makes a run and holds it.
    ///
    /// # Errors
    /// There is a run of that id, or the store is in trouble.
    pub fn create(
        store: &dyn Store,
        created: RunCreated,
        holder: &Holder,
        now: Timestamp,
    ) -> Result<(Self, Stamped), Unopened> {
        let run = created.run.clone();
        let first = Stamped { time: now, event: Event::RunCreated(Box::new(created.clone())) };
        let journal = store.create(&run, holder, &[record(&first)])?;
        let engine = Engine::new(State::new(created, now));
        Ok((Self { engine, inbox: store.inbox(&run)?, journal, next: 2 }, first))
    }

    /// Takes a run up. Nothing is written yet.
    ///
    /// # Errors
    /// Somebody else holds it, or it cannot be read.
    pub fn hold(store: &dyn Store, run: &RunId, holder: &Holder) -> Result<Self, Unopened> {
        let journal = store.hold(run, holder)?;
        let records = journal.read(1)?;
        let next = records.last().map_or(1, |(number, _)| number + 1);
        Ok(Self { engine: replay(&records)?, inbox: store.inbox(run)?, journal, next })
    }

    /// The engine, for what can be told about the run before it goes on.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Makes records durable and gives the number of the first.
    pub(crate) fn append(&mut self, records: &[Stamped]) -> Result<u64, Broken> {
        let first = self.next;
        let records: Vec<Record> = records.iter().map(record).collect();
        self.next = self.journal.append(first, &records)?;
        Ok(first)
    }
}

/// Reads a run without holding it.
///
/// # Errors
/// There is no such run, or it cannot be read.
pub fn read(store: &dyn Store, run: &RunId) -> Result<Engine, Unopened> {
    replay(&store.open(run)?.read(1)?)
}

fn replay(records: &[(u64, Record)]) -> Result<Engine, Unopened> {
    let mut events = Vec::with_capacity(records.len());
    for (number, record) in records {
        let event = stored::decode(record.version, &record.kind, &record.bytes)
            .map_err(|source| Unopened::Unreadable { number: *number, source })?;
        events.push(event);
    }
    State::replay(events).map(Engine::new).map_err(Unopened::Contradictory)
}

fn record(stamped: &Stamped) -> Record {
    let stored = stored::encode(stamped);
    Record { version: stored.version, kind: stored.kind, bytes: stored.bytes }
}
