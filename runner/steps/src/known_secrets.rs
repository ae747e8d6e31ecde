//! The secrets a call was given, found again in what comes back.
//!
//! A service may repeat a secret argument in its answer (an environment variable of a Deployment) or in its complaint
//! (`Invalid value: "…"`), where no mark says that it is one. This file decides where such a value is a secret again.
//! It must not know services.

use runbook_model::failure::Failure;
use runbook_model::value::{REDACTED, Value};

/// Shorter secrets are only recognised as whole values: inside a text, `1` or `yes` would be found everywhere.
const SHORTEST_PART: usize = 6;

/// Shorter numbers are counts and ports all over an answer; to hide them would hide everything and keep nothing secret.
const SHORTEST_NUMBER: usize = 4;

/// The secret scalars of a call, as text.
#[derive(Default)]
pub struct KnownSecrets(Vec<String>);

impl KnownSecrets {
    /// Those in the arguments of a call.
    #[must_use]
    pub fn of(arguments: &Value) -> Self {
        let mut found = Self::default();
        found.collect(arguments, false);
        found.sorted()
    }

    /// Also everything in `value`, marked or not.
    #[must_use]
    pub fn and_all_of(mut self, value: &Value) -> Self {
        self.collect(value, true);
        self.sorted()
    }

    /// Longest first, so that a secret that holds another one goes whole.
    fn sorted(mut self) -> Self {
        self.0.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.0.dedup();
        self
    }

    fn collect(&mut self, value: &Value, secret: bool) {
        match value {
            Value::Secret(inner) => self.collect(inner.expose(), true),
            Value::List(items) => items.iter().for_each(|item| self.collect(item, secret)),
            Value::Map(map) => map.values().for_each(|item| self.collect(item, secret)),
            Value::String(text) if secret && !text.is_empty() => self.0.push(text.clone()),
            Value::Number(number) if secret => self.0.push(number.to_string()),
            // True and false are no secrets one could hide by looking for them.
            _ => {}
        }
    }

    /// The value with every scalar marked that is, or holds, one of the secrets.
    #[must_use]
    pub fn mark(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Value::List(items) => Value::List(items.into_iter().map(|item| self.mark(item)).collect()),
            Value::Map(map) => Value::Map(map.into_iter().map(|(key, item)| (key, self.mark(item))).collect()),
            Value::String(text) if self.shows_in(&text) => Value::String(text).into_secret(),
            Value::Number(number) if self.is_number(&number.to_string()) => Value::Number(number).into_secret(),
            other => other,
        }
    }

    /// The text without the secrets.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        if self.0.iter().any(|secret| secret == text) {
            return REDACTED.to_owned();
        }
        self.parts().fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
    }

    /// The failure without the secrets.
    #[must_use]
    pub fn redact_failure(&self, mut failure: Failure) -> Failure {
        failure.message = self.redact(&failure.message);
        failure.help = failure.help.map(|help| self.redact(&help));
        failure
    }

    fn is_number(&self, digits: &str) -> bool {
        digits.len() >= SHORTEST_NUMBER && self.0.iter().any(|secret| secret == digits)
    }

    fn shows_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| secret == text) || self.parts().any(|secret| text.contains(secret))
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|secret| secret.len() >= SHORTEST_PART)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runbook_model::failure::FailureClass;
    use serde_json::json;

    use super::*;

    fn known(secret: &str) -> KnownSecrets {
        KnownSecrets::of(&Value::Map([("p".to_owned(), Value::from(secret).into_secret())].into_iter().collect()))
    }

    #[test]
    fn a_repeated_secret_is_one_again() {
        let answer = known("hunter2")
            .mark(Value::from(json!({"env": [{"value": "hunter2"}, {"value": "pw=hunter2;"}], "n": 1})));
        assert_eq!(answer.redacted(), json!({"env": [{"value": "(secret)"}, {"value": "(secret)"}], "n": 1}));
    }

    #[test]
    fn a_short_secret_is_only_found_whole() {
        let answer = known("1").mark(Value::from(json!({"a": "1", "b": "1.2.3", "c": 1})));
        assert_eq!(answer.redacted(), json!({"a": "(secret)", "b": "1.2.3", "c": 1}));
        assert_eq!(known("4711").mark(Value::from(json!([4711, 47]))).redacted(), json!(["(secret)", 47]));
    }

    proptest! {
        #[test]
        fn no_complaint_shows_a_secret(before in ".{0,10}", secret in "[!-~]{6,12}", after in ".{0,10}") {
            let failure = Failure::new(FailureClass::Invalid, format!("{before}{secret}{after}")).help(secret.clone());
            let redacted = known(&secret).redact_failure(failure);
            // What stands around it may form the secret anew only if it is part of the replacement itself.
            prop_assert!(!redacted.message.replace(REDACTED, "").contains(&secret) || before.contains(&secret) || after.contains(&secret));
            prop_assert_eq!(redacted.help.unwrap(), REDACTED);
        }
    }
}
