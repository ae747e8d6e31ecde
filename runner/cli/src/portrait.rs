//! A run as people read it, also a week later: what, who, when, where, how each step stands, and what goes on.
//!
//! This file decides the layout. It must not decide how anything stands; the engine's view says so.

use std::fmt::Write as _;

use runbook_engine::view::{RunStatus, StepStatus, StepView};
use runbook_model::kind::Origin;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;
use runbook_model::value::Value;

use crate::account;
use crate::blame::explained;
use crate::document::{next, shown};
use crate::expiry::expiries;
use crate::recording::Recording;
use crate::report::story::{self, span};
use crate::runs::is_finished;
use crate::stop::next_lines;
use crate::table::entry;
use crate::talk::{bad, bold, dim, doubtful, good};
use crate::terminal;
use crate::text::{in_rows, padded, printable, printable_lines, width};

/// The widest column of paths; longer paths stick out.
const WIDEST: usize = 40;

/// The run as text with styles, for a window of so many columns.
pub(crate) fn portrait(recording: &Recording, answered: &[StepPath], now: Timestamp, columns: Option<usize>) -> String {
    let mut out = String::new();
    let (status, steps) = (recording.status(), recording.steps());
    head(&mut out, recording, status, now, columns);
    steps_table(&mut out, &steps, recording.engine.state().created_at(), now, columns);
    ends(&mut out, &steps, now, columns);
    let outputs = recording.engine.state().ended().and_then(|ended| ended.outputs.as_ref());
    values(&mut out, "outputs", outputs);
    out.push_str(&next_lines(next(&recording.run, status, &steps, answered).as_deref()));
    out
}

fn head(out: &mut String, recording: &Recording, status: RunStatus, now: Timestamp, columns: Option<usize>) {
    let line = |out: &mut String, name: &str, words: &str| {
        let _infallible = writeln!(out, "{}", in_rows(&format!("{} {words}", dim(padded(name, 11))), columns, 12));
    };
    let (created, state) = (recording.created(), recording.engine.state());
    let runbook = &state.plan().runbook;
    let title = if runbook.title == runbook.name { String::new() } else { format!("  {}", printable(&runbook.title)) };
    let _infallible = writeln!(out, "{} {}{title}", bold(&runbook.name), runbook.version);
    line(out, "run", recording.run.as_str());
    let held = recording.held_by.as_ref().map(|holder| format!(" ({holder})")).unwrap_or_default();
    line(out, "status", &format!("{}{}", of_run(status), printable(&held)));
    let made = state.created_at();
    let by = story::name(&created.by);
    line(
        out,
        "made",
        &format!("{made}, {} ago, by {} with runbook {}", span(now.since(made)), printable(&by), created.version),
    );
    if let Some(ended) = state.ended() {
        // A run that waits for somebody has only stopped.
        let name = if is_finished(status) || status == RunStatus::Failed { "ended" } else { "stopped" };
        line(out, name, &format!("{}, after {}", ended.at, span(ended.at.since(made))));
        if let Some(because) = &ended.because {
            let step = because.step.as_ref().map(|step| format!("{step}  ")).unwrap_or_default();
            let because = format!("{step}{}", story::hanging(&because.failure));
            let mut lines = printable_lines(&because);
            line(out, "because", &lines.next().unwrap_or_default());
            lines.for_each(|more| line(out, "", &more));
        }
    }
    for (time, words) in account::people(recording) {
        line(out, "people", &printable(&format!("{time} {words}")));
    }
    let labels = state.labels().iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    if !labels.is_empty() {
        line(out, "labels", &printable(&labels));
    }
    for (label, identity) in state.identities() {
        line(out, "connection", &printable(&format!("{label}: {identity}")));
    }
    values(out, "inputs", Some(state.inputs()));
}

/// The entries of a map.
fn values(out: &mut String, name: &str, map: Option<&Value>) {
    let Some(map) = map.and_then(Value::as_map).filter(|map| !map.is_empty()) else { return };
    let _infallible = writeln!(out, "{}", dim(name));
    for (key, value) in map {
        for line in entry(key, &shown(value)) {
            let _infallible = writeln!(out, "  {line}");
        }
    }
}

fn steps_table(out: &mut String, steps: &[StepView], made: Timestamp, now: Timestamp, columns: Option<usize>) {
    let _infallible = writeln!(out, "{}", dim("steps"));
    let explained = explained(steps);
    let column = steps.iter().map(|step| width(&step.path.to_string())).max().unwrap_or_default().min(WIDEST);
    for step in steps {
        let took = match (step.started_at, step.finished_at) {
            (Some(start), Some(end)) => span(end.since(start)),
            (Some(start), None) if is_live(step.status) => span(now.since(start)),
            _ => String::new(),
        };
        // How long after the making of the run it began; nothing for what never did.
        let began = step.started_at.map(|start| format!("+{}", span(start.since(made)))).unwrap_or_default();
        let (path, began) = (padded(&step.path.to_string(), column), dim(format_args!("{began:>7}")));
        let by_itself = !explained.contains(&step.path);
        let first = format!("  {} {path} {began} {took:>6}  {}", symbol(step.status), words(step, by_itself));
        // The words begin behind the symbol, the path and two times.
        let _infallible = writeln!(out, "{}", in_rows(first.trim_end(), columns, column + 21));
        for detail in details(step, by_itself).iter().flat_map(|detail| printable_lines(detail)) {
            let _infallible = writeln!(out, "{}", in_rows(&format!("      {detail}"), columns, 8));
        }
    }
}

/// What the steps made that ends some day.
fn ends(out: &mut String, steps: &[StepView], now: Timestamp, columns: Option<usize>) {
    let expiries = expiries(steps);
    if expiries.is_empty() {
        return;
    }
    let _infallible = writeln!(out, "{}", dim("expires"));
    for expiry in expiries {
        let words = expiry.words(now);
        let mark = if expiry.is_near(now) { format!("{} ", doubtful("!")) } else { String::new() };
        let line = format!("  {} {mark}{}", printable(&expiry.step.to_string()), printable(&words));
        let _infallible = writeln!(out, "{}", in_rows(&line, columns, 4));
    }
}

fn is_live(status: StepStatus) -> bool {
    matches!(status, StepStatus::Running | StepStatus::Waiting)
}

/// `by_itself`: nothing that failed inside explains the step's own failure.
fn words(step: &StepView, by_itself: bool) -> String {
    let title = if step.title == step.path.last().id { "" } else { step.title.as_str() };
    let title = if title.is_empty() { String::new() } else { dim(printable(title)) };
    let more = match step.status {
        StepStatus::Succeeded => match step.origin {
            Some(Origin::Created) => "created",
            Some(Origin::Changed) => "changed",
            Some(Origin::Adopted) => "was there already",
            Some(Origin::Unchanged) | None => "",
        }
        .to_owned(),
        StepStatus::Skipped | StepStatus::Parked | StepStatus::InDoubt | StepStatus::Blocked => {
            let reason = step.reason.as_deref().unwrap_or_default();
            format!("{}: {}", step.status.as_str(), printable(reason))
        }
        StepStatus::Waiting => match (&step.observed, &step.failure) {
            (Some(observed), _) => format!("waiting, saw {}", printable(observed)),
            (None, Some(failure)) => format!("waiting, saw {}", printable(&story::classed(failure))),
            (None, None) => "waiting".to_owned(),
        },
        StepStatus::Failed => {
            let failure = step.failure.as_ref().filter(|_| by_itself).map(story::sentences);
            bad(failure.as_deref().and_then(|failure| printable_lines(failure).next()).unwrap_or("failed".into()))
        }
        status => status.as_str().to_owned(),
    };
    let tries = account::tries(step).unwrap_or_default();
    [more, tries, title].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

fn details(step: &StepView, by_itself: bool) -> Vec<String> {
    let mut details: Vec<String> = step.warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    let asks = matches!(step.status, StepStatus::Failed | StepStatus::Parked | StepStatus::InDoubt);
    if let Some(failure) = step.failure.as_ref().filter(|_| asks && by_itself) {
        let told = usize::from(step.status == StepStatus::Failed);
        details.extend(story::sentences(failure).lines().skip(told).map(str::to_owned));
        details.extend(story::failure_details(failure));
    }
    details
}

/// A status in its colour.
pub(crate) fn of_run(status: RunStatus) -> String {
    let name = status.as_str();
    match status {
        RunStatus::Succeeded => good(name),
        RunStatus::Failed => bad(name),
        RunStatus::Parked | RunStatus::TimedOut => doubtful(name),
        RunStatus::Running | RunStatus::Interrupted | RunStatus::Cancelled | RunStatus::Undone => bold(name),
    }
}

fn symbol(status: StepStatus) -> String {
    let unicode = terminal::takes_unicode();
    let (fancy, plain) = match status {
        StepStatus::Succeeded => ("✔", "+"),
        StepStatus::Failed => ("✘", "x"),
        StepStatus::Parked | StepStatus::InDoubt => ("!", "!"),
        StepStatus::Running | StepStatus::Waiting => ("▸", ">"),
        StepStatus::Skipped => ("○", "o"),
        StepStatus::Pending | StepStatus::Blocked | StepStatus::Cancelled | StepStatus::Undone => ("·", "."),
    };
    let text = if unicode { fancy } else { plain };
    match status {
        StepStatus::Succeeded => good(text),
        StepStatus::Failed => bad(text),
        StepStatus::Parked | StepStatus::InDoubt => doubtful(text),
        _ => dim(text),
    }
}
