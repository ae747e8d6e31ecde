//! `kill -9` at every kind of moment.

use std::env;
use std::time::Duration;

use runbook_harness::{Fault, FaultKind};
use serde_json::json;

use crate::moments::Moments;
use crate::stage::{PATIENCE, Stage};
use crate::traces::Traces;

/// A call: service, operation, and the parameters that tell it from its like.
type Mark = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Calls that change something, some of each sort, and a wait's look.
const MARKS: [Mark; 10] = [
    ("iam", "CreateRole", &[("RoleName", "karmada-parent-cluster-d763c26")]),
    ("iam", "CreateRole", &[("RoleName", "karmada-parent-ebs-csi-d763c26")]),
    ("iam", "AttachRolePolicy", &[("PolicyArn", "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")]),
    ("eks", "CreateCluster", &[]),
    ("eks", "CreateAddon", &[("addonName", "coredns")]),
    ("eks", "CreateAddon", &[("addonName", "aws-ebs-csi-driver")]),
    ("ec2", "CreateLaunchTemplate", &[]),
    ("eks", "CreateNodegroup", &[]),
    ("iam", "CreateOpenIDConnectProvider", &[]),
    ("eks", "DescribeNodegroup", &[]),
];

/// How long a slow call takes: longer than the harness needs to see it and to kill.
const SLOW: u64 = 400;

/// Killed while a call is on its way: its effect comes when the process is gone, for some before the next one looks, for
/// some after.
pub(crate) fn in_flight(stage: &Stage) {
    let undisturbed = stage.undisturbed();
    let world = stage.world();
    for (service, operation, parameters) in MARKS {
        let r#match = parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        world.cloud.inject(&Fault { delay_ms: Some(SLOW), r#match, ..Fault::of(FaultKind::Slow, service, operation) });
    }
    let mut kills = 0;
    loop {
        let before = world.cloud.calls().len();
        let mut started = world.start_again();
        let slow = started.until(PATIENCE, |_| {
            world.cloud.calls()[before..].iter().any(|call| call.fault.is_some() && call.status.is_none())
        });
        if !slow {
            started.wait(PATIENCE).expect(0);
            break;
        }
        assert_eq!(started.kill().status.code(), None, "it ended before it could be killed");
        kills += 1;
    }
    // Calls that go on side by side die together.
    assert!(kills >= 6, "only {kills} kills");
    Traces::of(&world).are_those_of(undisturbed);
}

/// The longest time between two kills, in milliseconds; most of a run is waiting, so that shorter lives meet more steps.
const LONGEST_LIFE: u64 = 1500;
/// How often a run is killed before it may end.
const KILLS: u32 = 8;

/// Killed at any moments at all.
pub(crate) fn at_random(stage: &Stage) {
    let number = |name: &str, default: u64| {
        env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("`{name}` is no number: {text}")))
    };
    let first = number("RUNBOOK_SEED", 1);
    for seed in first..first + number("RUNBOOK_KILLED_RUNS", 3) {
        killed(stage, seed);
    }
}

fn killed(stage: &Stage, seed: u64) {
    let undisturbed = stage.undisturbed();
    let world = stage.world();
    let mut moments = Moments::of(seed);
    let mut lives = Vec::new();
    for _ in 0..KILLS {
        let life = moments.below(LONGEST_LIFE);
        lives.push(life);
        let mut started = world.start_again();
        let _ended = started.until(Duration::from_millis(life), |_| false);
        if let Some(code) = started.kill().status.code() {
            assert_eq!(code, 0, "RUNBOOK_SEED={seed}, lives of {lives:?} ms");
            break;
        }
    }
    let finished = world.resume();
    assert_eq!(finished.status.code(), Some(0), "RUNBOOK_SEED={seed}, lives of {lives:?} ms\n{}", finished.report());
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Traces::of(&world).are_those_of(undisturbed)));
    assert!(told.is_ok(), "RUNBOOK_SEED={seed}, lives of {lives:?} ms: the end is another one, see above");
}
