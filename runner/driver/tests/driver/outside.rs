//! The outside of these tests: a kind that does as it is told, and a clock that jumps with the test's runtime.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use runbook_driver::clock::Clock;
use runbook_journal::{
    AppendError, CreateError, HoldError, Holder, Inbox, Journal, Listed, MemoryStore, Reader, Record, StorageError,
    Store,
};
use runbook_model::answer::{Answer, Progress};
use runbook_model::argument::Argument;
use runbook_model::connection::{Connection, Identity};
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::id::RunId;
use runbook_model::kind::{Kind, Planned, Question, Reaches};
use runbook_model::time::Timestamp;
use runbook_steps::contract::{Invocation, Pending, StepKind};
use runbook_steps::ports::{Aws, Kubernetes, Outside};
use tokio::time::Instant;

/// What a call does.
#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    Answer,
    Throttle,
    Hang,
    /// Answers after so many seconds.
    Slow(u64),
}

/// A kind whose every call is told what to do, by its number.
pub(crate) struct Made {
    store: Arc<MemoryStore>,
    behaviour: Box<dyn Fn(u32) -> Behaviour + Send + Sync>,
    pub(crate) calls: AtomicU32,
    /// Which records each call found in the journal.
    pub(crate) seen: Mutex<Vec<Vec<String>>>,
}

impl Made {
    pub(crate) fn new(store: Arc<MemoryStore>, behaviour: impl Fn(u32) -> Behaviour + Send + Sync + 'static) -> Self {
        Self { store, behaviour: Box::new(behaviour), calls: AtomicU32::new(0), seen: Mutex::default() }
    }
}

impl Kind for Made {
    fn name(&self) -> &'static str {
        "make"
    }

    fn version(&self) -> u32 {
        1
    }

    fn summary(&self) -> &'static str {
        "makes"
    }

    fn plan(&self, _: &mut Argument, _: &mut Question<'_>) -> Planned {
        Planned::unknown(Reaches::Nothing)
    }
}

impl StepKind for Made {
    fn start<'a>(&'a self, invocation: &'a Invocation, _: &'a dyn Outside) -> Pending<'a, Result<Progress, Failure>> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let records = self.store.open(&invocation.run).unwrap().read(1).unwrap();
        self.seen.lock().unwrap().push(records.into_iter().map(|(_, record)| record.kind).collect());
        let behaviour = (self.behaviour)(number);
        Box::pin(async move {
            match behaviour {
                Behaviour::Answer => {}
                Behaviour::Throttle => return Err(Failure::new(FailureClass::Throttled, "slow down")),
                Behaviour::Hang => std::future::pending().await,
                Behaviour::Slow(secs) => tokio::time::sleep(std::time::Duration::from_secs(secs)).await,
            }
            Ok(Progress::Done(Answer { output: "made".into(), ..Answer::default() }))
        })
    }
}

/// Nothing is outside.
pub(crate) struct Nowhere;

impl Outside for Nowhere {
    fn aws(&self) -> &dyn Aws {
        unreachable!("the test's kind reaches nothing")
    }

    fn kubernetes(&self) -> &dyn Kubernetes {
        unreachable!("the test's kind reaches nothing")
    }

    fn identify<'a>(&'a self, _: &'a Connection) -> Pending<'a, Result<Identity, Failure>> {
        unreachable!("the test's kind reaches nothing")
    }
}

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
