//! Ctrl-C and SIGTERM: what is under way is recorded, and the run can go on.

use std::time::Duration;

use crate::sandbox::Sandbox;
use crate::service::Service;

const CALL: &str = "\
apiVersion: runbook/v1
name: calling
version: 1.0.0
steps:
  - id: first
    aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
    outputs: {value: \"${{ result.Parameter.DataType }}\"}
  - id: second
    set: {x: 1}
";

const WAIT: &str = "\
apiVersion: runbook/v1
name: waiting
version: 1.0.0
steps:
  - id: flag
    wait-for:
      aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
      until: ${{ result.Parameter.DataType == 'up' }}
      observe: the flag is ${{ result.Parameter.DataType }}
      every: 1m
    timeout: 2h
";

fn service(text: &str) -> (Service, Sandbox) {
    let service = Service::start();
    let sandbox = service.sandbox();
    sandbox.file("x.yaml", text);
    service.set("down");
    (service, sandbox)
}

#[test]
fn the_first_interrupt_lets_the_call_in_flight_end() {
    let (service, sandbox) = service(CALL);
    service.hold(true);
    let mut started = sandbox.home.start(["exec", "x.yaml", "-o", "json"]);
    service.wait_for_calls(1);
    started.interrupt();
    assert!(started.until(Duration::from_secs(60), |it| it.stderr().contains("Ctrl-C")));
    service.hold(false);
    let outcome = sandbox.outcome(&["exec", "x.yaml", "-o", "json"], started).expect(130);
    let document = outcome.json();
    assert_eq!(document["status"], "interrupted");
    assert_eq!(
        (&document["steps"][0]["status"], &document["steps"][1]["status"]),
        (&"succeeded".into(), &"pending".into())
    );
    let run = document["run"].as_str().unwrap();
    assert_eq!(document["next"], format!("runbook resume {run}"));
    assert_eq!(outcome.last_line(), format!("runbook resume {run}"));
    insta::assert_snapshot!(outcome.stderr_steady());
    sandbox.run(&["resume"]).expect(0);
    assert_eq!(service.calls().len(), 1);
}

#[test]
fn a_terminal_that_is_closed_lets_the_call_in_flight_end_however_often_it_is_told() {
    let (service, sandbox) = service(CALL);
    service.hold(true);
    let mut started = sandbox.home.start_at_terminal(["exec", "x.yaml"]);
    service.wait_for_calls(1);
    started.hang_up();
    assert!(started.until(Duration::from_secs(60), |it| it.stderr().contains("closed terminal")));
    started.hang_up();
    service.hold(false);
    let outcome = sandbox.outcome(&["exec", "x.yaml"], started).expect(143);
    assert!(outcome.stderr().contains("[first] done"), "{outcome}");
    sandbox.run(&["resume"]).expect(0);
    assert_eq!(service.calls().len(), 1);
}

#[test]
fn the_second_interrupt_stops_now() {
    let (service, sandbox) = service(CALL);
    service.hold(true);
    let mut started = sandbox.home.start(["exec", "x.yaml"]);
    service.wait_for_calls(1);
    started.interrupt();
    assert!(started.until(Duration::from_secs(60), |it| it.stderr().contains("Ctrl-C again stops now")));
    started.interrupt();
    let outcome = sandbox.outcome(&["exec", "x.yaml"], started).expect(130);
    assert!(outcome.last_line().starts_with("runbook resume calling-"), "{outcome}");
    service.hold(false);
    sandbox.run(&["resume"]).expect(0);
}

#[test]
fn an_interrupted_wait_goes_on_where_it_was() {
    let (service, sandbox) = service(WAIT);
    let mut started = sandbox.home.start(["exec", "x.yaml"]);
    assert!(started.until(Duration::from_secs(60), |it| it.stderr().contains("the flag is down")));
    started.terminate();
    let outcome = sandbox.outcome(&["exec", "x.yaml"], started).expect(143);
    assert!(outcome.last_line().starts_with("runbook resume waiting-"), "{outcome}");
    service.set("up");
    sandbox.run(&["resume"]).expect(0);
}
