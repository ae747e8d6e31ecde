//! Every screen that stays, at 80 and 120 columns, with and without colours; and windows and streams that nobody would choose.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::process::Stdio;

use regex_lite::Regex;
use runbook_harness::Terminal;

use crate::sandbox::{Sandbox, steady};

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

/// Two complaints, one of them about a line that is wider than the window.
const WRONG: &str = "apiVersion: runbook/v1\nname: wrong\nversion: 1.0.0\nsteps:\n  - id: a\n    sett: {}\n  \
                     - id: b\n    set: {text: \"a text that goes on and on until no window is wide enough for it, ${{ inputs.whom }}\"}\n";

/// What was written, with styles in angle brackets, and without what differs from run to run.
fn told(terminal: &Terminal) -> String {
    let written = terminal.written().replace("\r\n", "\n");
    let styled = Regex::new("\u{1b}\\[([0-9;]*)m").unwrap().replace_all(&written, "<$1>").into_owned();
    assert!(!styled.contains('\u{1b}'), "{styled:?}");
    // Columns are as wide as the times in them were.
    Regex::new(" {2,}").unwrap().replace_all(&steady(&styled), "  ").into_owned()
}

fn screens(columns: u16, coloured: bool) -> String {
    let sandbox = if coloured { Sandbox::new() } else { Sandbox::new().with("NO_COLOR", "1") };
    sandbox.file("gated.yaml", TEXT).file("wrong.yaml", WRONG);
    let run = sandbox.run(&["exec", "gated.yaml", "-i", "who=\u{1b}[2Jyou\u{202e}"]).expect(4).run_id();
    let screens: [(&[&str], i32); 10] = [
        (&["runs"], 0),
        (&["show", &run], 0),
        (&["events", &run], 0),
        (&["resume", &run, "--plan"], 0),
        (&["reject", &run, "last"], 1),
        (&["lint", "wrong.yaml"], 3),
        (&["kinds", "approve"], 0),
        (&["graph", "gated.yaml"], 0),
        (&["report", &run, "-o", "markdown"], 0),
        (&["doctor"], 8),
    ];
    let mut all = String::new();
    for (arguments, code) in screens {
        let mut terminal = Terminal::start(&sandbox.home.command(arguments), columns, 40);
        terminal.expect(code);
        let _infallible = writeln!(all, "$ runbook {}\n{}", steady(&arguments.join(" ")), told(&terminal));
    }
    all.replace(&sandbox.home.state().display().to_string(), "[state]")
}

#[test]
fn at_eighty_columns() {
    insta::assert_snapshot!(screens(80, false));
}

#[test]
fn at_eighty_columns_with_colours() {
    insta::assert_snapshot!(screens(80, true));
}

#[test]
fn at_a_hundred_and_twenty_columns() {
    insta::assert_snapshot!(screens(120, false));
}

#[test]
fn at_a_hundred_and_twenty_columns_with_colours() {
    insta::assert_snapshot!(screens(120, true));
}

#[test]
fn twenty_columns_and_no_characters_beside_ascii_are_enough_for_every_screen() {
    let narrow = screens(20, true);
    assert!(narrow.contains("waits for an approval") && narrow.contains("gate"), "{narrow}");
    let sandbox = Sandbox::new().with("LC_ALL", "C");
    sandbox.file("gated.yaml", TEXT);
    let run = sandbox.run(&["exec", "gated.yaml", "-i", "who=you"]).expect(4).run_id();
    let show = sandbox.run(&["show", &run]).expect(0);
    assert!(show.stdout().is_ascii() && show.stdout().contains("! gate"), "{show}");
}

#[test]
fn a_disk_that_is_full_is_told_in_a_word() {
    let sandbox = Sandbox::new();
    sandbox.file("gated.yaml", TEXT);
    let run = sandbox.run(&["exec", "gated.yaml", "-i", "who=you"]).expect(4).run_id();
    let to_file = sandbox.run(&["report", &run, "--file", "/dev/full"]).expect(1);
    assert!(to_file.stderr().contains("failed to write /dev/full: No space left on device"), "{to_file}");
    for arguments in [vec!["runs", "-o", "json"], vec!["show", &run], vec!["schema"], vec!["completions", "bash"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = sandbox.home.command(&arguments).stdout(full).stdin(Stdio::null()).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {words}");
        assert!(words.starts_with("error: failed to write to stdout: No space left"), "{arguments:?}: {words}");
    }
}

#[test]
fn whoever_stops_reading_is_no_reason_to_complain() {
    let sandbox = Sandbox::new();
    sandbox.file("gated.yaml", TEXT);
    let run = sandbox.run(&["exec", "gated.yaml", "-i", "who=you"]).expect(4).run_id();
    for arguments in [vec!["schema"], vec!["report", &run], vec!["events", &run, "-o", "ndjson"], vec!["man"]] {
        let mut child = sandbox.home.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
