//! The JSON Schema in `docs/schema` as an editor uses it: a real YAML language server reads it, by the line that shipped
//! runbooks carry, and finds nothing in good runbooks and every mistake in bad ones. And `lint -o sarif` against the schema
//! of SARIF, by the validator that the server brings.
//!
//! The server comes from npm, pinned by `package-lock.json` beside this file, into the folder of build results. Without
//! Node.js or the network these tests say by name that they were skipped.

#![expect(clippy::print_stdout, reason = "what was skipped has to be said")]

mod server;

use std::fs;
use std::path::{Path, PathBuf};

use runbook_harness::project;
use server::Server;

const MODELINE: &str = "# yaml-language-server: $schema=";

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(project::root().join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(!files.is_empty(), "{folder}");
    files
}

/// The text, with the line that names the schema if it has none.
fn with_modeline(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    if text.starts_with(MODELINE) {
        return text;
    }
    format!("{MODELINE}{}\n{text}", project::root().join("docs/schema/runbook-v1.json").display())
}

#[test]
fn shipped_runbooks_name_the_schema() {
    for path in [yaml_files("runbooks"), yaml_files("runbooks/examples")].concat() {
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap_or_default();
        let named = first.strip_prefix(MODELINE).unwrap_or_else(|| panic!("{}: {first}", path.display()));
        assert!(path.parent().unwrap().join(named).is_file(), "{}: `{named}`", path.display());
    }
}

#[test]
fn good_runbooks_have_no_complaints() {
    let Some(mut server) = Server::start("good_runbooks_have_no_complaints") else { return };
    let shipped = [yaml_files("runbooks"), yaml_files("runbooks/examples")].concat();
    for path in [shipped, yaml_files("fixtures/runbooks/good")].concat() {
        let complaints = server.complaints(&path, &with_modeline(&path));
        assert!(complaints.is_empty(), "{}:\n{}", path.display(), complaints.join("\n"));
    }
}

#[test]
fn every_mistake_is_found_where_it_stands() {
    let Some(mut server) = Server::start("every_mistake_is_found_where_it_stands") else { return };
    let path = project::root().join("fixtures/schema/bad.yaml");
    insta::assert_snapshot!(server.complaints(&path, &with_modeline(&path)).join("\n"));
}

#[test]
fn complaints_as_sarif_fit_the_schema_of_sarif() {
    let bad = project::root().join("fixtures/schema/bad.yaml");
    let mut lint = std::process::Command::new(env!("CARGO_BIN_EXE_runbook"));
    let lint = lint.args(["lint", "-o", "sarif"]).arg(&bad).output().unwrap();
    assert_eq!(lint.status.code(), Some(3));
    let log: serde_json::Value = serde_json::from_slice(&lint.stdout).unwrap();
    assert!(log["runs"][0]["results"].as_array().unwrap().len() > 5);
    let schema = fs::read_to_string(project::root().join("fixtures/sarif/sarif-schema-2.1.0.json")).unwrap();
    let Some(found) = server::validated("complaints_as_sarif_fit_the_schema_of_sarif", &schema, &log) else { return };
    assert_eq!(found, serde_json::json!([]));
    // The validator would find something.
    let wrong = serde_json::json!({"version": "2.0.0", "runs": []});
    let found = server::validated("complaints_as_sarif_fit_the_schema_of_sarif", &schema, &wrong).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1);
}
