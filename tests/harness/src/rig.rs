//! Real Kubernetes clusters on this machine, brought up and taken down by `tests/cluster/cluster`.
//!
//! What they are made of stands in `tests/cluster/README.md`.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::cloud::Cloud;
use crate::project;

/// Why clusters cannot be had on this machine, and what would help; `None` if they can.
#[must_use]
pub fn obstacle() -> Option<String> {
    let missing = |program: &str| !on_path(program);
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        Some("the clusters run on Linux on amd64 only".into())
    } else if !Path::new("/etc/debian_version").exists() {
        Some("the clusters are made of Debian's packages; use a machine or container with Debian".into())
    } else if !rustix::process::geteuid().is_root() {
        Some("the clusters need root: they make network namespaces, mounts and cgroups; run as root".into())
    } else if missing("python3") || missing("go") {
        Some("the clusters need `python3` and, to be built, `go` 1.26 or newer in the PATH".into())
    } else {
        None
    }
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Which clusters are wanted.
#[derive(Clone, Debug)]
pub struct RigOptions {
    /// Names the rig's folder below `target/rigs`; one rig of a name at a time.
    pub name: String,
    /// The parent cluster, with real nodes.
    pub parent: String,
    /// How many.
    pub nodes: u32,
    /// The member clusters.
    pub members: Vec<String>,
    /// Those of them with a real node; the others have two that only seem to run pods.
    pub real_members: Vec<String>,
}

impl RigOptions {
    /// A rig with a parent cluster of three nodes and the members of the guide, one of them real.
    #[must_use]
    pub fn of_the_guide(name: &str) -> Self {
        Self {
            name: name.into(),
            parent: "karmada-parent".into(),
            nodes: 3,
            members: ["ekseucl01", "ekseucl02", "eksuscl01"].map(Into::into).into(),
            real_members: vec!["eksuscl01".into()],
        }
    }

    /// The folder of the rig.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        project::target().join("rigs").join(&self.name)
    }

    /// Where the rig will describe its control planes, for [`crate::CloudOptions::clusters`]: the cloud is started first.
    #[must_use]
    pub fn clusters(&self) -> PathBuf {
        self.folder().join("clusters")
    }
}

/// Clusters that are up; taken down when dropped. A test that is killed leaves them, and the next one of the same name
/// takes them down.
#[derive(Debug)]
pub struct Rig {
    folder: PathBuf,
    up: Up,
}

/// What `cluster up` prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Up {
    clusters: BTreeMap<String, ClusterUp>,
    tools: BTreeMap<String, PathBuf>,
    crds: PathBuf,
    aws_side: String,
    host_address: String,
    pids: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize)]
struct ClusterUp {
    kubeconfig: PathBuf,
    endpoint: String,
}

impl Rig {
    /// Brings clusters up: 15 s once built, 12 minutes and a word about it on standard error the first time.
    ///
    /// # Panics
    /// They cannot be had here ([`obstacle`] says why), or do not come up.
    #[must_use]
    pub fn up(options: &RigOptions, cloud: Option<&Cloud>) -> Self {
        if let Some(obstacle) = obstacle() {
            panic!("cannot run here: {obstacle}");
        }
        let folder = options.folder();
        cluster_down(&folder);
        let mut command = cluster("up", &folder);
        command.args(["--parent", &options.parent, "--nodes", &options.nodes.to_string()]);
        command.args(["--members", &options.members.join(","), "--real-members", &options.real_members.join(",")]);
        if let Some(cloud) = cloud {
            command.args(["--cloud", cloud.url()]);
        }
        let done = command.stderr(Stdio::inherit()).output().unwrap_or_else(|error| panic!("`{command:?}`: {error}"));
        assert!(done.status.success(), "`{command:?}` did not bring the clusters up; its last words stand above");
        let up = serde_json::from_slice(&done.stdout).expect("`cluster up` prints one line of JSON");
        Self { folder, up }
    }

    /// The administrator's kubeconfig of a cluster.
    #[must_use]
    pub fn kubeconfig(&self, cluster: &str) -> &Path {
        &self.cluster(cluster).kubeconfig
    }

    /// The URL of a cluster's API.
    #[must_use]
    pub fn endpoint(&self, cluster: &str) -> &str {
        &self.cluster(cluster).endpoint
    }

    /// A tool that was built with the clusters: `kubectl`, `karmadactl`, `etcdctl`.
    #[must_use]
    pub fn tool(&self, name: &str) -> &Path {
        self.up.tools.get(name).unwrap_or_else(|| panic!("no tool `{name}`, there are {:?}", self.up.tools.keys()))
    }

    /// The archive of Karmada's resource definitions.
    #[must_use]
    pub fn karmada_definitions(&self) -> &Path {
        &self.up.crds
    }

    /// The URL of what plays AWS around the clusters.
    #[must_use]
    pub fn aws_side(&self) -> &str {
        &self.up.aws_side
    }

    /// The address under which pods and nodes reach this machine.
    #[must_use]
    pub fn host_address(&self) -> &str {
        &self.up.host_address
    }

    /// What `kubectl` writes, as an administrator of the cluster.
    ///
    /// # Panics
    /// It fails; the words hold what it wrote.
    #[must_use]
    #[track_caller]
    pub fn kubectl(&self, cluster: &str, words: &[&str]) -> String {
        self.kubectl_by(self.kubeconfig(cluster), words)
    }

    /// What `kubectl` writes with some other kubeconfig, such as Karmada's.
    ///
    /// # Panics
    /// As [`Rig::kubectl`].
    #[must_use]
    #[track_caller]
    pub fn kubectl_by(&self, kubeconfig: &Path, words: &[&str]) -> String {
        let mut command = Command::new(self.tool("kubectl"));
        let done = command.arg("--kubeconfig").arg(kubeconfig).args(words).output();
        let done = done.unwrap_or_else(|error| panic!("`{command:?}`: {error}"));
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "kubectl {} ({}): {said}", words.join(" "), kubeconfig.display());
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// The id of a process as `cluster up` names it.
    pub(crate) fn process(&self, name: &str) -> u32 {
        let all = &self.up.pids;
        *all.get(name).unwrap_or_else(|| panic!("no process `{name}`, there are {:?}", all.keys()))
    }

    fn cluster(&self, name: &str) -> &ClusterUp {
        let all = &self.up.clusters;
        all.get(name).unwrap_or_else(|| panic!("no cluster `{name}`, there are {:?}", all.keys()))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        cluster_down(&self.folder);
    }
}

fn cluster(verb: &str, folder: &Path) -> Command {
    let mut command = Command::new(project::root().join("tests/cluster/cluster"));
    command.arg(verb).arg("--dir").arg(folder);
    command
}

/// Takes down whatever is in the folder. Failing is told and no more: it may happen while a test is failing already.
#[expect(clippy::print_stderr, reason = "there is nobody to return it to")]
fn cluster_down(folder: &Path) {
    let done = cluster("down", folder).output();
    match done {
        Ok(done) if done.status.success() => {}
        Ok(done) => eprintln!("the clusters in {} stay: {}", folder.display(), String::from_utf8_lossy(&done.stderr)),
        Err(error) => eprintln!("the clusters in {} stay: {error}", folder.display()),
    }
}
