//! The readiness of an object together with what keeps it.
//!
//! This file decides who is asked about it: only when an object is not ready, and then at most four questions: its pods,
//! what was noted about the worst of them, about that pod's claim, and about the object itself. It must not judge objects
//! by itself ([`super::readiness`] does).

use runbook_model::connection::Connection;
use runbook_model::value::Value;

use super::blocking::{self, Trouble};
use super::events;
use super::object::Object;
use super::readiness::{Readiness, judge};
use crate::ports::{Kubernetes, ObjectName, Resource, Selection};

/// Judges an object; what keeps it is added to the words as far as somebody tells.
pub async fn look(kubernetes: &dyn Kubernetes, connection: &Connection, object: &Value) -> Readiness {
    let judged = judge(Object(object));
    let words = match &judged {
        Readiness::Ready => return Readiness::Ready,
        Readiness::Waiting(words) | Readiness::Failed(words) => words,
    };
    let asking = Asking { kubernetes, connection };
    let Some(cause) = asking.cause(object).await else { return judged };
    if words.contains(&cause) {
        return judged;
    }
    let words = format!("{words}; {cause}");
    match judged {
        Readiness::Failed(_) => Readiness::Failed(words),
        _ => Readiness::Waiting(words),
    }
}

struct Asking<'a> {
    kubernetes: &'a dyn Kubernetes,
    connection: &'a Connection,
}

impl Asking<'_> {
    async fn cause(&self, object: &Value) -> Option<String> {
        let view = Object(object);
        let pods = match (view.kind(), pods_of(object)) {
            ("Pod", _) => vec![object.clone()],
            // Who may read the workload but not its pods gets the workload's own words.
            (_, Some(selection)) => {
                self.kubernetes.list(self.connection, &selection).await.map(|found| found.items).unwrap_or_default()
            }
            (_, None) => Vec::new(),
        };
        if let Some(told) = blocking::explain(&pods) {
            let noted = match blocking::worst(&pods) {
                Some((pod, trouble)) if !trouble.says_why => self.of_pod(pod, &trouble).await,
                _ => None,
            };
            return Some(noted.map_or(told.clone(), |noted| format!("{told}: {noted}")));
        }
        // Nobody makes its pods, or it has none: a quota, an admission, a volume, a load balancer.
        // Events name what they are about by kind; how that stands in URLs is not asked for.
        self.events(view.kind(), "", view.namespace(), view.name()).await
    }

    /// What was noted about a pod; for one that waits for a volume, what was noted about that.
    async fn of_pod(&self, pod: &Value, trouble: &Trouble) -> Option<String> {
        if trouble.waits_for_volume
            && let Some(claim) = blocking::claims(Object(pod)).first()
        {
            let noted =
                self.events("PersistentVolumeClaim", "persistentvolumeclaims", Object(pod).namespace(), claim).await;
            return noted.map(|noted| format!("claim {claim}: {noted}"));
        }
        self.events("Pod", "pods", Object(pod).namespace(), Object(pod).name()).await
    }

    async fn events(&self, kind: &str, plural: &str, namespace: Option<&str>, name: &str) -> Option<String> {
        let resource = Resource {
            api_version: "v1".into(),
            kind: kind.into(),
            plural: plural.into(),
            namespaced: namespace.is_some(),
        };
        let of = ObjectName { resource, namespace: namespace.map(str::to_owned), name: name.to_owned() };
        events::newest(&self.kubernetes.events(self.connection, &of).await.ok()?)
    }
}

fn pods_of(workload: &Value) -> Option<Selection> {
    let workload = Object(workload);
    Some(Selection {
        resource: Resource { api_version: "v1".into(), kind: "Pod".into(), plural: "pods".into(), namespaced: true },
        namespace: Some(workload.namespace()?.to_owned()),
        name: None,
        labels: Some(blocking::pod_selector(workload)?),
        fields: None,
    })
}

#[cfg(test)]
mod tests {
    use runbook_model::connection::AwsConnection;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::test_server::{TestServer, now};

    fn waiting(server: &TestServer, object: Json) -> String {
        let connection = Connection::Eks { cluster: "c".into(), aws: AwsConnection::default() };
        match now(look(server, &connection, &object.into())) {
            Readiness::Waiting(words) => words,
            other => panic!("{other:?}"),
        }
    }

    fn event(about: &str, reason: &str, message: &str) -> Json {
        json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("{about}.{reason}"), "namespace": "n"},
            "involvedObject": {"name": about}, "type": "Warning", "reason": reason, "message": message})
    }

    fn workload(kind: &str) -> Json {
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": "n", "generation": 1},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}}, "status": {"observedGeneration": 1}})
    }

    fn pod(status: &Json, spec: &Json) -> Json {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n", "labels": {"app": "web"}},
            "spec": spec, "status": status})
    }

    #[test]
    fn a_quota_is_told_where_no_pod_comes() {
        let server = TestServer::new();
        server.put("x", event("web", "FailedCreate", "exceeded quota: few"));
        assert_eq!(
            waiting(&server, workload("StatefulSet")),
            "0 of 1 replicas are ready; FailedCreate: exceeded quota: few"
        );
        assert_eq!(server.log(), ["list Pod app=web", "events StatefulSet web"]);
    }

    #[test]
    fn a_pod_that_starts_tells_what_it_waits_for() {
        let server = TestServer::new();
        server.put("x", pod(&json!({"phase": "Pending"}), &json!({})));
        server.put("x", event("p", "FailedMount", "secret \"certs\" not found"));
        assert_eq!(
            waiting(&server, workload("Deployment")),
            "0 of 1 replicas are updated; pod p: is starting: FailedMount: secret \"certs\" not found"
        );
    }

    #[test]
    fn a_pod_without_its_volume_tells_of_its_claim() {
        let server = TestServer::new();
        let status = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "pod has unbound immediate PersistentVolumeClaims"}]});
        server.put(
            "x",
            pod(&status, &json!({"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data-0"}}]})),
        );
        server.put("x", event("data-0", "ProvisioningFailed", "storageclass \"ebs-sc\" not found"));
        let words = waiting(&server, workload("StatefulSet"));
        assert!(words.ends_with("claim data-0: ProvisioningFailed: storageclass \"ebs-sc\" not found"), "{words}");
    }

    #[test]
    fn what_says_why_by_itself_is_not_asked_about() {
        let server = TestServer::new();
        let status = json!({"phase": "Pending", "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ErrImagePull"}}}]});
        server.put("x", pod(&status, &json!({})));
        waiting(&server, workload("Deployment"));
        assert_eq!(server.log(), ["list Pod app=web"]);
    }

    #[test]
    fn a_load_balancer_and_a_claim_tell_what_was_noted() {
        let server = TestServer::new();
        server.put("x", event("lb", "SyncLoadBalancerFailed", "no subnets"));
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "lb", "namespace": "n"}, "spec": {"type": "LoadBalancer"}});
        assert_eq!(
            waiting(&server, service),
            "its load balancer has no address yet; SyncLoadBalancerFailed: no subnets"
        );
        server.put("x", event("data", "ProvisioningFailed", "no such class"));
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "n"}, "status": {"phase": "Pending"}});
        assert_eq!(waiting(&server, claim), "is Pending, not Bound; ProvisioningFailed: no such class");
    }
}
