//! `runbook resume`: which run, what becomes of its steps, what is asked for again.

use serde_json::{Value as Json, json};

use crate::sandbox::Sandbox;
use crate::service::Service;

/// Fails until the parameter is `good`.
const FRAGILE: &str = "\
apiVersion: runbook/v1
name: fragile
version: 1.0.0
steps:
  - id: first
    aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
    outputs: {value: \"${{ result.Parameter.DataType }}\"}
  - id: second
    aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
    check:
      - that: ${{ result.Parameter.DataType == 'good' }}
        else: the flag is ${{ result.Parameter.DataType }}
    outputs: {value: \"${{ result.Parameter.DataType }}\"}
  - id: third
    set: {x: \"${{ steps.second.value }}\"}
outputs:
  first: ${{ steps.first.value }}
  second: ${{ steps.second.value }}
";

const SECRET: &str = "\
apiVersion: runbook/v1
name: sealed
version: 1.0.0
inputs:
  token: {type: string, secret: true, description: The token of the registry}
  other: {type: string, default: x}
steps:
  - id: gate
    approve: {message: Go on?}
  - id: use
    set: {length: \"${{ inputs.token | length }}\"}
outputs:
  length: ${{ steps.use.length }}
";

fn failed() -> (Service, Sandbox, String) {
    let service = Service::start();
    let sandbox = service.sandbox();
    service.set("bad");
    let run = sandbox.file("fragile.yaml", FRAGILE).run(&["exec", "fragile.yaml"]).expect(1).run_id();
    (service, sandbox, run)
}

#[test]
fn what_is_finished_is_not_run_again() {
    let (service, sandbox, run) = failed();
    assert_eq!(service.calls().len(), 2);
    service.set("good");
    let outcome = sandbox.run(&["resume", "-o", "json"]).expect(0);
    assert_eq!(service.calls().len(), 3);
    assert_eq!(outcome.json()["outputs"], json!({"first": "bad", "second": "good"}));
    assert_eq!(outcome.json()["run"], run.as_str());

    // A run that has succeeded is shown, and nothing more happens.
    let again = sandbox.run(&["resume", &run, "-o", "json"]).expect(0);
    assert_eq!(again.json(), outcome.json());
    assert_eq!(service.calls().len(), 3);
    let shown = sandbox.run(&["resume", &run]).expect(0);
    insta::assert_snapshot!(shown);
    insta::assert_snapshot!(sandbox.run(&["events", &run]).expect(0));
}

#[test]
fn the_files_of_a_run_are_those_it_was_made_from() {
    let (service, sandbox, _) = failed();
    std::fs::remove_file(sandbox.work().join("fragile.yaml")).unwrap();
    service.set("good");
    sandbox.run(&["resume"]).expect(0);
}

#[test]
fn the_plan_of_a_resume_says_what_and_why_and_does_nothing() {
    let (service, sandbox, run) = failed();
    let plan = sandbox.run(&["resume", "--plan", "-o", "json"]).expect(0).json();
    assert_eq!(plan["run"], run.as_str());
    let decisions: Vec<(&Json, &Json)> =
        plan["steps"].as_array().unwrap().iter().map(|step| (&step["path"], &step["decision"])).collect();
    let wanted = [("first", "reuse"), ("second", "rerun"), ("third", "run")].map(|(a, b)| (json!(a), json!(b)));
    assert_eq!(decisions, wanted.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());
    assert!(
        plan["steps"].as_array().unwrap().iter().all(|step| step["reason"].as_str().is_some_and(|it| !it.is_empty()))
    );
    insta::assert_snapshot!(sandbox.run(&["resume", &run, "--plan", "--from", "first"]).expect(0));
    assert_eq!(service.calls().len(), 2);
    assert_eq!(sandbox.run(&["runs", "-o", "json"]).expect(0).json()[0]["status"], "failed");
}

#[test]
fn from_runs_a_step_and_what_depends_on_it_again() {
    let (service, sandbox, run) = failed();
    service.set("good");
    let outcome = sandbox.run(&["resume", &run, "--from", "first", "-o", "json"]).expect(0);
    assert_eq!(outcome.json()["outputs"], json!({"first": "good", "second": "good"}));
    assert_eq!(service.calls().len(), 4);
    insta::assert_snapshot!(sandbox.run(&["resume", &run, "--from", "frist"]).expect(2));
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_id() {
    let (service, sandbox, run) = failed();
    service.set("good");
    assert_eq!(sandbox.run(&["show", &run[..10], "-o", "json"]).expect(0).json()["run"], run.as_str());
    sandbox.run(&["exec", "fragile.yaml", "--new"]).expect(0);
    let several = sandbox.run(&["show", "fragile-"]).expect(2);
    assert!(several.stderr().contains(&run), "{several}");
    let none = sandbox.run(&["show", "nobodys-000000"]).expect(2);
    insta::assert_snapshot!(none);
}

#[test]
fn without_a_name_only_one_unfinished_run_is_clear() {
    let sandbox = Sandbox::new();
    let none = sandbox.run(&["resume"]).expect(2);
    assert_eq!(none.stderr(), "error: there is no unfinished run\nhelp: `runbook runs` lists all runs\n");
    let (_service, sandbox, first) = failed();
    let second = sandbox.run(&["exec", "fragile.yaml", "--new"]).expect(1).run_id();
    let several = sandbox.run(&["resume"]).expect(2);
    assert!(several.stderr().contains(&first) && several.last_line().ends_with(&second), "{several}");
}

#[test]
fn a_secret_input_is_given_again_and_others_cannot_be_changed() {
    let sandbox = Sandbox::new();
    sandbox.file("sealed.yaml", SECRET);
    let run = sandbox.run(&["exec", "sealed.yaml", "-i", "token=hunter2"]).expect(4).run_id();
    sandbox.run(&["approve", &run, "gate"]).expect(0);
    let missing = sandbox.run(&["resume", &run]).expect(3);
    assert_eq!(missing.last_line(), format!("runbook resume {run}"));
    insta::assert_snapshot!(missing);
    sandbox.run(&["resume", &run, "-i", "token=hunter2", "-i", "other=y"]).expect(2);
    let another = sandbox.run(&["resume", &run, "-i", "token=hunter3"]).expect(2);
    assert!(another.stderr().contains("a secret input is not the one that the run was made with"), "{another}");
    assert!(!another.stderr().contains("hunter") && another.last_line().contains(&run), "{another}");
    let outcome = sandbox.run(&["resume", &run, "-i", "token=hunter2", "-o", "json"]).expect(0);
    assert_eq!(outcome.json()["outputs"]["length"], "(secret)");
}

#[test]
fn a_secret_input_is_changed_together_with_the_runbook() {
    let sandbox = Sandbox::new();
    sandbox.file("sealed.yaml", SECRET);
    let run = sandbox.run(&["exec", "sealed.yaml", "-i", "token=hunter2"]).expect(4).run_id();
    sandbox.run(&["approve", &run, "gate"]).expect(0);
    let resumed = ["resume", &run, "--with", "sealed.yaml", "-i", "token=hunter34", "-o", "json"];
    assert_eq!(sandbox.run(&resumed).expect(0).json()["outputs"]["length"], "(secret)");
}

#[test]
fn another_account_is_refused_before_anything_is_called() {
    let (service, sandbox, run) = failed();
    service.set_account("222222222222");
    let outcome = sandbox.run(&["resume", &run, "-o", "json"]).expect(9);
    assert_eq!(service.calls().len(), 2);
    assert_eq!(outcome.json()["status"], "interrupted");
    assert_eq!(outcome.last_line(), format!("runbook resume {run}"));
    insta::assert_snapshot!(sandbox.run(&["resume", &run]).expect(9));
    service.set_account("111111111111");
    service.set("good");
    sandbox.run(&["resume", &run]).expect(0);
}

#[test]
fn a_run_that_somebody_holds_is_not_taken() {
    let service = Service::start();
    let sandbox = service.sandbox();
    service.set("good");
    service.hold(true);
    let first = sandbox.file("fragile.yaml", FRAGILE).home.start(["exec", "fragile.yaml"]);
    service.wait_for_calls(1);
    let run = sandbox.run(&["runs", "-o", "json"]).expect(0).json()[0]["run"].as_str().unwrap().to_owned();
    let held = sandbox.run(&["resume", &run, "-o", "json"]).expect(6);
    assert!(held.stdout().is_empty(), "{held}");
    insta::assert_snapshot!(held);
    let shown = sandbox.run(&["show", &run, "-o", "json"]).expect(0).json();
    assert_eq!((&shown["status"], &shown["next"]), (&"running".into(), &Json::Null));
    assert_eq!(shown["steps"][0]["status"], "running");
    let beside = sandbox.run(&["exec", "fragile.yaml"]).expect(9);
    assert_eq!(beside.last_line(), format!("runbook resume {run}"));
    service.hold(false);
    sandbox.outcome(&["exec", "fragile.yaml"], first).expect(0);
}

/// The runbook of [`failed`], put right: the second step takes what it finds, and there is one more.
fn mended() -> String {
    let wrong = "    check:\n      - that: ${{ result.Parameter.DataType == 'good' }}\n        else: the flag is ${{ result.Parameter.DataType }}\n";
    assert!(FRAGILE.contains(wrong));
    FRAGILE.replace(wrong, "").replace("outputs:\n  first:", "  - id: fourth\n    set: {y: 1}\noutputs:\n  first:")
}

#[test]
fn an_edited_runbook_goes_on_with_what_is_done() {
    let (service, sandbox, run) = failed();
    sandbox.file("fragile.yaml", &mended());
    insta::assert_snapshot!(sandbox.run(&["resume", &run, "--with", "fragile.yaml", "--plan"]).expect(0));
    assert_eq!(service.calls().len(), 2);
    // Looking changed nothing: the run still goes on by its own files.
    let plan = sandbox.run(&["resume", &run, "--plan", "-o", "json"]).expect(0).json();
    assert_eq!(plan["steps"].as_array().unwrap().len(), 3);

    let outcome = sandbox.run(&["resume", &run, "--with", "fragile.yaml"]).expect(0);
    insta::assert_snapshot!(outcome);
    assert_eq!(service.calls().len(), 3);
    let shown = sandbox.run(&["show", &run, "-o", "json"]).expect(0).json();
    assert_eq!(shown["outputs"], json!({"first": "bad", "second": "bad"}));
    assert_eq!(shown["steps"].as_array().unwrap().len(), 4);
    // By the same files again there is nothing to change.
    let again = sandbox.run(&["resume", &run, "--with", "fragile.yaml"]).expect(0);
    assert!(again.stderr().contains("what the run rests on already"), "{again}");
    assert_eq!(service.calls().len(), 3);
}

#[test]
fn what_is_taken_out_of_a_runbook_is_told() {
    let (_service, sandbox, run) = failed();
    let start = FRAGILE.find("  - id: first").unwrap();
    let end = FRAGILE.find("  - id: second").unwrap();
    let without =
        format!("{}{}", &FRAGILE[..start], &FRAGILE[end..]).replace("  first: ${{ steps.first.value }}\n", "");
    sandbox.file("fragile.yaml", &without);
    let plan = sandbox.run(&["resume", &run, "--with", "fragile.yaml", "--plan", "-o", "json"]).expect(0).json();
    assert_eq!(plan["removed"][0]["path"], "first");
    let outcome = sandbox.run(&["resume", &run, "--with", "fragile.yaml"]).expect(1);
    assert!(outcome.stderr().contains("first   removed"), "{outcome}");
}

#[test]
fn an_edited_runbook_that_does_not_fit_changes_nothing() {
    let (service, sandbox, run) = failed();
    sandbox.file("other.yaml", &FRAGILE.replace("name: fragile", "name: other"));
    insta::assert_snapshot!(sandbox.run(&["resume", &run, "--with", "other.yaml"]).expect(9));
    sandbox.file("wrong.yaml", &FRAGILE.replace("aws-call: {service: ssm", "aws-call: {service: smm"));
    let outcome = sandbox.run(&["resume", &run, "--with", "wrong.yaml"]).expect(3);
    assert_eq!(outcome.last_line(), format!("runbook resume {run}"));
    assert_eq!(service.calls().len(), 2);
    service.set("good");
    sandbox.run(&["resume", &run]).expect(0);
}

#[test]
fn inputs_change_only_together_with_the_runbook() {
    let text = "apiVersion: runbook/v1\nname: sealed\nversion: 1.0.0\ninputs:\n  size: {type: integer}\n  token: {type: string, secret: true}\n\
                steps:\n  - id: gate\n    approve: {message: Go on?}\n  - id: use\n    set: {size: \"${{ inputs.size }}\", length: \"${{ inputs.token | length }}\"}\n\
                outputs:\n  size: ${{ steps.use.size }}\n  length: ${{ steps.use.length }}\n";
    let sandbox = Sandbox::new();
    let run = sandbox
        .file("sealed.yaml", text)
        .run(&["exec", "sealed.yaml", "-i", "size=1", "-i", "token=abc"])
        .expect(4)
        .run_id();
    insta::assert_snapshot!(sandbox.run(&["resume", &run, "-i", "size=2", "-i", "token=abc"]).expect(2));
    // Looking needs no secret; going on does.
    sandbox.run(&["resume", &run, "--with", "sealed.yaml", "-i", "size=2", "--plan"]).expect(0);
    let missing = sandbox.run(&["resume", &run, "--with", "sealed.yaml", "-i", "size=2"]).expect(3);
    assert!(missing.stderr().contains("token"), "{missing}");
    sandbox.run(&["resume", &run, "--with", "sealed.yaml", "-i", "size=2", "-i", "token=abcd"]).expect(4);
    sandbox.run(&["approve", &run, "gate"]).expect(0);
    let outcome = sandbox.run(&["resume", &run, "-i", "token=abcd", "-o", "json"]).expect(0);
    assert_eq!(outcome.json()["outputs"], json!({"size": 2, "length": "(secret)"}));
    let shown = sandbox.run(&["show", &run]).expect(0);
    assert!(shown.stdout().contains("size: 2") && !shown.stdout().contains("abcd"), "{shown}");
}
