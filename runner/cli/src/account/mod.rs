//! The account of a run: what a person wants to read of it a week later, or hand on to somebody who was not there.
//!
//! This file decides which facts those are. It must not decide how anything stands (the engine's view says so) nor how the
//! account looks; `html` and `markdown` write it down.

pub(crate) mod html;
pub(crate) mod markdown;

use runbook_engine::event::Event;
use runbook_engine::view::{RunStatus, StepStatus, StepView};
use runbook_model::kind::Origin;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;
use runbook_model::value::Value;

use crate::blame::explained;
use crate::document::{next, shown};
use crate::expiry::expiries;
use crate::recording::Recording;
use crate::report::story;
use crate::table::one_line;
use crate::text::cut;

/// More steps than this, and answers are told shorter and the picture shows the outermost steps alone.
const MANY: usize = 1_000;

/// The facts of a run.
pub(crate) struct Account<'a> {
    pub(crate) recording: &'a Recording,
    pub(crate) status: RunStatus,
    /// In the order of the plan.
    pub(crate) steps: Vec<StepView>,
    /// What people and processes did to the run, in order.
    pub(crate) course: Vec<(Timestamp, String)>,
    /// The command that goes on, if there is something to go on with.
    pub(crate) next: Option<String>,
    /// What the steps made that ends some day: the step, the words, and whether somebody should see to it.
    pub(crate) ends: Vec<(StepPath, String, bool)>,
    begin: Timestamp,
    end: Timestamp,
}

impl<'a> Account<'a> {
    /// The account of a run at this moment. `answered` are the steps that a person's word waits for already.
    pub(crate) fn new(recording: &'a Recording, answered: &[StepPath], now: Timestamp) -> Self {
        let (status, steps) = (recording.status(), recording.steps());
        let begin = recording.engine.state().created_at();
        let last = recording.events.last().map_or(begin, |(_, stamped)| stamped.time);
        Self {
            next: next(&recording.run, status, &steps, answered),
            course: course(recording),
            ends: expiries(&steps)
                .into_iter()
                .map(|expiry| (expiry.step.clone(), expiry.words(now), expiry.is_near(now)))
                .collect(),
            end: if status == RunStatus::Running { now } else { last },
            recording,
            status,
            steps,
            begin,
        }
    }

    /// When it was made, and when the last thing happened to it.
    pub(crate) fn times(&self) -> (Timestamp, Timestamp) {
        (self.begin, self.end)
    }

    /// The steps that changed something outside, and how.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&StepView, &'static str)> {
        self.steps.iter().filter_map(|step| Some((step, change(step)?)))
    }

    /// The steps that hold the run up, without those that failed over one of them.
    pub(crate) fn trouble(&self) -> impl Iterator<Item = &StepView> {
        let explained = explained(&self.steps);
        self.steps.iter().filter(move |step| match step.status {
            StepStatus::Failed => !explained.contains(&step.path),
            StepStatus::Parked | StepStatus::InDoubt => true,
            _ => false,
        })
    }

    /// From when to when a step took, in parts of the whole run; `None` if it never began.
    pub(crate) fn part(&self, step: &StepView) -> Option<(f64, f64)> {
        let at = |time: Timestamp| {
            // A clock that jumped back while the run went on must not lead out of the picture.
            let whole = self.end.since(self.begin).as_millis().max(1);
            let passed = time.since(self.begin).as_millis().min(whole);
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^52")]
            let part = passed as f64 / whole as f64;
            part
        };
        let begin = at(step.started_at.or(step.finished_at)?);
        Some((begin, at(step.finished_at.unwrap_or(self.end)).max(begin)))
    }

    /// What a step gave, on one line and cut where it gets long.
    pub(crate) fn answer(&self, step: &StepView) -> String {
        let most = if self.steps.len() > MANY { 60 } else { 240 };
        let outputs = step.outputs.as_ref().filter(|outputs| outputs.as_map().is_none_or(|map| !map.is_empty()));
        outputs.map(|outputs| cut(&brief(outputs), most, true).into_owned()).unwrap_or_default()
    }

    /// Are there so many steps that some of what could be told is left out?
    pub(crate) fn is_long(&self) -> bool {
        self.steps.len() > MANY
    }
}

/// The entries of a map one after the other; everything else as on one line.
fn brief(value: &Value) -> String {
    match value {
        Value::Map(map) => {
            map.iter().map(|(key, value)| format!("{key}: {}", one_line(&shown(value)))).collect::<Vec<_>>().join(", ")
        }
        other => one_line(&shown(other)),
    }
}

/// What a step changed outside, in a word.
pub(crate) fn change(step: &StepView) -> Option<&'static str> {
    match (step.status, step.origin) {
        (StepStatus::Succeeded, Some(Origin::Created)) => Some("created"),
        (StepStatus::Succeeded, Some(Origin::Changed)) => Some("changed"),
        (StepStatus::Succeeded, Some(Origin::Adopted)) => Some("was there already"),
        _ => None,
    }
}

/// How often a step tried or looked, where that is worth a word.
pub(crate) fn tries(step: &StepView) -> Option<String> {
    match (step.kind.as_str(), step.attempts) {
        (_, 0 | 1) => None,
        ("wait-for", looks) => Some(format!("{looks} looks")),
        (_, tries) => Some(format!("{tries} tries")),
    }
}

/// One clause on how a step stands, without its title.
pub(crate) fn standing(step: &StepView) -> String {
    story::in_line(&account_of(step))
}

/// The same with a line for each sentence of a failure.
pub(crate) fn account_of(step: &StepView) -> String {
    let reason = step.reason.as_deref().unwrap_or_default();
    let mut words = match (step.status, change(step)) {
        (_, Some(change)) => change.to_owned(),
        (StepStatus::Succeeded, None) => "done".to_owned(),
        (StepStatus::Failed, _) => step.failure.as_ref().map_or_else(|| "failed".to_owned(), story::sentences),
        (status, _) if reason.is_empty() => status.as_str().to_owned(),
        (status, _) => format!("{}: {reason}", status.as_str()),
    };
    if let Some(tries) = tries(step) {
        words.push_str(", ");
        words.push_str(&tries);
    }
    words
}

/// The words of people, and who took the run up again.
pub(crate) fn people(recording: &Recording) -> Vec<(Timestamp, String)> {
    let mut taken_up = 0;
    let mut belongs = |event: &Event| match event {
        Event::WordGiven { .. } | Event::CancelAsked { .. } => true,
        // Whoever makes a run takes it up: that is no news.
        Event::RunHeld { .. } => {
            taken_up += 1;
            taken_up > 1
        }
        _ => false,
    };
    told(recording, &mut belongs)
}

/// What was done to the run, and by whom.
fn course(recording: &Recording) -> Vec<(Timestamp, String)> {
    let mut belongs = |event: &Event| {
        matches!(
            event,
            Event::RunCreated(_)
                | Event::RunHeld { .. }
                | Event::ConnectionIdentified { .. }
                | Event::StepParked { .. }
                | Event::WordGiven { .. }
                | Event::CancelAsked { .. }
                | Event::RunStopping { .. }
                | Event::RunEnded { .. }
        )
    };
    told(recording, &mut belongs)
}

fn told(recording: &Recording, belongs: &mut dyn FnMut(&Event) -> bool) -> Vec<(Timestamp, String)> {
    let words = |stamped: &runbook_engine::event::Stamped| {
        let told = story::told(&stamped.event, stamped.time);
        match told.step {
            Some(step) => format!("{step}: {}", told.words),
            None => told.words,
        }
    };
    let events = recording.events.iter().map(|(_, stamped)| stamped);
    events.filter(|stamped| belongs(&stamped.event)).map(|stamped| (stamped.time, words(stamped))).collect()
}

/// The author's title of a step; none where its id is all there is.
pub(crate) fn titled(step: &StepView) -> Option<&str> {
    Some(step.title.as_str()).filter(|title| *title != step.path.last().id)
}

#[cfg(test)]
mod tests;
