//! The events: everything a run ever says about itself.
//!
//! This file decides what is written down and under which names; the names are an interface (`events RUN -o ndjson`,
//! `docs/journal.md`), fields are only ever added. It must not decide what an event does to the state
//! (`crate::state`) nor how it becomes the bytes of a record (`crate::stored`).

mod parts;

use runbook_model::connection::Identity;
use runbook_model::digest::Digest;
use runbook_model::failure::Failure;
use runbook_model::id::Token;
use runbook_model::kind::Origin;
use runbook_model::path::StepPath;
use runbook_model::record::Recorded;
use runbook_model::time::Timestamp;
use serde::{Deserialize, Serialize};

pub use parts::*;

/// An event and when it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// When.
    pub time: Timestamp,
    /// What.
    pub event: Event,
}

/// A person at a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The login name.
    pub user: String,
    /// The machine's name.
    pub host: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Always the first: all a run rests on.
    RunCreated(Box<RunCreated>),
    /// A process took the run up: the first one after its creation, then every resume. Whatever had been started and has no
    /// outcome is in doubt from here on.
    RunHeld {
        /// Who.
        by: Person,
        /// The process.
        pid: u32,
        /// The version of the program.
        version: String,
        /// What the plan asks for and this version does not carry out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
        /// The finished steps whose `verify` is asked before anything that rests on them goes on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        verifies: Vec<StepPath>,
    },
    /// The run rests on an edited runbook from here on, and on inputs that may be others. Comes right before the event of the
    /// process that takes it up. What was done stands where it is still wanted; see `crate::state`.
    PlanChanged(Box<PlanChanged>),
    /// A connection was used for the first time, or for the first time by this holder.
    ConnectionIdentified {
        /// Its label; see [`runbook_model::connection::Connection::label`].
        connection: String,
        /// Who was met.
        identity: Identity,
    },
    /// The inputs of a nested runbook are known, or a group's turn has come; the steps inside may start.
    BodyOpened {
        /// The step (or item) that runs it.
        step: StepPath,
        /// The inputs, fitted to their types; of a group an empty map.
        inputs: Recorded,
        /// When the time of all that is inside is up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// The steps of a runbook are over, and those that belong to its end begin.
    EndReached {
        /// The step (or item) that runs it; `None`: the run itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepPath>,
        /// Which of them.
        part: EndPart,
        /// How the steps ended: succeeded, failed or cancelled. They see it as `run.status`.
        status: EndStatus,
        /// What decided that. They see it as `run.error`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<Because>,
    },
    /// The list of a `for-each` is known.
    ItemsListed {
        /// The step, without a key.
        step: StepPath,
        /// The items in order; with keys that are unique.
        items: Vec<Item>,
    },
    /// The step does not run.
    StepSkipped {
        /// The step.
        step: StepPath,
        /// Why, for people.
        reason: String,
        /// The failure that `on-failure: warn` made a skip.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// The step's turn has come; its time runs. Only steps that reach outside say so.
    StepBegun {
        /// The step.
        step: StepPath,
        /// When its time is up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
    },
    /// A finished step was looked at again, before anything else rests on it.
    StepVerified {
        /// The step.
        step: StepPath,
        /// Why its result cannot be trusted any more; none: it can.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sentences: Vec<String>,
    },
    /// What a probe found is not as wanted, and the steps of `adjust` begin, or begin anew.
    StepAdjusting {
        /// The step.
        step: StepPath,
    },
    /// A probe looked.
    StepProbed {
        /// The step.
        step: StepPath,
        /// Its generation.
        generation: u32,
        /// What was found.
        finding: Finding,
    },
    /// The intent: durable before the effect.
    StepStarted {
        /// The step.
        step: StepPath,
        /// Rises when the arguments change, after a definitive failure, or when a person asks.
        generation: u32,
        /// Counts the tries of the step from 1, across generations.
        attempt: u32,
        /// The definition it acts by.
        definition: Digest,
        /// The digest of the evaluated arguments.
        arguments: Digest,
        /// The token of this generation.
        token: Token,
        /// The label of its connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<String>,
        /// When its time is up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
        /// What the probe saw before, for an undo.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Recorded>,
    },
    /// The call took effect and goes on outside.
    StepGoing {
        /// The step.
        step: StepPath,
        /// What the kind needs to ask about it.
        ticket: Recorded,
        /// What people are shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        observed: Option<String>,
        /// When it is asked about next.
        next: Timestamp,
    },
    /// A wait looked and is not over.
    StepLooked {
        /// The step.
        step: StepPath,
        /// Counts its looks from 1, across resumes.
        look: u32,
        /// What the author's `observe` says of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        observed: Option<String>,
        /// The look's own failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        /// `until` holds since then (with `stable-for`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds_since: Option<Timestamp>,
        /// When it looks next.
        next: Timestamp,
    },
    /// The plan has changed, what the step reads came about once more, and what it does came out as it was: its outcome
    /// stands.
    StepKept {
        /// The step.
        step: StepPath,
    },
    /// A call failed, of the effect itself or of what looks after it (a probe, a look, an identification); there will be
    /// another, or the step fails.
    AttemptFailed {
        /// The step.
        step: StepPath,
        /// How many tries of the effect were begun so far; of a wait, how many looks.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// When it is tried again; `None`: not any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
    },
    /// Nobody knows whether the effect happened: the reply was lost.
    StepInDoubt {
        /// The step.
        step: StepPath,
        /// The try.
        attempt: u32,
        /// What is known.
        failure: Failure,
        /// When it is looked after, by a probe or by repeating what may be repeated; `None`: not any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
    },
    /// The step is done.
    StepSucceeded {
        /// The step.
        step: StepPath,
        /// Its generation; 0 for steps that do nothing outside.
        generation: u32,
        /// How.
        origin: Origin,
        /// What is kept: a map. For a call without `outputs:` one entry `result`; for a `for-each` nothing, because the
        /// outputs stand with its items.
        outputs: Recorded,
        /// The request id of the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
        /// The failure that counted as an answer (`accept`, or `error` read by an `until`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted: Option<Failure>,
        /// False checks with `level: warn`, and what the kind wants people to read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
        /// What was there before, for an undo; see [`Event::StepStarted`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Recorded>,
    },
    /// The step failed for good.
    StepFailed {
        /// The step.
        step: StepPath,
        /// Why.
        failure: Failure,
    },
    /// The step waits for a person or for time.
    StepParked {
        /// The step.
        step: StepPath,
        /// For what.
        reason: ParkReason,
        /// For people: the message of an `approve`, what is in doubt, the author's sentence when time was up.
        message: String,
    },
    /// A parked, failed or finished step is open again: a resume, `--from`, `--retry`, `--extend`.
    StepReopened {
        /// The step.
        step: StepPath,
        /// The generation it runs under from now on.
        generation: u32,
        /// Its new deadline, if its time was up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
        /// Does it run from its very beginning, with everything inside it?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        afresh: bool,
        /// Why, for people.
        reason: String,
    },
    /// A person's word on a step.
    WordGiven {
        /// The step.
        step: StepPath,
        /// The generation it is about.
        generation: u32,
        /// The word.
        word: Word,
        /// Who.
        by: Person,
        /// When it was said; the event may be written later.
        said_at: Timestamp,
        /// The digest of the plan it was said of.
        plan: Digest,
    },
    /// A person asked for the run to be given up.
    CancelAsked {
        /// Who.
        by: Person,
        /// When it was said.
        said_at: Timestamp,
    },
    /// Nothing new starts from here on, for this holder.
    RunStopping {
        /// Why.
        reason: StopReason,
    },
    /// The holder let go of the run.
    RunEnded {
        /// How it stands.
        status: EndStatus,
        /// What the runbook gives back, when it succeeded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Recorded>,
        /// The step that decided it and why, when it did not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<Because>,
    },
}

impl Event {
    /// Its name, as journals and reports write it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunCreated(_) => "run-created",
            Self::RunHeld { .. } => "run-held",
            Self::PlanChanged(_) => "plan-changed",
            Self::ConnectionIdentified { .. } => "connection-identified",
            Self::BodyOpened { .. } => "body-opened",
            Self::EndReached { .. } => "end-reached",
            Self::ItemsListed { .. } => "items-listed",
            Self::StepSkipped { .. } => "step-skipped",
            Self::StepBegun { .. } => "step-begun",
            Self::StepVerified { .. } => "step-verified",
            Self::StepAdjusting { .. } => "step-adjusting",
            Self::StepProbed { .. } => "step-probed",
            Self::StepStarted { .. } => "step-started",
            Self::StepGoing { .. } => "step-going",
            Self::StepLooked { .. } => "step-looked",
            Self::StepKept { .. } => "step-kept",
            Self::AttemptFailed { .. } => "attempt-failed",
            Self::StepInDoubt { .. } => "step-in-doubt",
            Self::StepSucceeded { .. } => "step-succeeded",
            Self::StepFailed { .. } => "step-failed",
            Self::StepParked { .. } => "step-parked",
            Self::StepReopened { .. } => "step-reopened",
            Self::WordGiven { .. } => "word-given",
            Self::CancelAsked { .. } => "cancel-asked",
            Self::RunStopping { .. } => "run-stopping",
            Self::RunEnded { .. } => "run-ended",
        }
    }

    /// The step it is about.
    #[must_use]
    pub fn step(&self) -> Option<&StepPath> {
        match self {
            Self::BodyOpened { step, .. }
            | Self::ItemsListed { step, .. }
            | Self::StepSkipped { step, .. }
            | Self::StepBegun { step, .. }
            | Self::StepVerified { step, .. }
            | Self::StepAdjusting { step }
            | Self::StepProbed { step, .. }
            | Self::StepStarted { step, .. }
            | Self::StepGoing { step, .. }
            | Self::StepLooked { step, .. }
            | Self::StepKept { step }
            | Self::AttemptFailed { step, .. }
            | Self::StepInDoubt { step, .. }
            | Self::StepSucceeded { step, .. }
            | Self::StepFailed { step, .. }
            | Self::StepParked { step, .. }
            | Self::StepReopened { step, .. }
            | Self::WordGiven { step, .. } => Some(step),
            Self::EndReached { step, .. } => step.as_ref(),
            Self::RunCreated(_)
            | Self::RunHeld { .. }
            | Self::PlanChanged(_)
            | Self::ConnectionIdentified { .. }
            | Self::CancelAsked { .. }
            | Self::RunStopping { .. }
            | Self::RunEnded { .. } => None,
        }
    }
}
