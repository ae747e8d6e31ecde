//! Members come: pushed to, pulling, refused.

use crate::stage::{PARENT, PULLING, PUSHED, Stage, succeeded};

fn joined(stage: &Stage, name: &str) -> runbook_harness::Finished {
    stage.exec(name, "karmada-join", &format!("karmada: karmada, name: {name}, provider: aws"))
}

/// Both members that Karmada pushes to are there.
pub(crate) fn all_joined(stage: &Stage) {
    for name in PUSHED {
        joined(stage.installed(), name).expect(0);
    }
}

pub(crate) fn registered(stage: &Stage) -> runbook_harness::Finished {
    stage.installed().exec(PULLING, "karmada-register", &format!("karmada: karmada, name: {PULLING}"))
}

pub(crate) fn join(stage: &Stage) {
    all_joined(stage);
    for name in PUSHED {
        let again = joined(stage, name).expect(0);
        assert_eq!(stage.changed(&again), [""; 0]);
    }
    let clusters = succeeded(&stage.karmadactl(&["get", "clusters"]));
    let ready = |name: &str| {
        clusters.lines().any(|line| line.starts_with(name) && line.contains("Push") && line.contains("True"))
    };
    assert!(PUSHED.into_iter().all(ready), "{clusters}");
    let owner = "jsonpath={.metadata.ownerReferences[0].kind}";
    assert_eq!(stage.inside(&["-n", "karmada-cluster", "get", "secret", PUSHED[0], "-o", owner]), "Cluster");
}

pub(crate) fn stale_token(stage: &Stage) {
    all_joined(stage);
    let patch = r#"{"data":{"token":"c3RhbGU="}}"#;
    let _said = stage.inside(&["-n", "karmada-cluster", "patch", "secret", PUSHED[0], "-p", patch]);
    let again = joined(stage, PUSHED[0]).expect(0);
    assert_eq!(stage.changed(&again), ["it/secrets"]);
}

pub(crate) fn register(stage: &Stage) {
    registered(stage).expect(0);
    assert_eq!(stage.changed(&registered(stage).expect(0)), [""; 0]);
    let clusters = succeeded(&stage.karmadactl(&["get", "clusters"]));
    let line = clusters.lines().find(|line| line.starts_with(PULLING)).expect("it is a member");
    assert!(line.contains("Pull") && line.contains("True"), "{clusters}");
    let requests = stage.inside(&["get", "certificatesigningrequests", "-o", "name"]);
    assert!(!requests.contains("runbook-"), "no request is left: {requests}");
}

/// The guide's way: the member's host knows nothing of Karmada but its address, a token and a hash.
pub(crate) fn register_by_token(stage: &Stage) {
    let by = |hash: &str| {
        let steps = format!(
            "  - {{id: token, connection: karmada, karmada-token: {{ttl: 1h}}}}
  - id: it
    connection: {}
    karmada-register:
      name: {PULLING}
      endpoint: ${{{{ 'https://' ~ steps.token.result.endpoint }}}}
      token: ${{{{ steps.token.result.token }}}}
      ca-cert-hash: {hash}
",
            stage.connection(PULLING)
        );
        stage.installed().run(&steps)
    };
    let why = Stage::failure(&by(&format!("sha256:{}", "0".repeat(64))).expect(1));
    assert!(why.contains("is not the Karmada that is meant: the hash of its authority is"), "{why}");
    by("${{ steps.token.result.ca_cert_hash }}").expect(0);
    let clusters = succeeded(&stage.karmadactl(&["get", "clusters"]));
    let line = clusters.lines().find(|line| line.starts_with(PULLING)).expect("it is a member");
    assert!(line.contains("Pull") && line.contains("True"), "{clusters}");
    let requests = stage.inside(&["get", "certificatesigningrequests", "-o", "name"]);
    assert!(!requests.contains("runbook-"), "no request is left: {requests}");
}

pub(crate) fn refusals(stage: &Stage) {
    all_joined(stage);
    registered(stage).expect(0);
    for (cluster, kind, name, words) in [
        (PARENT, "karmada-join", PUSHED[0], "and it is another cluster than this one"),
        (PUSHED[0], "karmada-join", "other", "this cluster is a member already, under the name ekseucl01"),
        (PULLING, "karmada-join", PULLING, "is registered, with an agent of its own"),
        (PUSHED[0], "karmada-register", PUSHED[0], "is joined, and Karmada pushes to it"),
        (PARENT, "karmada-join", "impersonator", "no member can be called impersonator"),
        (PULLING, "karmada-unjoin", PULLING, "take it out with karmada-unregister"),
        (PUSHED[0], "karmada-unregister", PUSHED[0], "take it out with karmada-unjoin"),
    ] {
        let failed = stage.exec(cluster, kind, &format!("karmada: karmada, name: {name}")).expect(1);
        let why = Stage::failure(&failed);
        assert!(why.contains(words), "{kind} {name}: {why}");
    }
    for name in ["Upper", "under_score", &"x".repeat(49)] {
        stage.exec(PARENT, "karmada-join", &format!("karmada: karmada, name: {name}")).expect(3);
    }
}

pub(crate) fn schedule(stage: &Stage) {
    all_joined(stage);
    registered(stage).expect(0);
    let weight = |name: &str, weight: u32| format!("{{targetCluster: {{clusterNames: [{name}]}}, weight: {weight}}}");
    let weights = [weight(PUSHED[0], 1), weight(PUSHED[1], 1), weight(PULLING, 2)].join(", ");
    let steps = format!(
        "  - id: app
    connection: karmada
    k8s-apply:
      namespace: default
      objects:
        - apiVersion: apps/v1
          kind: Deployment
          metadata: {{name: nginx, labels: {{app: nginx}}}}
          spec:
            replicas: 12
            selector: {{matchLabels: {{app: nginx}}}}
            template: {{metadata: {{labels: {{app: nginx}}}}, spec: {{containers: [{{name: nginx, image: nginx}}]}}}}
        - apiVersion: policy.karmada.io/v1alpha1
          kind: PropagationPolicy
          metadata: {{name: nginx}}
          spec:
            resourceSelectors: [{{apiVersion: apps/v1, kind: Deployment, name: nginx}}]
            placement:
              replicaScheduling:
                replicaSchedulingType: Divided
                replicaDivisionPreference: Weighted
                weightPreference: {{staticWeightList: [{weights}]}}
      wait: none
    outputs: {{}}
"
    );
    stage.run(&steps).expect(0);
    for (name, replicas) in [(PUSHED[0], 3), (PUSHED[1], 3), (PULLING, 6)] {
        let deployment = "apiVersion: apps/v1, kind: Deployment, name: nginx, namespace: default";
        let until = format!("result | jmespath('status.readyReplicas') == {replicas}");
        stage.wait(&stage.connection(name), deployment, &until);
    }
}
