//! Streams that nobody would choose: a disk that is full, a reader that goes away.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::sandbox::Sandbox;

const GATED: &str =
    "apiVersion: runbook/v1\nname: gated\nversion: 1.0.0\nsteps:\n  - {id: gate, approve: {message: Go?}}\n";

#[test]
fn a_disk_that_is_full_is_told_in_a_word() {
    let sandbox = Sandbox::new();
    sandbox.file("gated.yaml", GATED);
    let run = sandbox.run(&["exec", "gated.yaml"]).expect(4).run_id();
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
    sandbox.file("gated.yaml", GATED);
    let run = sandbox.run(&["exec", "gated.yaml"]).expect(4).run_id();
    for arguments in [vec!["schema"], vec!["report", &run], vec!["events", &run, "-o", "ndjson"], vec!["man"]] {
        let mut child = sandbox.home.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
