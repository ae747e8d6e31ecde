//! Runs: finding one by what a person typed, and how each stands at a glance.
//!
//! This file decides that from both ends of a journal, without reading all of it. It must not know what happened in
//! between.

use runbook_engine::event::{Event, RunCreated, Stamped};
use runbook_engine::view::RunStatus;
use runbook_journal::{Ends, Holder, Listed, SqliteStore, StorageError, Store};
use runbook_model::diagnostic::did_you_mean;
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;

use crate::recording;
use crate::stop::Stop;

/// A run at a glance.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) run: RunId,
    /// What it rests on.
    pub(crate) created: RunCreated,
    pub(crate) status: RunStatus,
    pub(crate) started_at: Timestamp,
    /// When it ended, if it did and does not wait for somebody.
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) held_by: Option<Holder>,
}

/// All runs, the newest first, and the trouble with those that cannot be read.
pub(crate) fn summaries(store: &SqliteStore) -> Result<(Vec<Summary>, Vec<Stop>), Stop> {
    let mut summaries = Vec::new();
    let mut unreadable = Vec::new();
    for listed in store.list()? {
        match summary(listed) {
            Ok(summary) => summaries.push(summary),
            Err(stop) => unreadable.push(stop),
        }
    }
    summaries.sort_by(|a, b| (b.started_at, &a.run).cmp(&(a.started_at, &b.run)));
    Ok((summaries, unreadable))
}

fn summary(listed: Listed) -> Result<Summary, Stop> {
    let Listed { run, held_by, ends } = listed;
    let Ends { first, last, .. } = ends?;
    let made = recording::event(&run, &first)?;
    let Event::RunCreated(created) = made.event else {
        return Err(Stop::environment(format!("the journal of `{run}` does not begin with the making of a run")));
    };
    let last = recording::event(&run, &last)?;
    let status = status(&last, held_by.is_some());
    let over = status == RunStatus::Failed || is_finished(status);
    Ok(Summary {
        run,
        created: *created,
        status,
        started_at: made.time,
        finished_at: over.then_some(last.time),
        held_by,
    })
}

/// How a run stands whose journal ends with `last`; the engine says the same after reading all of it.
fn status(last: &Stamped, held: bool) -> RunStatus {
    match (&last.event, held) {
        (_, true) => RunStatus::Running,
        (Event::RunEnded { status, .. }, false) => (*status).into(),
        (_, false) => RunStatus::Interrupted,
    }
}

/// Is there nothing left to go on with?
pub(crate) fn is_finished(status: RunStatus) -> bool {
    matches!(status, RunStatus::Succeeded | RunStatus::Cancelled | RunStatus::Undone)
}

/// The run that a person means by its id or the beginning of it.
pub(crate) fn find(store: &SqliteStore, typed: &str) -> Result<RunId, Stop> {
    if let Ok(run) = typed.parse::<RunId>() {
        match store.open(&run) {
            Err(StorageError::Missing { .. }) => {}
            // Whatever else is wrong with it, it is the one that was meant.
            _ => return Ok(run),
        }
    }
    let all: Vec<RunId> = store.list()?.into_iter().map(|listed| listed.run).collect();
    let mut found = all.iter().filter(|run| run.as_str().starts_with(typed) && !typed.is_empty());
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run.clone()),
        (Some(first), Some(second)) => {
            let all = [first, second].into_iter().chain(found);
            let stop = Stop::usage(format!("`{typed}` is the beginning of several runs"));
            Err(all.fold(stop, |stop, run| stop.detail(run.as_str())).help("give one more character than they share"))
        }
        (None, _) => {
            let near = did_you_mean(typed, all.iter().map(RunId::as_str));
            let help = near.map_or_else(
                || "`runbook runs` lists the runs that there are".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Err(Stop::usage(format!("there is no run `{typed}`")).help(help))
        }
    }
}
