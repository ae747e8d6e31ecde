//! Conformance of `runner/aws` with botocore: its protocol and endpoint test suites, and every operation of every embedded
//! service encoded and decoded by both.
//!
//! The suites are in `fixtures/wire` (see the README there). What is compared with botocore itself needs Python and the
//! network once, to install what `requirements.txt` beside this file pins (`cargo xtask test` does that first, and fails if
//! it cannot); without them those tests say by name that they were skipped. `-- --nocapture` shows how much was compared.

#![expect(clippy::print_stdout, reason = "how much was compared is the point of these tests")]

mod compare;
mod differential;
mod endpoints;
mod models;
mod protocols;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// A file or folder of `fixtures/wire`.
fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire").join(path)
}

/// The JSON of a file of `fixtures/wire`.
fn read(path: &str) -> Json {
    let file = fixture(path);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Fails with everything that differs, after saying how much was compared.
fn conclude(what: &str, compared: usize, different: &[String]) {
    println!("{what}: {compared} compared, {} different", different.len());
    let shown = different.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(different.is_empty(), "{what}: {} of {compared} differ:\n{shown}", different.len());
}
