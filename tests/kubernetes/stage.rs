//! The outside of these tests, and how a runbook is carried out in it.
//!
//! This file decides what every runbook here begins with and how its run is read. It must not know what a test looks at.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use runbook_harness::{Cloud, CloudOptions, Finished, Home, Rig, RigOptions, Started};
use serde_json::Value;

/// The cluster.
pub(crate) const CLUSTER: &str = "karmada-parent";

/// Cloud and cluster, brought up by the first test that needs them.
#[derive(Default)]
pub(crate) struct Stage(OnceLock<(Cloud, Rig)>);

/// A namespace of one's own, and a home for the program.
pub(crate) struct World<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) rig: &'a Rig,
    pub(crate) home: Home,
    pub(crate) namespace: &'static str,
}

impl Stage {
    /// A world in which the namespace is new and empty.
    pub(crate) fn world(&self, namespace: &'static str) -> World<'_> {
        let (cloud, rig) = self.0.get_or_init(|| {
            let none = Vec::new;
            let options = RigOptions {
                nodes: 2,
                members: none(),
                real_members: none(),
                ..RigOptions::of_the_guide("kubernetes")
            };
            let cloud = Cloud::start(&CloudOptions { clusters: Some(options.clusters()), ..CloudOptions::default() });
            let rig = Rig::up(&options, Some(&cloud));
            (cloud, rig)
        });
        let _said = rig.kubectl(CLUSTER, &["create", "namespace", namespace]);
        let home = Home::new(env!("CARGO_BIN_EXE_runbook")).with_cloud(cloud);
        World { cloud, rig, home, namespace }
    }
}

impl World<'_> {
    /// Carries out a runbook of these steps, in which `NS` is the namespace; its connection is `cluster`.
    pub(crate) fn exec(&self, steps: &str) -> Finished {
        self.exec_through(&self.administrator(), "", steps, &[])
    }

    /// The same through another door, with further keys at the top and words on the command line.
    pub(crate) fn exec_through(&self, connection: &str, top: &str, steps: &str, words: &[&str]) -> Finished {
        let path = self.write(connection, top, steps);
        self.home.run([&["exec", "--new", "-o", "json", path.to_str().unwrap()], words].concat())
    }

    /// Starts a runbook of these steps.
    pub(crate) fn start(&self, steps: &str) -> Started {
        let path = self.write(&self.administrator(), "", steps);
        self.home.start(["exec", "-o", "json", path.to_str().unwrap()])
    }

    /// The connection of the cluster's administrator.
    pub(crate) fn administrator(&self) -> String {
        format!("{{kubeconfig: {}}}", self.rig.kubeconfig(CLUSTER).display())
    }

    fn write(&self, connection: &str, top: &str, steps: &str) -> PathBuf {
        let path = self.home.path().join("demo.yaml");
        let head = "apiVersion: runbook/v1\nname: demo\nversion: 0.1.0\ntitle: A test\n";
        let text = format!("{head}{top}connections:\n  cluster: {connection}\nsteps:\n{steps}");
        fs::write(&path, text.replace("NS", self.namespace)).unwrap();
        path
    }

    /// The cluster as EKS knows it: active, with the caller as its administrator.
    pub(crate) fn make_cluster(&self) {
        let known = self.cloud.aws(&["eks", "list-clusters"]);
        if known["clusters"].as_array().is_some_and(|names| names.iter().any(|name| name == CLUSTER)) {
            return;
        }
        let vpc = self.cloud.seed_vpc("kubernetes", 3);
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Principal":{"Service":"eks.amazonaws.com"}}]}"#;
        let role =
            self.cloud.aws(&["iam", "create-role", "--role-name", "cluster", "--assume-role-policy-document", trust]);
        let subnets = format!("subnetIds={}", vpc.private_subnet_ids.join(","));
        let access = "authenticationMode=API_AND_CONFIG_MAP,bootstrapClusterCreatorAdminPermissions=true";
        let role = role["Role"]["Arn"].as_str().unwrap();
        // A new role takes the cloud a moment, as it takes AWS.
        let _made = self.cloud.aws(&[
            "eks",
            "create-cluster",
            "--name",
            CLUSTER,
            "--role-arn",
            role,
            "--resources-vpc-config",
            &subnets,
            "--access-config",
            access,
        ]);
        // Each question takes the command most of a second; the cluster is made within three.
        let describe = ["eks", "describe-cluster", "--name", CLUSTER];
        let active = (0..20).any(|_| self.cloud.aws(&describe)["cluster"]["status"] == "ACTIVE");
        assert!(active, "the cluster should have become active");
    }

    /// What became of one step: the event that ended it.
    pub(crate) fn ending(&self, finished: &Finished, step: &str) -> Value {
        let run = finished.json()["run"].as_str().unwrap().to_owned();
        let events = self.home.run(["events", &run, "-o", "ndjson"]).expect(0).stdout;
        let ends = ["step-succeeded", "step-failed"];
        let mut events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let ending = events.find(|event| event["step"] == step && ends.iter().any(|end| event["event"] == *end));
        ending.unwrap_or_else(|| panic!("`{step}` did not end\n{}", finished.report()))
    }

    /// How many tries a step took.
    pub(crate) fn attempts(finished: &Finished, step: &str) -> u64 {
        let run = finished.json();
        let steps = run["steps"].as_array().unwrap();
        steps.iter().find(|entry| entry["path"] == step).unwrap()["attempts"].as_u64().unwrap()
    }

    /// Does something to the namespace behind the program's back.
    pub(crate) fn kubectl(&self, words: &[&str]) {
        let _said = self.rig.kubectl(CLUSTER, &[&["-n", self.namespace], words].concat());
    }

    /// An object as the cluster has it.
    pub(crate) fn object(&self, words: &[&str]) -> Value {
        let all = [&["-n", self.namespace, "get", "-o", "json", "--show-managed-fields"][..], words].concat();
        serde_json::from_str(&self.rig.kubectl(CLUSTER, &all)).unwrap()
    }
}
