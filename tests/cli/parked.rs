//! Runs that stop for a person or for time, and the way on: an expired login, a lost reply, a passed deadline.

use serde_json::json;

use crate::sandbox::Sandbox;
use crate::service::{Mood, Service};

const READ: &str = "\
apiVersion: runbook/v1
name: calling
version: 1.0.0
steps:
  - id: read
    aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
    outputs: {value: \"${{ result.Parameter.DataType }}\"}
outputs:
  value: ${{ steps.read.value }}
";

/// Repeating it may do it twice, and nothing can tell whether it happened.
const ONE_SHOT: &str = "\
apiVersion: runbook/v1
name: sending
version: 1.0.0
steps:
  - id: send
    aws-call: {service: ssm, operation: SendCommand, params: {DocumentName: AWS-RunShellScript}}
    outputs: {}
  - id: after
    set: {x: 1}
";

const DEADLINE: &str = "\
apiVersion: runbook/v1
name: waiting
version: 1.0.0
steps:
  - id: flag
    wait-for:
      aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
      until: ${{ result.Parameter.DataType == 'up' }}
      observe: the flag is ${{ result.Parameter.DataType }}
      else: the flag never went up
      every: 1s
    timeout: 1s
";

fn service(text: &str, mood: Mood) -> (Service, Sandbox) {
    let service = Service::start();
    let sandbox = service.sandbox();
    sandbox.file("x.yaml", text);
    service.set("down");
    service.be(mood);
    (service, sandbox)
}

#[test]
fn an_expired_login_parks_the_run_until_it_is_resumed() {
    let (service, sandbox) = service(READ, Mood::Expired);
    let outcome = sandbox.run(&["exec", "x.yaml", "-o", "json"]).expect(4);
    let document = outcome.json();
    let run = document["run"].as_str().unwrap();
    assert_eq!((&document["status"], &document["steps"][0]["status"]), (&json!("parked"), &json!("parked")));
    assert_eq!(document["steps"][0]["error"]["class"], "expired-credentials");
    assert_eq!(outcome.last_line(), format!("runbook resume {run}"));
    insta::assert_snapshot!(outcome.stderr_steady());
    service.be(Mood::Willing);
    assert_eq!(sandbox.run(&["resume", "-o", "json"]).expect(0).json()["outputs"]["value"], "down");
}

#[test]
fn a_lost_reply_of_a_one_shot_is_a_question_to_a_person() {
    let (service, sandbox) = service(ONE_SHOT, Mood::Silent);
    let outcome = sandbox.run(&["exec", "x.yaml", "-o", "json"]).expect(4);
    let document = outcome.json();
    let run = document["run"].as_str().unwrap();
    assert_eq!(document["steps"][0]["status"], "in-doubt");
    assert_eq!(document["next"], format!("runbook resolve {run} send --done"));
    assert_eq!(outcome.last_line(), format!("runbook resolve {run} send --done"));
    insta::assert_snapshot!(outcome.stderr_steady());
    assert_eq!(service.calls().len(), 1);
    sandbox.run(&["approve", run, "send"]).expect(1);
    let resolved = sandbox.run(&["resolve", run, "send", "--done"]).expect(0);
    assert_eq!(resolved.last_line(), format!("runbook resume {run}"));
    sandbox.run(&["resume"]).expect(0);
    assert_eq!(service.calls().len(), 1, "it is not done twice");
}

#[test]
fn a_passed_deadline_is_told_with_what_was_seen_last() {
    let (service, sandbox) = service(DEADLINE, Mood::Willing);
    let outcome = sandbox.run(&["exec", "x.yaml", "-o", "json"]).expect(5);
    let document = outcome.json();
    assert_eq!((&document["status"], &document["steps"][0]["status"]), (&json!("timed-out"), &json!("parked")));
    let run = document["run"].as_str().unwrap();
    assert_eq!(outcome.last_line(), format!("runbook resume {run}"));
    insta::assert_snapshot!(sandbox.run(&["show", run]).expect(0));
    // An extension that is too short passes as well; a longer one does not.
    sandbox.run(&["resume", "--extend", "1s"]).expect(5);
    service.set("up");
    sandbox.run(&["resume", "--extend", "1m"]).expect(0);
    sandbox.run(&["resume", "--extend", "soon"]).expect(2);
}
