//! Waiting for a cluster: what is awaited, what is said meanwhile, and when it is in vain.

use std::time::Duration;

use serde_json::json;

use crate::stage::{CLUSTER, Stage, World};

fn deployment(image: &str, wait: &str) -> String {
    format!(
        "  - id: web
    connection: cluster
    k8s-apply:
      namespace: NS
      wait: {wait}
      objects:
        - apiVersion: apps/v1
          kind: Deployment
          metadata: {{name: web}}
          spec:
            replicas: 2
            progressDeadlineSeconds: 6
            selector: {{matchLabels: {{app: web}}}}
            template:
              metadata: {{labels: {{app: web}}}}
              spec: {{containers: [{{name: server, image: \"{image}\"}}]}}
    timeout: 2m
"
    )
}

pub(crate) fn roll_out(stage: &Stage) {
    let world = stage.world("roll-out");
    world.exec(&deployment("nginx", "ready")).expect(0);
    assert_eq!(world.object(&["deployment", "web"])["status"]["availableReplicas"], 2);
    let again = world.exec(&deployment("nginx", "ready")).expect(0);
    assert_eq!(world.ending(&again, "web")["origin"], "unchanged");
}

pub(crate) fn failure(stage: &Stage) {
    let world = stage.world("failure");
    let waits = "  - id: rolled_out
    connection: cluster
    wait-for:
      k8s: {apiVersion: apps/v1, kind: Deployment, name: web, namespace: NS}
      until: ready
    timeout: 2m
";
    let finished = world.exec(&(deployment("no-such-image:1", "none") + waits)).expect(1);
    let failure = world.ending(&finished, "rolled_out")["failure"].clone();
    let message = failure["message"].as_str().unwrap();
    for words in ["Deployment failure/web failed: ProgressDeadlineExceeded", "container server: ", "no-such-image:1"] {
        assert!(message.contains(words), "{message}");
    }
    let applied = world.exec(&deployment("no-such-image:1", "ready")).expect(1);
    let failure = &world.ending(&applied, "web")["failure"];
    assert_eq!(failure["code"], "NotReady", "{failure}");
}

/// How many clients watch ConfigMaps of one namespace, as the API server counts them; its own parts watch all namespaces or
/// single objects.
fn watchers(world: &World<'_>) -> u32 {
    let metrics = world.rig.kubectl(CLUSTER, &["get", "--raw", "/metrics"]);
    let ours = |line: &&str| {
        let wanted =
            ["apiserver_longrunning_requests{", "resource=\"configmaps\"", "scope=\"namespace\"", "verb=\"WATCH\""];
        wanted.iter().all(|part| line.contains(part))
    };
    metrics.lines().filter(ours).filter_map(|line| line.rsplit_once(' ')?.1.parse::<u32>().ok()).sum()
}

pub(crate) fn watches(stage: &Stage) {
    let world = stage.world("watches");
    world.kubectl(&["create", "configmap", "flag", "--from-literal=is=down"]);
    let waits = "  - id: flag
    connection: cluster
    wait-for:
      k8s: {apiVersion: v1, kind: ConfigMap, namespace: NS, selector: kubernetes.io/metadata.name!=x}
      until: ${{ result | selectattr(\"data.is\", \"equalto\", \"up\") | list | length == 1 }}
      every: 30s
    timeout: 1m
    outputs: {}
  - id: none
    connection: cluster
    k8s-get: {apiVersion: v1, kind: Pod, namespace: NS}
    outputs:
      found: ${{ result }}
";
    let before = watchers(&world);
    let mut started = world.start(waits);
    let watching = started.until(Duration::from_secs(30), |_| watchers(&world) > before);
    assert!(watching, "it should watch from its second look on");
    world.kubectl(&["patch", "configmap", "flag", "-p", r#"{"data":{"is":"up"}}"#]);
    let finished = started.wait(Duration::from_secs(40)).expect(0);
    assert_eq!(world.ending(&finished, "none")["outputs"]["found"], json!([]));
}
