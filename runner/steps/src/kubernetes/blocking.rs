//! What keeps the pods of a workload, in words.
//!
//! This file decides how pods are found for a workload and which of their troubles is told. It must not ask a server.

use runbook_model::value::Value;

use super::object::Object;

/// How many different troubles are told; more do not fit a line, and the first ones are fixed first anyway.
const TROUBLES: usize = 3;

/// The label selector of a workload's pods; nothing for kinds that have none.
#[must_use]
pub fn pod_selector(workload: Object<'_>) -> Option<String> {
    let is_workload = matches!(
        (workload.group(), workload.kind()),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("batch", "Job")
            | ("", "ReplicationController")
    );
    if !is_workload {
        return None;
    }
    let selector = Object(workload.at(&["spec", "selector"])?);
    let mut terms = Vec::new();
    let labels = selector.at(&["matchLabels"]).or_else(|| (workload.group().is_empty()).then_some(selector.0));
    for (key, value) in labels.and_then(Value::as_map).into_iter().flatten() {
        terms.push(format!("{key}={}", value.as_str()?));
    }
    for expression in selector.items(&["matchExpressions"]).iter().map(Object) {
        let key = expression.text(&["key"])?;
        let values: Vec<&str> = expression.items(&["values"]).iter().filter_map(Value::as_str).collect();
        terms.push(match expression.text(&["operator"])? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!terms.is_empty()).then(|| terms.join(","))
}

/// What keeps these pods, worst first; nothing if nothing does.
#[must_use]
pub fn explain(pods: &[Value]) -> Option<String> {
    // Pods of one workload usually have one and the same trouble; it is told once, with the first pod's name.
    let mut troubles: Vec<(Trouble, &str, usize)> = Vec::new();
    for pod in pods.iter().map(Object) {
        let Some(trouble) = trouble(pod) else { continue };
        match troubles.iter_mut().find(|(known, ..)| *known == trouble) {
            Some((.., more)) => *more += 1,
            None => troubles.push((trouble, pod.name(), 0)),
        }
    }
    troubles.sort_by_key(|(trouble, ..)| trouble.severity);
    let lines: Vec<String> = troubles
        .into_iter()
        .take(TROUBLES)
        .map(|(trouble, name, more)| match more {
            0 => format!("pod {name}: {}", trouble.words),
            more => format!("pod {name} and {more} more: {}", trouble.words),
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

/// The pod with the worst trouble.
#[must_use]
pub(super) fn worst(pods: &[Value]) -> Option<(&Value, Trouble)> {
    let troubles = pods.iter().filter_map(|pod| Some((pod, trouble(Object(pod))?)));
    troubles.min_by_key(|(_, trouble)| trouble.severity)
}

/// The names of the volume claims of a pod.
#[must_use]
pub(super) fn claims(pod: Object<'_>) -> Vec<&str> {
    let volumes = pod.items(&["spec", "volumes"]).iter().map(Object);
    volumes.filter_map(|volume| volume.text(&["persistentVolumeClaim", "claimName"])).collect()
}

/// What keeps one pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    severity: Severity,
    words: String,
    /// Do the words tell the reason, so that nobody has to be asked for it?
    pub(super) says_why: bool,
    /// Is it a volume that it has no node for?
    pub(super) waits_for_volume: bool,
}

/// In the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Broken,
    Unplaced,
    NotReady,
    Starting,
}

fn trouble(pod: Object<'_>) -> Option<Trouble> {
    let some = |severity, words: String| {
        let waits_for_volume = severity == Severity::Unplaced && words.contains("PersistentVolumeClaim");
        let says_why = matches!(severity, Severity::Broken | Severity::Unplaced) && !waits_for_volume;
        Some(Trouble { severity, words, says_why, waits_for_volume })
    };
    if pod.at(&["metadata", "deletionTimestamp"]).is_some() {
        return some(Severity::Starting, "is being deleted".into());
    }
    match pod.text(&["status", "phase"]) {
        Some("Succeeded") => return None,
        Some("Failed") => {
            let why = pod.text(&["status", "message"]).or(pod.text(&["status", "reason"]));
            return some(
                Severity::Broken,
                exits(pod).unwrap_or_else(|| format!("failed: {}", why.unwrap_or("no reason given"))),
            );
        }
        _ => {}
    }
    if let Some(scheduled) = pod.condition("PodScheduled")
        && scheduled.status() == "False"
    {
        return some(Severity::Unplaced, format!("has no node: {}", scheduled.why()));
    }
    let statuses = || {
        let of = |member| pod.items(&["status", member]).iter().map(Object);
        of("initContainerStatuses").chain(of("containerStatuses"))
    };
    if let Some(broken) = statuses().find_map(broken) {
        return some(Severity::Broken, broken);
    }
    if pod.condition("Ready").is_some_and(|ready| ready.status() == "True") {
        return None;
    }
    let running = pod.items(&["status", "containerStatuses"]).iter().map(Object).find(|status| {
        status.at(&["state", "running"]).is_some() && status.at(&["ready"]).and_then(Value::as_bool) == Some(false)
    });
    match running {
        Some(status) => some(
            Severity::NotReady,
            format!("container {} runs but is not ready", status.text(&["name"]).unwrap_or_default()),
        ),
        None => some(Severity::Starting, "is starting".into()),
    }
}

/// Waits that end by themselves.
const USUAL: [&str; 2] = ["ContainerCreating", "PodInitializing"];

fn broken(status: Object<'_>) -> Option<String> {
    let name = status.text(&["name"]).unwrap_or_default();
    if let Some(reason) = status.text(&["state", "waiting", "reason"]).filter(|reason| !USUAL.contains(reason)) {
        let message = status.text(&["state", "waiting", "message"]).unwrap_or_default().trim();
        let image = status.text(&["image"]).unwrap_or_default();
        let mut words = format!("container {name}: {reason}");
        if !message.is_empty() {
            words = format!("{words}: {message}");
        }
        if reason.contains("Image") && !words.contains(image) {
            words = format!("{words} (image {image})");
        }
        if let Some(code) = status.number(&["lastState", "terminated", "exitCode"]) {
            words = format!("{words} (last exit code {code})");
        }
        return Some(words);
    }
    exit(status)
}

fn exits(pod: Object<'_>) -> Option<String> {
    pod.items(&["status", "containerStatuses"]).iter().map(Object).find_map(exit)
}

fn exit(status: Object<'_>) -> Option<String> {
    let code = status.number(&["state", "terminated", "exitCode"]).filter(|code| *code != 0)?;
    let name = status.text(&["name"]).unwrap_or_default();
    let reason = status.text(&["state", "terminated", "reason"]).unwrap_or("Error");
    Some(format!("container {name} ended with exit code {code} ({reason})"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn told(pods: Json) -> Option<String> {
        explain(Value::from(pods).as_list().unwrap())
    }

    #[expect(clippy::needless_pass_by_value, reason = "literals read better without a `&` before each")]
    fn pod(name: &str, status: Json) -> Json {
        json!({"metadata": {"name": name}, "status": status})
    }

    #[test]
    fn selectors_are_written_as_kubernetes_reads_them() {
        let of = |kind: &str, selector: Json| {
            pod_selector(Object(&Value::from(
                json!({"apiVersion": "apps/v1", "kind": kind, "spec": {"selector": selector}}),
            )))
        };
        let selector = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"}]});
        assert_eq!(of("Deployment", selector.clone()).as_deref(), Some("app=web,tier in (a,b),!old"));
        assert_eq!(of("ConfigMap", selector), None);
        assert_eq!(of("Deployment", json!({})), None);
    }

    #[test]
    fn pods_with_one_trouble_are_told_once_and_the_worst_first() {
        let image = json!({"containerStatuses": [{"name": "c", "image": "x:1", "state": {"waiting": {
            "reason": "ImagePullBackOff", "message": "Back-off pulling image \"x:1\""}}}]});
        let unplaced = json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]});
        assert_eq!(
            told(json!([pod("n", unplaced), pod("a", image.clone()), pod("b", image)])).unwrap(),
            "pod a and 1 more: container c: ImagePullBackOff: Back-off pulling image \"x:1\"; \
             pod n: has no node: Unschedulable: 0/3 nodes are available"
        );
    }

    #[test]
    fn crashes_tell_the_last_exit_code() {
        let crash = json!({"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 137}}}]});
        assert_eq!(
            told(json!([pod("a", crash)])).unwrap(),
            "pod a: container c: CrashLoopBackOff (last exit code 137)"
        );
        let failed = json!({"phase": "Failed", "containerStatuses": [
            {"name": "c", "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}]});
        assert_eq!(told(json!([pod("a", failed)])).unwrap(), "pod a: container c ended with exit code 2 (Error)");
    }

    #[test]
    fn ready_and_finished_pods_keep_nothing() {
        let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "c", "ready": true, "state": {"running": {}}}]});
        assert_eq!(told(json!([pod("a", ready), pod("b", json!({"phase": "Succeeded"}))])), None);
        let slow =
            json!({"phase": "Running", "containerStatuses": [{"name": "c", "ready": false, "state": {"running": {}}}]});
        assert_eq!(told(json!([pod("a", slow)])).unwrap(), "pod a: container c runs but is not ready");
    }
}
