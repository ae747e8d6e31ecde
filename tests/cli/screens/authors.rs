//! Scenes of writing a runbook: complaints, their stories, kinds, pictures, help.
//!
//! This file decides what is asked.

use super::{Look, Picture, Scene};
use crate::sandbox::Sandbox;

/// What grows with the program, and is long: that a narrow window loses nothing of it.
pub(super) const LISTS: [Scene<'_>; 3] = [
    ("explain: a list", &|look| asked(look, &["explain"], 0)),
    ("kinds: a list", &|look| asked(look, &["kinds"], 0)),
    ("kinds: a page", &|look| asked(look, &["kinds", "k8s-apply"], 0)),
];

pub(super) const SCENES: [Scene<'_>; 12] = [
    ("lint: complaints", &|look| asked(look, &["lint", "wrong.yaml"], 3)),
    ("lint: none", &|look| asked(look, &["lint", "good.yaml"], 0)),
    ("explain: a story", &|look| asked(look, &["explain", "RB0304"], 0)),
    ("kinds: one", &|look| asked(look, &["kinds", "approve"], 0)),
    ("kinds: a misspelt one", &|look| asked(look, &["kinds", "k8s-aply"], 2)),
    ("graph", &|look| asked(look, &["graph", "good.yaml"], 0)),
    ("schema of a misspelt operation", &|look| asked(look, &["schema", "eks", "CreateClutser"], 2)),
    ("no words", &|look| asked(look, &[], 2)),
    ("-h", &|look| asked(look, &["-h"], 0)),
    ("help of a verb", &|look| asked(look, &["resume", "--help"], 0)),
    ("a misspelt verb", &|look| asked(look, &["exce", "good.yaml"], 2)),
    ("an input that is none", &|look| asked(look, &["exec", "good.yaml", "-i", "who"], 2)),
];

const GOOD: &str = "apiVersion: runbook/v1\nname: demo\nversion: 1.0.0\nsteps:\n  - {id: a, title: Say it, set: {x: 1}}\n  \
                    - {id: each, for-each: [a, b], set: {x: \"${{ item }}\"}}\n  - {id: gate, approve: {message: Go?}}\n";

/// Complaints, one of them about a line that is wider than the window.
const WRONG: &str = "apiVersion: runbook/v1\nname: wrong\nversion: 1.0.0\nsteps:\n  - id: a\n    sett: {}\n  \
                     - id: b\n    set: {text: \"a text that goes on and on until no window is wide enough for it, ${{ inputs.whom }}\"}\n";

fn asked(look: Look, arguments: &[&str], code: i32) -> Picture {
    let sandbox = Sandbox::new();
    sandbox.file("good.yaml", GOOD).file("wrong.yaml", WRONG);
    look.ended(&sandbox, arguments, code)
}
