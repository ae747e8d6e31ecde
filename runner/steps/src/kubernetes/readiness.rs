//! When an object counts as ready.
//!
//! This file decides `until: ready` and `wait: ready` from one object alone: roll-out complete, Job complete, CRD
//! established, APIService available, otherwise the condition `Ready`. It must not ask a server; what keeps the pods of a
//! workload is told by [`super::blocking`].

use super::object::Object;

/// A judgement of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is ready.
    Ready,
    /// Not yet, and why.
    Waiting(String),
    /// It will not become ready by waiting, and why: Kubernetes itself gave up.
    Failed(String),
}

use Readiness::{Failed, Ready, Waiting};

/// Judges an object. A status that speaks of an older `spec` does not count.
#[must_use]
pub fn judge(object: Object<'_>) -> Readiness {
    if object.at(&["metadata", "deletionTimestamp"]).is_some() {
        return Waiting("is being deleted".into());
    }
    if !object.is_observed() {
        return Waiting("its controller has not looked at the new specification yet".into());
    }
    match (object.group(), object.kind()) {
        ("apps", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => replica_set(object),
        ("batch", "Job") => job(object),
        ("", "Pod") => pod(object),
        ("", "PersistentVolumeClaim") => phase(object, "Bound"),
        ("", "Namespace") => phase(object, "Active"),
        ("", "Service") => service(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("apiregistration.k8s.io", "APIService") => condition(object, "Available"),
        _ if object.condition("Ready").is_some() || !is_built_in(object.group()) => condition(object, "Ready"),
        // A ConfigMap, a Role, a StorageClass: there is nothing to wait for.
        _ => Ready,
    }
}

/// Groups that Kubernetes itself serves; only their kinds are known to have no condition to wait for.
fn is_built_in(group: &str) -> bool {
    !group.contains('.') || (group.ends_with(".k8s.io") && !group.ends_with(".x-k8s.io"))
}

fn condition(object: Object<'_>, of_type: &str) -> Readiness {
    match object.condition(of_type) {
        Some(condition) if condition.holds(object) => Ready,
        Some(condition) => Waiting(format!("not {of_type}: {}", condition.why())),
        None => Waiting(format!("has no condition {of_type} yet")),
    }
}

fn phase(object: Object<'_>, wanted: &str) -> Readiness {
    match object.text(&["status", "phase"]) {
        Some(phase) if phase == wanted => Ready,
        Some(phase) => Waiting(format!("is {phase}, not {wanted}")),
        None => Waiting(format!("is not {wanted} yet")),
    }
}

fn count(object: Object<'_>, path: &[&str]) -> i64 {
    object.number(path).unwrap_or(0)
}

/// A status that its controller never wrote has no `observedGeneration`; then all counts are still zero by default, and a
/// workload of no replicas would look ready.
fn unseen(object: Object<'_>) -> Option<Readiness> {
    let seen = object.number(&["status", "observedGeneration"]).is_some();
    (!seen).then(|| Waiting("its controller has not looked at it yet".into()))
}

fn deployment(object: Object<'_>) -> Readiness {
    if let Some(waiting) = unseen(object) {
        return waiting;
    }
    if let Some(progress) = object.condition("Progressing")
        && progress.reason() == Some("ProgressDeadlineExceeded")
    {
        return Failed(progress.why());
    }
    let wanted = object.number(&["spec", "replicas"]).unwrap_or(1);
    let updated = count(object, &["status", "updatedReplicas"]);
    let all = count(object, &["status", "replicas"]);
    let available = count(object, &["status", "availableReplicas"]);
    let halted = object.condition("ReplicaFailure").filter(|failure| failure.holds(object));
    let words = if updated < wanted {
        format!("{updated} of {wanted} replicas are updated")
    } else if all > updated {
        format!("{} replicas of the former version are not gone", all - updated)
    } else if available < wanted {
        format!("{available} of {wanted} replicas are available")
    } else {
        return Ready;
    };
    let paused = object.at(&["spec", "paused"]).and_then(runbook_model::value::Value::as_bool) == Some(true);
    Waiting(match halted {
        Some(failure) => format!("{words}; {}", failure.why()),
        None if paused => format!("{words}; the roll-out is paused"),
        None => words,
    })
}

fn stateful_set(object: Object<'_>) -> Readiness {
    if let Some(waiting) = unseen(object) {
        return waiting;
    }
    let wanted = object.number(&["spec", "replicas"]).unwrap_or(1);
    let ready = count(object, &["status", "readyReplicas"]);
    if ready < wanted {
        return Waiting(format!("{ready} of {wanted} replicas are ready"));
    }
    if object.text(&["spec", "updateStrategy", "type"]) == Some("OnDelete") {
        return Ready;
    }
    // Replicas below the partition keep their version on purpose.
    let partition = count(object, &["spec", "updateStrategy", "rollingUpdate", "partition"]);
    let updated = count(object, &["status", "updatedReplicas"]);
    let to_update = (wanted - partition).max(0);
    let revisions = (object.text(&["status", "currentRevision"]), object.text(&["status", "updateRevision"]));
    if updated < to_update || (partition == 0 && revisions.0 != revisions.1) {
        return Waiting(format!("{updated} of {to_update} replicas are updated"));
    }
    Ready
}

fn daemon_set(object: Object<'_>) -> Readiness {
    if let Some(waiting) = unseen(object) {
        return waiting;
    }
    let wanted = count(object, &["status", "desiredNumberScheduled"]);
    let updated = count(object, &["status", "updatedNumberScheduled"]);
    let available = count(object, &["status", "numberAvailable"]);
    let updates_by_hand = object.text(&["spec", "updateStrategy", "type"]) == Some("OnDelete");
    if updated < wanted && !updates_by_hand {
        return Waiting(format!("{updated} of {wanted} pods are updated"));
    }
    if available < wanted {
        return Waiting(format!("{available} of {wanted} pods are available"));
    }
    Ready
}

fn replica_set(object: Object<'_>) -> Readiness {
    if let Some(waiting) = unseen(object) {
        return waiting;
    }
    let wanted = object.number(&["spec", "replicas"]).unwrap_or(1);
    let available = count(object, &["status", "availableReplicas"]);
    if available < wanted {
        let halted = object.condition("ReplicaFailure").filter(|failure| failure.holds(object));
        let words = format!("{available} of {wanted} replicas are available");
        return Waiting(halted.map_or(words.clone(), |failure| format!("{words}; {}", failure.why())));
    }
    Ready
}

fn job(object: Object<'_>) -> Readiness {
    let holds = |of_type| object.condition(of_type).filter(|condition| condition.holds(object));
    if holds("Complete").is_some() {
        return Ready;
    }
    if let Some(failed) = holds("Failed") {
        return Failed(failed.why());
    }
    if holds("Suspended").is_some() {
        return Waiting("is suspended".into());
    }
    let wanted = object.number(&["spec", "completions"]).unwrap_or(1);
    let succeeded = count(object, &["status", "succeeded"]);
    let failed = count(object, &["status", "failed"]);
    Waiting(format!("{succeeded} of {wanted} pods succeeded, {failed} failed"))
}

fn pod(object: Object<'_>) -> Readiness {
    match object.text(&["status", "phase"]) {
        Some("Succeeded") => Ready,
        Some("Failed") => {
            let why = object.text(&["status", "message"]).or(object.text(&["status", "reason"]));
            Failed(why.unwrap_or("its containers ended with an error").to_owned())
        }
        _ => condition(object, "Ready"),
    }
}

/// Only a load balancer is made by somebody else.
fn service(object: Object<'_>) -> Readiness {
    let balanced = object.text(&["spec", "type"]) == Some("LoadBalancer");
    if balanced && object.items(&["status", "loadBalancer", "ingress"]).is_empty() {
        return Waiting("its load balancer has no address yet".into());
    }
    Ready
}

fn definition(object: Object<'_>) -> Readiness {
    if let Some(names) = object.condition("NamesAccepted")
        && names.fails(object)
    {
        return Failed(format!("its names are taken: {}", names.why()));
    }
    condition(object, "Established")
}

#[cfg(test)]
mod tests {
    use runbook_model::value::Value;
    use serde_json::{Value as Json, json};

    use super::*;

    fn of(json: Json) -> Readiness {
        judge(Object(&Value::from(json)))
    }

    fn deployment(status: &Json) -> Json {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "generation": 3},
               "spec": {"replicas": 2}, "status": status})
    }

    #[test]
    fn a_roll_out_is_complete_when_every_replica_is_new_and_available() {
        let full = json!({"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        assert_eq!(of(deployment(&full)), Ready);
        for (member, value, words) in [
            ("observedGeneration", 2, "its controller has not looked at the new specification yet"),
            ("updatedReplicas", 1, "1 of 2 replicas are updated"),
            ("replicas", 3, "1 replicas of the former version are not gone"),
            ("availableReplicas", 0, "0 of 2 replicas are available"),
        ] {
            let mut status = full.clone();
            status[member] = value.into();
            assert_eq!(of(deployment(&status)), Waiting(words.into()), "{member}");
        }
        assert!(matches!(of(deployment(&json!({}))), Waiting(_)));
    }

    #[test]
    fn a_roll_out_that_kubernetes_gave_up_has_failed() {
        let status = json!({"observedGeneration": 3, "replicas": 2, "updatedReplicas": 1, "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]});
        assert_eq!(of(deployment(&status)), Failed("ProgressDeadlineExceeded: timed out".into()));
    }

    #[test]
    fn why_no_pods_are_made_is_told() {
        let status = json!({"observedGeneration": 3, "conditions": [
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]});
        assert_eq!(
            of(deployment(&status)),
            Waiting("0 of 2 replicas are updated; FailedCreate: exceeded quota".into())
        );
    }

    #[test]
    fn a_stateful_set_is_ready_when_its_revision_is_everywhere() {
        let set = |status: Json, partition: i64| {
            of(json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"generation": 1}, "status": status,
                "spec": {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": partition}}}}))
        };
        let status = |ready: i64, updated: i64, current: &str| {
            json!({"observedGeneration": 1, "readyReplicas": ready, "updatedReplicas": updated,
                   "currentRevision": current, "updateRevision": "b"})
        };
        assert_eq!(set(status(3, 3, "b"), 0), Ready);
        assert_eq!(set(status(3, 1, "a"), 2), Ready);
        assert_eq!(set(status(3, 1, "a"), 0), Waiting("1 of 3 replicas are updated".into()));
        assert_eq!(set(status(2, 3, "b"), 0), Waiting("2 of 3 replicas are ready".into()));
    }

    #[test]
    fn a_daemon_set_needs_every_node() {
        let set = |updated: i64, available: i64| {
            of(json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"generation": 1},
                "status": {"observedGeneration": 1, "desiredNumberScheduled": 3,
                           "updatedNumberScheduled": updated, "numberAvailable": available}}))
        };
        assert_eq!(set(3, 3), Ready);
        assert_eq!(set(2, 3), Waiting("2 of 3 pods are updated".into()));
        assert_eq!(set(3, 1), Waiting("1 of 3 pods are available".into()));
    }

    #[test]
    fn jobs_complete_or_fail() {
        let job = |of_type: &str| {
            of(json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"failed": 1, "conditions": [
                {"type": of_type, "status": "True", "reason": "Why", "message": "because"}]}}))
        };
        assert_eq!(job("Complete"), Ready);
        assert_eq!(job("Failed"), Failed("Why: because".into()));
        assert_eq!(job("Other"), Waiting("0 of 1 pods succeeded, 1 failed".into()));
    }

    #[test]
    fn conditions_decide_for_definitions_api_services_and_all_that_have_ready() {
        let with = |api_version: &str, kind: &str, of_type: &str, status: &str| {
            of(json!({"apiVersion": api_version, "kind": kind, "status": {"conditions": [
                {"type": of_type, "status": status, "reason": "Because"}]}}))
        };
        let definitions = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        assert_eq!(with(definitions.0, definitions.1, "Established", "True"), Ready);
        assert!(matches!(with(definitions.0, definitions.1, "NamesAccepted", "False"), Failed(_)));
        assert_eq!(with("apiregistration.k8s.io/v1", "APIService", "Available", "True"), Ready);
        assert_eq!(with("v1", "Node", "Ready", "False"), Waiting("not Ready: Because".into()));
        assert_eq!(with("cluster.karmada.io/v1alpha1", "Cluster", "Ready", "True"), Ready);
        assert!(matches!(with("cluster.karmada.io/v1alpha1", "Cluster", "Other", "True"), Waiting(_)));
    }

    #[test]
    fn what_has_no_status_is_ready_and_what_somebody_else_completes_is_not() {
        assert_eq!(of(json!({"apiVersion": "v1", "kind": "ConfigMap"})), Ready);
        assert_eq!(of(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass"})), Ready);
        assert_eq!(of(json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "ClusterIP"}})), Ready);
        assert!(matches!(
            of(json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "LoadBalancer"}})),
            Waiting(_)
        ));
        assert!(matches!(of(json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Failed"}})), Failed(_)));
        let leaving = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"deletionTimestamp": "now"}});
        assert_eq!(of(leaving), Waiting("is being deleted".into()));
    }
}
