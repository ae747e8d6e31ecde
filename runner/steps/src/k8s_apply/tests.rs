//! What `k8s-apply` does to a server, and what it answers.
#![expect(clippy::needless_pass_by_value, reason = "literals read better without a `&` before each")]

use std::sync::atomic::Ordering;

use runbook_model::argument::{Argument, Node};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Origin, Place};
use runbook_model::record::{decode, encode};
use runbook_model::value::Value;
use serde_json::{Value as Json, json};

use super::K8sApply;
use crate::contract::{Answer, Progress, StepKind};
use crate::ports::{Resource, Watched};
use crate::test_server::{TestServer, answer, invocation, now, soon};

fn config_map(name: &str, data: Json) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

fn apply(server: &TestServer, arguments: Json) -> Result<Answer, Failure> {
    answer(&K8sApply, &invocation(arguments.into()), server)
}

#[test]
fn created_then_unchanged_then_changed() {
    let server = TestServer::new();
    let objects = |value: &str| json!({"namespace": "shop", "objects": [config_map("a", json!({"k": value}))]});
    let first = apply(&server, objects("1")).unwrap();
    assert_eq!(first.origin, Some(Origin::Created));
    assert_eq!(first.output.exposed()[0]["data"], json!({"k": "1"}));
    assert_eq!(first.before.unwrap().exposed()[0]["origin"], "created");

    let second = apply(&server, objects("1")).unwrap();
    assert_eq!((second.origin, second.before), (Some(Origin::Unchanged), None));

    let third = apply(&server, objects("2")).unwrap();
    assert_eq!(third.origin, Some(Origin::Changed));
    let before = third.before.unwrap().exposed();
    assert_eq!((&before[0]["namespace"], &before[0]["former"]["data"]), (&json!("shop"), &json!({"k": "1"})));
}

#[test]
fn a_field_of_another_manager_is_a_conflict_that_names_both() {
    let server = TestServer::new();
    server.put("kubectl", config_map("a", json!({"k": "theirs", "other": "x"})));
    let failure = apply(&server, json!({"objects": [config_map("a", json!({"k": "ours"}))]})).unwrap_err();
    assert_eq!((failure.class, failure.code.as_deref()), (FailureClass::Conflict, Some("FieldManagerConflict")));
    assert!(failure.lasting);
    assert_eq!(failure.message, "ConfigMap a: `.data.k` is held by `kubectl`");
    assert!(failure.help.unwrap().contains("conflicts: take"));

    let taken =
        apply(&server, json!({"conflicts": "take", "objects": [config_map("a", json!({"k": "ours"}))]})).unwrap();
    assert_eq!(taken.output.exposed()[0]["data"], json!({"k": "ours", "other": "x"}));
}

#[test]
fn fields_that_only_runbooks_hold_are_taken() {
    let server = TestServer::new();
    server.put("runbook/other/step", config_map("a", json!({"k": "1"})));
    let answer = apply(&server, json!({"objects": [config_map("a", json!({"k": "2"}))]})).unwrap();
    assert_eq!(answer.origin, Some(Origin::Changed));
    assert_eq!(server.log(), ["get ConfigMap a", "apply ConfigMap a", "apply ConfigMap a by force"]);

    server.put("kubectl", config_map("a", json!({"z": "1"})));
    let mixed = json!({"objects": [config_map("a", json!({"k": "3", "z": "2"}))]});
    let failure = apply(&server, mixed).unwrap_err();
    assert_eq!(failure.message, "ConfigMap a: `.data.z` is held by `kubectl`");
}

#[test]
fn what_must_exist_is_not_made() {
    let server = TestServer::new();
    let arguments = json!({"must-exist": true, "objects": [config_map("a", json!({"k": "1"}))]});
    let failure = apply(&server, arguments.clone()).unwrap_err();
    assert_eq!(failure.class, FailureClass::Missing);
    assert_eq!(server.object("ConfigMap", Some("default"), "a"), None);
    server.put("kubectl", config_map("a", json!({})));
    assert_eq!(apply(&server, arguments).unwrap().origin, Some(Origin::Changed));
}

#[test]
fn the_answer_is_in_the_authors_order_and_objects_go_where_they_can() {
    let server = TestServer::new();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    let answer = apply(&server, json!({"objects": [config_map("a", json!({})), namespace]})).unwrap();
    assert_eq!(server.log(), ["get Namespace n", "apply Namespace n", "get ConfigMap a", "apply ConfigMap a"]);
    let kinds: Vec<Json> = answer.output.exposed().as_array().unwrap().iter().map(|o| o["kind"].clone()).collect();
    assert_eq!(kinds, ["ConfigMap", "Namespace"]);
}

fn definition(established: bool) -> Json {
    let status =
        if established { json!({"conditions": [{"type": "Established", "status": "True"}]}) } else { json!({}) };
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.x.io"},
           "spec": {"group": "x.io", "names": {"kind": "Thing"}}, "status": status})
}

fn thing() -> Json {
    json!({"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"name": "a"}})
}

fn things() -> Resource {
    Resource { api_version: "x.io/v1".into(), kind: "Thing".into(), plural: "things".into(), namespaced: false }
}

#[test]
fn a_definition_is_awaited_before_its_objects() {
    let server = TestServer::new();
    server.meanwhile(|server| {
        server.put("apiextensions", definition(true));
        server.serve(things());
        Ok(Watched::Changed)
    });
    let mut wanted = definition(false);
    wanted.as_object_mut().unwrap().remove("status");
    apply(&server, json!({"objects": [thing(), wanted]})).unwrap();
    let log = server.log();
    let position = |words: &str| log.iter().position(|line| line.starts_with(words)).unwrap();
    assert!(position("watch CustomResourceDefinition") < position("apply Thing"), "{log:?}");
}

#[test]
fn a_definition_that_takes_longer_is_asked_about_again() {
    let server = TestServer::new();
    let mut wanted = definition(false);
    wanted.as_object_mut().unwrap().remove("status");
    let invocation = invocation(json!({"objects": [thing(), wanted]}).into());
    let Progress::Going { ticket, observed } = now(K8sApply.start(&invocation, &server)).unwrap() else {
        panic!("waits")
    };
    assert_eq!(observed.unwrap(), "CustomResourceDefinition things.x.io: has no condition Established yet");

    server.put("apiextensions", definition(true));
    let Progress::Going { ticket, observed } = poll(&invocation, ticket, &server) else { panic!("waits") };
    assert_eq!(observed.unwrap(), "Thing is not served yet");

    server.serve(things());
    let Progress::Done(answer) = poll(&invocation, ticket, &server) else { panic!("is done") };
    assert_eq!(answer.origin, Some(Origin::Created));
    assert_eq!(answer.output.as_list().unwrap().len(), 2);
}

/// Asks again as another process would, with the ticket out of the journal.
fn poll(invocation: &crate::contract::Invocation, ticket: Value, server: &TestServer) -> Progress {
    let ticket = decode(encode(&ticket)).unwrap();
    now(K8sApply.poll(invocation, &ticket, server)).unwrap()
}

fn deployment(status: Json) -> Json {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
           "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}}, "status": status})
}

#[test]
fn wait_ready_goes_on_until_the_roll_out_is_complete_and_tells_what_blocks() {
    let server = TestServer::new();
    let mut wanted = deployment(json!({}));
    wanted.as_object_mut().unwrap().remove("status");
    let invocation = invocation(json!({"wait": "ready", "objects": [wanted, config_map("a", json!({}))]}).into());
    let Progress::Going { ticket, observed } = now(K8sApply.start(&invocation, &server)).unwrap() else {
        panic!("waits")
    };
    assert_eq!(observed.unwrap(), "1 of 2 ready; Deployment shop/web: its controller has not looked at it yet");

    server.put("kcm", deployment(json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1})));
    server.put("kubelet", json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}},
        "status": {"containerStatuses": [{"name": "c", "image": "x", "state": {"waiting": {"reason": "ErrImagePull"}}}]}}));
    let Progress::Going { ticket, observed } = poll(&invocation, ticket, &server) else { panic!("waits") };
    assert_eq!(
        observed.unwrap(),
        "1 of 2 ready; Deployment shop/web: 0 of 1 replicas are available; pod web-1: container c: ErrImagePull (image x)"
    );

    let full = json!({"observedGeneration": 3, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1});
    server.put("kcm", deployment(full));
    let Progress::Done(answer) = poll(&invocation, ticket, &server) else { panic!("is done") };
    assert_eq!(answer.output.exposed()[0]["status"]["availableReplicas"], 1);
    assert_eq!(answer.origin, Some(Origin::Created));
}

#[test]
fn a_roll_out_that_kubernetes_gave_up_fails_the_step() {
    let server = TestServer::new();
    server.put(
        "kcm",
        deployment(json!({"observedGeneration": 9, "conditions": [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]})),
    );
    let mut wanted = deployment(json!({}));
    wanted.as_object_mut().unwrap().remove("status");
    let failure = apply(&server, json!({"wait": "ready", "conflicts": "take", "objects": [wanted]})).unwrap_err();
    assert_eq!(failure.message, "Deployment shop/web failed: ProgressDeadlineExceeded");
}

#[test]
fn many_objects_take_several_calls() {
    let server = TestServer::new();
    let objects: Vec<Json> = (0..90).map(|n| config_map(&format!("c{n:02}"), json!({}))).collect();
    let invocation = invocation(json!({"objects": objects}).into());
    let mut progress = now(K8sApply.start(&invocation, &server)).unwrap();
    let mut told = Vec::new();
    let answer = loop {
        match progress {
            Progress::Done(answer) => break answer,
            Progress::Going { ticket, observed } => {
                told.push(observed.unwrap());
                progress = poll(&invocation, ticket, &server);
            }
        }
    };
    assert_eq!(told, ["40 of 90 objects applied", "80 of 90 objects applied"]);
    assert_eq!(answer.output.as_list().unwrap().len(), 90);
    assert_eq!(server.log().iter().filter(|line| line.starts_with("apply")).count(), 90);
}

/// What a slow server was asked to apply, in order; and what it answered.
fn slowly(server: &TestServer, objects: Vec<Json>) -> (Vec<String>, Result<Progress, Failure>) {
    server.slow.store(true, Ordering::Relaxed);
    let outcome = soon(K8sApply.start(&invocation(json!({"objects": objects}).into()), server));
    (server.log(), outcome)
}

#[test]
fn objects_of_one_kind_are_applied_eight_at_a_time_and_other_kinds_wait() {
    let server = TestServer::new();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    let mut objects: Vec<Json> = (0..10).map(|n| config_map(&format!("c{n}"), json!({}))).collect();
    objects.extend([secret, config_map("last", json!({}))]);
    let (log, outcome) = slowly(&server, objects);
    let batches: [&[&str]; 4] = [
        &[
            "ConfigMap c0",
            "ConfigMap c1",
            "ConfigMap c2",
            "ConfigMap c3",
            "ConfigMap c4",
            "ConfigMap c5",
            "ConfigMap c6",
            "ConfigMap c7",
        ],
        &["ConfigMap c8", "ConfigMap c9"],
        &["Secret s"],
        &["ConfigMap last"],
    ];
    let expected: Vec<String> = batches
        .iter()
        .flat_map(|batch| {
            ["get", "apply"].into_iter().flat_map(|verb| batch.iter().map(move |name| format!("{verb} {name}")))
        })
        .collect();
    assert_eq!(log, expected);
    let Progress::Done(answer) = outcome.unwrap() else { panic!("is done") };
    let output = answer.output.exposed();
    let names: Vec<&str> = output.as_array().unwrap().iter().filter_map(|o| o["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "s", "last"]);
}

#[test]
fn the_first_refusal_in_the_order_is_told_and_nothing_new_begins() {
    let server = TestServer::new();
    for name in ["c2", "c5"] {
        server.put("kubectl", config_map(name, json!({"k": "theirs"})));
    }
    let objects = (0..10).map(|n| config_map(&format!("c{n}"), json!({"k": "ours"}))).collect();
    let (log, outcome) = slowly(&server, objects);
    assert_eq!(outcome.unwrap_err().message, "ConfigMap c2: `.data.k` is held by `kubectl`");
    assert!(!log.iter().any(|line| line.ends_with("c8") || line.ends_with("c9")), "{log:?}");
    // What was on its way with them came through.
    assert!(server.object("ConfigMap", Some("default"), "c7").is_some());
}

#[test]
fn secrets_come_back_as_secrets_and_are_not_kept() {
    let server = TestServer::new();
    let secret = |value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": value}});
    apply(&server, json!({"objects": [secret("former-secret")]})).unwrap();
    let answer = apply(&server, json!({"objects": [secret("newer-secret")]})).unwrap();
    assert_eq!(answer.origin, Some(Origin::Changed));
    let told = format!("{:?} {:?}", answer.output, answer.before);
    assert!(!told.contains("former-secret") && !told.contains("newer-secret"), "{told}");
    assert_eq!(answer.output.exposed()[0]["stringData"]["k"], "newer-secret");
    assert!(!answer.before.unwrap().exposed().to_string().contains("former-secret"));
}

#[test]
fn a_secret_argument_stays_one_wherever_the_server_repeats_it() {
    let server = TestServer::new();
    let mut object = Value::from(config_map("a", json!({"k": "x"})));
    let Value::Map(map) = &mut object else { panic!("is a map") };
    map.insert(
        "data".into(),
        Value::Map([("k".to_owned(), Value::from("hunter2").into_secret())].into_iter().collect()),
    );
    let arguments = Value::Map([("objects".to_owned(), Value::List(vec![object]))].into_iter().collect());
    let answer = answer(&K8sApply, &invocation(arguments), &server).unwrap();
    assert_eq!(answer.output.redacted()[0]["data"]["k"], "(secret)");
    assert_eq!(server.object("ConfigMap", Some("default"), "a").unwrap()["data"]["k"], "hunter2");
}

fn planned(arguments: Json) -> (Argument, Vec<String>) {
    let (arguments, _, told) = crate::written::planned(&K8sApply, Place::Step, arguments);
    (arguments, told)
}

#[test]
fn a_template_becomes_objects_that_are_rendered_later() {
    let (arguments, told) = planned(json!({"template": "a.yaml.j2", "values": {"x": "${inputs.x}"}, "wait": "ready"}));
    assert_eq!(told, [""; 0]);
    let Some(Node::Rendered { template, values }) = arguments.get("objects").map(|objects| &objects.node) else {
        panic!("is rendered")
    };
    assert_eq!(template, "a.yaml.j2");
    assert!(values.get("x").is_some());
    assert!(arguments.get("template").is_none() && arguments.get("values").is_none());
}

#[test]
fn scalars_are_text_where_kubernetes_wants_text() {
    let (arguments, told) = planned(json!({"objects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": 7, "labels": {"v": 1.5, "on": true}}, "data": {"n": 12}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 2, "template": {
            "metadata": {"labels": {"v": 2}},
            "spec": {"containers": [{"args": ["--port", 80], "env": [{"name": "A", "value": 1}], "ports": [{"containerPort": 80}]}]}}}}]}));
    assert_eq!(told, [""; 0]);
    let objects = arguments.get("objects").unwrap().literal().unwrap().exposed();
    assert_eq!(objects[0]["metadata"], json!({"name": "7", "labels": {"v": "1.5", "on": "true"}}));
    assert_eq!(objects[0]["data"], json!({"n": "12"}));
    let template = &objects[1]["spec"]["template"];
    assert_eq!(template["metadata"]["labels"], json!({"v": "2"}));
    assert_eq!(
        template["spec"]["containers"][0],
        json!({"args": ["--port", "80"], "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}]})
    );
    assert_eq!(objects[1]["spec"]["replicas"], 2);
}

#[test]
fn every_complaint_says_what_to_do() {
    for (arguments, told) in [
        (json!({"object": []}), "RB0640 `k8s-apply` has no `object` (did you mean `objects`?)"),
        (json!({"objects": [], "conflicts": "taken"}), "RB0642 `conflicts` cannot be `taken` (did you mean `take`?)"),
        (
            json!({"objects": [], "template": "a"}),
            "RB0643 `objects` and `template` exclude each other (leave one of them out, or make two steps)",
        ),
        (
            json!({"objects": [], "values": {}}),
            "RB0643 `values` are there and no `template` (add `template:`, or leave `values:` out)",
        ),
        (
            json!({"template": "${inputs.t}"}),
            "RB0642 `template` is an expression (write the file's path; choose between files with `when` on two steps)",
        ),
        (
            json!({"objects": [{"apiVersion": "v1", "metadata": {"name": "x"}}]}),
            "RB0646 an object without `kind` (every object has `apiVersion`, `kind` and `metadata.name`)",
        ),
        (
            json!({"objects": [3]}),
            "RB0646 a number cannot be an object (an object is a map with `apiVersion`, `kind` and `metadata`)",
        ),
        (
            json!({"objects": [], "must-exist": "${inputs.x}"}),
            "RB0642 `must-exist` is an expression, not `true` or `false` (write `must-exist: true` or leave it out)",
        ),
    ] {
        let all = planned(arguments.clone()).1;
        assert!(all.contains(&told.to_owned()), "{arguments}: {all:?}");
    }
    let generated = json!({"objects": [{"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "x-"}}]});
    assert!(planned(generated).1[0].contains("without `metadata.name`"));
    assert!(planned(json!({})).1[0].starts_with("RB0641 `k8s-apply` needs `objects`"));
}
