//! What may happen around an installation: a node stands still, a member of etcd is taken away, the load balancer answers
//! nobody for a while, and somebody deletes it.
//!
//! This file decides when each happens and what the run has to say of it. It must not know how a rig is made to do it.

use std::time::Duration;

use crate::guide::{Guide, PATIENCE};
use crate::stage::{CLUSTER, Stage};

/// How long the load balancer is away. What waits for its answer may just go on when it is back.
const AWAY: Duration = Duration::from_secs(20);

/// The run says what blocks it, and goes on when that is over, without being asked to.
pub(crate) fn around_karmada(stage: &Stage) {
    let guide = Guide::new(stage);
    let before = guide.names();
    let rig = guide.world.rig;
    let nodes = rig.kubectl(CLUSTER, &["get", "nodes", "-o=custom-columns=:.metadata.name"]);
    let node = nodes.split_whitespace().next().expect("the cluster has nodes");
    let mut run = guide.start("eks-karmada");
    let mut says = |text: &str, limit: Duration| run.until(limit, |run| run.stderr().contains(text));

    assert!(says("[karmada/control_plane/secrets] begins", PATIENCE), "it comes to etcd");
    let stopped = rig.pause(&format!("node-{node}"));
    assert!(says("2 of 3 replicas are ready; pod etcd-", PATIENCE), "it says which member does not come");
    drop(stopped);

    assert!(says("[karmada/control_plane/apiserver] begins", PATIENCE), "it goes on when the node is back");
    let _said = rig.kubectl(CLUSTER, &["-n", "karmada-system", "delete", "pod", "etcd-0", "--now", "--wait=false"]);

    assert!(says("[karmada/control_plane/answers] done", PATIENCE), "it goes on without a member of etcd");
    let away = rig.pause("aws-side");
    let ended = says("[karmada/control_plane] done", AWAY);
    assert!(!ended, "nothing inside Karmada can be made while nobody answers for it");
    drop(away);

    run.wait(PATIENCE).expect(0);
    guide.stands();

    // Another balancer has another name, which then stands in certificates, kubeconfigs and what members know.
    let mut run = guide.start("eks-karmada");
    assert!(
        run.until(PATIENCE, |run| run.stderr().contains("[karmada/control_plane/answers] done")),
        "it finds all as it was left"
    );
    let service = ["-n", "karmada-system", "delete", "service", "karmada-service-loadbalancer"];
    let _said = rig.kubectl(CLUSTER, &service);
    let stopped = run.wait(PATIENCE).expect(1);
    assert!(stopped.stderr.contains("there is no connection to the API server https://"), "{}", stopped.report());
    guide.exec("eks-karmada").expect(0);
    guide.stands();
    guide.leaves_nothing(&before);
}
