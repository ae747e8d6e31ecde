//! Carrying a run out: everything around it is put together, people are told, and the end becomes an exit code.
//!
//! This file decides how signals, the reporter and the trace meet the driver. It must not decide about steps.

use runbook_connections::Connections;
use runbook_driver::clock::SystemClock;
use runbook_driver::observer::Observer;
use runbook_driver::{Broken, Run, Signal, Unopened, World};
use runbook_engine::event::{Event, Stamped, StopReason};
use runbook_engine::input::Holding;
use runbook_journal::{AppendError, HoldError, SqliteStore};
use runbook_model::id::RunId;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::arguments::Global;
use crate::ending;
use crate::exit::Exit;
use crate::output::{Data, Form};
use crate::person;
use crate::recording::Recording;
use crate::report::Reporter;
use crate::stop::{Stop, because};
use crate::trace::Trace;

/// A run that this process holds, ready to go on.
pub(crate) struct Taken {
    pub(crate) id: RunId,
    pub(crate) run: Run,
    /// What happened before this process took it up; empty for a new run.
    pub(crate) history: Vec<Stamped>,
    /// The first event of a new run, which nobody was told of.
    pub(crate) first: Option<Stamped>,
    pub(crate) holding: Holding,
}

/// What a process says of itself when it takes a run up.
pub(crate) fn holding() -> Holding {
    Holding {
        by: person::person(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Holding::default()
    }
}

/// The runtime that futures and timers live on. Verbs that reach nothing outside do without it.
pub(crate) fn runtime() -> Result<Runtime, Stop> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::environment(format!("failed to start: {error}")))
}

/// Carries the run out until it ends, parks or is stopped, and tells how that was.
pub(crate) fn carry_out(
    taken: Taken,
    store: &SqliteStore,
    global: &Global,
    form: Form,
    trace: &Trace,
) -> Result<Exit, Stop> {
    let Taken { id, run, history, first, holding } = taken;
    if let Err(error) = trace.keep_in(&store.folder_of(&id)) {
        tracing::warn!("the trace of the run cannot be kept: {error}");
    }
    let runtime = runtime()?;
    let signals = runtime.block_on(signals())?;
    let reporter = Reporter::start(&id, &history, global, form);
    let mut watcher = Watcher { reporter: &reporter, stopping: None, last: history.len() as u64 };
    if let Some(first) = first {
        watcher.recorded(1, &first);
    }
    let registry = runbook_steps::kinds();
    let connections = Connections::new().with_programs(run.engine().state().allows_command());
    let world = World {
        kinds: &|name| registry.step(name),
        outside: &connections,
        clock: &SystemClock,
        observer: &mut watcher,
        signals,
    };
    let ended = runtime.block_on(run.carry_out(holding, world));
    let (stopping, last) = (watcher.stopping, watcher.last);
    let told = reporter.finish();
    let recording = Recording::left(store, &id, last);
    let mut written = told;
    if form == Form::Json
        && let Ok(recording) = &recording
    {
        written = written.and(Data::default().document(&ending::document(store, recording)?));
    }
    ended.map_err(|broken| Stop::from(broken).resume(&id))?;
    let exit = ending::tell(store, &recording?, stopping, global, form)?;
    written.map(|()| exit)
}

/// Ctrl-C, SIGTERM and the end of the terminal, from now on.
async fn signals() -> Result<UnboundedReceiver<Signal>, Stop> {
    let failed = |error| Stop::environment(format!("failed to listen to signals: {error}"));
    let mut interrupts = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminations = signal(SignalKind::terminate()).map_err(failed)?;
    // Whoever was started with `nohup` is to outlive the terminal.
    let ignored = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangups(&status));
    let mut hangups = if ignored { None } else { Some(signal(SignalKind::hangup()).map_err(failed)?) };
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            let came = tokio::select! {
                Some(()) = interrupts.recv() => Signal::Interrupt,
                Some(()) = terminations.recv() => Signal::Terminate,
                // Kernel and shell may both tell of it; the second would stop at once.
                Some(()) = next(&mut hangups) => {
                    hangups = None;
                    Signal::Terminate
                }
                else => return,
            };
            if sender.send(came).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// The next of these signals; never, where they are not listened to.
async fn next(signals: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    match signals {
        Some(signals) => signals.recv().await,
        None => std::future::pending().await,
    }
}

/// Does a process with this `/proc/self/status` ignore SIGHUP, the first of the signals? Where there is no such file, nobody
/// can tell, and it does not.
fn ignores_hangups(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Passes events on to the reporter, and remembers the last one and why nothing new starts.
struct Watcher<'a> {
    reporter: &'a Reporter,
    stopping: Option<StopReason>,
    last: u64,
}

impl Observer for Watcher<'_> {
    fn recorded(&mut self, number: u64, stamped: &Stamped) {
        if let Event::RunStopping { reason } = &stamped.event {
            self.stopping = Some(*reason);
        }
        self.last = number;
        self.reporter.event(number, stamped);
    }
}

impl From<Unopened> for Stop {
    fn from(error: Unopened) -> Self {
        let exit = match &error {
            Unopened::Hold(HoldError::HeldBy(_)) => Exit::Held,
            _ => Exit::Environment,
        };
        Self::new(exit, because(&error)).help(error.help())
    }
}

impl From<Broken> for Stop {
    fn from(error: Broken) -> Self {
        let exit = match &error {
            Broken::Fenced { .. } => Exit::Held,
            Broken::Append(AppendError::Conflict { .. }) => Exit::Held,
            Broken::Append(_) | Broken::Inbox(_) => Exit::Environment,
            Broken::Bug(_) => Exit::Bug,
        };
        Self::new(exit, because(&error)).help(error.help())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_heard() {
        let status = |mask: &str| format!("Name:\trunbook\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\n");
        assert!(ignores_hangups(&status("0000000000001001")));
        assert!(!ignores_hangups(&status("0000000000001000")) && !ignores_hangups(""));
    }
}
