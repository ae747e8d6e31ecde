//! How the parts are put together for a run: runtime, store, kinds, the outside.
//!
//! This file decides that verbs which run nothing pay for none of it. It must not decide anything about a run.

use tokio::runtime::{Builder, Runtime};

use crate::stop::Stop;

/// The runtime that a run's futures and timers live on.
pub(crate) fn runtime() -> Result<Runtime, Stop> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::environment(format!("failed to start: {error}")))
}
