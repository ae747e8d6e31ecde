//! The outside of tests and benchmarks: a kind that does as it is told, and nothing else.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use runbook_journal::{MemoryStore, Store};
use runbook_model::answer::{Answer, Progress};
use runbook_model::argument::Argument;
use runbook_model::connection::{Connection, Identity};
use runbook_model::failure::Failure;
use runbook_model::kind::{Kind, Planned, Question, Reaches};
use runbook_steps::contract::{Invocation, Pending, StepKind};
use runbook_steps::files::Files;
use runbook_steps::ports::{Aws, Kubernetes, Outside};
use runbook_steps::programs::Programs;

/// What becomes of a call.
pub(crate) type Fate = Pending<'static, Result<Progress, Failure>>;

/// It answers, at once or after so many seconds.
pub(crate) fn answers(after: u64) -> Fate {
    Box::pin(async move {
        if after > 0 {
            tokio::time::sleep(std::time::Duration::from_secs(after)).await;
        }
        Ok(Progress::Done(Answer { output: "made".into(), ..Answer::default() }))
    })
}

/// A kind whose every call is told what becomes of it, by its number.
pub(crate) struct Made {
    store: Arc<MemoryStore>,
    fate: Box<dyn Fn(u32) -> Fate + Send + Sync>,
    pub(crate) calls: AtomicU32,
    /// Which records each call found in the journal.
    pub(crate) seen: Mutex<Vec<Vec<String>>>,
}

impl Made {
    pub(crate) fn new(store: Arc<MemoryStore>, fate: impl Fn(u32) -> Fate + Send + Sync + 'static) -> Self {
        Self { store, fate: Box::new(fate), calls: AtomicU32::new(0), seen: Mutex::default() }
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
        if let Ok(log) = self.store.open(&invocation.run) {
            let records = log.read(1).unwrap();
            self.seen.lock().unwrap().push(records.into_iter().map(|(_, record)| record.kind).collect());
        }
        (self.fate)(number)
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

    fn certificates(&self) -> &dyn runbook_steps::certificates::Certificates {
        unreachable!("the test's kind reaches nothing")
    }

    fn archives(&self) -> &dyn runbook_steps::archives::Archives {
        unreachable!("the test's kind reaches nothing")
    }

    fn network(&self) -> &dyn runbook_steps::network::Network {
        unreachable!("the test's kind reaches nothing")
    }

    fn files(&self) -> &dyn Files {
        unimplemented!("nothing here edits files")
    }

    fn programs(&self) -> &dyn Programs {
        unimplemented!("nothing here runs programs")
    }

    fn identify<'a>(&'a self, _: &'a Connection) -> Pending<'a, Result<Identity, Failure>> {
        unreachable!("the test's kind reaches nothing")
    }
}
