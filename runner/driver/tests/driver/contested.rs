//! What only the tests of the driver need of the outside: a clock that jumps, and a store that somebody else writes too.

use std::sync::Arc;

use runbook_driver::clock::Clock;
use runbook_journal::{
    AppendError, CreateError, Ends, HoldError, Holder, Inbox, Journal, Listed, MemoryStore, Reader, Record,
    StorageError, Store,
};
use runbook_model::duration::Duration;
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;
use runbook_steps::contract::Pending;
use tokio::time::Instant;

/// The runtime's clock, which jumps to the next timer while nothing else goes on.
pub(crate) struct VirtualClock(Instant);

impl Default for VirtualClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.0.elapsed().as_millis()).unwrap())
    }

    fn sleep(&self, duration: Duration) -> Pending<'_, ()> {
        Box::pin(tokio::time::sleep(duration.into()))
    }
}

/// A store whose runs somebody else writes too: appends fail from a number on.
pub(crate) struct Contested {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) until: u64,
}

struct ContestedJournal(Box<dyn Journal>, u64);

impl Store for Contested {
    fn create(&self, run: &RunId, holder: &Holder, records: &[Record]) -> Result<Box<dyn Journal>, CreateError> {
        self.store.create(run, holder, records)
    }

    fn list(&self) -> Result<Vec<Listed>, StorageError> {
        self.store.list()
    }

    fn ends(&self, run: &RunId) -> Result<Ends, StorageError> {
        self.store.ends(run)
    }

    fn held_by(&self, run: &RunId) -> Result<Option<Holder>, StorageError> {
        self.store.held_by(run)
    }

    fn open(&self, run: &RunId) -> Result<Box<dyn Reader>, StorageError> {
        self.store.open(run)
    }

    fn hold(&self, run: &RunId, holder: &Holder) -> Result<Box<dyn Journal>, HoldError> {
        Ok(Box::new(ContestedJournal(self.store.hold(run, holder)?, self.until)))
    }

    fn inbox(&self, run: &RunId) -> Result<Box<dyn Inbox>, StorageError> {
        self.store.inbox(run)
    }
}

impl Reader for ContestedJournal {
    fn read(&self, from: u64) -> Result<Vec<(u64, Record)>, StorageError> {
        self.0.read(from)
    }
}

impl Journal for ContestedJournal {
    fn append(&mut self, expected: u64, records: &[Record]) -> Result<u64, AppendError> {
        if expected > self.1 {
            return Err(AppendError::Conflict { expected, actual: expected + 1 });
        }
        self.0.append(expected, records)
    }
}
