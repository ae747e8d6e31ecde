//! The readiness of an object together with what keeps it.
//!
//! This file decides when the pods of a workload are asked for: only when the workload itself is not ready. It must not
//! judge objects by itself ([`super::readiness`] does).

use runbook_model::connection::Connection;
use runbook_model::value::Value;

use super::blocking;
use super::object::Object;
use super::readiness::{Readiness, judge};
use crate::ports::{Kubernetes, Resource, Selection};

/// Judges an object; what keeps its pods is added to the words where there are any.
pub async fn look(kubernetes: &dyn Kubernetes, connection: &Connection, object: &Value) -> Readiness {
    let judged = judge(Object(object));
    let words = match &judged {
        Readiness::Ready => return Readiness::Ready,
        Readiness::Waiting(words) | Readiness::Failed(words) => words,
    };
    let cause = match Object(object).kind() {
        "Pod" => blocking::explain(std::slice::from_ref(object)),
        _ => match pods_of(object) {
            // Who may read the workload but not its pods gets the workload's own words.
            Some(selection) => match kubernetes.list(connection, &selection).await {
                Ok(pods) => blocking::explain(&pods.items),
                Err(_) => None,
            },
            None => None,
        },
    };
    let Some(cause) = cause else { return judged };
    let words = format!("{words}; {cause}");
    match judged {
        Readiness::Failed(_) => Readiness::Failed(words),
        _ => Readiness::Waiting(words),
    }
}

fn pods_of(workload: &Value) -> Option<Selection> {
    let workload = Object(workload);
    Some(Selection {
        resource: Resource { api_version: "v1".into(), kind: "Pod".into(), plural: "pods".into(), namespaced: true },
        namespace: Some(workload.namespace()?.to_owned()),
        name: None,
        labels: Some(blocking::pod_selector(workload)?),
    })
}
