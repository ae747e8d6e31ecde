//! What is refused before anything is made.

use crate::stage::{NAMESPACE, PARENT, Stage};

pub(crate) fn refusals(stage: &Stage) {
    let init = stage.init();
    let refused = |arguments: &str, words: &str| {
        let failed = stage.exec(PARENT, "karmada-init", arguments).expect(1);
        let why = Stage::failure(&failed);
        assert!(why.contains(words), "{why}");
        let namespaces = stage.kubectl(PARENT, &["get", "namespaces", "-o", "name"]);
        assert!(!namespaces.contains(NAMESPACE), "nothing was made");
    };
    refused(
        &format!("{init}, replicas: 4"),
        "3 of 3 nodes can take pods (the others are cordoned, tainted or not ready: there are none), and 4 replicas",
    );
    refused(&init.replace("ebs-sc", "nope"), "there is no storage class nope; the cluster has ebs-sc");
    refused(&init.replace("storage-class: ebs-sc, ", ""), "the cluster has no default storage class");
    refused(&format!("{init}, components: {{etdc: {{replicas: 1}}}}"), "there is no component etdc");

    // Not 32443: Kubernetes may take minutes to give a port out again, and the installations that follow need that one.
    let _said = stage.kubectl(PARENT, &["create", "service", "nodeport", "taken", "--tcp=80", "--node-port=31999"]);
    refused(&format!("{init}, node-port: 31999"), "the node port 31999 is held by the Service default/taken");
    let _said = stage.kubectl(PARENT, &["delete", "service", "taken"]);

    let node = stage.kubectl(PARENT, &["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    let _said = stage.kubectl(PARENT, &["cordon", &node]);
    refused(
        &init,
        &format!("2 of 3 nodes can take pods (the others are cordoned, tainted or not ready: {node}), and 3 replicas"),
    );
    let _said = stage.kubectl(PARENT, &["uncordon", &node]);

    let other = ["-n", "other-karmada"];
    let _said = stage.kubectl(PARENT, &["create", "namespace", other[1]]);
    let secret = ["create", "secret", "generic", "karmada-cert", "--from-literal=ca.crt=x"];
    let _said = stage.kubectl(PARENT, &[&other[..], &secret].concat());
    refused(
        &format!("{init}, namespace: other-karmada"),
        "the namespace other-karmada holds the certificates of a Karmada that runbook did not install",
    );
    let _said = stage.kubectl(PARENT, &["delete", "namespace", other[1], "--wait=false"]);

    let digest = format!("sha256:{}", "0".repeat(64));
    refused(&format!("{init}, crds-digest: \"{digest}\""), "holds another content than wanted: it is sha256:");

    let failed = stage.exec(PARENT, "karmada-init", "endpoint: \"https://x\"").expect(3);
    assert!(failed.stderr.contains("endpoint"), "{}", failed.stderr);
}
