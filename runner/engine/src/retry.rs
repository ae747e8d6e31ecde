//! When a failed call is made again. There is no other retry anywhere.
//!
//! This file decides which failures may pass by themselves and how long to wait before the next try. It must not know
//! what the call was for, and it draws no random number: pauses are varied by the run, the step and the try, so that a
//! resumed run computes the same and a hundred items do not come back in the same moment.

use runbook_model::digest::Digest;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::id::RunId;
use runbook_model::path::StepPath;
use runbook_model::plan::Retry;
use runbook_model::time::Timestamp;

/// The longest pause that a service may ask for; a larger `Retry-After` is taken for a mistake.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// Why a failure is tried again, if it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// By its class; every step tries these again.
    Always,
    /// Because the step's `retry.errors` names it; `retry.when` may narrow that.
    Named,
}

/// Does the failure belong to those that a step tries again?
pub(crate) fn passing(policy: &Retry, failure: &Failure) -> Option<Passing> {
    match failure.class {
        FailureClass::Throttled | FailureClass::Unavailable | FailureClass::Conflict if !failure.lasting => {
            Some(Passing::Always)
        }
        _ if failure.is_one_of(&policy.errors) => Some(Passing::Named),
        _ => None,
    }
}

/// What was tried so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried {
    /// How many calls failed in a row, this one included.
    pub(crate) failures: u32,
    /// When the first of them was made.
    pub(crate) since: Timestamp,
    /// The time of the failure.
    pub(crate) now: Timestamp,
}

/// When the call is made again; `None`: the policy is used up.
pub(crate) fn next(policy: &Retry, tried: Tried, failure: &Failure, run: &RunId, step: &StepPath) -> Option<Timestamp> {
    if policy.attempts.is_some_and(|most| tried.failures >= most) {
        return None;
    }
    let pause = pause(policy, tried.failures, run, step);
    let asked = failure.retry_after.map_or(Duration::default(), |asked| asked.min(LONGEST_ASKED));
    let at = tried.now.plus(pause.max(asked));
    let within = policy.within.is_none_or(|within| at.since(tried.since) <= within);
    // Without either bound nothing would ever end it; the checker lets no such policy through.
    (within && (policy.attempts.is_some() || policy.within.is_some())).then_some(at)
}

/// The pause after the `failures`-th failure.
fn pause(policy: &Retry, failures: u32, run: &RunId, step: &StepPath) -> Duration {
    let steps = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
    let factor = if policy.factor.is_finite() { policy.factor.max(1.0) } else { 1.0 };
    let most = millis(policy.max_delay.max(policy.delay));
    let full = (millis(policy.delay) * factor.powi(steps)).min(most);
    let share = if policy.jitter { 0.5 + 0.5 * fraction(run, step, failures) } else { 1.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by max-delay, and positive")]
    let millis = (full * share) as u64;
    Duration::from_millis(millis)
}

#[expect(clippy::cast_precision_loss, reason = "10,000 hours in milliseconds have 36 bits")]
fn millis(duration: Duration) -> f64 {
    duration.as_millis() as f64
}

/// A number from 0 to 1 that is the same in every process.
fn fraction(run: &RunId, step: &StepPath, failures: u32) -> f64 {
    let digest = Digest::of(format!("runbook jitter 1\n{run}\n{step}\n{failures}").as_bytes());
    let bytes = digest.bytes();
    f64::from(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run() -> RunId {
        RunId::new("demo", 1)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn plain() -> Retry {
        Retry { jitter: false, ..Retry::default() }
    }

    fn pauses(policy: &Retry, times: u32) -> Vec<Option<u64>> {
        let failure = Failure::new(FailureClass::Throttled, "slow down");
        (1..=times)
            .map(|failures| {
                let tried = Tried { failures, since: at(0), now: at(0) };
                next(policy, tried, &failure, &run(), &StepPath::root("a")).map(|next| next.since(at(0)).as_millis())
            })
            .collect()
    }

    #[test]
    fn what_lasts_is_tried_again_only_where_the_author_names_it() {
        let failure = Failure { lasting: true, ..Failure::new(FailureClass::Conflict, "held by `kubectl`") };
        assert_eq!(passing(&plain(), &failure), None);
        let named = Retry { errors: vec!["conflict".into()], ..plain() };
        assert_eq!(passing(&named, &failure), Some(Passing::Named));
        assert_eq!(passing(&plain(), &Failure { lasting: false, ..failure }), Some(Passing::Always));
    }

    #[test]
    fn the_default_doubles_from_a_second_and_ends_after_five_tries() {
        assert_eq!(pauses(&plain(), 5), [Some(1_000), Some(2_000), Some(4_000), Some(8_000), None]);
    }

    #[test]
    fn pauses_stop_growing() {
        let policy = Retry { attempts: Some(100), ..plain() };
        assert_eq!(pauses(&policy, 8)[5..], [Some(30_000), Some(30_000), Some(30_000)]);
    }

    #[test]
    fn time_bounds_tries_without_a_number() {
        let policy = Retry { attempts: None, within: Some(Duration::from_secs(10)), ..plain() };
        let failure = Failure::new(FailureClass::Unavailable, "gone");
        let tried = |failures, now| Tried { failures, since: at(0), now: at(now) };
        let path = StepPath::root("a");
        assert_eq!(next(&policy, tried(1, 9_000), &failure, &run(), &path), Some(at(10_000)));
        assert_eq!(next(&policy, tried(1, 9_001), &failure, &run(), &path), None);
        let boundless = Retry { attempts: None, within: None, ..plain() };
        assert_eq!(next(&boundless, tried(1, 0), &failure, &run(), &path), None);
    }

    #[test]
    fn the_service_may_ask_for_more_but_not_for_a_day() {
        let asking = |secs| Failure {
            retry_after: Some(Duration::from_secs(secs)),
            ..Failure::new(FailureClass::Throttled, "slow down")
        };
        let after = |failure: &Failure| {
            let tried = Tried { failures: 1, since: at(0), now: at(0) };
            next(&plain(), tried, failure, &run(), &StepPath::root("a"))
        };
        assert_eq!(after(&asking(7)), Some(at(7_000)));
        assert_eq!(after(&asking(0)), Some(at(1_000)));
        assert_eq!(after(&asking(86_400)), Some(at(600_000)));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let named = Retry { errors: vec!["missing".into(), "Odd".into()], ..Retry::default() };
        let of = |class| passing(&named, &Failure::new(class, ""));
        assert_eq!(of(FailureClass::Throttled), Some(Passing::Always));
        assert_eq!(of(FailureClass::Missing), Some(Passing::Named));
        assert_eq!(of(FailureClass::Denied), None);
        assert_eq!(passing(&named, &Failure::new(FailureClass::Invalid, "").code("Odd")), Some(Passing::Named));
        assert_eq!(passing(&Retry::default(), &Failure::new(FailureClass::Timeout, "")), None);
    }

    proptest! {
        #[test]
        fn a_varied_pause_is_between_half_and_all(failures in 1_u32..40, name in "[a-z]{1,8}") {
            let policy = Retry { attempts: None, ..Retry::default() };
            let path = StepPath::root(&name);
            let (varied, full) =
                (pause(&policy, failures, &run(), &path), pause(&plain(), failures, &run(), &path));
            prop_assert!(varied.as_millis() * 2 + 1 >= full.as_millis() && varied <= full);
            prop_assert_eq!(varied, pause(&policy, failures, &run(), &path));
        }
    }
}
