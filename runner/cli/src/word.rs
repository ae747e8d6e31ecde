//! A person's word about a step: whether it can be said, and what came of it.
//!
//! This file decides what the person is told. It must not decide what a word does; the engine does, once the holder of
//! the run, or the next one, has heard it.

use clap::Args;
use clap_complete::ArgValueCandidates;
use runbook_driver::word::{self, Heard, Note};
use runbook_engine::event::{Event, ParkReason, Person, Word};
use runbook_engine::input::Said;
use runbook_engine::view::{StepStatus, StepView};
use runbook_journal::{SqliteStore, Store};
use runbook_model::diagnostic::did_you_mean;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;

use crate::arguments::Global;
use crate::exit::Exit;
use crate::recording::Recording;
use crate::report::story;
use crate::stop::{Stop, next_lines};
use crate::{completion, person, runs, shell, state, talk};

/// Which step of which run.
#[derive(Debug, Args)]
pub(crate) struct StepArguments {
    /// The run
    #[arg(add = ArgValueCandidates::new(completion::run_ids))]
    run: String,
    /// The path of the step
    #[arg(add = ArgValueCandidates::new(completion::step_paths))]
    step: String,
}

impl StepArguments {
    /// Says the word.
    pub(crate) fn give(self, word: Word, global: &Global) -> Result<Exit, Stop> {
        let store = state::store()?;
        let recording = Recording::read(&store, &runs::find(&store, &self.run)?)?;
        let steps = recording.steps();
        let step = find(&steps, &self.step)?;
        if !waits_for(step, word) {
            return match said_before(&recording, step) {
                Some((first, by, at)) => too_late(step, word, first, &by, at),
                None => Err(does_not_wait(step, word)),
            };
        }
        let said = Said {
            step: step.path.clone(),
            generation: step.generation,
            word,
            by: person::person(),
            said_at: person::now(),
        };
        match word::say(&*store.inbox(&recording.run)?, &said)? {
            Heard::Left => {
                if !global.quiet {
                    talk::say(&left(&recording, step, word));
                }
                Ok(Exit::Done)
            }
            Heard::TooLate(Some(Note { word: Some(first), by, said_at, .. })) => {
                too_late(step, word, first, &by, said_at)
            }
            Heard::TooLate(_) => {
                Err(Stop::new(Exit::Failed, "there is an answer already, which this version cannot read")
                    .help("use the version of runbook that wrote it, or a later one"))
            }
        }
    }
}

/// The steps that wait for a word which was said already and lies in the inbox: whoever takes the run up hears it.
pub(crate) fn answered(store: &SqliteStore, recording: &Recording) -> Result<Vec<StepPath>, Stop> {
    let steps = recording.steps();
    let entries = store.inbox(&recording.run)?.take()?;
    let waits = |path: &StepPath, generation| {
        steps.iter().any(|step| step.path == *path && step.generation == generation && step.parked.is_some())
    };
    Ok(entries
        .into_iter()
        .filter_map(|entry| Some((entry.slot.step?, entry.slot.generation)))
        .filter(|(path, generation)| waits(path, *generation))
        .map(|(path, _)| path)
        .collect())
}

/// The step that a person means.
pub(crate) fn find<'a>(steps: &'a [StepView], typed: &str) -> Result<&'a StepView, Stop> {
    let path: StepPath = typed.parse().map_err(|error| Stop::usage(format!("{error}")))?;
    steps.iter().find(|step| step.path == path).ok_or_else(|| {
        let paths: Vec<String> = steps.iter().map(|step| step.path.to_string()).collect();
        let stop = Stop::usage(format!("the run has no step `{path}`"));
        match did_you_mean(typed, paths.iter().map(String::as_str)) {
            Some(near) => stop.help(format!("did you mean `{near}`?")),
            None => stop.help("`runbook show` lists the steps of a run"),
        }
    })
}

fn waits_for(step: &StepView, word: Word) -> bool {
    match word {
        Word::Approve | Word::Reject => step.parked == Some(ParkReason::Approval),
        Word::Done | Word::Retry => step.parked == Some(ParkReason::Doubt),
    }
}

fn does_not_wait(step: &StepView, word: Word) -> Stop {
    let wanted = match word {
        Word::Approve | Word::Reject => "does not wait for an approval",
        Word::Done | Word::Retry => "does not wait for a word about its outcome",
    };
    let stop = Stop::new(Exit::Failed, format!("step {} {wanted}; it is {}", step.path, step.status.as_str()));
    match (step.status, step.parked) {
        (_, Some(ParkReason::Approval)) => stop.help("it waits for `runbook approve` or `runbook reject`"),
        (_, Some(ParkReason::Doubt)) => stop.help("it waits for `runbook resolve`"),
        (StepStatus::InDoubt, None) => stop.help("`runbook resume` finds out more, and asks if it has to"),
        _ => stop,
    }
}

/// The last word about a step that the journal holds.
fn said_before(recording: &Recording, step: &StepView) -> Option<(Word, Person, Timestamp)> {
    recording.events.iter().rev().find_map(|(_, stamped)| match &stamped.event {
        Event::WordGiven { step: about, word, by, said_at, .. } if *about == step.path => {
            Some((*word, by.clone(), *said_at))
        }
        _ => None,
    })
}

/// The first answer counts. Who says the same again has what they want.
fn too_late(step: &StepView, word: Word, first: Word, by: &Person, at: Timestamp) -> Result<Exit, Stop> {
    let before = format!("{} was {} by {} at {at}", step.path, story::said(first), story::name(by));
    if word == first {
        talk::note(&before);
        return Ok(Exit::Done);
    }
    Err(Stop::new(Exit::Failed, format!("your word came too late: {before}")).help("the first answer counts"))
}

fn left(recording: &Recording, step: &StepView, word: Word) -> String {
    let said = format!("{} {}", story::said(word), step.path);
    let run = &recording.run;
    match &recording.held_by {
        Some(holder) => format!("{said}; {holder} holds run {run} and hears it within a second\n"),
        None => {
            let next = shell::command(["runbook", "resume", run.as_str()]);
            format!("{said}; nobody holds run {run} now\n{}", next_lines(Some(&next)))
        }
    }
}
