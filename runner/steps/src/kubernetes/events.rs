//! What a cluster noted about an object.
//!
//! This file decides which event says why something does not go on. It must not ask a server.

use runbook_model::value::Value;

use super::object::Object;

/// Warnings that say only that something was tried again; what was tried stands in another event.
const EMPTY: [&str; 1] = ["BackOff"];

/// Normal events that tell what an object waits for.
const TELLING: [&str; 3] = ["WaitForFirstConsumer", "ExternalProvisioning", "EnsuringLoadBalancer"];

/// The newest warning, as `reason: message`; without one the newest normal event that tells what is waited for.
#[must_use]
pub fn newest(events: &[Value]) -> Option<String> {
    let such = |wanted: &dyn Fn(Object<'_>) -> bool| {
        let fitting = events.iter().map(Object).filter(|event| wanted(*event));
        // RFC 3339 in UTC sorts as text.
        fitting.max_by_key(|event| time(*event).to_owned())
    };
    let reason = |event: Object<'_>| event.text(&["reason"]).unwrap_or_default().to_owned();
    let warns = |event: Object<'_>| event.text(&["type"]) == Some("Warning");
    let found = such(&|event| warns(event) && !EMPTY.contains(&reason(event).as_str()))
        .or_else(|| such(&|event| TELLING.contains(&reason(event).as_str())))
        .or_else(|| such(&warns))?;
    let message = found.text(&["message"]).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    Some(match (reason(found), message) {
        (reason, message) if message.is_empty() => reason,
        (reason, message) => format!("{reason}: {message}"),
    })
}

/// When it was noted last; three generations of the kind keep that in three members.
fn time(event: Object<'_>) -> &str {
    let times =
        [&["series", "lastObservedTime"][..], &["lastTimestamp"], &["eventTime"], &["metadata", "creationTimestamp"]];
    times.iter().find_map(|path| event.text(path)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn told(events: Json) -> Option<String> {
        newest(Value::from(events).as_list().unwrap())
    }

    #[test]
    fn the_newest_warning_is_told_in_one_line() {
        let events = json!([
            {"type": "Warning", "reason": "FailedMount", "message": "secret \"x\"\n  not found", "lastTimestamp": "2026-11-22T10:00:05Z"},
            {"type": "Warning", "reason": "FailedScheduling", "message": "old", "lastTimestamp": "2026-11-22T10:00:00Z"},
            {"type": "Warning", "reason": "BackOff", "message": "restarting", "eventTime": "2026-11-22T10:00:09Z"},
            {"type": "Normal", "reason": "Pulled", "message": "x", "lastTimestamp": "2026-11-22T10:00:10Z"}]);
        assert_eq!(told(events).unwrap(), "FailedMount: secret \"x\" not found");
    }

    #[test]
    fn without_a_better_one_any_will_do() {
        assert_eq!(
            told(json!([{"type": "Warning", "reason": "BackOff", "message": "restarting"}])).unwrap(),
            "BackOff: restarting"
        );
        let claim =
            json!([{"type": "Normal", "reason": "WaitForFirstConsumer", "message": "waiting for first consumer"}]);
        assert_eq!(told(claim).unwrap(), "WaitForFirstConsumer: waiting for first consumer");
        assert_eq!(told(json!([{"type": "Normal", "reason": "Pulled", "message": "x"}])), None);
        assert_eq!(told(json!([])), None);
    }
}
