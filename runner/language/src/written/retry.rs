//! `retry`, as it stands in steps and in `defaults`.
//!
//! This file decides which keys it has and how two of them lie over each other. It must not know when a retry happens.

use runbook_model::argument::{Argument, Node};
use runbook_model::plan::Retry;

use super::RetryKeys;
use super::keys::{Keys, Sink, wrong_value};

const KEYS: [&str; 8] = ["attempts", "for", "delay", "max-delay", "factor", "jitter", "errors", "when"];

pub(super) fn read(argument: &Argument, sink: &mut Sink) -> Option<RetryKeys> {
    let keys = Keys::of(argument, "retry", &KEYS, sink)?;
    let factor = keys.get("factor").and_then(|argument| {
        let number = match &argument.node {
            Node::Plain { value, .. } => value.exposed().as_f64().filter(|n| (1.0..=100.0).contains(n)),
            _ => None,
        };
        if number.is_none() {
            wrong_value(argument, "factor", "a number from 1 to 100", sink);
        }
        number
    });
    Some(RetryKeys {
        attempts: keys.count("attempts", sink),
        within: keys.duration("for", sink),
        delay: keys.duration("delay", sink),
        max_delay: keys.duration("max-delay", sink),
        factor,
        jitter: keys.flag("jitter", sink),
        errors: keys.texts("errors", sink),
        when: keys.condition("when", sink),
    })
}

impl RetryKeys {
    /// The retry of a step: what it says, else what the runbook's `defaults` say, else the language's own. `attempts` and
    /// `for` go together: who says one of them says both.
    pub(crate) fn settled(own: Option<&Self>, defaults: Option<&Self>) -> Retry {
        let mut retry = Retry::default();
        for keys in [defaults, own].into_iter().flatten() {
            if keys.attempts.is_some() || keys.within.is_some() {
                (retry.attempts, retry.within) = (keys.attempts, keys.within);
            }
            retry.delay = keys.delay.unwrap_or(retry.delay);
            retry.max_delay = keys.max_delay.unwrap_or(retry.max_delay);
            retry.factor = keys.factor.unwrap_or(retry.factor);
            retry.jitter = keys.jitter.unwrap_or(retry.jitter);
            if let Some(errors) = &keys.errors {
                retry.errors = errors.iter().map(|error| error.value.clone()).collect();
            }
            if let Some(when) = &keys.when {
                retry.when = Some(when.clone());
            }
        }
        // A longest pause below the first one would be two words for one thing.
        retry.max_delay = retry.max_delay.max(retry.delay);
        retry
    }
}
