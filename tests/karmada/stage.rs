//! The clusters of these tests, and how a step is carried out on them.
//!
//! This file decides what every runbook here begins with and how its run is read. It must not know what a test looks at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use runbook_harness::{Finished, Home, Rig, RigOptions, Started};
use serde_json::Value;

/// The cluster that hosts Karmada.
pub(crate) const PARENT: &str = "karmada-parent";
/// The members that Karmada pushes to, and the one with an agent.
pub(crate) const PUSHED: [&str; 2] = ["ekseucl01", "ekseucl02"];
pub(crate) const PULLING: &str = "eksuscl01";
/// Where Karmada lives.
pub(crate) const NAMESPACE: &str = "karmada-system";

/// The clusters, brought up by the first test that needs them.
#[derive(Default)]
pub(crate) struct Stage {
    up: OnceLock<Up>,
    installed: OnceLock<()>,
}

struct Up {
    rig: Rig,
    home: Home,
    node: String,
}

impl Stage {
    fn up(&self) -> &Up {
        self.up.get_or_init(|| {
            let rig = Rig::up(&RigOptions::of_the_guide("karmada"), None);
            let home = Home::new(env!("CARGO_BIN_EXE_runbook"));
            let class = home.path().join("class.yaml");
            let text = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: ebs-sc}\nprovisioner: ebs.csi.aws.com\nvolumeBindingMode: WaitForFirstConsumer\n";
            fs::write(&class, text).unwrap();
            let _said = rig.kubectl(PARENT, &["apply", "-f", class.to_str().unwrap()]);
            let address = "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}";
            let node = rig.kubectl(PARENT, &["get", "nodes", "-o", address]);
            Up { rig, home, node }
        })
    }

    pub(crate) fn home(&self) -> &Home {
        &self.up().home
    }

    /// The arguments of `karmada-init` that suit these clusters.
    pub(crate) fn init(&self) -> String {
        let up = self.up();
        let crds = up.rig.karmada_definitions().display();
        format!("endpoint: {}, storage-class: ebs-sc, crds: {crds}, home: {}", up.node, self.folder().display())
    }

    /// Where the kubeconfig of Karmada is written.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home().path().join("karmada-home")
    }

    /// Sees to it that Karmada is there.
    pub(crate) fn installed(&self) -> &Self {
        self.installed_by(|| drop(self.exec(PARENT, "karmada-init", &self.init()).expect(0)))
    }

    /// Sees to it in this way, if it is not there.
    pub(crate) fn installed_by(&self, install: impl FnOnce()) -> &Self {
        self.installed.get_or_init(install);
        self
    }

    /// Installs Karmada as others do, with the one member of etcd that comes up with their tool. Nothing of Karmada is there.
    pub(crate) fn init_by_karmadactl(&self) {
        let up = self.up();
        let folder = self.folder();
        let folder = folder.to_str().unwrap();
        let pki = format!("{folder}/pki");
        let crds = up.rig.karmada_definitions().to_str().unwrap();
        let words = ["init", "--karmada-apiserver-advertise-address", &up.node, "--etcd-replicas", "1", "--crds", crds];
        let stored = ["--etcd-storage-mode", "PVC", "--storage-classes-name", "ebs-sc"];
        let written = ["--karmada-data", folder, "--karmada-pki", &pki];
        succeeded(&self.karmadactl_in_parent(&[&words[..], &stored, &written].concat()));
    }

    /// Waits until Karmada says of a member that it is ready.
    pub(crate) fn ready(&self, member: &str) {
        let cluster = format!("apiVersion: cluster.karmada.io/v1alpha1, kind: Cluster, name: {member}");
        let ready = "result | jmespath(\"status.conditions[?type=='Ready'].status\") == ['True']";
        self.wait("karmada", &cluster, &ready.replace('"', "\\\""));
    }

    /// Carries out one step through the connection to a cluster.
    pub(crate) fn exec(&self, cluster: &str, kind: &str, arguments: &str) -> Finished {
        let text = format!("  - id: it\n    connection: {}\n    {kind}: {{{arguments}}}\n", self.connection(cluster));
        self.run(&text)
    }

    /// Carries out steps.
    pub(crate) fn run(&self, steps: &str) -> Finished {
        let path = self.write(steps);
        self.home().run(["exec", "--new", "-o", "json", path.to_str().unwrap()])
    }

    /// Starts the installation.
    pub(crate) fn start_init(&self) -> Started {
        let (connection, arguments) = (self.connection(PARENT), self.init());
        self.start(&format!("  - id: it\n    connection: {connection}\n    karmada-init: {{{arguments}}}\n"))
    }

    /// Starts steps.
    pub(crate) fn start(&self, steps: &str) -> Started {
        let path = self.write(steps);
        self.home().start(["exec", "--new", "-o", "ndjson", path.to_str().unwrap()])
    }

    fn write(&self, steps: &str) -> PathBuf {
        let path = self.home().path().join("demo.yaml");
        let connections = format!("  parent: {}\n  karmada: {{karmada: parent}}\n", self.connection(PARENT));
        let head = "apiVersion: runbook/v1\nname: demo\nversion: 0.1.0\n";
        fs::write(&path, format!("{head}connections:\n{connections}steps:\n{steps}")).unwrap();
        path
    }

    pub(crate) fn connection(&self, cluster: &str) -> String {
        format!("{{kubeconfig: {}}}", self.up().rig.kubeconfig(cluster).display())
    }

    /// What the steps of a run changed: their paths.
    pub(crate) fn changed(&self, finished: &Finished) -> Vec<String> {
        let run = finished.json()["run"].as_str().unwrap().to_owned();
        let events = self.home().run(["events", &run, "-o", "ndjson"]).expect(0).stdout;
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let changed = events.filter(|event| ["created", "changed"].iter().any(|origin| event["origin"] == *origin));
        changed.map(|event| event["step"].as_str().unwrap().to_owned()).collect()
    }

    /// Why a run failed.
    pub(crate) fn failure(finished: &Finished) -> String {
        let run = finished.json();
        let failed = run["steps"].as_array().unwrap().iter().filter(|step| step["error"]["message"].is_string());
        failed.map(|step| step["error"]["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("\n")
    }

    /// `kubectl` in a cluster.
    pub(crate) fn kubectl(&self, cluster: &str, words: &[&str]) -> String {
        self.up().rig.kubectl(cluster, words)
    }

    /// A tool that was built with the clusters.
    pub(crate) fn tool(&self, name: &str) -> &Path {
        self.up().rig.tool(name)
    }

    /// `kubectl` in Karmada.
    pub(crate) fn inside(&self, words: &[&str]) -> String {
        let config = self.folder().join("karmada-apiserver.config");
        let said = Command::new(self.up().rig.tool("kubectl")).arg("--kubeconfig").arg(config).args(words).output();
        succeeded(&said.unwrap())
    }

    /// The real karmadactl, as an administrator of Karmada.
    pub(crate) fn karmadactl(&self, words: &[&str]) -> Output {
        self.karmadactl_of(&self.folder().join("karmada-apiserver.config"), words)
    }

    /// The real karmadactl, as an administrator of the parent.
    pub(crate) fn karmadactl_in_parent(&self, words: &[&str]) -> Output {
        let parent = self.up().rig.kubeconfig(PARENT).to_owned();
        self.karmadactl_of(&parent, words)
    }

    fn karmadactl_of(&self, config: &Path, words: &[&str]) -> Output {
        let mut command = Command::new(self.up().rig.tool("karmadactl"));
        command.args(words).arg("--kubeconfig").arg(config).output().unwrap()
    }

    /// Where the kubeconfig of Karmada's administrator is.
    pub(crate) fn karmada_config(&self) -> String {
        self.folder().join("karmada-apiserver.config").display().to_string()
    }

    pub(crate) fn kubeconfig(&self, cluster: &str) -> String {
        self.up().rig.kubeconfig(cluster).display().to_string()
    }

    /// Waits, as a runbook waits, until something holds of objects.
    pub(crate) fn wait(&self, connection: &str, objects: &str, until: &str) {
        let wait = format!("{{k8s: {{{objects}}}, until: \"${{{{ {until} }}}}\"}}");
        let waited = self
            .run(&format!("  - {{id: it, connection: {connection}, timeout: 3m, wait-for: {wait}, outputs: {{}}}}\n"));
        drop(waited.expect(0));
    }
}

pub(crate) fn succeeded(output: &Output) -> String {
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    said.into_owned()
}
