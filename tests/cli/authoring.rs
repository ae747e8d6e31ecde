//! What helps authors and shells: kinds, completions, manual pages, pictures, complaints for machines.

use std::process::{Command, Stdio};

use crate::sandbox::Sandbox;

const GATED: &str = "apiVersion: runbook/v1\nname: gated\nversion: 1.0.0\n\
                     steps:\n  - id: gate\n    approve: {message: go?}\n";

/// What a shell of this name would offer for the last of the words.
fn offered(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let mut command = sandbox.home.command([&["--", "runbook"], words].concat());
    command.env("RUNBOOK_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", (words.len()).to_string());
    command.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_COMP_TYPE", "9").env("_CLAP_COMPLETE_SPACE", "true");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn verbs_runs_steps_and_kinds_are_completed() {
    let sandbox = Sandbox::new();
    sandbox.file("gated.yaml", GATED);
    let run = sandbox.run(&["exec", "gated.yaml"]).expect(4).run_id();
    assert_eq!(offered(&sandbox, &["expl"]), ["explain"]);
    assert_eq!(offered(&sandbox, &["show", ""]).iter().filter(|word| **word == run).count(), 1);
    assert_eq!(offered(&sandbox, &["approve", &run, "g"]), ["gate"]);
    assert_eq!(offered(&sandbox, &["kinds", "k8s-g"]), ["k8s-get"]);
    assert_eq!(offered(&sandbox, &["explain", "RB0203"]), ["RB0203"]);
    // Words of later versions are not offered.
    assert!(!offered(&sandbox, &[""]).iter().any(|word| word == "undo"));
}

#[test]
fn a_shell_that_cannot_be_answered_gets_nothing_and_no_words() {
    let sandbox = Sandbox::new().with("RUNBOOK_STATE", "s3://nowhere");
    assert!(offered(&sandbox, &["show", "x"]).is_empty());
}

#[test]
fn bash_takes_the_script() {
    let sandbox = Sandbox::new();
    let script = sandbox.run(&["completions", "bash"]).expect(0);
    sandbox.file("completion.bash", script.stdout());
    let bash = Command::new("bash").args(["-n", "completion.bash"]).current_dir(sandbox.work()).output().unwrap();
    assert!(bash.status.success() && bash.stderr.is_empty(), "{bash:?}");
    sandbox.run(&["completions", "csh"]).expect(2);
}

#[test]
fn kinds_are_listed_and_an_unknown_one_is_met_with_the_nearest() {
    let sandbox = Sandbox::new();
    let listed = sandbox.run(&["kinds", "-o", "json"]).expect(0).json();
    let call = listed.as_array().unwrap().iter().find(|kind| kind["name"] == "aws-call").unwrap();
    assert_eq!(call["arguments"][0]["name"], "service");
    assert!(sandbox.run(&["kinds", "k8s-get"]).expect(0).stdout().starts_with("# `k8s-get`"));
    let wrong = sandbox.run(&["kinds", "k8s-gett"]).expect(2);
    assert!(wrong.stderr().contains("did you mean `k8s-get`?"), "{wrong}");
}

#[test]
fn manual_pages_are_printed_and_written() {
    let sandbox = Sandbox::new();
    assert!(sandbox.run(&["man", "resume"]).expect(0).stdout().contains(".TH runbook-resume 1"));
    sandbox.run(&["man", "--dir", "man1"]).expect(0);
    assert!(sandbox.work().join("man1/runbook-exec.1").is_file());
    sandbox.run(&["man", "nothing"]).expect(2);
}

#[test]
fn pictures_are_drawn_of_sound_runbooks_only() {
    let sandbox = Sandbox::new();
    sandbox.file("gated.yaml", GATED).file("wrong.yaml", "apiVersion: runbook/v1\nname: wrong\nsteps: []\n");
    assert!(sandbox.run(&["graph", "gated.yaml"]).expect(0).stdout().starts_with("flowchart TB\n  s_gate"));
    assert!(sandbox.run(&["graph", "gated.yaml", "-o", "dot"]).expect(0).stdout().starts_with("digraph \"gated\" {"));
    let svg = sandbox.run(&["graph", "gated.yaml", "-o", "svg"]).expect(0);
    roxmltree::Document::parse(svg.stdout()).unwrap();
    let wrong = sandbox.run(&["graph", "wrong.yaml"]).expect(3);
    assert!(wrong.stdout().is_empty() && wrong.stderr().contains("version"), "{wrong}");
}

#[test]
fn complaints_are_told_to_github_and_code_scanning() {
    let sandbox = Sandbox::new();
    sandbox
        .file("wrong.yaml", "apiVersion: runbook/v1\nname: wrong\nversion: 1.0.0\nsteps:\n  - id: a\n    sett: {}\n");
    let github = sandbox.run(&["lint", "-o", "github", "wrong.yaml"]).expect(3);
    assert!(
        github.stdout().starts_with("::error file=wrong.yaml,line=6,endLine=6,col=5,endColumn=9,title=RB"),
        "{github}"
    );
    let sarif = sandbox.run(&["lint", "-o", "sarif", "wrong.yaml"]).expect(3).json();
    let region = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startLine"], &region["endColumn"]), (&6.into(), &9.into()));
}
