//! What a person sees at a terminal: the live block, prompts, Ctrl-C, narrow windows, poor locales.

use runbook_harness::Terminal;

use crate::sandbox::{Sandbox, steady};
use crate::service::Service;

const WAIT: &str = "\
apiVersion: runbook/v1
name: waiting
version: 1.0.0
inputs:
  who: {type: string, description: Whom to greet}
  token: {type: string, secret: true}
steps:
  - id: greeting
    title: Greet somebody
    set: {text: \"hello ${{ inputs.who }}\", length: \"${{ inputs.token | length }}\"}
  - id: flag
    wait-for:
      aws-call: {service: ssm, operation: GetParameter, params: {Name: flag}}
      until: ${{ result.Parameter.DataType == 'up' }}
      observe: the flag is ${{ result.Parameter.DataType }}
      every: 1s
    timeout: 2h
outputs:
  text: ${{ steps.greeting.text }}
";

const ARGUMENTS: [&str; 6] = ["exec", "x.yaml", "-i", "who=you", "-i", "token=t"];

fn waiting() -> (Service, Sandbox) {
    let service = Service::start();
    let sandbox = service.sandbox();
    sandbox.file("x.yaml", WAIT);
    service.set("down");
    (service, sandbox)
}

/// The screen without what differs from run to run.
fn still(terminal: &Terminal) -> String {
    let text = regex_lite::Regex::new(r"[⠋⠙⠸⠴⠦⠇]|\b\d+[hm]\d\dm?s?\b|look \d+").unwrap();
    let shown = text.replace_all(&terminal.shown(), "*").into_owned();
    // Columns are as wide as the times in them were.
    regex_lite::Regex::new(r" +(\*|\[s\])").unwrap().replace_all(&steady(&shown), " $1").into_owned()
}

#[test]
fn what_runs_is_a_block_below_what_is_done() {
    let (service, sandbox) = waiting();
    let mut terminal = Terminal::start(&sandbox.home.command(ARGUMENTS), 110, 20);
    terminal.wait_for("the flag is down").wait_for("[1/2]");
    insta::assert_snapshot!(still(&terminal));
    service.set("up");
    terminal.expect(0);
    insta::assert_snapshot!(still(&terminal));
    let written = terminal.written();
    assert!(!written.contains("\u{1b}[2J") && !written.contains("\u{1b}[?1049h"), "the screen is never cleared");
}

#[test]
fn twenty_columns_are_enough_and_a_window_may_change() {
    let (service, sandbox) = waiting();
    let mut terminal = Terminal::start(&sandbox.home.command(ARGUMENTS), 20, 6);
    // Lines of the block are cut, so that it stays as high as it was drawn.
    terminal.wait_for("[1/2]").wait_for("t…");
    terminal.resize(100, 30).wait_for("the flag is down").resize(5, 2).resize(60, 10).wait_for("[1/2]");
    service.set("up");
    terminal.expect(0);
    assert!(terminal.shown().contains("text: hello you"), "{}", terminal.shown());
}

#[test]
fn a_poor_locale_gets_ascii_and_no_colour_means_none() {
    let (service, sandbox) = waiting();
    service.set("up");
    let sandbox = sandbox.with("LANG", "C").with("NO_COLOR", "1");
    let mut terminal = Terminal::start(&sandbox.home.command(ARGUMENTS), 80, 20);
    terminal.expect(0);
    let written = terminal.written();
    assert!(written.is_ascii(), "{written:?}");
    assert!(!regex_lite::Regex::new("\u{1b}\\[[0-9;]*m").unwrap().is_match(&written), "{written:?}");
    assert!(terminal.shown().contains("+ flag"), "{}", terminal.shown());
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let (service, sandbox) = waiting();
    service.set("up");
    let sandbox = sandbox.with("TERM", "dumb");
    let mut terminal = Terminal::start(&sandbox.home.command(ARGUMENTS), 80, 20);
    terminal.expect(0);
    assert!(terminal.shown().contains("Z [flag] begins"), "{}", terminal.shown());
    assert!(!terminal.written().contains('\u{1b}'));
}

#[test]
fn what_is_missing_is_asked_for_and_a_secret_is_not_shown() {
    let (service, sandbox) = waiting();
    service.set("up");
    let mut terminal = Terminal::start(&sandbox.home.command(["exec", "x.yaml"]), 80, 20);
    terminal.wait_for("who (Whom to greet): ").type_in("world\n");
    terminal.wait_for("token: ").type_in("hunter2\n");
    terminal.expect(0);
    assert!(terminal.shown().contains("text: hello world"), "{}", terminal.shown());
    assert!(!terminal.written().contains("hunter2"));
}

/// Ended by the signal itself, it would leave a terminal that shows nothing of what is typed.
#[test]
fn ctrl_c_at_a_question_ends_with_the_code_of_an_interruption() {
    let (_service, sandbox) = waiting();
    let mut terminal = Terminal::start(&sandbox.home.command(["exec", "x.yaml"]), 80, 20);
    terminal.wait_for("who (Whom to greet): ").type_in("world\n");
    terminal.wait_for("token: ").type_in("\u{3}");
    terminal.expect(130);
    assert!(terminal.shown().contains("nothing was answered, and nothing ran"), "{}", terminal.shown());
    assert_eq!(sandbox.run(&["runs", "-o", "json"]).expect(0).stdout(), "[]\n");
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_again() {
    let sandbox = Sandbox::new();
    let text = "apiVersion: runbook/v1\nname: demo\nversion: 1.0.0\ninputs:\n  n: {type: integer, max: 9}\n\
                steps:\n  - id: a\n    set: {n: \"${{ inputs.n }}\"}\noutputs: {n: \"${{ steps.a.n }}\"}\n";
    sandbox.file("demo.yaml", text);
    let mut terminal = Terminal::start(&sandbox.home.command(["exec", "demo.yaml"]), 80, 20);
    terminal.wait_for("n: ").type_in("ten\n").wait_for("not a whole number").wait_for("help").type_in("7\n");
    terminal.expect(0);
    let mut terminal = Terminal::start(&sandbox.home.command(["exec", "demo.yaml"]), 80, 20);
    terminal.wait_for("n: ").type_in("\u{4}");
    terminal.expect(3);
}

#[test]
fn ctrl_c_at_the_terminal_stops_and_names_the_way_on() {
    let (_service, sandbox) = waiting();
    let mut terminal = Terminal::start(&sandbox.home.command(ARGUMENTS), 100, 20);
    terminal.wait_for("the flag is down").type_in("\u{3}");
    terminal.expect(130);
    let shown = terminal.shown();
    let last = shown.trim_end().lines().last().unwrap().trim().to_owned();
    assert!(last.starts_with("runbook resume waiting-"), "{shown}");
    assert!(!shown.contains("[1/2]"), "the block is gone:\n{shown}");
}

#[test]
fn a_value_cannot_command_the_terminal() {
    let sandbox = Sandbox::new();
    let text = "apiVersion: runbook/v1\nname: gated\nversion: 1.0.0\ninputs:\n  what: {type: string}\n\
                steps:\n  - id: gate\n    approve: {message: \"${{ inputs.what }}\"}\n";
    sandbox.file("gated.yaml", text);
    let evil = "what=a\u{1b}[2J\u{1b}]0;title\u{7}\nb\u{202e}c";
    let mut terminal = Terminal::start(&sandbox.home.command(["exec", "gated.yaml", "-i", evil]), 80, 20);
    terminal.expect(4);
    for bytes in ["\u{1b}[2J", "\u{1b}]0", "\u{7}", "\u{202e}"] {
        assert!(!terminal.written().contains(bytes), "{bytes:?} in {:?}", terminal.written());
    }
    let run = sandbox.run(&["runs", "-o", "json"]).json()[0]["run"].as_str().unwrap().to_owned();
    for verb in ["show", "events"] {
        let outcome = sandbox.run(&[verb, &run, "--color", "never"]).expect(0);
        assert!(!outcome.stdout().contains(['\u{1b}', '\u{7}', '\u{202e}']), "{verb}");
    }
}
