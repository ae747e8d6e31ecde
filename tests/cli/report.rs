//! `runbook report`: a run in one file.

use std::os::unix::fs::PermissionsExt;

use crate::sandbox::Sandbox;

const TEXT: &str = r#"
apiVersion: runbook/v1
name: gated
version: 1.0.0
inputs:
  token: {type: string, secret: true}
  who: {type: string}
steps:
  - {id: greeting, set: {text: "hello ${{ inputs.who }}", hidden: "${{ inputs.token }}"}}
  - {id: gate, approve: {message: "Go, ${{ inputs.who }}?"}}
"#;

#[test]
fn a_run_is_written_down_without_its_secrets() {
    let sandbox = Sandbox::new();
    sandbox.file("gated.yaml", TEXT);
    let inputs = ["exec", "gated.yaml", "-i", "token=hunter2hunter2", "-i", "who=<b>you</b>"];
    let run = sandbox.run(&inputs).expect(4).run_id();
    sandbox.run(&["approve", &run, "gate"]).expect(0);
    sandbox.run(&["resume", &run, "-i", "token=hunter2hunter2"]).expect(0);
    sandbox.run(&["report", &run, "--file", "report.html"]).expect(0);
    let file = sandbox.work().join("report.html");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let html = std::fs::read_to_string(&file).unwrap();
    assert!(html.contains("gate: approved by ann@") && html.contains("hello &lt;b&gt;you&lt;/b&gt;"), "{html}");
    assert!(!html.contains("<b>you"), "{html}");
    let markdown = sandbox.run(&["report", &run, "-o", "markdown"]).expect(0);
    assert!(markdown.stdout().contains("**succeeded**: run"), "{markdown}");
    for text in [html.as_str(), markdown.stdout()] {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!text.contains("http://") && !text.contains("https://"), "nothing is fetched: {text}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_told() {
    let sandbox = Sandbox::new();
    sandbox.file("gated.yaml", TEXT);
    let run = sandbox.run(&["exec", "gated.yaml", "-i", "token=x", "-i", "who=y"]).expect(4).run_id();
    let outcome = sandbox.run(&["report", &run, "--file", "no/such/folder.html"]).expect(1);
    assert!(outcome.stderr().contains("failed to write no/such/folder.html"), "{outcome}");
}
