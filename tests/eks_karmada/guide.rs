//! The whole guide: `eks-karmada.yaml` with two members that Karmada pushes to and one that pulls, killed on its way, to the
//! sample application's 3, 3 and 6 replicas; again without a change; and away with `uninstall.yaml`.
//!
//! This file decides what the guide's end is. It must not know how the parent cluster is made; the tests beside it look at that.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use runbook_harness::{Finished, Identity, Started};
use serde_json::{Value, json};

use crate::moments::Moments;
use crate::stage::{CLUSTER, MEMBERS, Stage, VPC, World};
use crate::traces::{Traces, changes};

/// An undisturbed run takes a minute on two cores, most of it the start of Karmada's own programs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
/// What stands on standard error when the run is killed: the load balancer is asked for, etcd runs and the API server does
/// not yet, the members come.
const MARKS: [&str; 3] =
    ["[load_balancer/service] created", "[karmada/control_plane/apiserver] begins", "/token] begins"];
/// The longest time between two kills that are drawn, in milliseconds.
const LONGEST_LIFE: u64 = 6_000;
/// What Karmada and its runbooks make in the parent cluster and in members.
const KINDS: [&str; 10] = [
    "namespaces",
    "deployments.apps",
    "statefulsets.apps",
    "pods",
    "services",
    "secrets",
    "persistentvolumeclaims",
    "serviceaccounts",
    "clusterroles",
    "clusterrolebindings",
];
/// What stands inside Karmada.
const INNER_KINDS: [&str; 9] = [
    "namespaces",
    "clusters.cluster.karmada.io",
    "deployments.apps",
    "propagationpolicies.policy.karmada.io",
    "customresourcedefinitions",
    "apiservices",
    "secrets",
    "clusterroles",
    "clusterrolebindings",
];

/// A world with the files that the guide's inputs name.
pub(crate) struct Guide<'a> {
    pub(crate) world: World<'a>,
    inputs: PathBuf,
}

impl<'a> Guide<'a> {
    pub(crate) fn new(stage: &'a Stage) -> Self {
        let world = stage.world();
        let members: Vec<Value> = MEMBERS
            .iter()
            .zip([("push", 1), ("push", 1), ("pull", 2)])
            .map(|(name, (mode, weight))| {
                // The rig's own file stays as it is.
                let file = world.home.path().join(format!("{name}.yaml"));
                fs::copy(world.rig.kubeconfig(name), &file).expect("a kubeconfig can be copied");
                json!({"name": name, "kubeconfig": file, "context": name, "mode": mode, "weight": weight})
            })
            .collect();
        let inputs = json!({
            "vpc_name": VPC,
            "allowed_cidrs": ["10.0.0.0/8"],
            "crds": world.rig.karmada_definitions(),
            "members": members,
        });
        let file = world.home.path().join("guide.yaml");
        fs::write(&file, inputs.to_string()).expect("a file can be written");
        Self { world, inputs: file }
    }

    pub(crate) fn start(&self, runbook: &str) -> Started {
        let runbook = format!("runbooks/{runbook}.yaml");
        self.world.home.start(["exec", "--new", &runbook, "--inputs", self.inputs.to_str().expect("a path of text")])
    }

    pub(crate) fn exec(&self, runbook: &str) -> Finished {
        self.start(runbook).wait(PATIENCE)
    }

    /// Goes on with the run, or makes it.
    fn start_again(&self) -> Started {
        match self.world.run() {
            Some(run) => self.world.home.start(["resume", &run]),
            None => self.start("eks-karmada"),
        }
    }

    fn outputs(&self) -> Value {
        let run = self.world.run().expect("there is a run");
        self.world.home.run(["show", &run, "-o", "json"]).expect(0).json()["outputs"].clone()
    }

    /// Everything in the parent, the members and Karmada itself.
    fn objects(&self) -> BTreeMap<String, Identity> {
        let karmada = self.world.home.path().join(".karmada/karmada-apiserver.config");
        let outside = [CLUSTER].into_iter().chain(MEMBERS).flat_map(|cluster| {
            let found = self.world.rig.identities(cluster, &KINDS);
            found.into_iter().map(move |(name, identity)| (format!("{cluster}: {name}"), identity))
        });
        let inside = self.world.rig.identities_by(&karmada, &INNER_KINDS);
        let inside = inside.into_iter().map(|(name, identity)| (format!("karmada: {name}"), identity));
        outside.chain(inside).collect()
    }

    /// Fails unless the guide's end is reached.
    pub(crate) fn stands(&self) {
        let outputs = self.outputs();
        let member = |mode: &str, replicas: u32| json!({"mode": mode, "ready": true, "replicas": replicas});
        let [first, second, third] = MEMBERS;
        let wanted = json!({first: member("push", 3), second: member("push", 3), third: member("pull", 6)});
        assert_eq!(outputs["members"], wanted);
        assert_eq!(outputs["karmada_version"], "v1.18.2");
        for (name, replicas) in MEMBERS.into_iter().zip([3, 3, 6]) {
            let pods = ["get", "pods", "-l", "app=nginx", "--field-selector=status.phase=Running", "-o", "name"];
            assert_eq!(self.world.rig.kubectl(name, &pods).lines().count(), replicas, "in {name}");
        }
        for (app, nodes) in [("karmada-apiserver", 3), ("etcd", 3)] {
            let label = format!("app={app}");
            let columns = "-o=custom-columns=:.spec.nodeName";
            let found =
                self.world.rig.kubectl(CLUSTER, &["-n", "karmada-system", "get", "pods", "-l", &label, columns]);
            let found: BTreeSet<&str> = found.split_whitespace().collect();
            assert_eq!(found.len(), nodes, "nodes of {app}: {found:?}");
        }
    }

    /// Takes everything away, and fails unless nothing is left.
    pub(crate) fn leaves_nothing(&self, before: &BTreeMap<&str, BTreeSet<String>>) {
        let finished = self.exec("uninstall").expect(0);
        assert_eq!(self.outputs()["left"], json!([]), "{}", finished.report());
        assert_eq!(self.world.cloud.leftovers(), BTreeMap::new());
        assert_eq!(&self.names(), before, "what is in the clusters");
    }

    /// The names of what could be left in the clusters, all pods that end being gone.
    pub(crate) fn names(&self) -> BTreeMap<&'static str, BTreeSet<String>> {
        let kinds = [
            "namespaces",
            "deployments",
            "services",
            "secrets",
            "persistentvolumes",
            "clusterroles",
            "clusterrolebindings",
        ];
        let names = |cluster| self.world.rig.identities(cluster, &kinds).into_keys().collect();
        [CLUSTER].into_iter().chain(MEMBERS).map(|cluster| (cluster, names(cluster))).collect()
    }
}

/// Killed at three marks, or at as many moments as `RUNBOOK_GUIDE_KILLS` says, drawn by `RUNBOOK_SEED`.
pub(crate) fn killed(stage: &Stage) {
    let guide = Guide::new(stage);
    let before = guide.names();
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let kills = match number("RUNBOOK_GUIDE_KILLS") {
        None => killed_at_marks(&guide),
        Some(kills) => killed_at_random(&guide, kills, number("RUNBOOK_SEED").unwrap_or(1)),
    };
    guide.start_again().wait(PATIENCE).expect(0);
    guide.stands();
    let traces = Traces::of(&guide.world);
    traces.make_nothing_twice();
    traces.repeat_no_finished_step();
    assert_eq!(traces.holders(), kills + 1);

    let objects = guide.objects();
    guide.world.cloud.forget_calls();
    guide.exec("eks-karmada").expect(0);
    assert_eq!(changes(&guide.world.cloud.calls()).into_keys().collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(guide.objects(), objects);
    guide.stands();
    guide.leaves_nothing(&before);
}

fn killed_at_marks(guide: &Guide<'_>) -> usize {
    for mark in MARKS {
        let mut started = guide.start_again();
        let there = started.until(PATIENCE, |run| run.stderr().contains(mark));
        let killed = started.kill();
        assert!(there && killed.status.code().is_none(), "it never came to `{mark}`\n{}", killed.report());
    }
    MARKS.len()
}

/// How often it was killed while it held the run.
fn killed_at_random(guide: &Guide<'_>, kills: u64, seed: u64) -> usize {
    let mut moments = Moments::of(seed);
    for _ in 0..kills {
        let mut started = guide.start_again();
        let _ended = started.until(Duration::from_millis(moments.below(LONGEST_LIFE)), |_| false);
        let killed = started.kill();
        assert_eq!(killed.status.code(), None, "it ended before it was killed often enough; try another RUNBOOK_SEED");
    }
    let held = |event: &&Value| event["event"] == "run-held";
    guide.world.events().iter().filter(held).count()
}
