//! The resume table: what becomes of a step when a run goes on, after a crash, a stop or a lost reply.
//!
//! This file decides it, for the running engine and for `resume --plan` alike, from how the step stands (the last record
//! about it) and what is known of its effect (the checkpoint). It must not know states, plans or clocks.
//!
//! | the step | its effect | reads | converges | one-shot |
//! | --- | --- | --- | --- | --- |
//! | succeeded or was skipped, definition unchanged | | reuse | reuse | reuse |
//! | succeeded or was skipped, definition changed | | rerun | rerun | rerun |
//! | waits for an approval, or for a word about its doubt | | ask | ask | ask |
//! | needs a step that cannot go on | | blocked | blocked | blocked |
//! | never ran | none | run | run | run |
//! | goes on outside | happened | run | run | run |
//! | failed, timed out, lost its login, was stopped | none, refused | rerun | rerun | rerun |
//! | the same, or its process died | in doubt, or answered and then found wanting | rerun | probe; without one: rerun | probe; without one: ask |
//!
//! "Reuse" trusts the recorded outcome. "Run" and "rerun" act; a step with a probe looks first in any case. "Probe" looks
//! whether the effect is there before anything is repeated. "Ask" parks for a person.
//!
//! What converges because of a token converges only while the token lives: an effect in doubt whose token was first sent
//! more than an hour ago counts as a one-shot. An effect that was answered but did not pass the step's own checks is
//! treated like one in doubt, because repeating it would do it twice just the same.

use runbook_model::duration::Duration;
use runbook_model::kind::Effect;
use runbook_model::time::Timestamp;

/// How long the idempotency tokens of services live at least.
pub const TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no record of it.
    Never,
    /// There are records, and none says that it is over: its process died, was stopped, or works on it.
    Unfinished,
    /// It waits for an approval, or for a word about an effect in doubt.
    WaitsForPerson,
    /// It failed, ran out of time, or its login expired.
    Failed,
    /// It succeeded or was skipped.
    Finished,
}

/// What is known of the effect of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It did not happen: nothing was called, or the call was turned away.
    Nothing,
    /// Nobody knows whether it happened.
    Doubt,
    /// It happened, and the answer did not pass the step's own checks.
    Answered,
    /// It happened and goes on outside.
    Going,
}

/// What, besides its records, decides about a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What is known of its effect.
    pub known: Known,
    /// What repeating it does.
    pub effect: Effect,
    /// For an effect that converges because of a token: has the token outlived [`TOKEN_LIFE`]?
    pub token_expired: bool,
    /// Does it have a probe?
    pub probe: bool,
    /// Is what it does defined as when it was recorded?
    pub unchanged: bool,
    /// Does it need a step that cannot go on?
    pub blocked: bool,
}

/// What becomes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Its recorded outcome is trusted.
    Reuse,
    /// It runs, for the first time or on from where it stood.
    Run,
    /// It runs once more.
    Rerun,
    /// It looks whether its effect is there.
    Probe,
    /// A person is asked.
    Ask,
    /// It waits for a step that cannot go on.
    Blocked,
}

impl Decision {
    /// The name that `resume --plan` prints.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reuse => "reuse",
            Self::Run => "run",
            Self::Rerun => "rerun",
            Self::Probe => "probe",
            Self::Ask => "ask",
            Self::Blocked => "blocked",
        }
    }
}

/// The table: what becomes of a step, and why, for people.
#[must_use]
pub fn decision(standing: Standing, checkpoint: Checkpoint) -> (Decision, &'static str) {
    let Checkpoint { known, effect, token_expired, probe, unchanged, blocked } = checkpoint;
    match standing {
        Standing::Finished if unchanged => return (Decision::Reuse, "it is done"),
        Standing::Finished => return (Decision::Rerun, "it is done, and what it does has changed since"),
        _ if blocked => return (Decision::Blocked, "it needs a step that cannot go on"),
        Standing::WaitsForPerson => return (Decision::Ask, "it waits for a person's word"),
        Standing::Never | Standing::Unfinished | Standing::Failed => {}
    }
    match known {
        Known::Going => (Decision::Run, "its effect goes on outside, and is asked about"),
        Known::Nothing => match standing {
            Standing::Never => (Decision::Run, "it never ran"),
            Standing::Failed => (Decision::Rerun, "it did not succeed"),
            _ => (Decision::Rerun, "it was under way, and nothing had happened yet"),
        },
        Known::Doubt | Known::Answered => match effect {
            Effect::Reads => (Decision::Rerun, "it only reads"),
            _ if probe => (Decision::Probe, "its effect may be there"),
            Effect::Converges if !token_expired => (Decision::Rerun, "repeating it ends in the same state"),
            Effect::Converges => (Decision::Ask, "its effect may be there, and its token is too old to repeat it"),
            Effect::OneShot => (Decision::Ask, "its effect may be there, and repeating it may do it twice"),
        },
    }
}

/// Has a token that was first sent at `since` outlived its time?
#[must_use]
pub fn token_expired(since: Timestamp, now: Timestamp) -> bool {
    now.since(since) > TOKEN_LIFE
}
