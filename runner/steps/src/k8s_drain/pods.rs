//! Which pods of a node have to leave, and which cannot be asked to.
//!
//! This file decides what a pod is for a drain. It must not ask a server.

use runbook_model::value::Value;

use crate::kubernetes::object::Object;

/// The annotation of pods that a kubelet runs from a file of its own; the API server only mirrors them.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What a drain makes of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is asked to leave.
    Leaves,
    /// It is on its way out.
    Leaving,
    /// It stays: its DaemonSet would put another one here at once, or nobody but the kubelet can end it.
    Stays,
    /// It has ended and runs nothing.
    Over,
}

/// What a drain makes of this pod.
pub(super) fn fate(pod: Object<'_>) -> Fate {
    if pod.at(&["metadata", "annotations", MIRROR]).is_some() || owner(pod) == Some("DaemonSet") {
        return Fate::Stays;
    }
    if matches!(pod.text(&["status", "phase"]), Some("Succeeded" | "Failed")) {
        return Fate::Over;
    }
    if pod.at(&["metadata", "deletionTimestamp"]).is_some() { Fate::Leaving } else { Fate::Leaves }
}

/// The kind of its controller.
fn owner(pod: Object<'_>) -> Option<&str> {
    let owners = pod.items(&["metadata", "ownerReferences"]).iter().map(Object);
    let mut controllers = owners.filter(|owner| owner.at(&["controller"]).and_then(Value::as_bool) == Some(true));
    controllers.next()?.text(&["kind"])
}

/// Will nobody make it anew elsewhere?
pub(super) fn is_alone(pod: Object<'_>) -> bool {
    owner(pod).is_none()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[test]
    fn daemons_and_mirrors_stay_and_what_has_ended_is_over() {
        let of = |json: Json| fate(Object(&Value::from(json)));
        let owned = |kind: &str| json!({"metadata": {"ownerReferences": [{"kind": kind, "controller": true}]}});
        assert_eq!(of(owned("ReplicaSet")), Fate::Leaves);
        assert_eq!(of(owned("DaemonSet")), Fate::Stays);
        assert_eq!(of(json!({"metadata": {"annotations": {MIRROR: "x"}}})), Fate::Stays);
        assert_eq!(of(json!({"metadata": {}, "status": {"phase": "Succeeded"}})), Fate::Over);
        assert_eq!(of(json!({"metadata": {"deletionTimestamp": "2026-11-22T10:00:00Z"}})), Fate::Leaving);
        assert!(is_alone(Object(&json!({"metadata": {}}).into())));
        assert!(!is_alone(Object(&owned("Job").into())));
    }
}
