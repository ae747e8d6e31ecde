//! Which cluster is met, and as whom.

use std::fs;

use serde_json::json;

use crate::stage::{CLUSTER, Stage};

const NAMESPACES: &str = "  - id: all
    connection: cluster
    k8s-get: {apiVersion: v1, kind: Namespace, name: NS}
";

pub(crate) fn kubeconfig(stage: &Stage) {
    let world = stage.world("kubeconfig");
    world.make_cluster();
    // What `aws eks update-kubeconfig` writes.
    let administrator = world.rig.kubectl(CLUSTER, &["config", "view", "--raw", "-o", "json"]);
    let mut config: serde_json::Value = serde_json::from_str(&administrator).unwrap();
    config["users"][0]["user"] = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws", "env": null, "provideClusterInfo": false,
        "args": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", CLUSTER, "--output", "json"]}});
    let path = world.home.path().join("kubeconfig");
    fs::write(&path, config.to_string()).unwrap();
    let door = format!("{{kubeconfig: {}, context: [absent, {}]}}", path.display(), config["current-context"]);
    world.exec_through(&door, "", NAMESPACES, &[]).expect(0);
    let eks = format!("{{eks: {CLUSTER}, aws: aws}}");
    world.exec_through(&eks, "", NAMESPACES, &[]).expect(0);
}

pub(crate) fn missing(stage: &Stage) {
    let world = stage.world("missing");
    let failed = world.exec_through("{eks: no-such-cluster, aws: aws}", "", NAMESPACES, &[]).expect(1);
    let failure = &failed.json()["steps"][0]["error"];
    assert_eq!((&failure["class"], &failure["code"]), (&json!("missing"), &json!("ResourceNotFoundException")));
}
