//! Members and the control plane go, and what is left of them.

use crate::stage::{NAMESPACE, PARENT, PULLING, PUSHED, Stage, succeeded};

/// What is left of Karmada in a member.
fn left_in(stage: &Stage, member: &str) -> Vec<String> {
    let kinds = "namespaces,clusterroles,clusterrolebindings";
    let found = stage.kubectl(member, &["get", kinds, "-o", "name"]);
    // The agent's namespace may hold more than the agent.
    let ours = |line: &&str| line.contains("karmada") && *line != "namespace/karmada-system";
    let mut left: Vec<String> = found.lines().filter(ours).map(str::to_owned).collect();
    let agent = ["-n", NAMESPACE, "get", "deployments,serviceaccounts,secrets", "-o", "name", "--ignore-not-found"];
    left.extend(stage.kubectl(member, &agent).lines().filter(|line| line.contains("karmada")).map(str::to_owned));
    left
}

fn named(name: &str) -> String {
    format!("karmada: karmada, name: {name}")
}

pub(crate) fn members(stage: &Stage) {
    stage.installed();
    stage.exec(PUSHED[0], "karmada-join", &named(PUSHED[0])).expect(0);
    stage.exec(PULLING, "karmada-register", &named(PULLING)).expect(0);
    for (member, kind) in [(PUSHED[0], "karmada-unjoin"), (PULLING, "karmada-unregister")] {
        stage.exec(member, kind, &named(member)).expect(0);
        assert_eq!(left_in(stage, member), [""; 0]);
        let again = stage.exec(member, kind, &named(member)).expect(0);
        assert_eq!(stage.changed(&again), [""; 0]);
    }

    // Who joined by the real tool leaves by ours.
    let join = ["join", PUSHED[0], "--cluster-kubeconfig", &stage.kubeconfig(PUSHED[0])];
    succeeded(&stage.karmadactl(&join));
    stage.exec(PUSHED[0], "karmada-unjoin", &named(PUSHED[0])).expect(0);
    assert_eq!(left_in(stage, PUSHED[0]), [""; 0]);

    // An agent that has fallen silent, in a member that nobody reaches any more.
    stage.exec(PULLING, "karmada-register", &named(PULLING)).expect(0);
    let _said = stage.kubectl(PULLING, &["-n", NAMESPACE, "scale", "deployment", "karmada-agent", "--replicas=0"]);
    let cluster = format!("apiVersion: cluster.karmada.io/v1alpha1, kind: Cluster, name: {PULLING}");
    stage.wait(
        "karmada",
        &cluster,
        "result.status.conditions | selectattr('type', 'eq', 'Ready') | map(attribute='status') | list != ['True']",
    );
    let path = stage.home().path().join("away.yaml");
    let nowhere = "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: a, user: {token: x}}]\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n";
    std::fs::write(&path, nowhere).unwrap();
    let connection = format!("{{kubeconfig: {}}}", path.display());
    let arguments = named(PULLING);
    let done = stage
        .run(&format!("  - {{id: it, connection: {connection}, karmada-unregister: {{{arguments}}}}}\n"))
        .expect(0);
    assert!(done.report().contains("the member does not answer"), "{}", done.report());
    assert!(!stage.inside(&["get", "clusters", "-o", "name"]).contains(PULLING));
}

pub(crate) fn control_plane(stage: &Stage) {
    stage.installed();
    for member in PUSHED {
        stage.exec(member, "karmada-join", &named(member)).expect(0);
    }
    let failed = stage.exec(PARENT, "karmada-deinit", "").expect(1);
    assert!(
        Stage::failure(&failed).contains("Karmada has the members ekseucl01, ekseucl02"),
        "{}",
        Stage::failure(&failed)
    );
    for member in PUSHED {
        stage.exec(member, "karmada-unjoin", &named(member)).expect(0);
    }
    stage.exec(PARENT, "karmada-deinit", "delete-data: true").expect(0);
    assert_eq!(remains(stage), "");
    let again = stage.exec(PARENT, "karmada-deinit", "delete-data: true").expect(0);
    assert_eq!(stage.changed(&again), [""; 0]);
}

pub(crate) fn remains(stage: &Stage) -> String {
    let kinds = "deployments,statefulsets,services,secrets,persistentvolumeclaims";
    stage.kubectl(PARENT, &["-n", NAMESPACE, "get", kinds, "-o", "name"])
}
