//! The outside of a demonstration: a cloud with a VPC, clusters, and an environment in which programs meet these.
//!
//! This file decides what is started, and what programs see of it. It must not know what they do with it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use runbook_harness::{Cloud, CloudOptions, Python, Rig, RigOptions, obstacle, project};
use serde_json::{Value, json};

/// A control plane takes 24 s instead of 8 minutes: long enough to be interrupted.
const TIME_SCALE: f64 = 0.05;

/// What is up. Taken down when dropped, the clusters before the cloud that they ask.
pub(crate) struct Outside {
    rig: Rig,
    cloud: Cloud,
    folder: tempfile::TempDir,
    root: PathBuf,
}

impl Outside {
    /// Builds the program, and starts cloud and clusters.
    ///
    /// # Errors
    /// There can be no cluster on this machine, or the program does not compile.
    pub(crate) fn start(root: &Path) -> Result<Self, String> {
        if let Some(obstacle) = obstacle() {
            return Err(format!("the demonstration cannot run here: {obstacle}"));
        }
        eprintln!(
            "building `runbook`, then a stand-in for AWS and real clusters; the first time about 12 minutes, later 30 seconds"
        );
        let mut build = Command::new("cargo");
        let built = build.args(["build", "--locked", "--bin", "runbook"]).current_dir(root).status();
        if !built.map_err(|error| format!("`cargo` could not be started: {error}"))?.success() {
            return Err("`runbook` does not compile; the compiler's words stand above".into());
        }
        let options = RigOptions::of_the_guide("demo");
        let (time_scale, clusters) = (Some(TIME_SCALE), Some(options.clusters()));
        let cloud = Cloud::start(&CloudOptions { time_scale, clusters, seed: None });
        cloud.seed_vpc("Karmada_VPC", 3);
        let rig = Rig::up(&options, Some(&cloud));
        let folder = programs(&rig).map_err(|error| format!("a folder for the demonstration: {error}"))?;
        fs::write(folder.path().join("guide.yaml"), inputs(&rig, &options, folder.path()).to_string())
            .map_err(|error| format!("the inputs of the demonstration: {error}"))?;
        Ok(Self { rig, cloud, folder, root: root.to_owned() })
    }

    /// A program in the checkout's root that meets this outside and no other, whatever the caller's environment says.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let theirs = |name: &str| ["AWS_", "RUNBOOK_"].iter().any(|prefix| name.starts_with(prefix));
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(theirs)) {
            command.env_remove(name);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(self.folder.path().join("bin")).chain(env::split_paths(&path));
        command.env("PATH", env::join_paths(path).expect("the folders came from a PATH"));
        for (name, file) in
            [("AWS_CONFIG_FILE", "aws"), ("AWS_SHARED_CREDENTIALS_FILE", "aws"), ("RUNBOOK_STATE", "state")]
        {
            command.env(name, self.folder.path().join(file));
        }
        command.env("KUBECONFIG", self.rig.kubeconfig("karmada-parent"));
        command.envs(self.cloud.environment()).current_dir(&self.root);
        command
    }

    /// The file with the inputs of the whole guide.
    pub(crate) fn inputs(&self) -> String {
        self.folder.path().join("guide.yaml").display().to_string()
    }

    /// The newest run as `runbook runs -o json` tells it.
    pub(crate) fn newest_run(&self) -> Option<Value> {
        let told = self.command("runbook").args(["runs", "-o", "json"]).output().ok()?;
        serde_json::from_slice::<Value>(&told.stdout).ok()?.get(0).cloned()
    }
}

/// The inputs of the whole guide: two members that Karmada pushes to, one that pulls and gets half of the replicas.
fn inputs(rig: &Rig, options: &RigOptions, folder: &Path) -> Value {
    let members = options.members.iter().map(|name| {
        let (mode, weight) = if options.real_members.contains(name) { ("pull", 2) } else { ("push", 1) };
        json!({"name": name, "kubeconfig": rig.kubeconfig(name), "context": name, "mode": mode, "weight": weight})
    });
    json!({
        "vpc_name": "Karmada_VPC",
        "karmada_home": folder.join("karmada"),
        "crds": rig.karmada_definitions(),
        "members": members.collect::<Vec<_>>(),
    })
}

/// A folder whose `bin` has the programs that people call.
fn programs(rig: &Rig) -> std::io::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("runbook-demo-").tempdir()?;
    let bin = folder.path().join("bin");
    fs::create_dir(&bin)?;
    symlink(project::target().join("debug/runbook"), bin.join("runbook"))?;
    symlink(rig.tool("kubectl"), bin.join("kubectl"))?;
    if let Ok(python) = Python::of_cloud() {
        symlink(python.programs().join("aws"), bin.join("aws"))?;
    }
    Ok(folder)
}
