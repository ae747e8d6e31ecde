//! Named waiters: what an answer means for a wait.
//!
//! This file decides how the acceptors of `waiters-2.json` judge an answer or a failure. It must not wait, and it must not
//! call anything.

use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{REDACTED, Value};
use serde_json::Value as Json;

use crate::definition::{Matcher, Waiter as Definition, WaiterState};
use crate::jmespath::search;

/// A service's own definition of when something is ready.
#[derive(Debug)]
pub struct Waiter {
    name: String,
    definition: Definition,
}

/// What a look means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Over, given up, or not yet.
    pub state: State,
    /// What was seen, for people: the states the waiter compares, or the failure's code.
    pub saw: Option<String>,
}

/// Where a wait stands after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is as wanted.
    Success,
    /// It will never be as wanted.
    Failure,
    /// Not yet.
    Retry,
}

impl Waiter {
    pub(crate) fn new(name: String, definition: Definition) -> Self {
        Self { name, definition }
    }

    /// Its name, such as `ClusterActive`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operation it looks with.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.definition.operation
    }

    /// How long the service suggests to wait between two looks.
    #[must_use]
    pub fn delay(&self) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "models say seconds, at most a few hundred"
        )]
        let millis = (self.definition.delay * 1000.0) as u64;
        Duration::from_millis(millis)
    }

    /// After how many looks the service suggests to give up.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.definition.max_attempts
    }

    /// Judges a look. `None` for a failure the waiter says nothing about: it is a failure like any other.
    #[must_use]
    pub fn judge(&self, look: Result<&Value, &Failure>) -> Option<Judgement> {
        let hit = self.definition.acceptors.iter().find(|acceptor| fits(&acceptor.matcher, look));
        let state = match hit.map(|acceptor| acceptor.state) {
            Some(WaiterState::Success) => State::Success,
            Some(WaiterState::Failure) => State::Failure,
            Some(WaiterState::Retry) => State::Retry,
            None if look.is_ok() => State::Retry,
            None => return None,
        };
        Some(Judgement { state, saw: self.saw(look) })
    }

    /// The values that the acceptors compare, each once.
    fn saw(&self, look: Result<&Value, &Failure>) -> Option<String> {
        let answer = match look {
            Ok(answer) => answer,
            Err(failure) => return Some(failure.code.clone().unwrap_or_else(|| failure.class.to_string())),
        };
        let mut seen: Vec<String> = Vec::new();
        for acceptor in &self.definition.acceptors {
            let (Matcher::Path { argument, expected }
            | Matcher::PathAll { argument, expected }
            | Matcher::PathAny { argument, expected }) = &acceptor.matcher
            else {
                continue;
            };
            // Only what is compared with a word is one: `length(…) == true` says nothing to people.
            if !expected.is_string() {
                continue;
            }
            let found = search(argument, answer).unwrap_or_default();
            let items = found.as_array().cloned().unwrap_or_else(|| vec![found]);
            for item in items.iter().filter_map(Json::as_str) {
                let word = if answer.holds_secret() && is_secret(answer, item) { REDACTED } else { item };
                if !seen.iter().any(|known| known == word) {
                    seen.push(word.to_owned());
                }
            }
        }
        (!seen.is_empty()).then(|| seen.join(", "))
    }
}

/// Is this text a secret somewhere in the answer?
fn is_secret(value: &Value, text: &str) -> bool {
    match value {
        Value::Secret(secret) => secret.expose().exposed().to_string().contains(text),
        Value::List(items) => items.iter().any(|item| is_secret(item, text)),
        Value::Map(map) => map.values().any(|item| is_secret(item, text)),
        _ => false,
    }
}

fn fits(matcher: &Matcher, look: Result<&Value, &Failure>) -> bool {
    let found = |argument: &str| look.ok().map(|answer| search(argument, answer).unwrap_or_default());
    match matcher {
        Matcher::Path { argument, expected } => found(argument).is_some_and(|found| found == *expected),
        Matcher::PathAll { argument, expected } => found(argument)
            .and_then(|found| found.as_array().map(|all| !all.is_empty() && all.iter().all(|item| item == expected)))
            .unwrap_or(false),
        Matcher::PathAny { argument, expected } => found(argument)
            .and_then(|found| found.as_array().map(|all| all.iter().any(|item| item == expected)))
            .unwrap_or(false),
        Matcher::Status { expected } => match look {
            Ok(_) => (200..300).contains(expected),
            Err(failure) => has_status(failure, *expected),
        },
        Matcher::Error { expected } => match (expected, look) {
            (Json::Bool(wanted), look) => *wanted == look.is_err(),
            (Json::String(code), Err(failure)) => failure.code.as_deref() == Some(code),
            _ => false,
        },
    }
}

/// A failure keeps its class and code, not the status it came with; the class says the same where waiters ask for one.
/// A refusal without a body (HEAD) has the status as its code.
fn has_status(failure: &Failure, status: u16) -> bool {
    failure.code.as_deref() == Some(status.to_string().as_str())
        || match failure.class {
            FailureClass::Missing => status == 404,
            FailureClass::Denied => status == 403,
            FailureClass::Unavailable => (500..600).contains(&status),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::catalog::catalog;

    fn judge(service: &str, waiter: &str, answer: Json) -> (State, Option<String>) {
        let waiter = catalog().service(service).unwrap().waiter(waiter).unwrap();
        let judgement = waiter.judge(Ok(&Value::from(answer))).unwrap();
        (judgement.state, judgement.saw)
    }

    #[test]
    fn a_cluster_becomes_active_or_fails() {
        let cluster = |status: &str| judge("eks", "cluster_active", json!({"cluster": {"status": status}}));
        assert_eq!(cluster("CREATING"), (State::Retry, Some("CREATING".into())));
        assert_eq!(cluster("ACTIVE"), (State::Success, Some("ACTIVE".into())));
        assert_eq!(cluster("FAILED"), (State::Failure, Some("FAILED".into())));
    }

    #[test]
    fn all_instances_must_run_and_none_at_all_is_not_yet() {
        let instances = |states: &[&str]| {
            let of = |state: &&str| json!({"State": {"Name": state}});
            judge(
                "ec2",
                "InstanceRunning",
                json!({"Reservations": [{"Instances": states.iter().map(of).collect::<Vec<_>>()}]}),
            )
        };
        assert_eq!(instances(&["running", "pending", "running"]), (State::Retry, Some("running, pending".into())));
        assert_eq!(instances(&["running"]).0, State::Success);
        assert_eq!(instances(&["running", "terminated"]).0, State::Failure);
        assert_eq!(instances(&[]), (State::Retry, None));
    }

    #[test]
    fn failures_count_by_code_and_by_status() {
        let deleted = catalog().service("eks").unwrap().waiter("ClusterDeleted").unwrap();
        let missing = Failure::new(FailureClass::Missing, "no cluster").code("ResourceNotFoundException");
        assert_eq!(deleted.judge(Err(&missing)).unwrap().state, State::Success);
        let denied = Failure::new(FailureClass::Denied, "no").code("AccessDeniedException");
        assert_eq!(deleted.judge(Err(&denied)), None);
        let bucket = catalog().service("s3").unwrap().waiter("BucketExists").unwrap();
        let head =
            |class: FailureClass, code: &str| bucket.judge(Err(&Failure::new(class, "").code(code))).unwrap().state;
        assert_eq!(head(FailureClass::Missing, "404"), State::Retry);
        assert_eq!(head(FailureClass::Denied, "403"), State::Success);
        let profile = catalog().service("iam").unwrap().waiter("InstanceProfileExists").unwrap();
        let no_such = Failure::new(FailureClass::Missing, "").code("NoSuchEntity");
        assert_eq!(profile.judge(Err(&no_such)).unwrap().state, State::Retry);
    }

    #[test]
    fn names_of_all_tools_are_taken_and_unknown_ones_are_suggested() {
        let eks = catalog().service("eks").unwrap();
        for name in ["ClusterActive", "cluster_active", "cluster-active"] {
            assert_eq!(Arc::clone(&eks).waiter(name).unwrap().name(), "ClusterActive");
        }
        let unknown = eks.waiter("cluster_activ").unwrap_err();
        assert_eq!(unknown.to_string(), "`eks` has no waiter `cluster_activ`");
        assert_eq!(unknown.help(), "did you mean `cluster_active`?");
    }
}
