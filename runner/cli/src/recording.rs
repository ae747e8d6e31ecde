//! A run as its journal tells it.
//!
//! This file decides how a journal becomes a run that can be shown, and how trouble with it is told. It must not know what
//! the events mean: the engine folds them.

use runbook_engine::event::{Event, RunCreated, Stamped};
use runbook_engine::input::Input;
use runbook_engine::view::{RunStatus, StepView};
use runbook_engine::{Engine, State, stored};
use runbook_journal::{Holder, Record, SqliteStore, Store};
use runbook_model::id::RunId;

use crate::stop::Stop;

/// A run, read without holding it: beside whoever does, or when nobody does.
pub(crate) struct Recording {
    pub(crate) run: RunId,
    /// All events so far, with their numbers.
    pub(crate) events: Vec<(u64, Stamped)>,
    /// What they add up to.
    pub(crate) engine: Engine,
    /// Who holds it now.
    pub(crate) held_by: Option<Holder>,
}

impl Recording {
    /// Reads a run.
    pub(crate) fn read(store: &SqliteStore, run: &RunId) -> Result<Self, Stop> {
        // Asked for first: whoever lets go in between has written the end by then.
        let held_by = store.held_by(run)?;
        let mut recording = Self::of(run, events(store, run)?, held_by)?;
        // What people said and nobody has heard yet: it decides what a resume does.
        for entry in store.inbox(run)?.take()? {
            if let Some(input @ Input::Said(_)) = runbook_driver::word::input(&entry) {
                recording.engine.take_in(input);
            }
        }
        Ok(recording)
    }

    /// The run as its holder left it with the event of that number, whatever others did to it since.
    pub(crate) fn left(store: &SqliteStore, run: &RunId, last: u64) -> Result<Self, Stop> {
        let mut events = events(store, run)?;
        events.retain(|(number, _)| *number <= last);
        Self::of(run, events, None)
    }

    pub(crate) fn of(run: &RunId, events: Vec<(u64, Stamped)>, held_by: Option<Holder>) -> Result<Self, Stop> {
        let state = State::replay(events.iter().map(|(_, stamped)| stamped.clone())).map_err(|error| {
            Stop::environment(format!("the journal of `{run}` does not add up: {error}"))
                .help("nothing was changed; `runbook events` shows what can be read")
        })?;
        Ok(Self { run: run.clone(), events, engine: Engine::new(state), held_by })
    }

    /// What it rests on.
    pub(crate) fn created(&self) -> &RunCreated {
        match &self.events[0].1.event {
            Event::RunCreated(created) => created,
            _ => unreachable!("a state is replayed from the making of a run only"),
        }
    }

    /// How it stands.
    pub(crate) fn status(&self) -> RunStatus {
        self.engine.status(self.held_by.is_some())
    }

    /// How its steps stand, in the order of the plan.
    pub(crate) fn steps(&self) -> Vec<StepView> {
        self.engine.steps(self.held_by.is_some())
    }
}

/// All events of a run so far, with their numbers.
pub(crate) fn events(store: &SqliteStore, run: &RunId) -> Result<Vec<(u64, Stamped)>, Stop> {
    let records = store.open(run)?.read(1)?;
    records.iter().map(|(number, record)| Ok((*number, event(run, record)?))).collect()
}

/// The event of one record of a run.
pub(crate) fn event(run: &RunId, record: &Record) -> Result<Stamped, Stop> {
    stored::decode(record.version, &record.kind, &record.bytes).map_err(|error| {
        Stop::environment(format!("the journal of `{run}` cannot be read: {error}")).help(error.help())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person;

    #[test]
    fn who_let_go_tells_its_own_end_whoever_holds_the_run_now() {
        let text = include_str!("../../../fixtures/journals/events-v1.jsonl");
        let records: Vec<Record> = text
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                let kind = line["kind"].as_str().unwrap().to_owned();
                Record { version: 1, kind, bytes: line["bytes"].to_string().into_bytes() }
            })
            .collect();
        let parked = records.iter().position(|record| record.kind == "run-ended").unwrap() as u64 + 1;
        assert!(parked < records.len() as u64);
        let place = tempfile::tempdir().unwrap();
        let store = SqliteStore::new(place.path());
        let run: RunId = "demo-100000".parse().unwrap();
        let _held = store.create(&run, &person::holder(), &records).unwrap();
        assert_eq!(Recording::read(&store, &run).unwrap().status(), RunStatus::Running);
        assert_eq!(Recording::left(&store, &run, parked).unwrap().status(), RunStatus::Parked);
    }
}
