//! What a type wants, in words.
//!
//! This file decides how demands and values are told to people. It must not judge a value.

use super::{BaseType, InputType};
use crate::duration::Duration;
use crate::value::Value;

impl InputType {
    /// A bound as authors write it.
    pub(super) fn bound(&self, bound: f64) -> String {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "made by `measure`")]
        match self.base {
            BaseType::Duration => Duration::from_millis(bound as u64).to_string(),
            _ => bound.to_string(),
        }
    }

    /// What is wanted with all that narrows it, as people say it: `a whole number, at least 1`.
    #[must_use]
    pub fn demanded(&self) -> String {
        if !self.choices.is_empty() {
            let choices: Vec<String> = self.choices.iter().map(|choice| format!("`{}`", brief(&choice.0))).collect();
            return format!("one of {}", choices.join(", "));
        }
        let mut demanded = match &self.properties {
            Some(properties) if !properties.is_empty() => {
                let names: Vec<String> = properties.keys().map(|name| format!("`{name}`")).collect();
                format!("{} of {}", self.wanted(), names.join(", "))
            }
            _ => self.wanted().to_owned(),
        };
        let mut add = |what: String| {
            demanded.push_str(", ");
            demanded.push_str(&what);
        };
        let unit = match self.base {
            BaseType::List => "items",
            BaseType::Map => "entries",
            _ => "characters",
        };
        self.pattern.iter().for_each(|pattern| add(format!("matching `{pattern}`")));
        self.min.iter().for_each(|min| add(format!("at least {}", self.bound(*min))));
        self.max.iter().for_each(|max| add(format!("at most {}", self.bound(*max))));
        self.min_length.iter().for_each(|min| add(format!("at least {min} {unit}")));
        self.max_length.iter().for_each(|max| add(format!("at most {max} {unit}")));
        demanded
    }

    /// What is wanted, as people say it.
    #[must_use]
    pub fn wanted(&self) -> &'static str {
        match self.base {
            BaseType::String | BaseType::Path => "text",
            BaseType::Integer => "a whole number",
            BaseType::Number => "a number",
            BaseType::Boolean => "true or false",
            BaseType::Duration => "a duration",
            BaseType::List => "a list",
            BaseType::Map => "a map",
            BaseType::Any => "anything",
        }
    }
}

/// A value in an error: text as it is, everything else as JSON, cut where it gets long. Never called for secrets.
pub(super) fn brief(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.redacted().to_string(),
    };
    if text.chars().count() > 60 { text.chars().take(57).chain("…".chars()).collect() } else { text }
}
