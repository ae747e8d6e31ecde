//! Deletions against a server in memory.

use runbook_model::kind::Origin;
use runbook_model::record::{decode, encode};
use serde_json::{Value as Json, json};

use super::*;
use crate::contract::Answer;
use crate::test_server::{TestServer, answer, invocation, now};
use crate::written::planned;

fn map(name: &str, more: &Json) -> Json {
    let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}});
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    map
}

fn by_name(name: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "namespace": "n"})
}

fn delete(server: &TestServer, arguments: Json) -> Result<Answer, Failure> {
    answer(&K8sDelete, &invocation(arguments.into()), server)
}

#[test]
fn what_is_there_goes_and_what_it_was_is_kept() {
    let server = TestServer::new();
    server.put("x", map("a", &json!({"data": {"k": "v"}})));
    let done = delete(&server, by_name("a")).unwrap();
    assert_eq!(done.origin, Some(Origin::Changed));
    assert_eq!(done.output.exposed()[0]["name"], "a");
    let before = done.before.unwrap().exposed();
    assert_eq!(before[0]["former"], map("a", &json!({"data": {"k": "v"}})));
    assert!(server.object("ConfigMap", Some("n"), "a").is_none());
}

#[test]
fn what_is_absent_is_fine_also_its_kind() {
    let server = TestServer::new();
    assert_eq!(delete(&server, by_name("a")).unwrap().origin, Some(Origin::Unchanged));
    let unknown = json!({"apiVersion": "x.io/v1", "kind": "Thing", "selector": "a=b", "namespace": "n"});
    assert_eq!(delete(&server, unknown).unwrap().origin, Some(Origin::Unchanged));
    assert!(planned(&K8sDelete, Place::Step, by_name("a")).1.absent_is_fine);
}

#[test]
fn a_selector_takes_what_fits_and_nothing_is_never_everything() {
    let server = TestServer::new();
    for (name, app) in [("a", "x"), ("b", "x"), ("c", "y")] {
        let mut object = map(name, &json!({}));
        object["metadata"]["labels"] = json!({"app": app});
        server.put("x", object);
    }
    let some = json!({"apiVersion": "v1", "kind": "ConfigMap", "selector": "app=x", "namespace": "n"});
    assert_eq!(delete(&server, some).unwrap().output.as_list().unwrap().len(), 2);
    assert!(server.object("ConfigMap", Some("n"), "c").is_some());
    for more in [
        json!({}),
        json!({"selector": null}),
        json!({"selector": " "}),
        json!({"name": ""}),
        json!({"selector": "app=y"}),
    ] {
        let mut all = json!({"apiVersion": "v1", "kind": "ConfigMap"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(delete(&server, all).unwrap_err().class, FailureClass::Invalid, "{more}");
    }
    assert!(server.object("ConfigMap", Some("n"), "c").is_some());
}

#[test]
fn objects_go_in_the_reverse_order_of_applying() {
    let server = TestServer::new();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    server.put("x", namespace.clone());
    server.put("x", map("a", &json!({})));
    delete(&server, json!({"objects": [namespace, map("a", &json!({}))]})).unwrap();
    let log = server.log();
    let deleted: Vec<_> = log.iter().filter(|line| line.starts_with("delete")).collect();
    assert_eq!(deleted, ["delete ConfigMap a", "delete Namespace n"]);
}

#[test]
fn it_waits_until_the_very_object_is_gone_and_says_what_holds_it() {
    let server = TestServer::new();
    let mut object = map("a", &json!({}));
    object["metadata"]["finalizers"] = json!(["x.io/keep"]);
    server.put("x", object);
    let mut arguments = by_name("a");
    arguments["wait"] = "gone".into();
    let invocation = invocation(arguments.into());
    let Progress::Going { ticket, observed } = now(K8sDelete.start(&invocation, &server)).unwrap() else {
        panic!("the finalizer holds it")
    };
    assert_eq!(observed.unwrap(), "ConfigMap n/a is held by the finalizer `x.io/keep`");
    server.remove("ConfigMap", Some("n"), "a");
    // Another one of the same name is none of ours.
    let mut other = map("a", &json!({}));
    other["metadata"]["uid"] = "another".into();
    server.put_again(other);
    let ticket = decode(encode(&ticket)).unwrap();
    let Progress::Done(done) = now(K8sDelete.poll(&invocation, &ticket, &server)).unwrap() else {
        panic!("it is gone")
    };
    assert_eq!(done.origin, Some(Origin::Changed));
    assert!(server.object("ConfigMap", Some("n"), "a").is_some());
}

#[test]
fn many_are_deleted_in_several_calls() {
    let server = TestServer::new();
    let objects: Vec<Json> = (0..50).map(|number| map(&format!("m{number}"), &json!({}))).collect();
    objects.iter().for_each(|object| server.put("x", object.clone()));
    let invocation = invocation(json!({"objects": objects, "wait": "gone"}).into());
    let Progress::Going { ticket, observed } = now(K8sDelete.start(&invocation, &server)).unwrap() else {
        panic!("there are more")
    };
    assert_eq!(observed.unwrap(), "40 of 50 objects deleted");
    let Progress::Going { ticket, observed } = now(K8sDelete.poll(&invocation, &ticket, &server)).unwrap() else {
        panic!("not all were looked at")
    };
    assert_eq!(observed.unwrap(), "40 of 50 are gone");
    let last = now(K8sDelete.poll(&invocation, &ticket, &server)).unwrap();
    assert!(matches!(last, Progress::Done(done) if done.output.as_list().unwrap().len() == 50));
}

#[test]
fn what_a_secret_held_is_nowhere() {
    let server = TestServer::new();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n", "finalizers": ["x"]}, "data": {"k": "aHVudGVyMg=="}});
    server.put("x", secret);
    let arguments = json!({"apiVersion": "v1", "kind": "Secret", "name": "s", "namespace": "n", "wait": "gone"});
    let progress = now(K8sDelete.start(&invocation(arguments.into()), &server)).unwrap();
    let Progress::Going { ticket, .. } = progress else { panic!("the finalizer holds it") };
    assert!(!ticket.exposed().to_string().contains("aHVudGVyMg"));
}

#[test]
fn a_namespace_says_what_is_left_in_it() {
    let server = TestServer::new();
    server.put("x", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "finalizers": ["x"]}, "status": {"conditions": [
        {"type": "NamespaceContentRemaining", "status": "True", "message": "Some resources are remaining: pods. has 1 resource instances"},
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "All resources successfully discovered"}]}}));
    let arguments = json!({"apiVersion": "v1", "kind": "Namespace", "name": "n", "wait": "gone"});
    let progress = now(K8sDelete.start(&invocation(arguments.into()), &server)).unwrap();
    let Progress::Going { observed, .. } = progress else { panic!("it is not empty") };
    assert_eq!(
        observed.unwrap(),
        "Namespace n is not empty: Some resources are remaining: pods. has 1 resource instances"
    );
}

#[test]
fn mistakes_are_told_at_planning() {
    let told = |arguments: Json| planned(&K8sDelete, Place::Step, arguments).2.join("\n");
    assert_eq!(told(by_name("a")), "");
    assert_eq!(told(json!({"template": "a.yaml.j2", "values": {}})), "");
    for (arguments, words) in [
        (json!({"apiVersion": "v1", "kind": "ConfigMap"}), "all of a kind are never deleted"),
        (json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "selector": "b"}), "exclude each other"),
        (json!({"objects": [], "kind": "X"}), "stand beside"),
        (json!({"objects": [], "template": "x"}), "exclude each other"),
        (json!({"apiVersion": "v1", "kind": "X", "name": "a", "wait": "ready"}), "`wait` cannot be `ready`"),
    ] {
        assert!(told(arguments.clone()).contains(words), "{words}: {}", told(arguments));
    }
    assert!(planned(&K8sDelete, Place::Look, by_name("a")).2[0].contains("cannot look"));
}
