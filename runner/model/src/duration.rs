//! Durations as authors write them: `90s`, `30m`, `1h30m`, `1.5s` is refused, `250ms` is fine.
//!
//! This file decides the text of durations. It must not know any clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A span of time in milliseconds; at most 10,000 hours as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(u64);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const MOST: u64 = 10_000 * 3_600_000;

impl Duration {
    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// So many seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000)
    }

    /// In milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        Self::from_millis(duration.0)
    }
}

impl fmt::Display for Duration {
    /// The shortest text that reads back as the same duration, such as `1h30m`; zero is `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, millis) in UNITS {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

impl TryFrom<String> for Duration {
    type Error = InvalidDuration;

    fn try_from(text: String) -> Result<Self, InvalidDuration> {
        text.parse()
    }
}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let invalid = || InvalidDuration(text.to_owned());
        let mut rest = text;
        let mut total: u64 = 0;
        let mut last = usize::MAX;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u64 = rest[..digits].parse().map_err(|_| invalid())?;
            rest = &rest[digits..];
            let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
            let place = UNITS.iter().position(|(unit, _)| *unit == &rest[..letters]).ok_or_else(invalid)?;
            if last != usize::MAX && place <= last {
                return Err(invalid());
            }
            last = place;
            rest = &rest[letters..];
            total = number.checked_mul(UNITS[place].1).and_then(|m| total.checked_add(m)).ok_or_else(invalid)?;
        }
        if last == usize::MAX || total > MOST {
            return Err(invalid());
        }
        Ok(Self(total))
    }
}

/// Text that is no duration.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{0}` is not a duration such as `90s`, `30m` or `1h30m`")]
pub struct InvalidDuration(String);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_authors_write() {
        for (text, millis) in
            [("90s", 90_000), ("30m", 1_800_000), ("1h30m", 5_400_000), ("250ms", 250), ("0s", 0), ("2d", 172_800_000)]
        {
            assert_eq!(text.parse::<Duration>().unwrap().as_millis(), millis, "{text}");
        }
        for text in ["", "90", "s", "1.5s", "-1s", "30m1h", "1h1h", "1 h", "99999999999999999999s", "10001h", "é"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_reads_back(millis in 0..MOST) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(duration.to_string().parse::<Duration>().unwrap(), duration);
        }
    }
}
