//! What an API server's refusal means.
//!
//! This file decides the class, code and words of a failed Kubernetes request from its HTTP status and its `Status`
//! object. It must not know how the request was sent.

use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use serde_json::Value as Json;

use crate::ports::{ApplyRefused, FieldConflict};

/// The most causes that are told; a manifest that is wrong everywhere would fill the screen.
const CAUSES: usize = 8;

/// With these words a server refuses a manifest that does not fit the kind's schema. It says 500 to it, as if it might fit
/// another time.
const UNFIT: [&str; 2] = ["failed to create typed patch object", "failed to convert new object"];

/// Reads a refusal: the HTTP status, the body, and the seconds of the header `Retry-After`.
#[must_use]
pub fn read(http_status: u16, body: &[u8], retry_after: Option<u64>) -> ApplyRefused {
    let status: Json = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| status[name].as_str().filter(|text| !text.is_empty());
    let causes = status["details"]["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let class = if text("message").is_some_and(|message| UNFIT.iter().any(|words| message.starts_with(words))) {
        FailureClass::Invalid
    } else {
        class(http_status, text("reason").unwrap_or_default(), causes)
    };
    let words = match text("message") {
        Some(message) => with_causes(message, causes),
        None => format!("the API server answered HTTP {http_status}"),
    };
    let mut failure = Failure::new(class, words);
    failure.code = text("reason").filter(|reason| *reason != "Unknown").map(str::to_owned);
    failure.help = help(class, http_status).or_else(|| text_wanted(text("message")?));
    failure.retry_after =
        status["details"]["retryAfterSeconds"].as_u64().filter(|n| *n > 0).or(retry_after).map(Duration::from_secs);
    ApplyRefused { failure, conflicts: causes.iter().filter_map(conflict).collect() }
}

fn class(http_status: u16, reason: &str, causes: &[Json]) -> FailureClass {
    let caused_by = |name: &str| causes.iter().any(|cause| cause["reason"] == name);
    match (http_status, reason) {
        // Created while its namespace goes away: a matter of time, not of rights.
        (403, _) if caused_by("NamespaceTerminating") => FailureClass::Conflict,
        (401 | 403, _) => FailureClass::Denied,
        (404, _) => FailureClass::Missing,
        (409, "AlreadyExists") => FailureClass::Exists,
        (409, _) => FailureClass::Conflict,
        (429, _) => FailureClass::Throttled,
        (400 | 405 | 406 | 413 | 415 | 422, _) => FailureClass::Invalid,
        // Among them webhooks that do not answer: the server says 500 and "failed calling webhook".
        (500..=599, _) => FailureClass::Unavailable,
        _ => FailureClass::Unknown,
    }
}

fn help(class: FailureClass, http_status: u16) -> Option<String> {
    match (class, http_status) {
        (FailureClass::Denied, 401) => Some(
            "the cluster does not know this caller: check the connection's credentials, and on EKS the access entries of \
             the cluster"
                .into(),
        ),
        (FailureClass::Denied, _) => {
            Some("bind a Role or ClusterRole with that right to this caller, or use another connection".into())
        }
        _ => None,
    }
}

/// The commonest misfit: a number or a boolean of an expression where the schema wants text, as in annotations and data.
fn text_wanted(message: &str) -> Option<String> {
    let fits = UNFIT.iter().any(|words| message.starts_with(words)) && message.contains("expected string, got");
    fits.then(|| "text is wanted there: in an expression, `| string` makes text of a value".to_owned())
}

/// The server's message; causes are added where it does not repeat them itself.
fn with_causes(message: &str, causes: &[Json]) -> String {
    let mut added = Vec::new();
    for cause in causes {
        let Some(words) = cause["message"].as_str().filter(|words| !message.contains(words)) else { continue };
        added.push(match cause["field"].as_str() {
            Some(field) if !field.is_empty() => format!("{field}: {words}"),
            _ => words.to_owned(),
        });
    }
    if added.is_empty() {
        return message.to_owned();
    }
    let more = added.len().saturating_sub(CAUSES);
    added.truncate(CAUSES);
    if more > 0 {
        added.push(format!("and {more} more"));
    }
    format!("{}: {}", message.trim_end_matches('.'), added.join("; "))
}

/// Reads `conflict with "kubectl" with subresource "scale" using apps/v1`.
fn conflict(cause: &Json) -> Option<FieldConflict> {
    if cause["reason"] != "FieldManagerConflict" {
        return None;
    }
    let message = cause["message"].as_str()?;
    let quoted = &message[message.find('"')?..];
    // The server quotes as Go does; for the names that managers may have (printable text) that is also how JSON quotes.
    let manager = serde_json::Deserializer::from_str(quoted).into_iter::<String>().next()?.ok()?;
    Some(FieldConflict { field: cause["field"].as_str().unwrap_or_default().to_owned(), manager })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(http_status: u16, status: &Json) -> Failure {
        read(http_status, status.to_string().as_bytes(), None).failure
    }

    #[test]
    fn classes_follow_the_language_page() {
        use FailureClass::{Conflict, Denied, Exists, Invalid, Missing, Throttled, Unavailable};
        for (http_status, reason, class) in [
            (401, "Unauthorized", Denied),
            (403, "Forbidden", Denied),
            (404, "NotFound", Missing),
            (409, "AlreadyExists", Exists),
            (409, "Conflict", Conflict),
            (422, "Invalid", Invalid),
            (429, "TooManyRequests", Throttled),
            (500, "InternalError", Unavailable),
            (503, "ServiceUnavailable", Unavailable),
            (504, "Timeout", Unavailable),
        ] {
            let failure = refused(http_status, &json!({"reason": reason, "message": "m"}));
            assert_eq!((failure.class, failure.code.as_deref()), (class, Some(reason)));
        }
    }

    #[test]
    fn a_manifest_that_does_not_fit_is_invalid_whatever_the_status() {
        let status = json!({"message": "failed to create typed patch object (/bad; apps/v1, Kind=Deployment): .spec.foo: \
            field not declared in schema", "code": 500});
        assert_eq!(refused(500, &status).class, FailureClass::Invalid);
        let status = json!({"message": "failed to create typed patch object (/cm; /v1, Kind=ConfigMap): .data.n: expected \
            string, got &value.valueUnstructured{Value:1}", "code": 500});
        assert!(refused(500, &status).help.unwrap().contains("`| string`"));
    }

    #[test]
    fn a_namespace_on_its_way_out_is_a_matter_of_time() {
        let status = json!({"reason": "Forbidden", "message": "unable to create new content in namespace x",
            "details": {"causes": [{"reason": "NamespaceTerminating", "message": "namespace x is being terminated"}]}});
        assert_eq!(refused(403, &status).class, FailureClass::Conflict);
    }

    #[test]
    fn causes_are_told_once() {
        let status = json!({"reason": "Invalid", "message": "Service \"a\" is invalid: spec.ports: Required value",
            "details": {"causes": [
                {"field": "spec.ports", "message": "Required value"},
                {"field": "spec.type", "message": "Unsupported value: \"X\""}]}});
        assert_eq!(
            refused(422, &status).message,
            "Service \"a\" is invalid: spec.ports: Required value: spec.type: Unsupported value: \"X\""
        );
    }

    #[test]
    fn what_is_not_a_status_is_still_told() {
        let failure = read(502, b"<html>bad gateway</html>", Some(7)).failure;
        assert_eq!(failure.message, "the API server answered HTTP 502");
        assert_eq!((failure.class, failure.retry_after), (FailureClass::Unavailable, Some(Duration::from_secs(7))));
    }

    #[test]
    fn field_conflicts_name_field_and_manager() {
        let status = json!({"reason": "Conflict", "message": "Apply failed with 2 conflicts", "details": {"causes": [
            {"reason": "FieldManagerConflict", "field": ".spec.replicas",
             "message": "conflict with \"kubectl\" with subresource \"scale\" using apps/v1 at 2026-01-01T00:00:00Z"},
            {"reason": "FieldManagerConflict", "field": ".data.a", "message": "conflict with \"runbook/a/b\" using v1"}]}});
        let conflicts = read(409, status.to_string().as_bytes(), None).conflicts;
        let told: Vec<_> = conflicts.iter().map(|c| (c.field.as_str(), c.manager.as_str())).collect();
        assert_eq!(told, [(".spec.replicas", "kubectl"), (".data.a", "runbook/a/b")]);
    }
}
