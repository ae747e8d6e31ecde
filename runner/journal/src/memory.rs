//! Logs in memory: the same contract without durability, for tests and for rehearsals.
//!
//! This file decides nothing of its own; `tests/stores.rs` holds it to what the SQLite store does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runbook_model::id::RunId;

use crate::error::{AppendError, CreateError, HoldError, StorageError};
use crate::inbox::{Entry, Inbox, Posted, Slot};
use crate::log::{Journal, Reader, Record};
use crate::store::{Ends, Holder, Listed, Mark, Store};

/// Runs that live as long as this value or one of its clones.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    runs: Arc<Mutex<BTreeMap<RunId, Arc<Mutex<Run>>>>>,
}

#[derive(Debug, Default)]
struct Run {
    records: Vec<Record>,
    holder: Option<Holder>,
    words: BTreeMap<Slot, Vec<u8>>,
}

/// A thread that panicked with the lock cannot have left half an append: a record vector grows in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn run(&self, run: &RunId) -> Result<Arc<Mutex<Run>>, StorageError> {
        lock(&self.runs).get(run).cloned().ok_or_else(|| StorageError::Missing { run: run.clone() })
    }
}

impl Store for MemoryStore {
    fn create(&self, run: &RunId, holder: &Holder, records: &[Record]) -> Result<Box<dyn Journal>, CreateError> {
        let mut runs = lock(&self.runs);
        if runs.contains_key(run) {
            return Err(CreateError::Exists { run: run.clone() });
        }
        let held = Run { records: records.to_vec(), holder: Some(holder.clone()), words: BTreeMap::new() };
        let shared = Arc::new(Mutex::new(held));
        runs.insert(run.clone(), Arc::clone(&shared));
        Ok(Box::new(Held(shared)))
    }

    fn list(&self) -> Result<Vec<Listed>, StorageError> {
        let runs = lock(&self.runs);
        Ok(runs
            .iter()
            .map(|(id, run)| {
                let run = lock(run);
                let mark = run.holder.is_none().then(|| Mark(run.records.len().to_string()));
                Listed { run: id.clone(), held_by: run.holder.clone(), mark }
            })
            .collect())
    }

    fn ends(&self, run: &RunId) -> Result<Ends, StorageError> {
        let shared = self.run(run)?;
        let records = &lock(&shared).records;
        match (records.first(), records.last()) {
            (Some(first), Some(last)) => {
                Ok(Ends { first: first.clone(), number: records.len() as u64, last: last.clone() })
            }
            _ => Err(StorageError::Damaged { path: run.as_str().into(), what: "it holds no record".into() }),
        }
    }

    fn held_by(&self, run: &RunId) -> Result<Option<Holder>, StorageError> {
        Ok(lock(&*self.run(run)?).holder.clone())
    }

    fn open(&self, run: &RunId) -> Result<Box<dyn Reader>, StorageError> {
        Ok(Box::new(Opened(self.run(run)?)))
    }

    fn hold(&self, run: &RunId, holder: &Holder) -> Result<Box<dyn Journal>, HoldError> {
        let shared = self.run(run)?;
        let mut held = lock(&shared);
        if held.holder.is_some() {
            return Err(HoldError::HeldBy(held.holder.clone()));
        }
        held.holder = Some(holder.clone());
        drop(held);
        Ok(Box::new(Held(shared)))
    }

    fn inbox(&self, run: &RunId) -> Result<Box<dyn Inbox>, StorageError> {
        Ok(Box::new(MemoryInbox { run: self.run(run)?, given: BTreeSet::new() }))
    }
}

struct Opened(Arc<Mutex<Run>>);

impl Reader for Opened {
    fn read(&self, from: u64) -> Result<Vec<(u64, Record)>, StorageError> {
        let run = lock(&self.0);
        let numbered = (1_u64..).zip(run.records.iter().cloned());
        Ok(numbered.skip_while(|(number, _)| *number < from).collect())
    }
}

struct Held(Arc<Mutex<Run>>);

impl Reader for Held {
    fn read(&self, from: u64) -> Result<Vec<(u64, Record)>, StorageError> {
        Opened(Arc::clone(&self.0)).read(from)
    }
}

impl Journal for Held {
    fn append(&mut self, expected: u64, records: &[Record]) -> Result<u64, AppendError> {
        let mut run = lock(&self.0);
        let actual = run.records.len() as u64 + 1;
        if expected != actual {
            return Err(AppendError::Conflict { expected, actual });
        }
        run.records.extend_from_slice(records);
        Ok(actual + records.len() as u64)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.0).holder = None;
    }
}

struct MemoryInbox {
    run: Arc<Mutex<Run>>,
    given: BTreeSet<Slot>,
}

impl Inbox for MemoryInbox {
    fn post(&self, slot: &Slot, bytes: &[u8]) -> Result<Posted, StorageError> {
        let mut run = lock(&self.run);
        if let Some(first) = run.words.get(slot) {
            return Ok(Posted::AlreadyThere(Entry { slot: slot.clone(), bytes: first.clone() }));
        }
        run.words.insert(slot.clone(), bytes.to_vec());
        Ok(Posted::Posted)
    }

    fn take(&mut self) -> Result<Vec<Entry>, StorageError> {
        let run = lock(&self.run);
        let new = run.words.iter().filter(|(slot, _)| !self.given.contains(slot));
        let entries: Vec<Entry> = new.map(|(slot, bytes)| Entry { slot: slot.clone(), bytes: bytes.clone() }).collect();
        self.given.extend(entries.iter().map(|entry| entry.slot.clone()));
        Ok(entries)
    }
}
