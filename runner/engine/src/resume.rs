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
//! "Reuse" trusts the recorded outcome, where something rests on it and it has a `verify` only after that: one that does not
//! hold any more counts as answered and then found wanting. "Run" and "rerun" act; a step with a probe looks first in any case. "Probe" looks
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STANDINGS: [Standing; 5] =
        [Standing::Never, Standing::Unfinished, Standing::WaitsForPerson, Standing::Failed, Standing::Finished];
    const KNOWN: [Known; 4] = [Known::Nothing, Known::Doubt, Known::Answered, Known::Going];
    const EFFECTS: [Effect; 3] = [Effect::Reads, Effect::Converges, Effect::OneShot];
    const TRUTHS: [bool; 2] = [false, true];

    fn every_case() -> Vec<(Standing, Checkpoint)> {
        let mut cases = Vec::new();
        for standing in STANDINGS {
            for known in KNOWN {
                for effect in EFFECTS {
                    for bits in 0..16_u8 {
                        let bit = |at: u8| TRUTHS[usize::from(bits >> at & 1)];
                        let checkpoint = Checkpoint {
                            known,
                            effect,
                            token_expired: bit(0),
                            probe: bit(1),
                            unchanged: bit(2),
                            blocked: bit(3),
                        };
                        cases.push((standing, checkpoint));
                    }
                }
            }
        }
        cases
    }

    /// The rows of the table above, as people read them: what the first two columns say, and the three cells.
    fn rows() -> Vec<(String, String, [String; 3])> {
        let table = include_str!("resume.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
        table
            .skip(2)
            .map(|line| {
                let cells: Vec<String> = line.trim_end_matches(" |").split('|').map(|c| c.trim().to_owned()).collect();
                let [step, effect, reads, converges, one_shot] = cells.try_into().expect("a row has five cells");
                (step, effect, [reads, converges, one_shot])
            })
            .collect()
    }

    /// What the table says, read by its words and not by the code's order of questions.
    fn by_the_table(standing: Standing, checkpoint: Checkpoint) -> Decision {
        let finished = standing == Standing::Finished;
        let row = match (standing, checkpoint.known) {
            _ if finished && checkpoint.unchanged => "succeeded or was skipped, definition unchanged",
            _ if finished => "succeeded or was skipped, definition changed",
            _ if checkpoint.blocked => "needs a step that cannot go on",
            (Standing::WaitsForPerson, _) => "waits for an approval, or for a word about its doubt",
            (_, Known::Going) => "goes on outside",
            (_, Known::Doubt | Known::Answered) => "the same, or its process died",
            (Standing::Never, Known::Nothing) => "never ran",
            (_, Known::Nothing) => "failed, timed out, lost its login, was stopped",
        };
        let rows = rows();
        let (_, _, cells) = rows.iter().find(|(step, ..)| step == row).expect("the table has the row");
        let column = match checkpoint.effect {
            Effect::Reads => 0,
            Effect::Converges if !checkpoint.token_expired => 1,
            Effect::Converges | Effect::OneShot => 2,
        };
        let cell = match cells[column].split_once("; without one: ") {
            Some((with, _)) if checkpoint.probe => with,
            Some((_, without)) => without,
            None => &cells[column],
        };
        let all = [Decision::Reuse, Decision::Run, Decision::Rerun, Decision::Probe, Decision::Ask, Decision::Blocked];
        *all.iter().find(|decision| decision.as_str() == cell).expect("the cell is a decision")
    }

    #[test]
    fn every_case_is_decided_as_the_table_says() {
        for (standing, checkpoint) in every_case() {
            let (decided, _) = decision(standing, checkpoint);
            assert_eq!(decided, by_the_table(standing, checkpoint), "{standing:?} {checkpoint:?}");
        }
    }

    #[test]
    fn every_row_of_the_table_is_used() {
        let used: std::collections::BTreeSet<String> = every_case()
            .into_iter()
            .map(|(standing, checkpoint)| format!("{:?}", by_the_table(standing, checkpoint)))
            .collect();
        assert_eq!(rows().len(), 8);
        assert_eq!(used.len(), 6);
    }

    #[test]
    fn nothing_is_done_twice_that_must_not_be() {
        for (standing, checkpoint) in every_case() {
            let (decided, why) = decision(standing, checkpoint);
            let may_be_there = matches!(checkpoint.known, Known::Doubt | Known::Answered);
            let harmless = match checkpoint.effect {
                Effect::Reads => true,
                Effect::Converges => !checkpoint.token_expired,
                Effect::OneShot => false,
            };
            let acts = matches!(decided, Decision::Run | Decision::Rerun);
            let finished = standing == Standing::Finished;
            assert!(finished || !(may_be_there && acts) || harmless, "{standing:?} {checkpoint:?}");
            // Nobody is asked what a look could tell.
            let asks_in_vain = decided == Decision::Ask && checkpoint.probe && standing != Standing::WaitsForPerson;
            assert!(!asks_in_vain, "{standing:?} {checkpoint:?}");
            assert!(!why.is_empty());
        }
    }

    proptest! {
        #[test]
        fn a_token_lives_for_an_hour(since in 0_i64..1_000_000_000_000, later in 0_i64..10_000_000) {
            let (since, now) = (Timestamp::from_millis(since), Timestamp::from_millis(since + later));
            prop_assert_eq!(token_expired(since, now), later > 3_600_000);
        }
    }
}
