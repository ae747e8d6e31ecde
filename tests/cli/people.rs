//! A person's word: `approve`, `reject`, `resolve`, `cancel`, with and without a process that holds the run.

use crate::sandbox::Sandbox;
use crate::service::Service;

const GATE: &str = "\
apiVersion: runbook/v1
name: gated
version: 1.0.0
steps:
  - id: gate
    title: Ask
    approve: {message: Switch over?}
  - id: after
    set: {x: 1}
";

/// One branch waits for a person while another looks at a parameter.
const BRANCHES: &str = "\
apiVersion: runbook/v1
name: branches
version: 1.0.0
steps:
  - id: gate
    needs: []
    approve: {message: Switch over?}
  - id: flag
    needs: []
    wait-for:
      aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
      until: ${{ result.Parameter.DataType == 'up' }}
      every: 1s
";

fn parked() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let run = sandbox.file("gated.yaml", GATE).run(&["exec", "gated.yaml"]).expect(4).run_id();
    (sandbox, run)
}

#[test]
fn a_parked_run_names_the_word_it_waits_for() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.file("gated.yaml", GATE).run(&["exec", "gated.yaml", "-o", "json"]).expect(4);
    let document = outcome.json();
    let run = document["run"].as_str().unwrap();
    assert_eq!(document["status"], "parked");
    assert_eq!(document["steps"][0]["status"], "parked");
    assert_eq!(document["steps"][0]["reason"], "Switch over?");
    assert_eq!(document["next"], format!("runbook approve {run} gate"));
    assert_eq!(outcome.last_line(), format!("runbook approve {run} gate"));
    insta::assert_snapshot!(outcome.stderr_steady());
}

#[test]
fn an_approval_is_kept_until_the_run_goes_on() {
    let (sandbox, run) = parked();
    let approved = sandbox.run(&["approve", &run, "gate"]).expect(0);
    assert_eq!(approved.last_line(), format!("runbook resume {run}"));
    insta::assert_snapshot!(approved);
    let shown = sandbox.run(&["show", &run, "-o", "json"]).expect(0).json();
    assert_eq!(shown["next"], format!("runbook resume {run}"));
    assert_eq!(decisions(&sandbox, &run), [["gate", "run"], ["after", "run"]]);
    sandbox.run(&["resume"]).expect(0);
}

/// What `resume --plan` says of each step.
fn decisions(sandbox: &Sandbox, run: &str) -> Vec<[String; 2]> {
    let plan = sandbox.run(&["resume", run, "--plan", "-o", "json"]).expect(0).json();
    let steps = plan["steps"].as_array().unwrap().iter();
    steps.map(|step| ["path", "decision"].map(|field| step[field].as_str().unwrap().to_owned())).collect()
}

#[test]
fn what_would_become_of_a_run_follows_the_word_that_waits_for_it() {
    let (sandbox, run) = parked();
    assert_eq!(decisions(&sandbox, &run), [["gate", "ask"], ["after", "blocked"]]);
    sandbox.run(&["cancel", &run]).expect(0);
    assert_eq!(decisions(&sandbox, &run), [["gate", "blocked"], ["after", "blocked"]]);
}

#[test]
fn the_first_answer_counts_and_a_later_one_is_told() {
    let (sandbox, run) = parked();
    sandbox.run(&["reject", &run, "gate"]).expect(0);
    insta::assert_snapshot!(sandbox.run(&["approve", &run, "gate"]).expect(1));
    insta::assert_snapshot!(sandbox.run(&["reject", &run, "gate"]).expect(0));
    let outcome = sandbox.run(&["resume", &run, "-o", "json"]).expect(1);
    assert_eq!(outcome.json()["steps"][0]["status"], "failed");
    // Also once the journal has it.
    sandbox.run(&["approve", &run, "gate"]).expect(1);
}

#[test]
fn a_word_that_nobody_waits_for_is_refused() {
    let (sandbox, run) = parked();
    insta::assert_snapshot!(sandbox.run(&["approve", &run, "after"]).expect(1));
    insta::assert_snapshot!(sandbox.run(&["resolve", &run, "gate", "--done"]).expect(1));
    insta::assert_snapshot!(sandbox.run(&["approve", &run, "gaet"]).expect(2));
    sandbox.run(&["approve", &run, "no path"]).expect(2);
    sandbox.run(&["resolve", &run, "gate"]).expect(2);
    sandbox.run(&["resolve", &run, "gate", "--done", "--retry"]).expect(2);
}

#[test]
fn whoever_holds_the_run_hears_an_approval_within_a_second() {
    let service = Service::start();
    let sandbox = service.sandbox();
    service.set("down");
    let arguments = ["exec", "branches.yaml", "-o", "ndjson"];
    let mut started = sandbox.file("branches.yaml", BRANCHES).home.start(arguments);
    assert!(started.until(std::time::Duration::from_secs(60), |it| it.stdout().contains("\"step-parked\"")));
    let run = sandbox.run(&["runs", "-o", "json"]).expect(0).json()[0]["run"].as_str().unwrap().to_owned();
    let approved = sandbox.run(&["approve", &run, "gate"]).expect(0);
    assert!(approved.stderr().contains("hears it within a second"), "{approved}");
    assert!(started.until(std::time::Duration::from_secs(60), |it| it.stdout().contains("\"word-given\"")));
    service.set("up");
    let lines = sandbox.outcome(&arguments, started).expect(0).json_lines();
    let word = lines.iter().find(|line| line["event"] == "word-given").unwrap();
    assert_eq!((&word["word"], &word["by"]["user"]), (&"approve".into(), &"ann".into()));
}

#[test]
fn a_run_is_cancelled_at_once_if_nobody_holds_it() {
    let (sandbox, run) = parked();
    insta::assert_snapshot!(sandbox.run(&["cancel", &run]).expect(0));
    let shown = sandbox.run(&["show", &run, "-o", "json"]).expect(0).json();
    assert_eq!((&shown["status"], &shown["next"]), (&"cancelled".into(), &serde_json::Value::Null));
    insta::assert_snapshot!(sandbox.run(&["resume", &run]).expect(9));
    sandbox.run(&["cancel", &run]).expect(0);
    sandbox.run(&["exec", "gated.yaml"]).expect(4);
}

#[test]
fn whoever_holds_a_cancelled_run_stops() {
    let service = Service::start();
    let sandbox = service.sandbox();
    service.set("down");
    let arguments = ["exec", "branches.yaml", "-o", "json"];
    let started = sandbox.file("branches.yaml", BRANCHES).home.start(arguments);
    service.wait_for_calls(1);
    let run = sandbox.run(&["runs", "-o", "json"]).expect(0).json()[0]["run"].as_str().unwrap().to_owned();
    sandbox.run(&["cancel", &run]).expect(0);
    let outcome = sandbox.outcome(&arguments, started).expect(1);
    assert_eq!(outcome.json()["status"], "cancelled");
    assert_eq!(outcome.json()["next"], serde_json::Value::Null);
}
