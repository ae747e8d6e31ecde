//! What `pki` makes, keeps and refuses, against a server and a workshop in memory.

use std::sync::atomic::Ordering;

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::{Origin, Place};
use serde_json::{Value as Json, json};

use super::*;
use crate::test_server::{TestServer, answer, invocation};
use crate::written::planned;

const DAY: i64 = 24 * 3600 * 1000;

fn wishes(more: &Json) -> Json {
    let mut all = json!({"secret": "certs", "namespace": "karmada-system", "labels": {"a": "b"},
        "authorities": {"ca": {"common-name": "karmada"}},
        "certificates": {"admin": {"authority": "ca", "common-name": "system:admin", "organizations": ["system:masters"],
                                   "dns": ["localhost", "x.example"], "ips": ["127.0.0.1", "::1"]}}});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn keep(server: &TestServer, wishes: Json) -> Result<Answer, Failure> {
    answer(&Pki, &invocation(wishes.into()), server)
}

fn secret(server: &TestServer) -> Json {
    server.object("Secret", Some("karmada-system"), "certs").unwrap()
}

fn held(server: &TestServer, member: &str) -> String {
    let data = secret(server)["data"][member].as_str().unwrap().to_owned();
    String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()
}

fn put(server: &TestServer, member: &str, text: Option<&str>) {
    let mut object = secret(server);
    server.remove("Secret", Some("karmada-system"), "certs");
    object["metadata"].as_object_mut().unwrap().remove("uid");
    match text {
        Some(text) => object["data"][member] = STANDARD.encode(text).into(),
        None => drop(object["data"].as_object_mut().unwrap().remove(member)),
    }
    server.put("x", object);
}

#[test]
fn everything_is_made_once_and_read_back_from_there() {
    let server = TestServer::new();
    let made = keep(&server, wishes(&json!({}))).unwrap();
    assert_eq!(made.origin, Some(Origin::Created));
    assert_eq!(secret(&server)["metadata"]["labels"], json!({"a": "b"}));
    let is: Json = serde_json::from_str(&held(&server, "admin.crt")).unwrap();
    assert_eq!((is["cn"].as_str(), is["end"].as_i64()), (Some("system:admin"), Some(365 * DAY)));
    assert_eq!(is["signed"], format!("by {}", held(&server, "ca.key")));
    let version = secret(&server)["metadata"]["resourceVersion"].clone();

    let again = keep(&server, wishes(&json!({}))).unwrap();
    assert_eq!(again.origin, Some(Origin::Unchanged));
    assert_eq!(again.output, made.output);
    assert_eq!(secret(&server)["metadata"]["resourceVersion"], version);
    assert_eq!(again.before, None);
}

#[test]
fn keys_are_secret_and_certificates_are_not() {
    let output = keep(&TestServer::new(), wishes(&json!({}))).unwrap().output;
    let shown = output.redacted();
    assert_eq!(shown["pairs"]["ca"]["key"], "(secret)");
    assert!(shown["pairs"]["ca"]["certificate"].as_str().unwrap().contains("karmada"));
    assert_eq!(shown["digest"].as_str().unwrap().len(), 64);
    assert_eq!(shown["expires"]["admin"], "1971-01-01T00:00:00.000Z");
    assert!(!format!("{output:?}").contains("String(\"EcdsaP256 key"));
}

#[test]
fn other_names_give_another_certificate_with_the_same_key_and_authority() {
    let server = TestServer::new();
    let first = keep(&server, wishes(&json!({}))).unwrap();
    put(&server, "other", Some("stays"));
    let (authority, key) = (held(&server, "ca.crt"), held(&server, "admin.key"));
    let mut more = wishes(&json!({}));
    more["certificates"]["admin"]["dns"] = json!(["x.example", "y.example"]);
    let second = keep(&server, more).unwrap();
    assert_eq!(second.origin, Some(Origin::Changed));
    assert_ne!(second.output.get("digest"), first.output.get("digest"));
    assert_eq!((held(&server, "ca.crt"), held(&server, "admin.key")), (authority, key));
    assert!(held(&server, "admin.crt").contains("y.example"));
    assert_eq!(held(&server, "other"), "stays");
    assert!(second.warnings[0].contains("it shall say other things"), "{:?}", second.warnings);
    let before = second.before.unwrap().exposed();
    assert_eq!((before[0]["origin"].as_str(), before[0].get("data")), (Some("changed"), None));
}

#[test]
fn what_ends_soon_is_made_anew_and_an_authority_only_on_request() {
    let server = TestServer::new();
    keep(&server, wishes(&json!({}))).unwrap();
    let key = held(&server, "admin.key");
    server.workshop.clock.store(340 * DAY, Ordering::Relaxed);
    let renewed = keep(&server, wishes(&json!({}))).unwrap();
    assert_eq!(renewed.origin, Some(Origin::Changed));
    assert_eq!(renewed.output.exposed()["expires"]["admin"], "1971-12-07T00:00:00.000Z");
    assert_eq!(held(&server, "admin.key"), key);
    assert_eq!(keep(&server, wishes(&json!({}))).unwrap().origin, Some(Origin::Unchanged));

    server.workshop.clock.store(3651 * DAY, Ordering::Relaxed);
    let over = keep(&server, wishes(&json!({}))).unwrap_err();
    assert!(over.message.contains("ran out") && over.help.unwrap().contains("renew-authorities"));
    let authority_key = held(&server, "ca.key");
    keep(&server, wishes(&json!({"renew-authorities": true}))).unwrap();
    assert_eq!(held(&server, "ca.key"), authority_key);
    assert_eq!(keep(&server, wishes(&json!({}))).unwrap().origin, Some(Origin::Unchanged));
}

#[test]
fn renew_makes_certificates_anew_and_leaves_the_authority() {
    let server = TestServer::new();
    keep(&server, wishes(&json!({}))).unwrap();
    let (authority, certificate) = (held(&server, "ca.crt"), held(&server, "admin.crt"));
    server.workshop.clock.store(DAY, Ordering::Relaxed);
    keep(&server, wishes(&json!({"renew": true}))).unwrap();
    assert_eq!(held(&server, "ca.crt"), authority);
    assert_ne!(held(&server, "admin.crt"), certificate);
}

#[test]
fn what_something_may_rest_on_is_never_replaced() {
    let damage: [(&str, Option<&str>, &str); 6] = [
        ("ca.crt", None, "`ca.key` and no `ca.crt`"),
        ("ca.key", Some("another"), "`ca.key` that is not the key of `ca.crt`"),
        ("admin.key", None, "no `admin.key`"),
        ("admin.key", Some("another"), "no `admin.key` that is the key"),
        ("admin.crt", None, "`admin.key` and no `admin.crt`"),
        ("admin.crt", Some("nonsense"), "no certificate"),
    ];
    for (member, text, words) in damage {
        let server = TestServer::new();
        keep(&server, wishes(&json!({}))).unwrap();
        put(&server, member, text);
        let data = secret(&server)["data"].clone();
        let refused = keep(&server, wishes(&json!({}))).unwrap_err();
        assert_eq!(refused.class, FailureClass::Invalid);
        assert!(refused.message.contains(words), "{}", refused.message);
        assert_eq!(secret(&server)["data"], data);
    }
    let server = TestServer::new();
    keep(&server, wishes(&json!({}))).unwrap();
    put(&server, "ca.crt", None);
    put(&server, "ca.key", None);
    assert!(keep(&server, wishes(&json!({}))).unwrap_err().message.contains("no authority `ca` that made it"));

    let server = TestServer::new();
    keep(&server, wishes(&json!({}))).unwrap();
    let foreign = wishes(&json!({"authorities": {"ca": {"common-name": "another"}}}));
    assert!(keep(&server, foreign).unwrap_err().message.contains("foreign `ca.crt`"));
}

#[test]
fn of_two_runs_at_once_the_second_reads_what_the_first_made() {
    let server = TestServer::new();
    server.refuse(Failure::new(FailureClass::Exists, "already exists").code("AlreadyExists"));
    let lost = keep(&server, wishes(&json!({}))).unwrap_err();
    assert_eq!(lost.class, FailureClass::Conflict, "the engine tries a conflict again");
}

#[test]
fn mistakes_are_named() {
    let (_, _, told) = planned(
        &Pki,
        Place::Step,
        json!({"secret": "s", "authorities": {"ca": {"cn": "x"}},
        "certificates": {"a": {"authority": "cc", "common-name": "a"}}, "renew": "${inputs.renew}", "key": "dsa"}),
    );
    for words in [
        "`an authority` has no `cn`",
        "`an authority` needs `common-name`",
        "no authority `cc`",
        "`key` cannot be `dsa`",
    ] {
        assert!(told.iter().any(|line| line.contains(words)), "{words}: {told:#?}");
    }
    assert_eq!(told.len(), 4, "{told:#?}");
    for (more, words) in [
        (json!({"certificates": {"a": {"authority": "b", "common-name": "a"}}}), "names no authority: `b`"),
        (json!({"certificates": {"a": {"authority": "ca", "common-name": "a", "ips": ["1.2.3"]}}}), "`1.2.3` in `ips`"),
        (
            json!({"certificates": {"a": {"authority": "ca", "common-name": "a", "usages": ["sign"]}}}),
            "cannot hold `sign`",
        ),
        (json!({"certificates": {"a": {"authority": "ca", "common-name": "a", "valid-days": 0}}}), "`valid-days`"),
        (json!({"certificates": {"a/b": {"authority": "ca", "common-name": "a"}}}), "cannot be a key"),
        (json!({"renew-before": "soon"}), "`renew-before`"),
    ] {
        let refused = keep(&TestServer::new(), wishes(&more)).unwrap_err();
        assert!(refused.message.contains(words), "{}", refused.message);
    }
}
