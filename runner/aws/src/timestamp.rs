//! Points in time as services write them.
//!
//! | format | looks like | default of |
//! | --- | --- | --- |
//! | `iso8601` | `2026-11-22T10:00:00Z` | queries, forms, XML |
//! | `rfc822` | `Sun, 22 Nov 2026 10:00:00 GMT` | headers |
//! | `unixTimestamp` | `1795341600` | JSON |
//!
//! Outside of the wire they are RFC 3339. This file must not know which member has which format.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use serde_json::{Number, Value as Json};

/// A format by its name in the models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Iso8601,
    Rfc822,
    UnixTimestamp,
}

impl Format {
    /// The format a model names, or the default of its place.
    pub(crate) fn named(name: Option<&str>, default: Self) -> Self {
        match name {
            Some("iso8601") => Self::Iso8601,
            Some("rfc822") => Self::Rfc822,
            Some("unixTimestamp") => Self::UnixTimestamp,
            _ => default,
        }
    }
}

/// A moment from text in any of the formats: services do not always keep to the one they name. Without a zone it is UTC.
pub(crate) fn from_text(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    if let Ok(moment) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(moment);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return from_seconds(seconds);
    }
    let local = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0))).ok()?;
    local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// A moment from a number of seconds after 1970.
pub(crate) fn from_number(number: &Number) -> Option<Timestamp> {
    match number.as_i64() {
        Some(seconds) => Timestamp::from_second(seconds).ok(),
        None => from_seconds(number.as_f64()?),
    }
}

/// Services send at most milliseconds; a double holds no more of a moment of our time anyway.
fn from_seconds(seconds: f64) -> Option<Timestamp> {
    let millis = (seconds * 1000.0).round();
    if !millis.is_finite() || millis.abs() > 1e15 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "within 1e15, checked above")]
    Timestamp::from_millisecond(millis as i64).ok()
}

/// A moment as text of a format.
pub(crate) fn text(moment: Timestamp, format: Format) -> String {
    match format {
        Format::Iso8601 => moment.to_string(),
        // Fails for years beyond 9999 only, which a timestamp cannot hold.
        Format::Rfc822 => {
            rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).unwrap_or_else(|_| moment.to_string())
        }
        Format::UnixTimestamp => json(moment, format).to_string(),
    }
}

/// A moment as JSON of a format.
pub(crate) fn json(moment: Timestamp, format: Format) -> Json {
    match format {
        Format::UnixTimestamp if moment.subsec_nanosecond() == 0 => moment.as_second().into(),
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of our time have fewer than 53 bits")]
        Format::UnixTimestamp => (moment.as_millisecond() as f64 / 1000.0).into(),
        _ => text(moment, format).into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_a_service_sends_is_the_same_moment() {
        for form in [
            "2026-11-22T10:00:00Z",
            "2026-11-22T11:00:00+01:00",
            "2026-11-22T10:00:00",
            "2026-11-22T10:00:00.000Z",
            "Sun, 22 Nov 2026 10:00:00 GMT",
            "1795341600",
            " 1795341600.0 ",
        ] {
            assert_eq!(from_text(form).map(|m| m.to_string()).as_deref(), Some("2026-11-22T10:00:00Z"), "{form}");
        }
        assert_eq!(from_text("2026-11-22").unwrap().to_string(), "2026-11-22T00:00:00Z");
        for wrong in ["yesterday", "", "NaN", "1e300", "22.11.2026"] {
            assert_eq!(from_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn moments_are_written_in_every_format() {
        let moment = from_text("2026-11-22T10:00:00.5Z").unwrap();
        assert_eq!(text(moment, Format::Iso8601), "2026-11-22T10:00:00.5Z");
        assert_eq!(text(moment, Format::Rfc822), "Sun, 22 Nov 2026 10:00:00 GMT");
        assert_eq!(json(moment, Format::UnixTimestamp), json!(1_795_341_600.5));
        assert_eq!(json(from_text("1795341600").unwrap(), Format::UnixTimestamp), json!(1_795_341_600));
    }
}
