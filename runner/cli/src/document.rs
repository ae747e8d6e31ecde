//! A run as scripts read it: the JSON of `exec`, `resume` and `show`.
//!
//! This file decides its shape, which is an interface (`docs/cli.md`): fields are only ever added. It must not decide how
//! anything stands; the engine's view says so.

use runbook_engine::event::ParkReason;
use runbook_engine::view::{RunStatus, StepStatus, StepView};
use runbook_model::failure::Failure;
use runbook_model::id::RunId;
use runbook_model::path::StepPath;
use runbook_model::plan::RunbookIdentity;
use runbook_model::time::Timestamp;
use runbook_model::value::{REDACTED, Unavailable, Value};
use serde::Serialize;
use serde_json::Value as Json;

use crate::recording::Recording;
use crate::runs::is_finished;
use crate::shell;

/// A run.
#[derive(Debug, Serialize)]
pub(crate) struct Document {
    run: RunId,
    runbook: Runbook,
    status: &'static str,
    outputs: Json,
    next: Option<String>,
    steps: Vec<Step>,
}

/// Which runbook.
#[derive(Debug, Serialize)]
pub(crate) struct Runbook {
    name: String,
    version: String,
    digest: String,
}

#[derive(Debug, Serialize)]
struct Step {
    path: StepPath,
    kind: String,
    title: String,
    status: &'static str,
    attempts: u32,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    reason: Option<String>,
    warnings: Vec<String>,
    error: Option<Error>,
}

#[derive(Debug, Serialize)]
struct Error {
    class: &'static str,
    code: Option<String>,
    message: String,
    help: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl From<&RunbookIdentity> for Runbook {
    fn from(runbook: &RunbookIdentity) -> Self {
        Self { name: runbook.name.clone(), version: runbook.version.clone(), digest: runbook.digest.to_string() }
    }
}

impl From<&Failure> for Error {
    fn from(failure: &Failure) -> Self {
        Self {
            class: failure.class.as_str(),
            code: failure.code.clone(),
            message: failure.message.clone(),
            help: failure.help.clone(),
            request_id: failure.request_id.clone(),
        }
    }
}

impl From<StepView> for Step {
    fn from(view: StepView) -> Self {
        // The last try of a step that goes on, or went on to succeed, is history and not its error.
        let has_error = matches!(view.status, StepStatus::Failed | StepStatus::Parked | StepStatus::InDoubt);
        Self {
            error: view.failure.as_ref().filter(|_| has_error).map(Into::into),
            path: view.path,
            kind: view.kind,
            title: view.title,
            status: view.status.as_str(),
            attempts: view.attempts,
            started_at: view.started_at,
            finished_at: view.finished_at,
            reason: view.reason,
            warnings: view.warnings,
        }
    }
}

impl Document {
    /// The document of a run. `answered` are the steps that a person's word waits for already.
    pub(crate) fn new(recording: &Recording, answered: &[StepPath]) -> Self {
        let steps = recording.steps();
        let status = recording.status();
        let outputs = recording.engine.state().ended().and_then(|ended| ended.outputs.as_ref()).map(shown);
        Self {
            run: recording.run.clone(),
            runbook: (&recording.engine.state().plan().runbook).into(),
            status: status.as_str(),
            outputs: outputs.unwrap_or_else(|| Json::Object(serde_json::Map::new())),
            next: next(&recording.run, status, &steps, answered),
            steps: steps.into_iter().map(Into::into).collect(),
        }
    }
}

/// The one command that goes on with a run, if there is something to go on with.
pub(crate) fn next(run: &RunId, status: RunStatus, steps: &[StepView], answered: &[StepPath]) -> Option<String> {
    if status == RunStatus::Running || is_finished(status) {
        return None;
    }
    let asks = |step: &&StepView| {
        matches!(step.parked, Some(ParkReason::Approval | ParkReason::Doubt)) && !answered.contains(&step.path)
    };
    let asking = steps.iter().find(asks).filter(|_| status == RunStatus::Parked);
    let path = asking.map(|step| step.path.to_string()).unwrap_or_default();
    Some(match asking.and_then(|step| step.parked) {
        Some(ParkReason::Approval) => shell::command(["runbook", "approve", run.as_str(), &path]),
        Some(ParkReason::Doubt) => shell::command(["runbook", "resolve", run.as_str(), &path, "--done"]),
        _ => shell::command(["runbook", "resume", run.as_str()]),
    })
}

/// A value as everybody may see it: what is or was secret reads [`REDACTED`].
pub(crate) fn shown(value: &Value) -> Json {
    match value {
        Value::Secret(_) | Value::Unavailable(Unavailable::Withheld) => REDACTED.into(),
        Value::List(items) => items.iter().map(shown).collect(),
        Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), shown(value))).collect(),
        plain => plain.redacted(),
    }
}

#[cfg(test)]
mod tests {
    use runbook_model::value::Map;

    use super::*;

    #[test]
    fn what_was_secret_reads_the_same_before_and_after_the_journal() {
        let map = Map::from_iter([
            ("new".to_owned(), Value::from("hunter2").into_secret()),
            ("old".to_owned(), Value::Unavailable(Unavailable::Withheld)),
            ("large".to_owned(), Value::Unavailable(Unavailable::TooLarge)),
            ("plain".to_owned(), 1.into()),
        ]);
        let expected = serde_json::json!({"new": "(secret)", "old": "(secret)", "large": null, "plain": 1});
        assert_eq!(shown(&Value::Map(map)), expected);
    }
}
