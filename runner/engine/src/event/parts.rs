//! What events are made of: who, what was found, what for, how it stands.
//!
//! This file decides the forms of these, which are as much of an interface as the events themselves. It must not decide which
//! event carries them.

use indexmap::IndexMap;
use runbook_model::digest::{Digest, RunKey};
use runbook_model::failure::Failure;
use runbook_model::id::RunId;
use runbook_model::path::StepPath;
use runbook_model::plan::Plan;
use runbook_model::record::Recorded;
use serde::{Deserialize, Serialize};

use super::Person;

/// All a run rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunCreated {
    /// The run.
    pub run: RunId,
    /// The plan.
    pub plan: Plan,
    /// The digest of the plan.
    pub plan_digest: Digest,
    /// The bytes of the package: path relative to its folder, and text.
    pub package: IndexMap<String, String>,
    /// The inputs, fitted to their types; secret ones withheld.
    pub inputs: Recorded,
    /// The digest of the inputs under the key of the run; secret ones enter as HMAC.
    pub inputs_digest: Digest,
    /// The key of the run.
    pub key: RunKey,
    /// Labels of the plan and of the command line.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// Did the operator allow `command` steps?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_command: bool,
    /// Who made it.
    pub by: Person,
    /// The version of the program.
    pub version: String,
}

/// What a run rests on after its runbook was edited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlanChanged {
    /// The plan.
    pub plan: Plan,
    /// The digest of the plan.
    pub plan_digest: Digest,
    /// The bytes of the package; see [`RunCreated::package`].
    pub package: IndexMap<String, String>,
    /// The inputs, fitted to their types; secret ones withheld.
    pub inputs: Recorded,
    /// The digest of the inputs under the key of the run; see [`RunCreated::inputs_digest`].
    pub inputs_digest: Digest,
}

/// An item of a `for-each`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its name in paths.
    pub key: String,
    /// Its value.
    pub value: Recorded,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Finding {
    /// Nothing there.
    Absent,
    /// There, and as wanted.
    Matching,
    /// There, and not as wanted: the sentences of the author that are true of it.
    Different {
        /// The sentences.
        sentences: Vec<String>,
    },
}

/// What a parked step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParkReason {
    /// A person's approval.
    Approval,
    /// A person who knows whether the effect happened.
    Doubt,
    /// A login.
    Credentials,
    /// More time.
    Deadline,
}

/// What a person may say of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Go on.
    Approve,
    /// Do not.
    Reject,
    /// The effect in doubt is there.
    Done,
    /// The effect in doubt is not there; do it again.
    Retry,
}

/// Why nothing new starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// A step failed.
    Failed,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// A person cancelled.
    Cancelled,
    /// A step is parked.
    Parked,
    /// The other end of a connection is another one than before.
    Refused,
}

/// Which steps of a runbook run at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndPart {
    /// Those after a failure.
    WhenFailed,
    /// Those at every end.
    Finally,
}

impl EndPart {
    /// What stands before the ids of its steps in their paths.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::WhenFailed => "when_failed",
            Self::Finally => "finally",
        }
    }
}

/// How a run stands when nobody holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndStatus {
    /// All is done.
    Succeeded,
    /// A step failed.
    Failed,
    /// It waits for a person.
    Parked,
    /// A deadline passed.
    TimedOut,
    /// A person gave it up.
    Cancelled,
    /// It was interrupted, or refused another account.
    Interrupted,
    /// It was taken back.
    Undone,
}

/// What decided an end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Because {
    /// The step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepPath>,
    /// Why.
    pub failure: Failure,
}
