//! What only the tests of the driver need of the outside: a clock that jumps, and a store to which something happens before
//! an append.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

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
#[derive(Clone)]
pub(crate) struct VirtualClock {
    start: Instant,
    /// Milliseconds for which nothing at all went on.
    lost: Arc<AtomicU64>,
    /// Milliseconds by which somebody has put the clock forward or back.
    put: Arc<AtomicI64>,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self { start: Instant::now(), lost: Arc::default(), put: Arc::default() }
    }
}

impl VirtualClock {
    /// The clock is put to another time: so many milliseconds from the right one.
    pub(crate) fn put(&self, millis: i64) {
        self.put.store(millis, Ordering::SeqCst);
    }

    /// Time passes in which the whole process stands still.
    pub(crate) fn lose(&self, millis: u64) {
        self.lost.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let lost = i64::try_from(self.lost.load(Ordering::SeqCst)).unwrap();
        Timestamp::from_millis(
            i64::try_from(self.start.elapsed().as_millis()).unwrap() + lost + self.put.load(Ordering::SeqCst),
        )
    }

    fn sleep(&self, duration: Duration) -> Pending<'_, ()> {
        Box::pin(tokio::time::sleep(duration.into()))
    }
}

/// What happens before an append, whose first number it is told.
type Before = Arc<dyn Fn(u64) -> Result<(), AppendError> + Send + Sync>;

/// A store to which something happens before an append: somebody else writes it too, or it is slow.
pub(crate) struct Contested {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) before: Before,
}

struct ContestedJournal(Box<dyn Journal>, Before);

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
        Ok(Box::new(ContestedJournal(self.store.hold(run, holder)?, self.before.clone())))
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
        (self.1)(expected)?;
        self.0.append(expected, records)
    }
}
