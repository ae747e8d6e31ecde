//! `cargo xtask bench`: the benchmarks of `tests/bench`, built as they would be released.
//!
//! This file decides what is built for them. It must not know what they measure.

use std::path::Path;
use std::process::{Command, ExitCode};

use runbook_harness::project;

/// Builds the program and the benchmarks, and runs those that are named, or all. Ends with their code.
///
/// # Errors
/// Something does not compile, or could not be started.
pub(crate) fn run(root: &Path, words: &[String]) -> Result<ExitCode, String> {
    let mut build = Command::new("cargo");
    build.args(["build", "--locked", "--release", "--package=runbook", "--package=runbook-bench", "--bins"]);
    let built = build.current_dir(root).status().map_err(|error| format!("`cargo` could not be started: {error}"))?;
    if !built.success() {
        return Err("the benchmarks do not compile; the compiler's words stand above".into());
    }
    let release = project::target().join("release");
    let mut bench = Command::new(release.join("runbook-bench"));
    let done = bench.arg("--program").arg(release.join("runbook")).args(words).current_dir(root).status();
    let done = done.map_err(|error| format!("`{}` could not be started: {error}", bench.get_program().display()))?;
    Ok(if done.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
