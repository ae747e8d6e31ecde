//! Points in time as numbers and text.
//!
//! This file decides how a moment is written. It must not read a clock: whoever needs the time is given it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::duration::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z, written as RFC 3339 with milliseconds in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

impl Timestamp {
    /// So many milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds after the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment moved forward; stops at the end of time instead of overflowing.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time that passed since `earlier`; zero if the clock went backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => write!(f, "{}ms after 1970", self.0),
        }
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> Self {
        moment.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| InvalidTimestamp(text.to_owned()))?;
        Ok(Self(moment.as_millisecond()))
    }
}

/// Text that is no RFC 3339 time.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a time such as `2026-11-22T10:00:00.123Z`")]
pub struct InvalidTimestamp(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_with_milliseconds_and_read_back() {
        let moment = Timestamp::from_millis(1_795_341_600_123);
        assert_eq!(moment.to_string(), "2026-11-22T10:00:00.123Z");
        assert_eq!("2026-11-22T10:00:00.123Z".parse::<Timestamp>().unwrap(), moment);
        assert_eq!(Timestamp::from_millis(1_795_341_600_000).to_string(), "2026-11-22T10:00:00.000Z");
    }

    #[test]
    fn a_clock_that_goes_backwards_gives_zero() {
        let (early, late) = (Timestamp::from_millis(10), Timestamp::from_millis(20));
        assert_eq!(early.since(late), Duration::from_millis(0));
        assert_eq!(late.since(early), Duration::from_millis(10));
    }
}
