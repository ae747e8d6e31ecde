//! The time as AWS sees it.
//!
//! Signatures carry a time, and a machine whose clock is minutes off can call nothing. This file decides when the clock of the
//! machine is corrected by the `Date` of an answer. It must not know what is signed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// AWS takes five minutes; an answer is some seconds old when it is read.
const TOLERATED: i64 = 4 * 60;

/// A clock with a correction.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// Seconds to add to the machine's time.
    offset: AtomicI64,
    /// How many seconds the machine was ahead of the first answer's `Date`.
    ahead: OnceLock<i64>,
}

impl Clock {
    /// Now, corrected.
    pub(crate) fn now(&self) -> SystemTime {
        moved(SystemTime::now(), self.offset.load(Ordering::Relaxed))
    }

    /// Remembers the header `Date` of an answer, for people who ask how far off the machine is.
    pub(crate) fn compare(&self, date: Option<&str>) {
        if let Some(theirs) = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok()) {
            self.ahead.get_or_init(|| seconds(SystemTime::now()) - theirs.secs());
        }
    }

    /// How many seconds the machine is ahead of AWS, as far as an answer has told.
    pub(crate) fn ahead(&self) -> Option<i64> {
        self.ahead.get().copied()
    }

    /// Corrects the clock by the header `Date` of an answer. True if that made a difference.
    pub(crate) fn is_corrected_by(&self, date: Option<&str>) -> bool {
        let Some(theirs) = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok()) else { return false };
        if (theirs.secs() - seconds(self.now())).abs() <= TOLERATED {
            return false;
        }
        let offset = theirs.secs() - seconds(SystemTime::now());
        self.offset.store(offset, Ordering::Relaxed);
        tracing::warn!(
            offset_seconds = offset,
            "the clock of this machine is off; requests are signed with AWS's time"
        );
        true
    }
}

fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}

fn moved(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { time.checked_sub(by) } else { time.checked_add(by) }.unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(offset: i64) -> String {
        DateTime::from_secs(seconds(SystemTime::now()) + offset).fmt(Format::HttpDate).unwrap()
    }

    #[test]
    fn the_first_answer_tells_how_far_the_machine_is_ahead() {
        let clock = Clock::default();
        clock.compare(Some("yesterday"));
        assert_eq!(clock.ahead(), None);
        clock.compare(Some(&date(-90)));
        clock.compare(Some(&date(7200)));
        assert!(clock.ahead().is_some_and(|ahead| (85..=95).contains(&ahead)), "{:?}", clock.ahead());
    }

    #[test]
    fn only_a_clock_that_is_minutes_off_is_corrected() {
        let clock = Clock::default();
        assert!(!clock.is_corrected_by(Some(&date(60))));
        assert!(!clock.is_corrected_by(None));
        assert!(!clock.is_corrected_by(Some("yesterday")));
        assert!(clock.is_corrected_by(Some(&date(-7200))));
        let off = seconds(SystemTime::now()) - seconds(clock.now());
        assert!((7195..=7205).contains(&off), "{off}");
        assert!(!clock.is_corrected_by(Some(&date(-7200))), "a second refusal is not the clock's fault");
    }
}
