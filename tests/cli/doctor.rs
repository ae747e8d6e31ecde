//! `runbook doctor` where all is well, where there is nothing to find, and where nothing is good.

use crate::sandbox::Sandbox;
use crate::service::Service;

fn found<'a>(findings: &'a serde_json::Value, subject: &str) -> &'a serde_json::Value {
    let all = findings.as_array().unwrap();
    all.iter().find(|finding| finding["subject"] == subject).unwrap_or_else(|| panic!("{subject}: {findings:#}"))
}

#[test]
fn a_machine_without_a_region_is_told_what_it_lacks_and_how_to_get_it() {
    let outcome = Sandbox::new().run(&["doctor", "-o", "json"]).expect(8);
    let findings = outcome.json();
    assert_eq!(found(&findings, "aws")["health"], "fail");
    assert!(found(&findings, "aws")["remedy"].as_str().unwrap().contains("AWS_REGION"), "{outcome}");
    assert_eq!(found(&findings, "kubeconfig")["health"], "ok");
}

#[test]
fn what_cannot_be_reached_is_named_and_no_key_is_told() {
    let sandbox = Sandbox::new()
        .with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
        .with("AWS_REGION", "eu-west-1")
        // Nobody listens on the port of the discard service, and nobody may without being root.
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    sandbox.file("kube", "apiVersion: v1\nkind: [\nusers: hunter2hunter2\n");
    let kube = sandbox.work().join("kube").display().to_string();
    let outcome = sandbox.with("KUBECONFIG", &kube).run(&["doctor"]).expect(8);
    assert!(outcome.stdout().contains("fail  sts"), "{outcome}");
    assert!(outcome.stdout().contains("warn  kubeconfig"), "{outcome}");
    assert!(!outcome.stdout().contains("hunter2") && !outcome.stderr().contains("hunter2"), "{outcome}");
}

#[test]
fn a_state_folder_that_cannot_be_made_is_a_failure() {
    let sandbox = Sandbox::new();
    sandbox.file("file", "");
    let state = sandbox.work().join("file/state").display().to_string();
    let outcome = sandbox.with("RUNBOOK_STATE", &state).run(&["doctor", "-o", "json"]).expect(8);
    assert_eq!(found(&outcome.json(), "state")["health"], "fail");
}

#[test]
fn a_machine_that_can_carry_out_runbooks_is_told_who_it_is_and_where() {
    let service = Service::start();
    let outcome = service.sandbox().run(&["doctor", "-o", "json"]).expect(0);
    let findings = outcome.json();
    for subject in ["state", "credentials", "identity", "region", "eks", "kubeconfig"] {
        assert_eq!(found(&findings, subject)["health"], "ok", "{outcome}");
    }
    let words = |subject| found(&findings, subject)["words"].as_str().unwrap();
    assert_eq!(words("identity"), "arn:aws:iam::111111111111:user/ann in account 111111111111");
    assert_eq!(words("region"), "eu-west-1");
    assert!(!outcome.stdout().contains("AKIDEXAMPLE"), "{outcome}");
}
