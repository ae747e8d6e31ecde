//! Kinds that touch this machine: programs that have to be allowed, files that are replaced.

use std::fs;
use std::time::Duration;

use crate::sandbox::Sandbox;

const COMMANDS: &str = "\
apiVersion: runbook/v1
name: programs
version: 1.0.0
inputs:
  word: {type: string, secret: true}
steps:
  - id: own
    command: {argv: [/bin/sh, -c, 'echo \"$WORD\"; echo 7 >&2'], env: {WORD: \"${{ inputs.word }}\"}}
  - id: written
    file: {path: ~/made/word, content: \"${{ steps.own.result.stdout }}\"}
outputs:
  said: ${{ steps.own.result.stdout }}
  complaint: ${{ steps.own.result.stderr }}
";

const HIDDEN: &str = "\
apiVersion: runbook/v1
name: hidden
version: 1.0.0
steps:
  - id: all
    group:
      steps:
        - {id: inner, command: {argv: [\"true\"]}}
  - id: last
    set: {}
    undo: [{id: back, command: {argv: [\"true\"]}}]
finally:
  - {id: end, command: {argv: [\"true\"]}}
";

#[test]
fn programs_start_only_if_somebody_allowed_that() {
    let sandbox = Sandbox::new().with("RUNBOOK_INPUT_WORD", "hush-hush");
    sandbox.file("x.yaml", COMMANDS).file("hidden.yaml", HIDDEN);
    let refused = sandbox.run(&["exec", "x.yaml"]).expect(9);
    let said = refused.stderr();
    assert!(said.contains("--allow-command") && said.contains("step `own` (x.yaml:7:9)"), "{said}");
    let hidden = sandbox.run(&["exec", "hidden.yaml"]).expect(9);
    for step in ["inner", "back", "end"] {
        assert!(hidden.stderr().contains(&format!("step `{step}`")), "{}", hidden.stderr());
    }
    assert_eq!(sandbox.run(&["runs", "-o", "json"]).expect(0).json(), serde_json::json!([]), "nothing ran");

    let done = sandbox.run(&["exec", "x.yaml", "--allow-command", "-o", "json"]).expect(0);
    let document = done.json();
    assert_eq!(document["outputs"], serde_json::json!({"said": "(secret)", "complaint": "7\n"}));
    assert!(!done.stdout().contains("hush-hush") && !done.stderr().contains("hush-hush"));
    assert_eq!(fs::read_to_string(sandbox.home.path().join("made/word")).unwrap(), "hush-hush\n");
}

#[test]
fn a_program_ends_with_the_run_that_started_it() {
    let sandbox = Sandbox::new();
    let alive = sandbox.home.path().join("alive");
    let line = format!("while :; do echo $$ > {}; /bin/sleep 0.05; done", alive.display());
    sandbox.file(
        "x.yaml",
        &format!("apiVersion: runbook/v1\nname: long\nversion: 1.0.0\nsteps:\n  - id: a\n    command: {{argv: [/bin/sh, -c, '{line}']}}\n"),
    );
    let mut started = sandbox.home.start(["exec", "x.yaml", "--allow-command"]);
    let own = || fs::read_to_string(&alive).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let mut pid = None;
    assert!(started.until(Duration::from_secs(60), |_| {
        pid = own();
        pid.is_some()
    }));
    started.interrupt();
    assert!(started.until(Duration::from_secs(60), |it| it.stderr().contains("Ctrl-C")));
    started.interrupt();
    sandbox.outcome(&["exec", "x.yaml"], started).expect(130);
    // Who has ended is gone, or waits for somebody to ask how.
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.unwrap())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "it lives on: {stat}");
}
