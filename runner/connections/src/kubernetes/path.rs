//! Where objects stand on an API server.
//!
//! This file decides paths and queries of requests. It must not send them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use runbook_steps::ports::{MOST_EVENTS, ObjectName, Resource, Selection};

/// What may stand in a path segment or a query as it is; names such as `system:node-proxier` stay readable.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// The path of a group and version, where its kinds are listed.
pub(super) fn group_version(api_version: &str) -> String {
    match api_version.split_once('/') {
        Some((group, version)) => format!("/apis/{}/{}", plain(group), plain(version)),
        None => format!("/api/{}", plain(api_version)),
    }
}

/// The path of one object; in `default_namespace` if it lives in one and names none.
pub(super) fn object(object: &ObjectName, default_namespace: &str) -> String {
    format!("{}/{}", siblings(object, default_namespace), plain(&object.name))
}

/// The path under which an object is made: that of all of its kind in its namespace.
pub(super) fn siblings(object: &ObjectName, default_namespace: &str) -> String {
    let namespace = object.resource.namespaced.then(|| object.namespace.as_deref().unwrap_or(default_namespace));
    collection(&object.resource, namespace)
}

/// The path and query of a selection.
pub(super) fn selection(selection: &Selection, more: &[(&str, &str)]) -> String {
    let namespace = selection.namespace.as_deref().filter(|_| selection.resource.namespaced);
    let by_name = selection.name.as_ref().map(|name| format!("metadata.name={name}"));
    let mut options: Vec<(&str, &str)> = Vec::new();
    let fields = by_name.as_deref().or(selection.fields.as_deref());
    options.extend(fields.map(|fields| ("fieldSelector", fields)));
    options.extend(selection.labels.as_deref().map(|labels| ("labelSelector", labels)));
    options.extend(more);
    with_query(collection(&selection.resource, namespace), &options)
}

/// The path and query of the events about an object; those about objects without a namespace stand in `default`.
pub(super) fn events(of: &ObjectName, default_namespace: &str) -> String {
    let own = of.namespace.as_deref().unwrap_or(default_namespace);
    let namespace = if of.resource.namespaced { own } else { "default" };
    let fields = format!("involvedObject.kind={},involvedObject.name={}", of.resource.kind, of.name);
    let path = format!("/api/v1/namespaces/{}/events", plain(namespace));
    with_query(path, &[("fieldSelector", &fields), ("limit", &MOST_EVENTS.to_string())])
}

/// A path with a query.
pub(super) fn with_query(path: String, options: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = options.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
    if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }
}

fn collection(resource: &Resource, namespace: Option<&str>) -> String {
    let root = group_version(&resource.api_version);
    match namespace {
        Some(namespace) => format!("{root}/namespaces/{}/{}", plain(namespace), plain(&resource.plural)),
        None => format!("{root}/{}", plain(&resource.plural)),
    }
}

fn plain(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(api_version: &str, plural: &str, namespaced: bool) -> Resource {
        Resource { api_version: api_version.into(), kind: "X".into(), plural: plural.into(), namespaced }
    }

    #[test]
    fn objects_stand_where_the_server_has_them() {
        let at = |resource: Resource, namespace: Option<&str>, name: &str| {
            object(&ObjectName { resource, namespace: namespace.map(str::to_owned), name: name.into() }, "default")
        };
        assert_eq!(at(resource("v1", "pods", true), Some("a"), "b"), "/api/v1/namespaces/a/pods/b");
        assert_eq!(at(resource("v1", "pods", true), None, "b"), "/api/v1/namespaces/default/pods/b");
        assert_eq!(at(resource("v1", "nodes", false), Some("a"), "b"), "/api/v1/nodes/b");
        let roles = resource("rbac.authorization.k8s.io/v1", "clusterroles", false);
        assert_eq!(at(roles, None, "system:x/y"), "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:x%2Fy");
    }

    #[test]
    fn events_are_asked_for_by_what_they_are_about() {
        let of =
            |namespaced| ObjectName { resource: resource("v1", "x", namespaced), namespace: None, name: "a".into() };
        let query = "fieldSelector=involvedObject.kind%3DX%2CinvolvedObject.name%3Da&limit=50";
        assert_eq!(events(&of(true), "shop"), format!("/api/v1/namespaces/shop/events?{query}"));
        assert_eq!(events(&of(false), "shop"), format!("/api/v1/namespaces/default/events?{query}"));
    }

    #[test]
    fn selectors_are_encoded() {
        let pods = Selection {
            resource: resource("v1", "pods", true),
            namespace: None,
            name: Some("a".into()),
            labels: Some("app in (x,y),!old".into()),
            fields: None,
        };
        assert_eq!(
            selection(&pods, &[("watch", "1")]),
            "/api/v1/pods?fieldSelector=metadata.name%3Da&labelSelector=app%20in%20%28x%2Cy%29%2C%21old&watch=1"
        );
    }
}
