//! Answers of API servers as data.
//!
//! This file decides what is read out of bodies and headers. It must not judge objects.

use http::HeaderMap;
use http::header::{HeaderName, RETRY_AFTER, WARNING};
use runbook_model::value::Value;
use runbook_steps::ports::{Listing, Resource};

/// The items of a list, each with the version and kind that lists leave out.
pub(super) fn listing(list: Value, resource: &Resource) -> Listing {
    let version = list.get("metadata").and_then(|metadata| metadata.get("resourceVersion")).and_then(Value::as_str);
    let version = version.unwrap_or_default().to_owned();
    let Value::Map(mut list) = list else { return Listing { items: Vec::new(), version } };
    let Some(Value::List(mut items)) = list.shift_remove("items") else {
        return Listing { items: Vec::new(), version };
    };
    for item in &mut items {
        if let Value::Map(item) = item {
            item.entry("apiVersion".into()).or_insert_with(|| Value::from(resource.api_version.as_str()));
            item.entry("kind".into()).or_insert_with(|| Value::from(resource.kind.as_str()));
        }
    }
    Listing { items, version }
}

/// What the server warns of: `299 - "text"`, each once.
pub(super) fn warnings(headers: &HeaderMap) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for value in headers.get_all(WARNING) {
        let Ok(text) = value.to_str() else { continue };
        let words = text.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map_or(text, |(words, _)| words);
        let words = words.replace("\\\"", "\"");
        if !all.contains(&words) {
            all.push(words);
        }
    }
    all
}

/// The seconds that the server asks to wait.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let name: HeaderName = RETRY_AFTER;
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn items_get_their_kind() {
        let resource =
            Resource { api_version: "v1".into(), kind: "Pod".into(), plural: "pods".into(), namespaced: true };
        let list =
            json!({"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "a"}}]});
        let listing = listing(list.into(), &resource);
        assert_eq!(listing.version, "7");
        assert_eq!(listing.items[0].exposed(), json!({"metadata": {"name": "a"}, "apiVersion": "v1", "kind": "Pod"}));
    }

    #[test]
    fn warnings_are_told_once() {
        let mut headers = HeaderMap::new();
        for text in ["299 - \"v1beta1 \\\"X\\\" is deprecated\"", "299 - \"other\"", "299 - \"other\""] {
            headers.append(WARNING, HeaderValue::from_str(text).unwrap());
        }
        assert_eq!(warnings(&headers), ["v1beta1 \"X\" is deprecated", "other"]);
    }
}
