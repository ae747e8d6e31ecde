//! Drains against a server in memory.

use std::sync::atomic::Ordering;

use runbook_model::record::{decode, encode};
use serde_json::{Value as Json, json};

use super::*;
use crate::test_server::{TestServer, invocation, now};
use crate::written::planned;

fn pod(name: &str, owner: &str) -> Json {
    let owners = if owner.is_empty() { json!([]) } else { json!([{"kind": owner, "controller": true}]) };
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "ownerReferences": owners},
        "spec": {"nodeName": "a"}, "status": {"phase": "Running"}})
}

fn server(pods: &[Json]) -> TestServer {
    let server = TestServer::new();
    server.put("kubelet", json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}, "spec": {}}));
    pods.iter().for_each(|pod| server.put("x", pod.clone()));
    server
}

fn budget() -> Failure {
    Failure::new(FailureClass::Throttled, "Cannot evict pod as it would violate the pod's disruption budget.")
}

/// Starts, or goes on with what the last call left.
fn call(server: &TestServer, more: &Json, ticket: Option<Value>) -> Result<Progress, Failure> {
    let mut arguments = json!({"node": "a"});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let invocation = invocation(arguments.into());
    match ticket {
        Some(ticket) => now(K8sDrain.poll(&invocation, &decode(encode(&ticket)).unwrap(), server)),
        None => now(K8sDrain.start(&invocation, server)),
    }
}

fn going(progress: Result<Progress, Failure>) -> (Value, String) {
    match progress.unwrap() {
        Progress::Going { ticket, observed } => (ticket, observed.unwrap()),
        Progress::Done(_) => panic!("there are pods left"),
    }
}

fn done(progress: Result<Progress, Failure>) -> Answer {
    match progress.unwrap() {
        Progress::Done(answer) => answer,
        Progress::Going { observed, .. } => panic!("still going: {observed:?}"),
    }
}

#[test]
fn pods_leave_daemons_stay_and_no_new_ones_come() {
    let server = server(&[pod("web", "ReplicaSet"), pod("log", "DaemonSet"), pod("lone", "")]);
    let (ticket, observed) = going(call(&server, &json!({}), None));
    assert_eq!(observed, "2 pods are left, which end: Pod shop/lone, Pod shop/web");
    assert_eq!(server.object("Node", None, "a").unwrap()["spec"]["unschedulable"], true);
    assert!(server.log().contains(&"create Pod web/eviction".to_owned()));
    let answer = done(call(&server, &json!({}), Some(ticket)));
    assert_eq!(answer.output.exposed(), json!({"stayed": ["Pod shop/log"], "alone": ["Pod shop/lone"]}));
    assert_eq!(answer.before.unwrap().exposed(), json!({"node": "a", "unschedulable": false}));
    assert_eq!(answer.origin, Some(Origin::Changed));
    assert!(answer.warnings[0].contains("Pod shop/lone has no controller"));

    let again = done(call(&server, &json!({}), None));
    assert_eq!((again.origin, again.before), (Some(Origin::Unchanged), None));
}

#[test]
fn a_budget_is_respected_told_and_asked_again() {
    let server = server(&[pod("web", "ReplicaSet")]);
    server.refuse(budget());
    let (ticket, observed) = going(call(&server, &json!({}), None));
    assert_eq!(
        observed,
        "1 pods are left; Pod shop/web: Cannot evict pod as it would violate the pod's disruption budget."
    );
    let (ticket, _) = going(call(&server, &json!({}), Some(ticket)));
    done(call(&server, &json!({}), Some(ticket)));
}

#[test]
fn after_its_time_what_stays_is_deleted() {
    let server = server(&[pod("web", "ReplicaSet")]);
    let force = json!({"force-after": "5m", "grace": "90s"});
    server.refuse(budget());
    let (ticket, _) = going(call(&server, &force, None));
    server.workshop.clock.store(299_000, Ordering::Relaxed);
    server.refuse(budget());
    let (ticket, _) = going(call(&server, &force, Some(ticket)));
    assert!(!server.log().iter().any(|line| line.starts_with("delete")));
    server.workshop.clock.store(300_000, Ordering::Relaxed);
    let (ticket, _) = going(call(&server, &force, Some(ticket)));
    assert!(server.log().contains(&"delete Pod web".to_owned()));
    done(call(&server, &force, Some(ticket)));
}

#[test]
fn other_refusals_fail_and_a_node_that_is_not_there_is_missing() {
    let server = server(&[pod("web", "ReplicaSet")]);
    server.refuse(Failure::new(FailureClass::Denied, "may not evict"));
    let refused = call(&server, &json!({}), None).unwrap_err();
    assert_eq!((refused.class, refused.message.as_str()), (FailureClass::Denied, "Pod shop/web: may not evict"));
    assert_eq!(call(&TestServer::new(), &json!({}), None).unwrap_err().class, FailureClass::Missing);
    assert_eq!(call(&server, &json!({"grace": "soon"}), None).unwrap_err().class, FailureClass::Invalid);
}

#[test]
fn pods_of_other_nodes_are_left_alone() {
    let mut other = pod("other", "ReplicaSet");
    other["spec"]["nodeName"] = "b".into();
    let server = server(&[other]);
    done(call(&server, &json!({}), None));
    assert!(server.object("Pod", Some("shop"), "other").is_some());
}

#[test]
fn mistakes_are_told_at_planning() {
    let told = |arguments: Json| planned(&K8sDrain, Place::Step, arguments).2.join("\n");
    assert_eq!(told(json!({"node": "${item}", "grace": "90s"})), "");
    assert!(told(json!({"grace": "90s"})).contains("needs `node`"));
    assert!(told(json!({"node": "a", "grace": "soon"})).contains("`soon`"));
    assert!(told(json!({"node": "a", "force": true})).contains("has no `force`"));
}
