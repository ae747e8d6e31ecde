//! `runbook exec`: what people read, what scripts read, and what keeps it from running.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value as Json, json};

use crate::sandbox::Sandbox;

const DEMO: &str = "\
apiVersion: runbook/v1
name: demo
version: 1.2.3
title: A demonstration
inputs:
  who: {type: string, description: Whom to greet}
  times: {type: integer, default: 1, min: 1}
  tags: {type: map, values: {type: string}, default: {}}
  home: {type: path, default: ~/x}
  token: {type: string, secret: true, optional: true}
steps:
  - id: greeting
    title: Greet ${{ inputs.who }}
    set:
      text: hello ${{ inputs.who }}
      times: ${{ inputs.times }}
      tags: ${{ inputs.tags }}
      home: ${{ inputs.home }}
      sealed: token ${{ inputs.token }}
  - id: each
    for-each: [a, b]
    set: {value: \"${{ item }}!\"}
  - id: never
    when: ${{ inputs.times > 100 }}
    set: {x: 1}
outputs:
  text: ${{ steps.greeting.text }}
  times: ${{ steps.greeting.times }}
  tags: ${{ steps.greeting.tags }}
  home: ${{ steps.greeting.home }}
  sealed: ${{ steps.greeting.sealed }}
";

const FAILING: &str = "\
apiVersion: runbook/v1
name: wrong
version: 1.0.0
steps:
  - id: number
    set: {n: 3}
  - id: judge
    assert:
      - that: ${{ steps.number.n == 4 }}
        else: found ${{ steps.number.n }}, want 4
  - id: after
    set: {x: 1}
";

fn demo() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("demo.yaml", DEMO);
    sandbox
}

#[test]
fn a_success_is_told_on_stderr_and_its_outputs_are_data() {
    let outcome = demo().run(&["exec", "demo.yaml", "-i", "who=world", "-i", "tags={a: 1.30}"]).expect(0);
    insta::assert_snapshot!(outcome);
}

#[test]
fn quiet_leaves_only_the_data() {
    let outcome = demo().run(&["exec", "demo.yaml", "-q", "-i", "who=world"]).expect(0);
    assert_eq!(outcome.stderr(), "");
    assert!(outcome.stdout().starts_with("text: hello world\n"), "{outcome}");
}

#[test]
fn the_document_has_the_promised_shape() {
    let sandbox = demo();
    let document = sandbox.run(&["exec", "demo.yaml", "-i", "who=world", "-o", "json"]).expect(0).json();
    let fields = |value: &Json| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&document), ["run", "runbook", "status", "outputs", "next", "steps"]);
    assert_eq!(fields(&document["runbook"]), ["name", "version", "digest"]);
    assert_eq!(document["runbook"]["name"], "demo");
    assert_eq!(document["runbook"]["version"], "1.2.3");
    assert!(document["runbook"]["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(document["status"], "succeeded");
    assert_eq!(document["next"], Json::Null);
    let home = sandbox.home.path().join("x");
    assert_eq!(
        document["outputs"],
        json!({"text": "hello world", "times": 1, "tags": {}, "home": home, "sealed": "token "})
    );
    let steps = document["steps"].as_array().unwrap();
    let told: Vec<(&str, &str, &str)> = steps
        .iter()
        .map(|step| (step["path"].as_str().unwrap(), step["kind"].as_str().unwrap(), step["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("greeting", "set", "succeeded"),
            ("each", "set", "succeeded"),
            ("each[a]", "set", "succeeded"),
            ("each[b]", "set", "succeeded"),
            ("never", "set", "skipped"),
        ]
    );
    for step in steps {
        let shape =
            ["path", "kind", "title", "status", "attempts", "started_at", "finished_at", "reason", "warnings", "error"];
        assert_eq!(fields(step), shape);
        assert!(step["attempts"].is_u64() && step["error"].is_null(), "{step}");
    }
    assert_eq!(steps[0]["title"], "Greet world");
    let finished = steps[0]["finished_at"].as_str().unwrap();
    assert!(finished.len() == "2026-11-22T10:00:00.123Z".len() && finished.ends_with('Z'), "{finished}");
    assert!(steps[4]["reason"].is_string());

    let run = document["run"].as_str().unwrap();
    let shown = sandbox.run(&["show", run, "-o", "json"]).expect(0).json();
    assert_eq!(shown, document);
}

#[test]
fn events_are_printed_as_they_happen_and_again_later() {
    let sandbox = demo();
    let outcome = sandbox.run(&["exec", "demo.yaml", "-i", "who=world", "-o", "ndjson"]).expect(0);
    let lines = outcome.json_lines();
    for (i, line) in lines.iter().enumerate() {
        assert_eq!(line["seq"], i + 1);
        assert!(line["time"].is_string() && line["run"].is_string() && line["event"].is_string(), "{line}");
    }
    let names: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!((names[0], *names.last().unwrap()), ("run-created", "run-ended"));
    assert!(lines.iter().any(|line| line["event"] == "step-succeeded" && line["step"] == "greeting"));

    let run = lines[0]["run"].as_str().unwrap();
    let later = sandbox.run(&["events", run, "-o", "ndjson"]).expect(0);
    assert_eq!(later.stdout(), outcome.stdout());
    assert_eq!(sandbox.run(&["events", run, "-o", "json"]).expect(0).json(), Json::Array(lines));
}

#[test]
fn a_failure_ends_with_the_command_that_goes_on() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.file("wrong.yaml", FAILING).run(&["exec", "wrong.yaml", "-o", "json"]).expect(1);
    let document = outcome.json();
    let run = document["run"].as_str().unwrap();
    assert_eq!(document["status"], "failed");
    assert_eq!(document["next"], format!("runbook resume {run}"));
    assert_eq!(outcome.last_line(), format!("runbook resume {run}"));
    let statuses: Vec<&Json> = document["steps"].as_array().unwrap().iter().map(|step| &step["status"]).collect();
    assert_eq!(statuses, ["succeeded", "failed", "pending"]);
    let error = &document["steps"][1]["error"];
    assert_eq!(error["class"], "check-failed");
    assert_eq!((&error["code"], error["message"].as_str()), (&Json::Null, Some("found 3, want 4")), "{error}");
    assert!(error.as_object().unwrap().contains_key("help"));
    insta::assert_snapshot!(sandbox.run(&["exec", "wrong.yaml", "--new"]).expect(1));
    insta::assert_snapshot!(sandbox.run(&["show", run]).expect(0));
}

#[test]
fn false_checks_have_a_line_each_and_failures_inside_are_told_once() {
    let runbook = "\
apiVersion: runbook/v1
name: wrong
version: 1.0.0
steps:
  - id: outer
    group:
      steps:
        - id: each
          for-each: [a, b]
          assert:
            - {that: \"${{ item == 'a' }}\", else: \"${{ item }} is not a\"}
            - {that: \"${{ item == 'a' }}\", else: it comes after a}
";
    let sandbox = Sandbox::new();
    let outcome = sandbox.file("wrong.yaml", runbook).run(&["exec", "wrong.yaml", "-q", "-o", "json"]).expect(1);
    let closing: Vec<&str> = outcome.stderr().lines().skip_while(|line| !line.starts_with("error: ")).skip(1).collect();
    let expected = ["  outer/each[b]  check-failed: b is not a", "      it comes after a", "go on with:"];
    assert_eq!(closing[..3], expected, "{}", outcome.stderr());
    let document = outcome.json();
    let messages: Vec<&str> =
        document["steps"].as_array().unwrap().iter().filter_map(|step| step["error"]["message"].as_str()).collect();
    assert!(messages.contains(&"b is not a\nit comes after a"), "{messages:?}");
    let run = document["run"].as_str().unwrap();
    insta::assert_snapshot!(sandbox.run(&["show", run]).expect(0));
    insta::assert_snapshot!(sandbox.run(&["exec", "wrong.yaml", "--new"]).expect(1));
}

#[test]
fn a_list_of_flat_maps_is_a_table_for_people() {
    let runbook = "\
apiVersion: runbook/v1
name: costs
version: 1.0.0
steps:
  - id: a
    set: {lines: [{item: node, usd: 73.5}, {item: volume, usd: 7}]}
outputs:
  table: ${{ steps.a.lines }}
  sum: ${{ steps.a.lines | map(attribute=\"usd\") | sum }}
";
    let outcome = Sandbox::new().file("costs.yaml", runbook).run(&["exec", "costs.yaml", "-q"]).expect(0);
    assert_eq!(outcome.stdout(), "table:\n  item     usd\n  node    73.5\n  volume     7\nsum: 80.5\n");
}

#[test]
fn inputs_win_in_the_documented_order() {
    let text = |sandbox: &Sandbox, arguments: &[&str]| {
        let arguments = [&["exec", "demo.yaml", "-q", "--new", "-o", "json"], arguments].concat();
        sandbox.run(&arguments).expect(0).json()["outputs"]["text"].as_str().unwrap().to_owned()
    };
    let sandbox = demo().with("RUNBOOK_INPUT_WHO", "environment").with("RUNBOOK_INPUT_TIMES", "7");
    sandbox.file("a.yaml", "who: first\n").file("b.json", "{\"who\": \"second\"}\n");
    assert_eq!(text(&sandbox, &[]), "hello environment");
    assert_eq!(text(&sandbox, &["--inputs", "a.yaml"]), "hello first");
    assert_eq!(text(&sandbox, &["--inputs", "a.yaml", "--inputs", "b.json"]), "hello second");
    assert_eq!(text(&sandbox, &["-i", "who=flag", "--inputs", "a.yaml"]), "hello flag");
}

#[test]
fn a_source_of_inputs_without_an_end_is_refused() {
    let outcome = demo().run(&["exec", "demo.yaml", "--inputs", "/dev/zero"]).expect(3);
    assert!(outcome.stderr().contains("the inputs in `/dev/zero` cannot be read"), "{}", outcome.stderr());
}

#[test]
fn what_is_missing_or_does_not_fit_is_told_in_one_go() {
    let sandbox = demo();
    let outcome = sandbox.run(&["exec", "demo.yaml", "-i", "times=zero", "-i", "whom=x"]).expect(3);
    insta::assert_snapshot!(outcome);
    assert!(!sandbox.home.state().exists(), "nothing ran");
}

#[test]
fn an_undeclared_name_in_a_file_is_only_noted() {
    let sandbox = demo();
    sandbox.file("in.yaml", "who: x\nwhom: y\n");
    let outcome = sandbox.run(&["exec", "demo.yaml", "--inputs", "in.yaml"]).expect(0);
    assert!(outcome.stderr().starts_with("note: `in.yaml` gives `whom`"), "{outcome}");
}

#[test]
fn an_invalid_runbook_runs_nothing() {
    let sandbox = Sandbox::new();
    sandbox.file("bad.yaml", &DEMO.replace("steps.greeting.text", "steps.greetings.text"));
    let outcome = sandbox.run(&["exec", "bad.yaml", "-i", "who=x", "-o", "json"]).expect(3);
    insta::assert_snapshot!(outcome);
    assert!(!sandbox.home.state().exists());
}

#[test]
fn an_unfinished_run_of_the_same_is_named_instead_of_repeated() {
    let sandbox = Sandbox::new();
    let first = sandbox.file("wrong.yaml", FAILING).run(&["exec", "wrong.yaml"]).expect(1).run_id();
    let refused = sandbox.run(&["exec", "wrong.yaml"]).expect(9);
    assert_eq!(refused.last_line(), format!("runbook resume {first}"));
    insta::assert_snapshot!(refused);
    let second = sandbox.run(&["exec", "wrong.yaml", "--new", "-o", "json"]).expect(1).json();
    assert_ne!(second["run"], first.as_str());
    sandbox.file("wrong.yaml", &FAILING.replace("want 4", "but want 4"));
    sandbox.run(&["exec", "wrong.yaml"]).expect(1);
}

#[test]
fn other_inputs_are_another_run() {
    let sandbox = Sandbox::new();
    let text = FAILING.replace("steps:\n", "inputs: {a: {type: string, secret: true}}\nsteps:\n");
    sandbox.file("wrong.yaml", &text).run(&["exec", "wrong.yaml", "-i", "a=1"]).expect(1);
    sandbox.run(&["exec", "wrong.yaml", "-i", "a=1"]).expect(9);
    sandbox.run(&["exec", "wrong.yaml", "-i", "a=2"]).expect(1);
}

#[test]
fn a_secret_is_nowhere_to_be_read() {
    let sandbox = demo().with("RUNBOOK_INPUT_TOKEN", "hunter2").with("RUNBOOK_LOG", "trace");
    let outcome = sandbox.run(&["exec", "demo.yaml", "-i", "who=world", "-o", "ndjson", "-vvv"]).expect(0);
    assert!(!outcome.stdout().contains("hunter2") && !outcome.stderr().contains("hunter2"), "{outcome}");
    let run = outcome.json_lines()[0]["run"].as_str().unwrap().to_owned();
    let document = sandbox.run(&["show", &run, "-o", "json"]).expect(0).json();
    assert_eq!(document["outputs"]["sealed"], "(secret)");
    let folder = sandbox.home.state().join(run);
    let mut files = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            files += 1;
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "{}", path.display());
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
        }
    }
    assert!(files >= 2, "the journal and the trace");
    assert!(fs::read_to_string(folder.join("trace.log")).unwrap().contains("step-succeeded"));
}

#[test]
fn a_state_folder_that_cannot_be_used_is_told_before_anything_runs() {
    let sandbox = demo();
    sandbox.file("taken", "no folder");
    let taken = sandbox.work().join("taken");
    for (variable, value) in [("RUNBOOK_STATE", taken.to_str().unwrap()), ("RUNBOOK_STATE", "s3://bucket/runs")] {
        let sandbox = demo().with(variable, value);
        let outcome = sandbox.run(&["exec", "demo.yaml", "-i", "who=x"]).expect(8);
        assert!(outcome.stdout().is_empty() && outcome.stderr().starts_with("error: "), "{outcome}");
        assert!(outcome.stderr().contains("help: "), "{outcome}");
    }
}

#[test]
fn journals_go_to_the_state_home_unless_told_otherwise() {
    let sandbox = demo().with("RUNBOOK_STATE", "");
    sandbox.run(&["exec", "demo.yaml", "-i", "who=x"]).expect(0);
    let folder = sandbox.home.path().join(".local/state/runbook");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let xdg = sandbox.work().join("xdg");
    let sandbox = demo().with("RUNBOOK_STATE", "").with("XDG_STATE_HOME", xdg.to_str().unwrap());
    sandbox.run(&["exec", "demo.yaml", "-i", "who=x"]).expect(0);
    assert!(xdg.join("runbook").is_dir());
}

#[test]
fn words_of_later_versions_are_told_in_one_line() {
    for (options, word) in [
        (&["--rehearse"][..], "exec --rehearse"),
        (&["--plan"], "exec --plan"),
        (&["--plan", "saved.json"], "exec --plan"),
    ] {
        let outcome = demo().run(&[&["exec", "demo.yaml"], options].concat()).expect(2);
        assert_eq!(outcome.stderr(), format!("error: this version of runbook does not have `{word}` yet\n"));
    }
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_run() {
    let sandbox = demo();
    let mut command = sandbox.home.command(["exec", "demo.yaml", "-i", "who=x", "-o", "ndjson"]);
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let runs = sandbox.run(&["runs", "-o", "json"]).expect(0).json();
    assert_eq!(runs[0]["status"], "succeeded");
}

#[test]
fn runs_are_listed_newest_first() {
    let sandbox = demo();
    assert_eq!(sandbox.run(&["runs", "-o", "json"]).expect(0).json(), json!([]));
    sandbox.run(&["exec", "demo.yaml", "-i", "who=a", "--label", "team=x"]).expect(0);
    sandbox.file("wrong.yaml", FAILING).run(&["exec", "wrong.yaml"]).expect(1);
    let runs = sandbox.run(&["runs", "-o", "json"]).expect(0).json();
    let fields: Vec<&String> = runs[0].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["run", "runbook", "status", "started_at", "finished_at", "labels"]);
    let named: Vec<&Json> = runs.as_array().unwrap().iter().map(|run| &run["runbook"]["name"]).collect();
    assert_eq!(named, ["wrong", "demo"]);
    assert_eq!(runs[1]["labels"], json!({"team": "x"}));
    assert_eq!((&runs[0]["status"], &runs[1]["status"]), (&"failed".into(), &"succeeded".into()));
    let table = sandbox.run(&["runs"]).expect(0);
    let words: Vec<Vec<&str>> = table.stdout().lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["RUN", "STATUS", "VERSION", "STARTED", "TOOK", "LABELS"]);
    assert_eq!((words[1][1], words[2][1], words[2].last()), ("failed", "succeeded", Some(&"team=x")), "{table}");
}
