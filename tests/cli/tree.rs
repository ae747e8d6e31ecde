//! The tree of verbs: help, version, what is not there.

use crate::sandbox::Sandbox;

#[test]
fn the_help_fits_one_screen_and_goes_to_stdout() {
    let outcome = Sandbox::new().run(&["-h"]).expect(0);
    assert!(outcome.stderr().is_empty());
    insta::assert_snapshot!(outcome);
}

#[test]
fn the_version_is_one_line() {
    let outcome = Sandbox::new().run(&["--version"]).expect(0);
    assert_eq!(outcome.stdout(), format!("runbook {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_a_verb_the_help_is_told_as_a_usage_error() {
    let outcome = Sandbox::new().run(&[]).expect(2);
    assert!(outcome.stdout().is_empty());
    assert!(outcome.stderr().contains("Usage: runbook"), "{outcome}");
}

#[test]
fn a_verb_of_a_later_version_is_told_in_one_line() {
    for verb in ["undo", "plan", "rehearse", "test", "aws", "iam", "preflight"] {
        let outcome = Sandbox::new().run(&[verb, "x", "--help", "-o", "json"]).expect(2);
        assert_eq!(outcome.stderr(), format!("error: this version of runbook does not have `{verb}` yet\n"));
        assert!(outcome.stdout().is_empty());
    }
}

#[test]
fn a_misspelt_verb_is_answered_with_the_one_that_was_meant() {
    let outcome = Sandbox::new().run(&["explian", "RB0101"]).expect(2);
    insta::assert_snapshot!(outcome);
}

#[test]
fn what_is_read_through_a_closed_pipe_is_no_reason_to_panic() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.home.command(["explain"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_unknown_code_is_answered_with_the_nearest() {
    let outcome = Sandbox::new().run(&["explain", "RB9999"]).expect(2);
    insta::assert_snapshot!(outcome);
}
