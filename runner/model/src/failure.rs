//! Why something did not succeed, as data that a journal keeps and an engine can decide upon.
//!
//! This file decides the classes of failures. It must not know which service raises which code; that is in `aws` and `steps`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::duration::Duration;

/// What kind of failure, whatever the service calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// Too many calls; the same call later may work.
    Throttled,
    /// The other side cannot answer now: 5xx, no connection.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// Not allowed.
    Denied,
    /// The credentials ran out or are none; a person has to log in.
    ExpiredCredentials,
    /// Something else is going on with the same object.
    Conflict,
    /// There is one of that name already.
    Exists,
    /// It is not there.
    Missing,
    /// The request cannot be right.
    Invalid,
    /// The answer did not pass the step's own `check`.
    CheckFailed,
    /// None of these.
    Unknown,
}

impl FailureClass {
    /// All classes, in the order in which the language page lists them.
    pub const ALL: [Self; 11] = [
        Self::Throttled,
        Self::Unavailable,
        Self::Timeout,
        Self::Denied,
        Self::ExpiredCredentials,
        Self::Conflict,
        Self::Exists,
        Self::Missing,
        Self::Invalid,
        Self::CheckFailed,
        Self::Unknown,
    ];

    /// The name that authors write.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Denied => "denied",
            Self::ExpiredCredentials => "expired-credentials",
            Self::Conflict => "conflict",
            Self::Exists => "exists",
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::CheckFailed => "check-failed",
            Self::Unknown => "unknown",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why one try of a step did not succeed. Never holds a secret: whoever makes one redacts first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub class: FailureClass,
    /// The service's own code, such as `ResourceInUseException`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The service's own words, or ours: a lower-case fragment.
    pub message: String,
    /// What to do about it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The id under which the service remembers the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How long the service asked to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// True if the request may have taken effect although no answer came: the effect is in doubt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_doubt: bool,
    /// True if waiting will not help, although failures of its class mostly pass: it is tried again only if the step's
    /// `retry.errors` names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lasting: bool,
}

impl Failure {
    /// A failure with words.
    #[must_use]
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            code: None,
            message: message.into(),
            help: None,
            request_id: None,
            retry_after: None,
            in_doubt: false,
            lasting: false,
        }
    }

    /// With the service's code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As one whose effect is in doubt.
    #[must_use]
    pub fn doubtful(mut self) -> Self {
        self.in_doubt = true;
        self
    }

    /// True if `names` (classes or service codes, as in `accept` and `retry.errors`) name this failure.
    #[must_use]
    pub fn is_one_of(&self, names: &[String]) -> bool {
        names.iter().any(|name| name == self.class.as_str() || Some(name.as_str()) == self.code.as_deref())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
