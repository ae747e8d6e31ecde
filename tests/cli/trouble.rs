//! What is not as it should be around the program: its folders, its journals, its environment.

use std::fs;

use crate::sandbox::Sandbox;
use crate::service::Service;

const SET: &str = "\
apiVersion: runbook/v1
name: demo
version: 1.0.0
steps:
  - id: a
    set: {x: 1}
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("demo.yaml", SET);
    sandbox
}

#[test]
fn a_home_that_cannot_be_written_is_told_with_the_way_out() {
    let sandbox = sandbox().with("RUNBOOK_STATE", "").with("HOME", "/proc/nobody");
    let outcome = sandbox.run(&["exec", "demo.yaml"]).expect(8);
    assert!(outcome.stderr().contains("RUNBOOK_STATE"), "{outcome}");
    // Without a state folder there are no runs, which is no error.
    assert_eq!(sandbox.run(&["runs", "-o", "json"]).expect(0).stdout(), "[]\n");
}

#[test]
fn a_state_folder_that_is_a_file_is_told_before_anything_runs() {
    let sandbox = sandbox();
    let file = sandbox.work().join("demo.yaml");
    let sandbox = sandbox.with("RUNBOOK_STATE", file.to_str().unwrap());
    let outcome = sandbox.run(&["exec", "demo.yaml"]).expect(8);
    assert!(outcome.stderr().contains("help: nothing ran; choose a state folder"), "{outcome}");
    sandbox.run(&["runs"]).expect(8);
}

#[test]
fn a_damaged_journal_is_told_and_hides_no_other() {
    let sandbox = sandbox();
    let broken = sandbox.run(&["exec", "demo.yaml"]).expect(0).run_id();
    let whole = sandbox.run(&["exec", "demo.yaml"]).expect(0).run_id();
    let journal = sandbox.home.state().join(&broken).join("journal.sqlite");
    fs::write(&journal, b"something else").unwrap();
    let listed = sandbox.run(&["runs", "-o", "json"]).expect(0);
    assert_eq!(listed.json().as_array().unwrap().len(), 1);
    assert_eq!(listed.json()[0]["run"], whole.as_str());
    assert!(listed.stderr().starts_with("warning: ") && listed.stderr().contains(&broken), "{listed}");
    for verb in ["show", "events", "resume", "cancel"] {
        let outcome = sandbox.run(&[verb, &broken]).expect(8);
        assert!(outcome.stderr().contains("help: "), "{outcome}");
    }
    assert_eq!(fs::read(&journal).unwrap(), b"something else", "nothing is overwritten");
}

#[test]
fn a_state_folder_with_nothing_but_damage_is_not_called_empty() {
    let sandbox = sandbox();
    let broken = sandbox.run(&["exec", "demo.yaml"]).expect(0).run_id();
    fs::write(sandbox.home.state().join(&broken).join("journal.sqlite"), b"something else").unwrap();
    let listed = sandbox.run(&["runs"]).expect(0);
    assert!(listed.stderr().contains(&broken) && !listed.stderr().contains("no runs yet"), "{listed}");
}

#[test]
fn a_filter_that_is_none_is_a_mistake_of_the_caller() {
    let outcome = sandbox().with("RUNBOOK_LOG", "run book=[").run(&["exec", "demo.yaml"]).expect(2);
    assert!(outcome.stderr().contains("`RUNBOOK_LOG`"), "{outcome}");
}

#[test]
fn verbose_logs_to_stderr() {
    let outcome = sandbox().run(&["exec", "demo.yaml", "-v"]).expect(0);
    assert!(outcome.stderr().contains("INFO runbook_driver"), "{outcome}");
    sandbox().run(&["exec", "demo.yaml", "-v", "-q"]).expect(2);
}

#[test]
fn what_is_parsed_but_not_carried_out_is_said_when_the_run_begins() {
    let text = format!("{SET}    on-failure: undo\n");
    let outcome = sandbox().file("demo.yaml", &text).run(&["exec", "demo.yaml"]).expect(0);
    insta::assert_snapshot!(outcome);
}

#[test]
fn a_token_for_kubeconfigs_needs_no_network() {
    let service = Service::start();
    let sandbox = service.sandbox();
    let outcome = sandbox.run(&["eks-token", "parent", "--region", "eu-west-1"]).expect(0);
    let credential = outcome.json();
    assert_eq!(credential["kind"], "ExecCredential");
    assert!(credential["status"]["token"].as_str().unwrap().starts_with("k8s-aws-v1."));
    assert!(credential["status"]["expirationTimestamp"].as_str().unwrap().ends_with('Z'));
    let nobody = Sandbox::new().with("AWS_EC2_METADATA_DISABLED", "true");
    let refused = nobody.run(&["eks-token", "parent", "--region", "eu-west-1"]).expect(1);
    assert!(refused.stdout().is_empty() && refused.stderr().contains("help: "), "{refused}");
}

#[test]
fn every_complaint_has_its_page() {
    let pages = runbook_harness::project::root().join("docs/diagnostics");
    let listed = Sandbox::new().run(&["explain"]).expect(0);
    assert!(listed.stdout().lines().count() > 50, "{listed}");
    for line in listed.stdout().lines() {
        let code = line.split_whitespace().next().unwrap();
        assert!(pages.join(format!("{code}.md")).is_file(), "{code}");
    }
    let page = fs::read_to_string(pages.join("RB0101.md")).unwrap();
    assert_eq!(Sandbox::new().run(&["explain", "rb0101"]).expect(0).stdout(), page);
}
