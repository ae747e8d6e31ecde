//! The outside of these tests: one cloud, one rig, and for every test a world in which nothing was made yet.
//!
//! This file decides how the program is called and how the world is made new. It must not know what a test looks at.

use std::sync::OnceLock;
use std::time::Duration;

use runbook_harness::{Cloud, CloudOptions, Finished, Home, Rig, RigOptions, Started};
use serde_json::Value;

use crate::traces::Traces;

/// The name in the VPC's tag.
pub(crate) const VPC: &str = "Karmada_VPC";
/// An undisturbed run takes 7 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);
/// The parent cluster.
pub(crate) const CLUSTER: &str = "karmada-parent";
/// The members; the last one has a real node.
pub(crate) const MEMBERS: [&str; 3] = ["ekseucl01", "ekseucl02", "eksuscl01"];
/// The part of the guide that the tests of AWS's troubles carry out.
pub(crate) const PARENT: &str = "runbooks/eks-cluster.yaml";

/// Cloud and rig, brought up by the first test that needs them.
#[derive(Default)]
pub(crate) struct Stage {
    outside: OnceLock<(Cloud, Rig)>,
    undisturbed: OnceLock<Traces>,
}

/// A world in which nothing was made yet, and a home for the program.
pub(crate) struct World<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) rig: &'a Rig,
    pub(crate) home: Home,
}

impl Stage {
    /// A world of one's own; whatever the test before left is gone.
    pub(crate) fn world(&self) -> World<'_> {
        let (cloud, rig) = self.outside.get_or_init(|| {
            let options = RigOptions::of_the_guide("eks-karmada");
            let clusters = Some(options.clusters());
            let cloud = Cloud::start(&CloudOptions { clusters, ..CloudOptions::default() });
            let rig = Rig::up(&options, Some(&cloud));
            (cloud, rig)
        });
        cloud.reset();
        cloud.seed_vpc(VPC, 3);
        let _said = rig.kubectl(CLUSTER, &["delete", "storageclass", "--all"]);
        World { cloud, rig, home: Home::new(env!("CARGO_BIN_EXE_runbook")).with_cloud(cloud) }
    }

    /// What an undisturbed run leaves.
    pub(crate) fn undisturbed(&self) -> &Traces {
        self.undisturbed.get_or_init(|| {
            let world = self.world();
            world.exec().expect(0);
            Traces::of(&world)
        })
    }
}

impl World<'_> {
    /// Starts a new run.
    pub(crate) fn start(&self) -> Started {
        self.home.start(["exec", PARENT, "-i", &format!("vpc_name={VPC}")])
    }

    /// A new run, to its end.
    #[must_use]
    pub(crate) fn exec(&self) -> Finished {
        self.start().wait(PATIENCE)
    }

    /// The newest run; none if the program was killed before it had made one.
    pub(crate) fn run(&self) -> Option<String> {
        let runs = self.home.run(["runs", "-o", "json"]).expect(0).json();
        Some(runs.get(0)?["run"].as_str()?.to_owned())
    }

    /// Goes on with the newest run, or makes one.
    pub(crate) fn start_again(&self) -> Started {
        match self.run() {
            Some(run) => self.home.start(["resume", &run]),
            None => self.start(),
        }
    }

    /// Goes on with the newest run, to its end.
    #[must_use]
    pub(crate) fn resume(&self) -> Finished {
        self.start_again().wait(PATIENCE)
    }

    /// Is the control plane on its way?
    pub(crate) fn has_made_the_cluster(&self) -> bool {
        self.cloud.calls().iter().any(|call| call.operation == "CreateCluster" && call.succeeded())
    }

    /// The journal of the newest run.
    pub(crate) fn events(&self) -> Vec<Value> {
        let run = self.run().expect("there is a run");
        let events = self.home.run(["events", &run, "-o", "ndjson"]).expect(0).stdout;
        events.lines().map(|line| serde_json::from_str(line).expect("an event is JSON")).collect()
    }
}
