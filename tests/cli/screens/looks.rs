//! Scenes of looking at runs afterwards: lists, one run, its events, what a resume would do, and a word that is refused.
//!
//! This file decides which runs there are.

use super::{Look, Picture, Scene};
use crate::sandbox::Sandbox;

pub(super) const SCENES: [Scene<'_>; 10] = [
    ("no runs yet", &|look| look.ended(&sandbox(), &["runs"], 0)),
    ("runs", &runs),
    ("show", &|look| about(look, &["show", "RUN"], 0)),
    ("events", &|look| about(look, &["events", "RUN"], 0)),
    ("resume --plan", &|look| about(look, &["resume", "RUN", "--plan"], 0)),
    ("report -o markdown", &|look| about(look, &["report", "RUN", "-o", "markdown"], 0)),
    ("approve", &|look| about(look, &["approve", "RUN", "gate"], 0)),
    ("a word that nobody waits for", &|look| about(look, &["reject", "RUN", "last"], 1)),
    ("a run that is not there", &|look| about(look, &["show", "nobodys-000000"], 2)),
    ("doctor", &|look| look.ended(&sandbox(), &["doctor"], 8)),
];

/// Something of everything: a title that is wider than a narrow window, a loop, a skipped step, a secret, a gate.
const TEXT: &str = r#"
apiVersion: runbook/v1
name: gated
version: 1.0.0
title: Ask before anything happens
inputs:
  who: {type: string}
  token: {type: string, secret: true, optional: true}
steps:
  - {id: greeting, title: "Greet ${{ inputs.who }} with a title that is longer than a narrow terminal is wide", set: {text: "hello ${{ inputs.who }}"}}
  - id: each
    for-each: [a, b]
    set: {name: "${{ item }}"}
  - {id: never, when: "${{ false }}", set: {a: 1}}
  - {id: gate, approve: {message: "Go, ${{ inputs.who }}?"}}
  - {id: last, set: {done: true}}
"#;

const WRONG: &str = "apiVersion: runbook/v1\nname: wrong\nversion: 1.0.0\nsteps:\n  - {id: n, set: {x: 3}}\n  \
                     - {id: judge, assert: [{that: \"${{ steps.n.x == 4 }}\", else: \"found ${{ steps.n.x }}, want 4\"}]}\n";

pub(super) fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("gated.yaml", TEXT).file("wrong.yaml", WRONG);
    sandbox
}

/// A run that waits at its gate; one of its inputs would like to command the terminal.
pub(super) fn parked(sandbox: &Sandbox) -> String {
    sandbox.run(&["exec", "gated.yaml", "-i", "who=\u{1b}[2Jyou\u{202e}"]).expect(4).run_id()
}

/// What the program says of that run.
fn about(look: Look, arguments: &[&str], code: i32) -> Picture {
    let sandbox = sandbox();
    let run = parked(&sandbox);
    let arguments: Vec<&str> = arguments.iter().map(|word| if *word == "RUN" { &run } else { *word }).collect();
    look.ended(&sandbox, &arguments, code)
}

fn runs(look: Look) -> Picture {
    let sandbox = sandbox();
    sandbox.run(&["exec", "wrong.yaml", "--label", "ticket=OPS-12", "--label", "team=platform"]).expect(1);
    let run = parked(&sandbox);
    sandbox.run(&["cancel", &run]).expect(0);
    parked(&sandbox);
    look.ended(&sandbox, &["runs"], 0)
}
