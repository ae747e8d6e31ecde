//! `runbook lint`: complaints drawn for people, and as data.

use std::os::unix::fs::symlink;

use crate::sandbox::Sandbox;

const GOOD: &str = "\
apiVersion: runbook/v1
name: demo
version: 1.0.0
inputs:
  who: {type: string, default: world}
steps:
  - id: greeting
    set: {text: \"hello ${{ inputs.who }}\"}
outputs:
  text: ${{ steps.greeting.text }}
";

/// Two mistakes, one of them behind characters of more than one byte.
const BAD: &str = "\
apiVersion: runbook/v1
name: demo
version: 1.0.0
inputs:
  who: {type: string, default: world}
steps:
  - id: greeting
    set: {text: \"größer ${{ inputs.whom }}\"}
    retries: 3
";

#[test]
fn a_good_runbook_has_no_complaints() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.file("demo.yaml", GOOD).run(&["lint", "demo.yaml"]).expect(0);
    insta::assert_snapshot!(outcome);
}

#[test]
fn all_mistakes_are_drawn_in_one_go() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.file("demo.yaml", BAD).run(&["lint", "demo.yaml"]).expect(3);
    insta::assert_snapshot!(outcome);
}

#[test]
fn as_data_a_complaint_has_just_these_fields() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.file("demo.yaml", BAD).run(&["lint", "demo.yaml", "-o", "json"]).expect(3);
    assert!(outcome.stderr().is_empty(), "{outcome}");
    let complaints = outcome.json();
    for complaint in complaints.as_array().unwrap() {
        let fields: Vec<&String> = complaint.as_object().unwrap().keys().collect();
        let wanted = ["code", "severity", "file", "line", "column", "end_line", "end_column", "message", "help"];
        assert_eq!(fields, wanted);
        assert_eq!(complaint["file"], "demo.yaml");
        assert_eq!(complaint["severity"], "error");
    }
    let wrong = complaints.as_array().unwrap().iter().find(|it| it["line"] == 8).expect("the unknown input");
    assert_eq!((&wrong["column"], &wrong["end_column"]), (&36.into(), &40.into()), "{outcome}");

    let lines = sandbox.run(&["lint", "demo.yaml", "-o", "ndjson"]).expect(3).json_lines();
    assert_eq!(serde_json::Value::Array(lines), complaints);
}

#[test]
fn a_file_that_cannot_be_read_is_a_complaint_like_others() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.work().join("folder.yaml")).unwrap();
    let outcome = sandbox.file("demo.yaml", GOOD).run(&["lint", "demo.yaml", "folder.yaml", "none.yaml"]).expect(3);
    insta::assert_snapshot!(outcome);
    let data = sandbox.run(&["lint", "none.yaml", "-o", "json"]).expect(3).json();
    assert_eq!((&data[0]["file"], &data[0]["line"]), (&"none.yaml".into(), &1.into()));
}

#[test]
fn nothing_outside_the_package_is_read() {
    let sandbox = Sandbox::new();
    let uses = |path: &str| {
        format!(
            "apiVersion: runbook/v1\nname: demo\nversion: 1.0.0\nsteps:\n  - id: other\n    runbook: {{uses: {path}}}\n"
        )
    };
    sandbox.file("secret.yaml", GOOD).file("package/up.yaml", &uses("../secret.yaml"));
    sandbox.file("package/link.yaml", &uses("./linked.yaml"));
    symlink("../secret.yaml", sandbox.work().join("package/linked.yaml")).unwrap();
    let outcome = sandbox.run(&["lint", "package/up.yaml", "package/link.yaml"]).expect(3);
    insta::assert_snapshot!(outcome);
}

#[test]
fn files_that_are_not_runbooks_end_quickly_with_one_complaint() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.work().join("latin.yaml"), b"name: gr\xf6\xdfe\n").unwrap();
    sandbox.file("tab.yaml", "steps:\n\t- id: a\n").file("empty.yaml", "").file("large.yaml", &"#".repeat(10_000_000));
    for name in ["latin.yaml", "tab.yaml", "large.yaml"] {
        let complaints = sandbox.run(&["lint", name, "-o", "json"]).expect(3).json();
        assert_eq!(complaints.as_array().unwrap().len(), 1, "{name}: {complaints}");
    }
    sandbox.run(&["lint", "empty.yaml"]).expect(3);
}
