//! The clock that a run goes by.
//!
//! This file decides what a driver may ask of a clock, so that a test or a rehearsal can bring its own. It must not be used
//! to decide anything: the engine is given the time with every turn.

use std::time::{SystemTime, UNIX_EPOCH};

use runbook_model::duration::Duration;
use runbook_model::time::Timestamp;
use runbook_steps::contract::Pending;

/// A clock.
pub trait Clock: Send + Sync {
    /// What time it is.
    fn now(&self) -> Timestamp;

    /// Lets some time pass.
    fn sleep(&self, duration: Duration) -> Pending<'_, ()>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep(&self, duration: Duration) -> Pending<'_, ()> {
        Box::pin(tokio::time::sleep(duration.into()))
    }
}
