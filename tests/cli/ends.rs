//! What runs at the end of a run, what is verified before a run goes on, and what is adjusted.

use serde_json::{Value as Json, json};

use crate::sandbox::Sandbox;
use crate::service::Service;

/// Fails until the parameter is `good`, and says so.
const ENDS: &str = "\
apiVersion: runbook/v1
name: ends
version: 1.0.0
steps:
  - id: first
    aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
    outputs: {value: \"${{ result.Parameter.DataType }}\"}
    verify:
      aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
      check:
        - that: ${{ result.Parameter.DataType != 'gone' }}
          else: the flag is gone
  - id: second
    aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
    check:
      - that: ${{ result.Parameter.DataType == 'good' and steps.first.value != '' }}
        else: the flag is ${{ result.Parameter.DataType }}
when-failed:
  - id: tell
    set: {why: \"${{ run.error.message }}\", first: \"${{ steps.first.value }}\"}
finally:
  - id: clean
    aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
  - set: {status: \"${{ run.status }}\"}
";

/// Wants the parameter to be `good`; what is otherwise there is for a person to change.
const ADJUST: &str = "\
apiVersion: runbook/v1
name: adjusting
version: 1.0.0
steps:
  - id: flag
    aws-call: {service: ssm, operation: PutParameter, params: {Name: flag, Value: good, DataType: good}}
    probe:
      aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
      matches:
        - that: ${{ result.Parameter.DataType == 'good' }}
          else: the flag is ${{ result.Parameter.DataType }}
      outputs: {value: \"${{ result.Parameter.DataType }}\"}
    outputs: {value: \"${{ 'good' }}\"}
    adjust:
      - id: ask
        approve: {message: Make the flag good}
outputs:
  value: ${{ steps.flag.value }}
";

fn failed() -> (Service, Sandbox, String) {
    let service = Service::start();
    let sandbox = service.sandbox();
    service.set("bad");
    let run = sandbox.file("ends.yaml", ENDS).run(&["exec", "ends.yaml"]).expect(1).run_id();
    (service, sandbox, run)
}

/// Path and status of every step.
fn steps(sandbox: &Sandbox, run: &str) -> Vec<String> {
    let shown = sandbox.run(&["show", run, "-o", "json"]).expect(0).json();
    let steps = shown["steps"].as_array().unwrap().iter();
    steps.map(|step| format!("{} {}", step["path"].as_str().unwrap(), step["status"].as_str().unwrap())).collect()
}

fn events(sandbox: &Sandbox, run: &str) -> Vec<Json> {
    let told = sandbox.run(&["events", run, "-o", "ndjson"]).expect(0);
    told.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_run_that_fails_tells_and_cleans_up_and_does_so_again_at_its_next_end() {
    let (service, sandbox, run) = failed();
    assert_eq!(
        steps(&sandbox, &run),
        [
            "first succeeded",
            "second failed",
            "when_failed/tell succeeded",
            "finally/clean succeeded",
            "finally/step_1 succeeded"
        ]
    );
    let outputs = |path: &str| {
        let ended = |event: &&Json| event["event"] == "step-succeeded" && event["step"] == path;
        events(&sandbox, &run).iter().rfind(ended).unwrap()["outputs"].clone()
    };
    assert_eq!(outputs("when_failed/tell"), json!({"why": "the flag is bad", "first": "bad"}));
    assert_eq!(outputs("finally/step_1"), json!({"status": "failed"}));
    let calls = service.calls().len();
    service.set("good");
    sandbox.run(&["resume", &run]).expect(0);
    // One to verify `first`, one for `second`, one for `finally/clean`.
    assert_eq!(service.calls().len(), calls + 3);
    assert_eq!(outputs("finally/step_1"), json!({"status": "succeeded"}));
}

#[test]
fn what_cannot_go_on_and_what_went_well_with_a_warning_say_why() {
    let sandbox = Sandbox::new();
    let text = "apiVersion: runbook/v1\nname: ends\nversion: 1.0.0\nsteps:\n  \
                - {id: n, set: {x: 3}}\n  \
                - {id: odd, assert: [{that: \"${{ steps.n.x == 4 }}\", else: three is not four, level: warn}]}\n  \
                - id: bad\n    on-failure: continue\n    outputs: {x: 1}\n    group:\n      steps:\n        \
                - {id: never, assert: [{that: \"${{ steps.n.x == 4 }}\", else: no}]}\n  \
                - {id: after, set: {x: \"${{ steps.bad.x }}\"}}\n";
    let run = sandbox.file("ends.yaml", text).run(&["exec", "ends.yaml"]).expect(1).run_id();
    let shown = sandbox.run(&["show", &run, "-o", "json"]).expect(0).json();
    let step = |path: &str| shown["steps"].as_array().unwrap().iter().find(|step| step["path"] == path).unwrap();
    assert_eq!(step("odd")["warnings"], json!(["three is not four"]), "{shown:#}");
    let after = (&step("after")["status"], &step("after")["reason"]);
    assert_eq!(after, (&json!("blocked"), &json!("it needs what a failed step would have given")), "{shown:#}");
}

#[test]
fn what_is_done_is_verified_before_the_run_goes_on() {
    let (service, sandbox, run) = failed();
    let plan = sandbox.run(&["resume", "--plan", &run, "-o", "json"]).expect(0).json();
    let first = &plan["steps"][0];
    assert_eq!((first["path"].as_str(), first["decision"].as_str()), (Some("first"), Some("reuse")));
    assert!(first["reason"].as_str().unwrap().contains("its `verify` is asked first"), "{first}");
    service.set("gone");
    sandbox.run(&["resume", &run]).expect(1);
    let verified = events(&sandbox, &run).into_iter().find(|event| event["event"] == "step-verified").unwrap();
    assert_eq!((verified["step"].as_str(), &verified["sentences"]), (Some("first"), &json!(["the flag is gone"])));
    // It only reads, so that it was simply done once more.
    let shown = sandbox.run(&["show", &run, "-o", "json"]).expect(0).json();
    assert_eq!((shown["steps"][0]["status"].as_str(), &shown["steps"][0]["attempts"]), (Some("succeeded"), &json!(2)));
}

#[test]
fn a_run_that_is_given_up_cleans_up_even_if_its_process_dies_in_the_middle() {
    let (service, sandbox, run) = failed();
    let calls = service.calls().len();
    service.hold(true);
    let cancelling = sandbox.home.start(["cancel", &run]);
    service.wait_for_calls(calls + 1);
    let _killed = cancelling.kill();
    service.hold(false);
    sandbox.run(&["resume", &run]).expect(1);
    let shown = sandbox.run(&["show", &run, "-o", "json"]).expect(0).json();
    assert_eq!(shown["status"], "cancelled");
    let last = events(&sandbox, &run).into_iter().rfind(|event| event["event"] == "step-succeeded").unwrap();
    assert_eq!((last["step"].as_str(), &last["outputs"]), (Some("finally/step_1"), &json!({"status": "cancelled"})));
}

#[test]
fn what_is_there_and_not_as_wanted_is_adjusted() {
    let service = Service::start();
    let sandbox = service.sandbox();
    service.set("bad");
    let run = sandbox.file("adjusting.yaml", ADJUST).run(&["exec", "adjusting.yaml"]).expect(4).run_id();
    assert_eq!(steps(&sandbox, &run), ["flag parked", "flag/adjust/ask parked"]);
    sandbox.run(&["approve", &run, "flag/adjust/ask"]).expect(0);
    service.set("good");
    let outcome = sandbox.run(&["resume", &run, "-o", "json"]).expect(0).json();
    assert_eq!(outcome["outputs"], json!({"value": "good"}));
    let last = events(&sandbox, &run).into_iter().rfind(|event| event["event"] == "step-succeeded").unwrap();
    assert_eq!((last["step"].as_str(), last["origin"].as_str()), (Some("flag"), Some("changed")));
    assert!(!service.calls().contains(&"PutParameter".to_owned()));
}
