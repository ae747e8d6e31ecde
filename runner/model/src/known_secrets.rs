//! The secrets a call was given, found again in what comes back.
//!
//! A service may repeat a secret argument in its answer (an environment variable of a Deployment) or in its complaint
//! (`Invalid value: "…"`), where no mark says that it is one. This file decides where such a value is a secret again.
//! It must not know services.

use std::fmt::Write as _;

use crate::failure::Failure;
use crate::value::{REDACTED, Value};

/// Shorter secrets are only recognised as whole values: inside a text, `1` or `yes` would be found everywhere. Shorter
/// numbers are not even that, for counts are all over an answer; to hide them would hide everything and keep nothing secret.
const SHORTEST: usize = 4;

/// The secret scalars of a call, as text. It has no `Debug`, so that nobody can print them.
#[derive(Clone, Default)]
pub struct KnownSecrets {
    /// Longest first, so that a secret that holds another one goes whole.
    texts: Vec<String>,
}

impl KnownSecrets {
    /// Those in the arguments of a call.
    #[must_use]
    pub fn of(arguments: &Value) -> Self {
        let mut found = Self::default();
        found.collect(arguments, false);
        found
    }

    /// Also everything in `value`, marked or not.
    #[must_use]
    pub fn and_all_of(mut self, value: &Value) -> Self {
        self.learn(value);
        self
    }

    /// Keeps everything in `value`, marked or not.
    pub fn learn(&mut self, value: &Value) {
        self.collect(value, true);
    }

    fn collect(&mut self, value: &Value, secret: bool) {
        match value {
            Value::Secret(inner) => self.collect(inner.expose(), true),
            Value::List(items) => items.iter().for_each(|item| self.collect(item, secret)),
            Value::Map(map) => map.values().for_each(|item| self.collect(item, secret)),
            Value::String(text) if secret && !text.is_empty() => {
                self.keep(in_json(text));
                self.keep(in_a_url(text));
                self.keep(text.clone());
            }
            Value::Number(number) if secret => self.keep(number.to_string()),
            // True and false are no secrets one could hide by looking for them.
            _ => {}
        }
    }

    fn keep(&mut self, text: String) {
        let longest_first = |known: &String| text.len().cmp(&known.len()).then_with(|| known.cmp(&text));
        if let Err(place) = self.texts.binary_search_by(longest_first) {
            self.texts.insert(place, text);
        }
    }

    /// The value with every scalar marked that is, or holds, one of the secrets.
    #[must_use]
    pub fn mark(&self, value: Value) -> Value {
        if self.texts.is_empty() {
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
        if self.is_one(text) {
            return REDACTED.to_owned();
        }
        self.parts().fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
    }

    /// The failure without the secrets.
    #[must_use]
    pub fn redact_failure(&self, mut failure: Failure) -> Failure {
        failure.message = self.redact(&failure.message);
        failure.help = failure.help.map(|help| self.redact(&help));
        failure.code = failure.code.map(|code| self.redact(&code));
        failure
    }

    fn is_one(&self, text: &str) -> bool {
        self.texts.iter().any(|secret| secret == text)
    }

    fn is_number(&self, digits: &str) -> bool {
        digits.len() >= SHORTEST && self.is_one(digits)
    }

    fn shows_in(&self, text: &str) -> bool {
        self.is_one(text) || self.parts().any(|secret| text.contains(secret))
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str).filter(|secret| secret.len() >= SHORTEST)
    }
}

/// A text as it stands in a JSON document that somebody quotes.
fn in_json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned()
}

/// A text as it stands in a URL that somebody quotes.
fn in_a_url(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::failure::FailureClass;

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
    fn only_what_is_secret_in_a_value_is_kept() {
        let arguments = Value::from(json!({"name": "plainplain"}));
        assert_eq!(KnownSecrets::of(&arguments).redact("plainplain"), "plainplain");
        assert_eq!(KnownSecrets::default().and_all_of(&arguments).redact("it is plainplain"), "it is (secret)");
    }

    #[test]
    fn a_short_secret_is_only_found_whole() {
        let answer = known("1").mark(Value::from(json!({"a": "1", "b": "1.2.3", "c": 1})));
        assert_eq!(answer.redacted(), json!({"a": "(secret)", "b": "1.2.3", "c": 1}));
        assert_eq!(known("4711").mark(Value::from(json!([4711, 47]))).redacted(), json!(["(secret)", 47]));
        assert_eq!(known("4711").redact("the pin is 4711"), "the pin is (secret)");
        assert_eq!(known("471").redact("the pin is 471"), "the pin is 471");
    }

    #[test]
    fn a_secret_that_holds_another_goes_whole() {
        let both = known("hunter2").and_all_of(&"hunter2hunter2".into());
        assert_eq!(both.redact("'hunter2hunter2', 'hunter2'"), "'(secret)', '(secret)'");
    }

    #[test]
    fn a_secret_is_known_in_json_and_in_a_url() {
        let known = known("p\"ss w&rd");
        assert_eq!(known.redact(r#"{"password":"p\"ss w&rd"}"#), r#"{"password":"(secret)"}"#);
        assert_eq!(
            known.redact("GET /login?password=p%22ss%20w%26rd&user=ann"),
            "GET /login?password=(secret)&user=ann"
        );
    }

    proptest! {
        #[test]
        fn no_complaint_shows_a_secret(before in ".{0,10}", secret in "[!-~]{4,12}", after in ".{0,10}") {
            let failure = Failure::new(FailureClass::Invalid, format!("{before}{secret}{after}")).help(secret.clone());
            let redacted = known(&secret).redact_failure(failure);
            // What stands around it may form the secret anew only if it is part of the replacement itself.
            prop_assert!(!redacted.message.replace(REDACTED, "").contains(&secret) || before.contains(&secret) || after.contains(&secret));
            prop_assert_eq!(redacted.help.unwrap(), REDACTED);
        }
    }
}
