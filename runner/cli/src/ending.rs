//! How a run stands when its process lets go of it, told to people, and as an exit code.
//!
//! This file decides which end gives which code, and which words stand before the command that goes on. It must not decide
//! how the run stands.

use runbook_engine::event::{ParkReason, StopReason};
use runbook_engine::view::{RunStatus, StepStatus, StepView};
use runbook_journal::SqliteStore;
use runbook_model::path::StepPath;

use crate::arguments::Global;
use crate::blame::explained;
use crate::document::{Document, next, shown};
use crate::exit::Exit;
use crate::output::{Data, Form};
use crate::recording::Recording;
use crate::report::story::{self, span};
use crate::stop::Stop;
use crate::table::entry;
use crate::{talk, word};

/// As many as fit a screen with what stands around them.
const MOST_REASONS: usize = 15;

/// The run as scripts read it.
pub(crate) fn document(store: &SqliteStore, recording: &Recording) -> Result<Document, Stop> {
    Ok(Document::new(recording, &word::answered(store, recording)?))
}

/// Tells how the run stands. `stopping` is why nothing new started any more.
pub(crate) fn tell(
    store: &SqliteStore,
    recording: &Recording,
    stopping: Option<StopReason>,
    global: &Global,
    form: Form,
) -> Result<Exit, Stop> {
    let (status, steps) = (recording.status(), recording.steps());
    let exit = match (status, stopping) {
        (RunStatus::Succeeded | RunStatus::Undone, _) => {
            succeeded(recording, &steps, global, form)?;
            return Ok(Exit::Done);
        }
        (_, Some(StopReason::Refused)) => Exit::Refused,
        (RunStatus::Parked, _) => Exit::Parked,
        (RunStatus::TimedOut, _) => Exit::TimedOut,
        (RunStatus::Failed | RunStatus::Cancelled, _) => Exit::Failed,
        (_, Some(StopReason::Terminated)) => Exit::Terminated,
        (RunStatus::Interrupted | RunStatus::Running, _) => Exit::Interrupted,
    };
    let words = match exit {
        Exit::Parked => "waits for a person",
        Exit::TimedOut => "ran out of time",
        Exit::Refused => "met another account or cluster than before, and nothing was changed",
        Exit::Interrupted => "was interrupted",
        Exit::Terminated => "was terminated",
        _ if status == RunStatus::Cancelled => "was cancelled",
        _ => "failed",
    };
    let mut stop = Stop::new(exit, format!("run {} {words}", recording.run));
    stop.details = reasons(recording, &steps);
    if stop.details.len() > MOST_REASONS {
        let more = stop.details.len() - MOST_REASONS;
        stop.details.truncate(MOST_REASONS);
        stop.details.push(format!("and {more} more; `runbook show` tells them all"));
    }
    stop.help = help(recording, &steps);
    stop.next = next(&recording.run, status, &steps, &word::answered(store, recording)?);
    Err(stop)
}

fn succeeded(recording: &Recording, steps: &[StepView], global: &Global, form: Form) -> Result<(), Stop> {
    let state = recording.engine.state();
    if !global.quiet {
        let took = state.ended().map(|ended| span(ended.at.since(state.created_at()))).unwrap_or_default();
        let done = steps.iter().filter(|step| step.status == StepStatus::Succeeded).count();
        let skipped = steps.iter().filter(|step| step.status == StepStatus::Skipped).count();
        let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
        let steps = if done == 1 { "step" } else { "steps" };
        talk::say(&format!(
            "run {} {}: {done} {steps} done{skipped}, {took}\n",
            recording.run,
            talk::good("succeeded")
        ));
    }
    if form == Form::Human {
        let mut data = Data::default();
        let outputs = state.ended().and_then(|ended| ended.outputs.as_ref()).and_then(|outputs| outputs.as_map());
        for (name, value) in outputs.into_iter().flatten() {
            for line in entry(&talk::bold(name), &shown(value)) {
                data.text(format_args!("{line}\n"))?;
            }
        }
    }
    Ok(())
}

/// A line for everything that holds the run up: first what decided the end, then every step that failed or waits.
fn reasons(recording: &Recording, steps: &[StepView]) -> Vec<String> {
    let because = recording.engine.state().ended().and_then(|ended| ended.because.as_ref());
    let explained = explained(steps);
    let told = steps.iter().filter(|step| !explained.contains(&step.path));
    let (paths, mut reasons): (Vec<&StepPath>, Vec<String>) =
        told.filter_map(|step| Some((&step.path, reason(step)?))).unzip();
    if let Some(because) = because
        && !because.step.as_ref().is_some_and(|step| paths.iter().any(|path| path.is_within(step)))
    {
        let step = because.step.as_ref().map(|step| format!("{step}  ")).unwrap_or_default();
        reasons.insert(0, format!("{step}{}", story::hanging(&because.failure)));
    }
    reasons
}

fn reason(step: &StepView) -> Option<String> {
    let path = &step.path;
    match (step.status, step.parked) {
        (StepStatus::Failed, _) => step.failure.as_ref().map(|failure| format!("{path}  {}", story::hanging(failure))),
        (_, Some(reason)) => {
            Some(format!("{path}  {}", story::waits(reason, step.reason.as_deref().unwrap_or_default())))
        }
        _ => None,
    }
}

/// What helps: what the first failure says, or what a person has to find out.
fn help(recording: &Recording, steps: &[StepView]) -> Option<String> {
    if steps.iter().any(|step| step.parked == Some(ParkReason::Doubt)) {
        return Some("look whether it happened; if it did not, say `--retry` instead of `--done`".to_owned());
    }
    let because = recording.engine.state().ended().and_then(|ended| ended.because.as_ref());
    // The last try of a step that goes on is no reason why the run stopped.
    let stopped = steps.iter().filter(|step| matches!(step.status, StepStatus::Failed | StepStatus::Parked));
    let failures = because.map(|because| &because.failure).into_iter();
    let failures = failures.chain(stopped.filter_map(|step| step.failure.as_ref()));
    failures.filter_map(|failure| failure.help.clone()).next()
}
