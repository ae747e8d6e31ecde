//! Runs: finding one by what a person typed, and how each stands at a glance.
//!
//! This file decides that from both ends of a journal, without reading all of it, and of one that has not changed since the
//! last time without opening it. It must not know what happened in between.

use indexmap::IndexMap;
use runbook_engine::event::{Event, RunCreated, Stamped};
use runbook_engine::view::RunStatus;
use runbook_journal::{Holder, Listed, SqliteStore, StorageError, Store};
use runbook_model::diagnostic::did_you_mean;
use runbook_model::id::RunId;
use runbook_model::plan::RunbookIdentity;
use runbook_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::index::Index;
use crate::recording;
use crate::stop::Stop;

/// What both ends of a journal tell of a run, whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Glance {
    /// What it began with.
    pub(crate) runbook: RunbookIdentity,
    pub(crate) labels: IndexMap<String, String>,
    pub(crate) started_at: Timestamp,
    /// How it stands while nobody holds it.
    left: RunStatus,
    last_at: Timestamp,
}

/// A run at a glance.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) run: RunId,
    pub(crate) glance: Glance,
    pub(crate) held_by: Option<Holder>,
}

impl Summary {
    /// How it stands; the engine says the same after reading all of it.
    pub(crate) fn status(&self) -> RunStatus {
        if self.held_by.is_some() { RunStatus::Running } else { self.glance.left }
    }

    /// Is there nothing left to go on with?
    pub(crate) fn is_finished(&self) -> bool {
        is_finished(self.status())
    }

    /// When it ended, if it did and does not wait for somebody.
    pub(crate) fn finished_at(&self) -> Option<Timestamp> {
        (self.status() == RunStatus::Failed || self.is_finished()).then_some(self.glance.last_at)
    }
}

/// All runs, the newest first, and the trouble with those that cannot be read.
pub(crate) fn summaries(store: &SqliteStore) -> Result<(Vec<Summary>, Vec<Stop>), Stop> {
    let index = Index::read(store.folder());
    let (summaries, unreadable, seen) = looked_at(store, &index)?;
    if seen != index {
        seen.write(store.folder());
    }
    Ok((summaries, unreadable))
}

/// The same, and the index that saves the next one what this one had to read.
fn looked_at(store: &dyn Store, index: &Index) -> Result<(Vec<Summary>, Vec<Stop>, Index), Stop> {
    let (mut summaries, mut unreadable, mut seen) = (Vec::new(), Vec::new(), Index::default());
    for Listed { run, held_by, mark } in store.list()? {
        let kept = mark.as_ref().and_then(|mark| index.get(&run, mark)).cloned();
        match kept.map_or_else(|| glance(store, &run), Ok) {
            Ok(glance) => {
                if let Some(mark) = mark {
                    seen.put(run.clone(), mark, glance.clone());
                }
                summaries.push(Summary { run, glance, held_by });
            }
            Err(stop) => unreadable.push(stop),
        }
    }
    summaries.sort_by(|a, b| (b.glance.started_at, &a.run).cmp(&(a.glance.started_at, &b.run)));
    Ok((summaries, unreadable, seen))
}

fn glance(store: &dyn Store, run: &RunId) -> Result<Glance, Stop> {
    let ends = store.ends(run)?;
    let (started_at, created) = making(run, recording::event(run, &ends.first)?)?;
    let last = recording::event(run, &ends.last)?;
    let left = match last.event {
        Event::RunEnded { status, .. } => status.into(),
        _ => RunStatus::Interrupted,
    };
    let RunCreated { plan, labels, .. } = created;
    Ok(Glance { runbook: plan.runbook, labels, started_at, left, last_at: last.time })
}

/// What a run was made with.
pub(crate) fn created(store: &dyn Store, run: &RunId) -> Result<RunCreated, Stop> {
    making(run, recording::event(run, &store.ends(run)?.first)?).map(|(_, created)| created)
}

fn making(run: &RunId, first: Stamped) -> Result<(Timestamp, RunCreated), Stop> {
    match first.event {
        Event::RunCreated(created) => Ok((first.time, *created)),
        _ => Err(Stop::environment(format!("the journal of `{run}` does not begin with the making of a run"))),
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

#[cfg(test)]
mod tests {
    use runbook_engine::event::EndStatus;
    use runbook_engine::stored;
    use runbook_journal::{MemoryStore, Record};

    use super::*;
    use crate::person;

    /// The first record of the fixture, and the last one of a run that ended so.
    fn records(run: &RunId, status: EndStatus) -> [Record; 2] {
        let first: serde_json::Value =
            serde_json::from_str(include_str!("../../../fixtures/journals/events-v1.jsonl").lines().next().unwrap())
                .unwrap();
        let first = Record { version: 1, kind: "run-created".into(), bytes: first["bytes"].to_string().into_bytes() };
        let time = recording::event(run, &first).unwrap().time;
        [first, ended(time, status)]
    }

    fn ended(time: Timestamp, status: EndStatus) -> Record {
        let event = Event::RunEnded { status, outputs: None, because: None };
        let stored = stored::encode(&Stamped { time, event });
        Record { version: stored.version, kind: stored.kind, bytes: stored.bytes }
    }

    fn statuses(summaries: &[Summary]) -> Vec<&'static str> {
        summaries.iter().map(|summary| summary.status().as_str()).collect()
    }

    #[test]
    fn what_has_not_changed_is_not_opened_and_what_has_is() {
        let store = MemoryStore::new();
        let runs: Vec<RunId> = (1..4).map(|number| RunId::new("demo", number)).collect();
        for run in &runs {
            drop(store.create(run, &person::holder(), &records(run, EndStatus::Failed)).unwrap());
        }
        let (summaries, _, index) = looked_at(&store, &Index::default()).unwrap();
        assert_eq!(statuses(&summaries), ["failed"; 3]);

        // An index that says something else shows which of them were opened.
        let mut odd = Index::default();
        for Listed { run, mark, .. } in store.list().unwrap() {
            let glance = Glance { left: RunStatus::Undone, ..summaries[0].glance.clone() };
            odd.put(run, mark.unwrap(), glance);
        }
        let mut held = store.hold(&runs[0], &person::holder()).unwrap();
        let at = summaries[0].glance.last_at;
        held.append(3, &[ended(at, EndStatus::Succeeded)]).unwrap();
        let (while_held, _, _) = looked_at(&store, &odd).unwrap();
        assert_eq!(statuses(&while_held), ["running", "undone", "undone"]);
        assert_eq!(while_held[0].finished_at(), None);
        drop(held);
        let (after, _, new) = looked_at(&store, &odd).unwrap();
        assert_eq!(statuses(&after), ["succeeded", "undone", "undone"]);
        assert!(new != odd && new != index);
    }
}
