//! Kubeconfigs before and after a renaming, byte for byte.

use runbook_model::failure::FailureClass;
use runbook_model::kind::Place;
use serde_json::json;

use super::*;
use crate::files::{Judged, Original};
use crate::rename_context::renaming::renamed;
use crate::test_machine::TestMachine;
use crate::test_server::{answer, invocation};
use crate::written::planned;

const ARN: &str = "arn:aws:eks:eu-central-1:123456789012:cluster/EKSEUCL01";

/// As eksctl and the guide have them: the context is named after who made it, comments and unknown keys are somebody's.
const GUIDE: &str = "# mine
apiVersion: v1
kind: Config
preferences: {}
x-tool: {colour: blue}   # unknown
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTg==
    server: https://ABC.gr7.eu-central-1.eks.amazonaws.com
  name: EKSEUCL01.eu-central-1.eksctl.io
- cluster: {server: 'https://other.example'}
  name: other
contexts:
- context:
    cluster: EKSEUCL01.eu-central-1.eksctl.io   # the European one
    user: user@EKSEUCL01.eu-central-1.eksctl.io
    namespace: shop
  name: user@EKSEUCL01.eu-central-1.eksctl.io
- name: other
  context: {cluster: other, user: other}
current-context: user@EKSEUCL01.eu-central-1.eksctl.io
users:
- name: user@EKSEUCL01.eu-central-1.eksctl.io
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: aws
      args: [eks, get-token, --cluster-name, EKSEUCL01]
- name: other
  user: &them {token: secret}
- name: third
  user: *them
";

fn file(path: &str, content: &str) -> Original {
    Original { path: path.into(), content: Some(content.into()), mode: Some(0o600), backed_up: false }
}

fn texts(originals: &[Original], judged: &Judged) -> Vec<String> {
    let text = |at: usize, original: &Original| {
        let change = judged.changes.iter().find(|change| change.file == at).map(|change| change.content.clone());
        String::from_utf8(change.or_else(|| original.content.clone()).unwrap_or_default()).unwrap()
    };
    originals.iter().enumerate().map(|(at, original)| text(at, original)).collect()
}

/// What becomes of one file.
fn one(content: &str, from: &str, to: &str) -> Result<String, Failure> {
    let originals = [file("config", content)];
    renamed(&originals, from, to).map(|judged| texts(&originals, &judged).remove(0))
}

fn refused(content: &str, from: &str, to: &str) -> (FailureClass, String) {
    let failure = one(content, from, to).unwrap_err();
    assert!(failure.help.is_some(), "{failure}");
    assert!(!format!("{failure:?}").contains("LS0tLS1CRUdJTg"), "{failure:?}");
    (failure.class, failure.message)
}

#[test]
fn cluster_context_and_current_context_change_and_not_one_byte_more() {
    let after = one(GUIDE, "user@EKSEUCL01.eu-central-1.eksctl.io", "ekseucl01").unwrap();
    let expected = GUIDE
        .replace("  name: EKSEUCL01.eu-central-1.eksctl.io", "  name: ekseucl01")
        .replace("cluster: EKSEUCL01.eu-central-1.eksctl.io ", "cluster: ekseucl01 ")
        .replace("  name: user@EKSEUCL01.eu-central-1.eksctl.io\n- name: other", "  name: ekseucl01\n- name: other")
        .replace("current-context: user@EKSEUCL01.eu-central-1.eksctl.io", "current-context: ekseucl01");
    assert_eq!(after, expected);
    assert!(after.contains("    user: user@EKSEUCL01"), "users keep their names");
    assert_eq!(one(&after, "user@EKSEUCL01.eu-central-1.eksctl.io", "ekseucl01").unwrap(), after, "done already");
}

#[test]
fn the_guides_own_example_has_the_cluster_as_its_current_context() {
    let guide = "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: \n    server: https://x.eks.amazonaws.com\n  name: m.r.eksctl.io\ncontexts:\n- context:\n    cluster: m.r.eksctl.io\n    user: user@m.r.eksctl.io\n  name: user@m.r.eksctl.io\ncurrent-context: m.r.eksctl.io\n";
    let after = one(guide, "user@m.r.eksctl.io", "m").unwrap();
    let expected = guide
        .replace("name: m.r.eksctl.io", "name: m")
        .replace("cluster: m.r.eksctl.io", "cluster: m")
        .replace("name: user@m.r.eksctl.io", "name: m")
        .replace("current-context: m.r.eksctl.io", "current-context: m");
    assert_eq!(after, expected);
}

#[test]
fn every_way_of_writing_stays_as_it_is() {
    let json = format!(
        "{{\"apiVersion\":\"v1\",\n \"clusters\": [{{\"name\": \"{ARN}\", \"cluster\": {{\"server\": \"https://a\"}}}}],\n \
         \"contexts\": [{{\"name\": \"{ARN}\", \"context\": {{\"cluster\": \"{ARN}\", \"user\": \"{ARN}\"}}}}],\n \
         \"current-context\": \"{ARN}\", \"users\": [{{\"name\": \"{ARN}\", \"user\": {{}}}}]}}"
    );
    let users = |text: &str| text.matches(ARN).count();
    let after = one(&json, ARN, "eucl01").unwrap();
    assert_eq!(users(&after), 2, "the user's name, and where the context names it");
    assert_eq!(after.replace("\"eucl01\"", "\"*\""), {
        let mut expected = json.clone();
        for part in [
            format!("\"name\": \"{ARN}\", \"cl"),
            format!("\"cluster\": \"{ARN}\""),
            format!("\"name\": \"{ARN}\", \"co"),
            format!("\"current-context\": \"{ARN}\""),
        ] {
            let new = part.replace(ARN, "*");
            expected = expected.replacen(&part, &new, 1);
        }
        expected
    });
    // Windows' line ends, single quotes, no line end at the end; a name that only quotes keep from being a number.
    let crlf = "clusters:\r\n- name: 'a b'\r\n  cluster: {server: x}\r\ncontexts:\r\n- name: \"A\"\r\n  context:\r\n    cluster: a b\r\ncurrent-context: A";
    let after = one(crlf, "A", "123").unwrap();
    let expected = "clusters:\r\n- name: '123'\r\n  cluster: {server: x}\r\ncontexts:\r\n- name: \"123\"\r\n  context:\r\n    cluster: \"123\"\r\ncurrent-context: \"123\"";
    assert_eq!(after, expected);
    let flow = "{clusters: [{name: c, cluster: {server: x}}], contexts: [{name: A, context: {cluster: c}}], current-context: A}";
    let expected = "{clusters: [{name: a, cluster: {server: x}}], contexts: [{name: a, context: {cluster: a}}], current-context: a}";
    assert_eq!(one(flow, "A", "a").unwrap(), expected);
    let unusual =
        "\u{feff}# größer\nclusters: [{name: c, cluster: {server: x}}]\ncontexts: [{name: ü, context: {cluster: c}}]\n";
    assert_eq!(
        one(unusual, "ü", "u").unwrap(),
        unusual.replace("name: c", "name: u").replace("name: ü", "name: u").replace("cluster: c}", "cluster: u}")
    );
}

#[test]
fn whoever_shares_the_cluster_follows_it() {
    let shared = "clusters: [{name: C, cluster: {}}]\ncontexts:\n- {name: A, context: {cluster: C, user: admin}}\n- {name: dev, context: {cluster: C, user: dev}}\ncurrent-context: dev\n";
    let after = one(shared, "A", "a").unwrap();
    assert_eq!(
        after,
        shared.replace("name: C", "name: a").replace("cluster: C", "cluster: a").replace("name: A", "name: a")
    );
}

#[test]
fn a_context_that_has_its_name_gets_its_cluster_renamed() {
    let half = "clusters: [{name: C, cluster: {}}]\ncontexts: [{name: a, context: {cluster: C}}]\ncurrent-context: a\n";
    for from in ["A", "a"] {
        assert_eq!(
            one(half, from, "a").unwrap(),
            half.replace("name: C", "name: a").replace("cluster: C}", "cluster: a}")
        );
    }
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    let with = |contexts: &str| format!("clusters: [{{name: C, cluster: {{}}}}]\ncontexts: [{contexts}]\n");
    let (a, b) = ("{name: A, context: {cluster: C}}", "{name: a, context: {cluster: C}}");
    assert_eq!(refused(&with(""), "A", "a"), (FailureClass::Missing, "there is no context `A` in `config`".into()));
    let near = one(&with("{name: ekseucl01, context: {cluster: C}}"), "ekseucl02", "a").unwrap_err();
    assert_eq!(near.help.as_deref(), Some("did you mean `ekseucl01`?"));
    let both = refused(&with(&format!("{a}, {b}")), "A", "a");
    assert_eq!(
        both,
        (FailureClass::Exists, "beside the context `A` there is a context `a` already, in `config`".into())
    );
    let twice = refused(&with(&format!("{a},\n {a}")), "A", "a");
    assert_eq!(
        twice,
        (FailureClass::Invalid, "there are 2 entries for the context `A`: `config` line 2, `config` line 3".into())
    );
    let taken =
        "clusters: [{name: C, cluster: {}}, {name: a, cluster: {}}]\ncontexts: [{name: A, context: {cluster: C}}]\n";
    assert_eq!(refused(taken, "A", "a").0, FailureClass::Exists);
    let dangling = "clusters: [{name: a, cluster: {}}]\ncontexts: [{name: A, context: {cluster: C}}]\n";
    assert_eq!(
        refused(dangling, "A", "a"),
        (FailureClass::Invalid, "the context leads to the cluster `C`, which is not in `config`".into())
    );
    assert_eq!(refused("contexts: [{name: A, context: {user: u}}]", "A", "a").1, "the context `A` names no cluster");
}

#[test]
fn what_cannot_be_edited_safely_is_refused_with_its_place() {
    let place = |text: &str| refused(text, "A", "a").1.replace("the kubeconfig `config` cannot be edited: ", "");
    let clusters = "clusters: [{name: C, cluster: {}}]\n";
    assert_eq!(place("contexts: [\n"), "line 1, column 11 is nothing a kubeconfig holds");
    assert_eq!(place("a: 1\n---\nb: 2\n"), "it holds several documents");
    assert_eq!(place("- a\n"), "it is no map");
    assert_eq!(place(&format!("{clusters}contexts: A\n")), "at line 2, column 11 `contexts` is no list");
    let alias = format!("{clusters}contexts:\n- &first {{name: A, context: {{cluster: C}}}}\n- *first\n");
    assert_eq!(place(&alias), "at line 3, column 10 `contexts` rests on an anchor or an alias");
    let anchor = format!("{clusters}contexts:\n- name: &n A\n  context: {{cluster: C}}\nx: *n\n");
    assert_eq!(place(&anchor), "at line 3, column 12 stands an anchor");
    let block = format!("{clusters}contexts:\n- name: |-\n    A\n  context: {{cluster: C}}\n");
    assert_eq!(place(&block), "at line 4, column 5 stands a block of text");
    let merge = "base: &b {cluster: C}\ncontexts:\n- name: A\n  context:\n    <<: *b\n";
    assert_eq!(place(merge), "line 5, column 5 is nothing a kubeconfig holds");
}

/// The context, its cluster, a second context of that cluster and the current context, each in a file of its own.
fn spread() -> Vec<Original> {
    vec![
        file("first", "current-context: A\n"),
        file("second", "contexts: [{name: A, context: {cluster: C}}]\n"),
        file("third", "clusters: [{name: C, cluster: {server: x}}]\n"),
        file("fourth", "contexts: [{name: dev, context: {cluster: C}}]\n"),
        Original { content: None, mode: None, ..file("absent", "") },
    ]
}

#[test]
fn several_files_are_one_kubeconfig() {
    let originals = spread();
    let judged = renamed(&originals, "A", "a").unwrap();
    let expected = [
        "current-context: a\n",
        "contexts: [{name: a, context: {cluster: a}}]\n",
        "clusters: [{name: a, cluster: {server: x}}]\n",
        "contexts: [{name: dev, context: {cluster: a}}]\n",
        "",
    ];
    assert_eq!(texts(&originals, &judged), expected);
    assert_eq!(judged.found.get("file").and_then(Value::as_str), Some("second"));
    assert_eq!(judged.changes.last().map(|change| change.file), Some(1), "the file of the context comes last");
    let twice = [
        file("one", "contexts: [{name: A, context: {cluster: C}}]"),
        file("two", "contexts: [{name: A, context: {cluster: C}}]"),
    ];
    let failure = renamed(&twice, "A", "a").map(|_| ()).unwrap_err();
    assert!(failure.message.contains("`one` line 1, `two` line 1"), "{failure}");
}

#[test]
fn a_renaming_killed_between_two_files_is_finished_by_the_next() {
    let whole = texts(&spread(), &renamed(&spread(), "A", "a").unwrap());
    for written in 0..=4 {
        let mut originals = spread();
        for change in renamed(&spread(), "A", "a").unwrap().changes.into_iter().take(written) {
            originals[change.file].content = Some(change.content);
            originals[change.file].backed_up = true;
        }
        let again = renamed(&originals, "A", "a").unwrap_or_else(|failure| panic!("after {written}: {failure}"));
        assert_eq!(texts(&originals, &again), whole, "after {written}");
        assert_eq!(again.changes.is_empty(), written == 4);
    }
}

#[test]
fn names_are_those_that_karmada_takes() {
    for good in ["a", "0", "eucl01", "a-b", &"a".repeat(48)] {
        assert_eq!(refusal(good), None, "{good}");
    }
    for bad in ["", "A", "a.b", "-a", "a-", "ü", "a_b", "a b", &"a".repeat(49)] {
        assert!(refusal(bad).is_some(), "{bad}");
    }
    let arguments = json!({"from": ARN, "to": "EKS", "kubeconfig": 5});
    let (arguments, planned, told) = planned(&RenameContext, Place::Step, arguments);
    assert_eq!(planned.effect, Effect::Converges);
    assert!(told.len() == 1 && told[0].starts_with("RB0647 `EKS` is no name"), "{told:?}");
    assert_eq!(arguments.get("kubeconfig").and_then(Argument::as_text), Some("5"));
}

#[test]
fn the_kind_says_what_it_did_and_what_was_there() {
    let machine = TestMachine::with("/home/kubeconfig", GUIDE, 0o644);
    let call = invocation(json!({"from": "user@EKSEUCL01.eu-central-1.eksctl.io", "to": "eucl01"}).into());
    let renamed = answer(&RenameContext, &call, &machine).unwrap();
    let backup = format!("/home/kubeconfig.{}.bak", call.run);
    assert_eq!(
        renamed.output.exposed(),
        json!({"context": "eucl01", "cluster": "eucl01", "file": "/home/kubeconfig", "backups": [backup]})
    );
    assert_eq!(
        renamed.before.unwrap().exposed(),
        json!({"context": "user@EKSEUCL01.eu-central-1.eksctl.io", "cluster": "EKSEUCL01.eu-central-1.eksctl.io", "file": "/home/kubeconfig"})
    );
    assert_eq!((renamed.origin, machine.file("/home/kubeconfig").1), (Some(Origin::Changed), 0o644));
    let again = answer(&RenameContext, &call, &machine).unwrap();
    assert_eq!((again.origin, again.before), (Some(Origin::Unchanged), None));
    let wrong = invocation(json!({"from": "a", "to": "EUCL01"}).into());
    assert_eq!(answer(&RenameContext, &wrong, &machine).unwrap_err().class, FailureClass::Invalid);
}
