//! Entries put into kubeconfigs of every form, and taken out again.

use runbook_model::failure::FailureClass;
use runbook_model::kind::Place;
use runbook_template::yaml;
use serde_json::{Value as Json, json};

use super::merging::{Wanted, added, removed};
use super::*;
use crate::files::Judged;
use crate::test_machine::TestMachine;
use crate::test_server::{answer, invocation};
use crate::written::planned;

fn wanted() -> Wanted {
    Wanted {
        name: "parent".into(),
        cluster: json!({"server": "https://one.example", "certificate-authority-data": "Q0E="}),
        user: json!({"exec": {"command": "runbook", "args": ["eks-token", "parent", "--region", "eu-west-1"], "env": null}}),
        current: false,
    }
}

fn file(content: Option<&str>) -> Original {
    let content = content.map(|text| text.as_bytes().to_vec());
    Original { path: "config".into(), mode: content.as_ref().map(|_| 0o600), content, backed_up: false }
}

fn text(judged: Judged) -> Option<String> {
    judged.changes.into_iter().next().map(|change| String::from_utf8(change.content).unwrap())
}

fn add(content: &str) -> String {
    text(added(&file(Some(content)), &wanted()).unwrap()).unwrap_or_else(|| content.to_owned())
}

fn remove(content: &str) -> String {
    text(removed(&file(Some(content)), "parent").unwrap()).unwrap_or_else(|| content.to_owned())
}

/// What programs read in a text.
fn meaning(text: &str) -> Json {
    yaml::documents(text).unwrap_or_else(|error| panic!("{error}:\n{text}")).remove(0).exposed()
}

/// The names in the lists, in their order.
fn names(text: &str) -> Json {
    let read = meaning(text);
    let list =
        |key: &str| read[key].as_array().into_iter().flatten().map(|item| item["name"].clone()).collect::<Vec<_>>();
    json!([list("clusters"), list("contexts"), list("users")])
}

#[test]
fn a_new_file_is_what_kubectl_writes() {
    let judged = added(&file(None), &Wanted { current: true, ..wanted() }).unwrap();
    assert_eq!(judged.changes[0].mode, Some(0o600));
    let expected = "apiVersion: v1\nkind: Config\nclusters:\n  - cluster:\n      server: \"https://one.example\"\n      certificate-authority-data: \"Q0E=\"\n    name: parent\ncontexts:\n  - context:\n      cluster: parent\n      user: parent\n    name: parent\nusers:\n  - user:\n      exec:\n        command: runbook\n        args:\n          - eks-token\n          - parent\n          - \"--region\"\n          - eu-west-1\n        env: null\n    name: parent\ncurrent-context: parent\n";
    assert_eq!(text(judged).unwrap(), expected);
    assert_eq!(add(expected), expected, "it is there");
}

#[test]
fn an_entry_is_added_to_every_form_and_taken_out_without_a_trace() {
    let kubectl = "apiVersion: v1\nclusters:\n- cluster:\n    server: https://a\n  name: a   # mine\ncontexts:\n- context:\n    cluster: a\n    user: a\n  name: a\ncurrent-context: a\nkind: Config\npreferences: {}\nusers:\n- name: a\n  user:\n    token: x\n";
    let literal = kubectl.replace("token: x\n", "token: |\n      x\n\n# the end\n");
    let forms = [
        kubectl.to_owned(),
        kubectl.trim_end().to_owned(),
        kubectl.replace('\n', "\r\n"),
        kubectl
            .lines()
            .map(|line| if line.starts_with(['-', ' ']) { format!("  {line}\n") } else { format!("{line}\n") })
            .collect(),
        literal,
        meaning(kubectl).to_string(),
        serde_json::to_string_pretty(&meaning(kubectl)).unwrap(),
    ];
    for form in &forms {
        let before = names(form);
        let after = add(form);
        assert_eq!(names(&after), json!([["a", "parent"], ["a", "parent"], ["a", "parent"]]), "{after}");
        let read = meaning(&after);
        assert_eq!(read["clusters"][1]["cluster"], wanted().cluster, "{after}");
        assert_eq!(read["users"][1]["user"]["exec"]["args"], wanted().user["exec"]["args"]);
        assert_eq!((&read["current-context"], &read["users"][0]), (&json!("a"), &meaning(form)["users"][0]));
        assert_eq!(after.contains("\r\n"), form.contains("\r\n"));
        assert!(!after.replace("\r\n", "").contains('\r'));
        assert_eq!(add(&after), after, "it is there");
        let back = remove(&after);
        assert_eq!((names(&back), meaning(&back)), (before, meaning(form)), "{back}");
        assert_eq!(back.trim_end(), form.trim_end(), "not one byte is left of it");
    }
}

#[test]
fn lists_that_are_empty_or_absent_are_filled() {
    for form in [
        "apiVersion: v1\nclusters: []\ncontexts: null\nusers:\ncurrent-context: \"\"\n",
        "apiVersion: v1\nkind: Config\n",
        "users: # mine\n\nkind: Config\n",
        "{}",
        "{\"apiVersion\": \"v1\", \"users\": []}",
        "# nothing yet",
        "",
    ] {
        let after = add(form);
        assert_eq!(names(&after), json!([["parent"], ["parent"], ["parent"]]), "{form}: {after}");
        let current = text(added(&file(Some(form)), &Wanted { current: true, ..wanted() }).unwrap()).unwrap();
        assert_eq!(meaning(&current)["current-context"], "parent", "{current}");
        assert_eq!(names(&remove(&after)), json!([[], [], []]), "{after}");
        assert!(after.starts_with("# nothing yet\n") || !form.starts_with('#'));
    }
}

#[test]
fn an_entry_of_ours_is_brought_up_to_date_and_another_left_alone() {
    let ours = add("").replace("eu-west-1", "eu-north-1");
    assert_eq!(meaning(&add(&ours)), meaning(&add("")), "the same server");
    let moved = add("").replace("one.example", "old.example");
    assert_eq!(meaning(&add(&moved)), meaning(&add("")), "the same user: the cluster was made again");
    let judged = added(&file(Some(&moved)), &wanted()).unwrap();
    assert_eq!(judged.found.get("what").and_then(Value::as_str), Some("replaced"));
    let other = ours.replace("one.example", "other.example");
    let failure = added(&file(Some(&other)), &wanted()).map(|_| ()).unwrap_err();
    assert_eq!(failure.class, FailureClass::Exists);
    assert_eq!(failure.message, "`config` has an entry `parent` already, which leads to https://other.example");
}

#[test]
fn what_others_use_stays_and_nothing_points_to_what_is_gone() {
    let shared = add("").replace("contexts:\n", "contexts:\n  - context: {cluster: parent, user: me}\n    name: dev\n");
    let current = Wanted { current: true, ..wanted() };
    let shared = text(added(&file(Some(&shared)), &current).unwrap()).unwrap();
    assert_eq!(meaning(&shared)["current-context"], "parent");
    let after = remove(&shared);
    assert_eq!(names(&after), json!([["parent"], ["dev"], []]));
    assert_eq!(meaning(&after)["current-context"], "");
    assert_eq!(remove(&after), after, "it is gone");
}

#[test]
fn a_file_that_others_may_read_is_closed() {
    let content = add("");
    let open = Original { mode: Some(0o644), ..file(Some(&content)) };
    let judged = added(&open, &wanted()).unwrap();
    assert_eq!((judged.changes.len(), judged.changes[0].mode), (1, Some(0o600)));
    assert_eq!(added(&file(Some(&content)), &wanted()).unwrap().changes.len(), 0);
}

#[test]
fn arguments_that_exclude_each_other_are_told() {
    let told = |arguments: Json| planned(&KubeconfigKind, Place::Step, arguments).2;
    assert!(told(json!({"for": "parent", "name": "x", "use-context": true})).is_empty());
    assert!(told(json!({"remove": true, "name": "x"})).is_empty());
    assert_eq!(told(json!({"name": "x"})).len(), 1);
    let both = told(json!({"for": "parent", "name": "x", "use-context": true, "remove": true}));
    assert_eq!(both.iter().map(|line| &line[..6]).collect::<Vec<_>>(), ["RB0643", "RB0643"]);
}

#[test]
fn the_kind_writes_what_the_connection_says_and_shows_no_credentials() {
    let machine = TestMachine::default();
    let mut call = invocation(json!({"name": "parent", "use-context": true}).into());
    assert_eq!(answer(&KubeconfigKind, &call, &machine).unwrap_err().message, "`for` names no connection");
    call.connections.insert("for".into(), call.connection.clone().unwrap());
    let made = answer(&KubeconfigKind, &call, &machine).unwrap();
    let (content, mode) = machine.file("/home/kubeconfig");
    assert_eq!((&meaning(&content)["users"][0]["user"]["token"], mode), (&json!("the-secret"), 0o600));
    assert_eq!(made.output.exposed(), json!({"context": "parent", "file": "/home/kubeconfig", "backup": null}));
    assert_eq!(made.origin, Some(Origin::Created));
    assert!(!format!("{made:?}").contains("the-secret"));
    assert_eq!(answer(&KubeconfigKind, &call, &machine).unwrap().origin, Some(Origin::Unchanged));
    let gone = invocation(json!({"name": "parent", "remove": true}).into());
    assert_eq!(answer(&KubeconfigKind, &gone, &machine).unwrap().origin, Some(Origin::Changed));
    assert_eq!(names(&machine.file("/home/kubeconfig").0), json!([[], [], []]));
    assert_eq!(answer(&KubeconfigKind, &gone, &machine).unwrap().origin, Some(Origin::Unchanged));
}
