//! What the tests need beside cargo: components of the Rust toolchain, Python packages, Debian packages, the clusters.
//!
//! This file decides how each is installed. What is there already costs next to nothing.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use runbook_harness::{Group, Python, project};

use crate::test::shell;

/// The target that the pure crates also compile for.
pub(super) const WASM: &str = "wasm32-unknown-unknown";

/// `rustfmt` and `clippy`, of whatever toolchain is in use.
pub(super) fn rust_components() -> Result<(), String> {
    let there = |program: &str| shell::works(Command::new("cargo").args([program, "--version"]));
    if there("fmt") && there("clippy") {
        return Ok(());
    }
    shell::run(Command::new("rustup").args(["component", "add", "rustfmt", "clippy"]))
}

/// The standard library for [`WASM`]; false if it cannot be had.
pub(super) fn wasm() -> bool {
    let library = Command::new("rustc").args(["--print", "target-libdir", "--target", WASM]).output();
    let there = library.is_ok_and(|done| Path::new(String::from_utf8_lossy(&done.stdout).trim()).exists());
    there || shell::works(Command::new("rustup").args(["target", "add", WASM]))
}

/// The environment of the test cloud.
pub(super) fn python_of_cloud() -> Result<Python, String> {
    Python::of_cloud().map_err(|error| error.to_string())
}

/// The Debian packages of the clusters.
pub(super) fn debian_packages(root: &Path) -> Result<(), String> {
    shell::run(Command::new(root.join("tests/cluster/cluster")).arg("install"))
}

/// The programs and images of the clusters, being built beside everything else.
pub(super) struct ClusterBuild {
    build: Group,
    log: std::path::PathBuf,
}

impl ClusterBuild {
    /// Starts the build with the lowest priority: the first one takes 10 minutes of two cores, and this way it takes
    /// the moments when nothing else wants them. A build of what is there ends at once.
    pub(super) fn start(root: &Path) -> Result<Self, String> {
        let log = project::target().join("cluster-build.log");
        let file = fs::create_dir_all(project::target()).and_then(|()| File::create(&log));
        let file = file.map_err(|error| format!("`{}`: {error}", log.display()))?;
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(root.join("tests/cluster/cluster")).arg("build").stderr(file);
        let build = Group::start(&mut command).map_err(|error| format!("`cluster build`: {error}"))?;
        Ok(Self { build, log })
    }

    /// Waits for its end.
    pub(super) fn finish(mut self) -> Result<(), String> {
        if self.build.ended().is_none() {
            shell::say(&format!("waiting for the build of the clusters; its progress: {}", self.log.display()));
        }
        match self.build.child().wait() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(format!("the clusters were not built:\n{}", fs::read_to_string(&self.log).unwrap_or_default())),
        }
    }
}
