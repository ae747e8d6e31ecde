//! What each stage runs.
//!
//! This file decides the commands of a stage. It must not know budgets or the order of stages.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use runbook_harness::obstacle;

use crate::models;
use crate::test::shell;
use crate::test::targets::Targets;
use crate::test::tools::{self, ClusterBuild};

/// The crates that do no I/O, as `runner/README.md` lists them.
const PURE: [&str; 6] = ["model", "template", "language", "engine", "aws", "steps"];

/// What stages hand on to later ones.
pub(super) struct Bench {
    root: PathBuf,
    with_clusters: bool,
    clusters: Option<ClusterBuild>,
    /// What was left out, and why.
    pub(super) cannot_run: Vec<String>,
}

impl Bench {
    /// Nothing done yet.
    pub(super) fn new(root: &Path, with_clusters: bool) -> Self {
        Self { root: root.to_owned(), with_clusters, clusters: None, cannot_run: Vec::new() }
    }

    fn cargo(&self) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(&self.root);
        command
    }

    /// Runs the test binaries of a stage. Those of all packages in one command: cargo then uses what `build` compiled.
    fn tests_of(&self, stage: &str, words: &[&str]) -> Result<(), String> {
        let targets = Targets::find()?;
        let names = targets.names_of(stage)?;
        if names.is_empty() {
            return Ok(());
        }
        let mut command = self.cargo();
        command.args(["test", "--locked", "--workspace"]).args(names.iter().flat_map(|name| ["--test", name]));
        shell::run(command.arg("--").args(words))
    }
}

/// Installs everything, so that a machine where something cannot be had fails in the first minutes.
pub(super) fn tools(bench: &mut Bench) -> Result<(), String> {
    tools::rust_components()?;
    tools::python_of_cloud()?;
    models::python()?;
    if bench.with_clusters && obstacle().is_none() {
        tools::debian_packages(&bench.root)?;
        bench.clusters = Some(ClusterBuild::start(&bench.root)?);
    }
    Ok(())
}

/// The format of the sources.
pub(super) fn format(bench: &mut Bench) -> Result<(), String> {
    shell::run(bench.cargo().args(["fmt", "--all", "--check"]))
}

/// Everything compiles, without a warning; the pure crates also where there is no operating system.
pub(super) fn build(bench: &mut Bench) -> Result<(), String> {
    let warnings = ["--", "--deny", "warnings"];
    shell::run(bench.cargo().args(["clippy", "--locked", "--workspace", "--all-targets"]).args(warnings))?;
    if tools::wasm() {
        let packages = PURE.map(|name| format!("--package=runbook-{name}"));
        shell::run(bench.cargo().args(["check", "--locked", "--target", tools::WASM]).args(packages))?;
    } else {
        let what = "the pure crates on WebAssembly: `rustup target add wasm32-unknown-unknown` does not work";
        bench.cannot_run.push(what.into());
    }
    if shell::works(bench.cargo().args(["deny", "--version"])) {
        shell::run(bench.cargo().args(["deny", "--config", ".deny.toml", "check", "bans", "licenses", "sources"]))?;
    } else {
        bench.cannot_run.push("the rules for dependencies: `cargo install cargo-deny`".into());
    }
    shell::run(bench.cargo().args(["test", "--locked", "--workspace", "--no-run"]))
}

/// Everything that needs nothing but this process and its files, and the examples in the documentation.
pub(super) fn unit(bench: &mut Bench) -> Result<(), String> {
    shell::run(bench.cargo().args(["test", "--locked", "--workspace", "--lib", "--bins"]))?;
    bench.tests_of("unit", &[])?;
    shell::run(bench.cargo().args(["test", "--locked", "--workspace", "--doc"]))
}

/// What a journal and its steps cost, nearly as released: the measurements that need no program and no cloud, and take seconds.
pub(super) fn bench(bench: &mut Bench) -> Result<(), String> {
    let measure = ["run", "--locked", "--profile=measured", "--package=runbook-bench", "--", "steps", "load", "append"];
    shell::run(bench.cargo().args(measure))
}

/// The models against the botocore they come from, and the AWS client against what others say about the wire.
pub(super) fn conformance(bench: &mut Bench) -> Result<(), String> {
    models::check(&bench.root)?;
    bench.tests_of("conformance", &[])
}

/// The test cloud's own proofs, and the program against it.
pub(super) fn cloud(bench: &mut Bench) -> Result<(), String> {
    let mut proofs = tools::python_of_cloud()?.python();
    shell::run(proofs.args(["-m", "unittest"]).current_dir(bench.root.join("tests/cloud")))?;
    bench.tests_of("cloud", &[])
}

/// The clusters' own proofs, and the program against cloud and clusters.
pub(super) fn clusters(bench: &mut Bench) -> Result<(), String> {
    if let Some(obstacle) = obstacle() {
        let targets = Targets::find()?;
        let names = [vec!["test_cluster", "aws-side"], targets.names_of("clusters")?].concat().join(", ");
        bench.cannot_run.push(format!("{names}: {obstacle}"));
        return Ok(());
    }
    if let Some(build) = bench.clusters.take() {
        build.finish()?;
    }
    let folder = bench.root.join("tests/cluster");
    // The tests in Go start the test cloud with the `python3` they find.
    let before = env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(tools::python_of_cloud()?.programs()).chain(env::split_paths(&before));
    let path = env::join_paths(path).map_err(|error| error.to_string())?;
    let mut aws_side = Command::new("go");
    aws_side.args(["test", "./..."]).current_dir(folder.join("aws-side")).env("PATH", path);
    shell::run(&mut aws_side)?;
    shell::run(Command::new("python3").args(["-m", "unittest", "test_cluster"]).current_dir(folder))?;
    bench.tests_of("clusters", &["--include-ignored", "--test-threads=1"])
}
