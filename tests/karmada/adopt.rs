//! A Karmada that the real karmadactl installed is taken over.

use std::fs;

use crate::leave::remains;
use crate::stage::{NAMESPACE, PARENT, PUSHED, Stage, succeeded};

/// What no member and no client survives the loss of: the authorities, and the keys that tokens are signed with.
const KEPT: [&str; 5] = ["ca.crt", "ca.key", "etcd-ca.crt", "front-proxy-ca.crt", "karmada.key"];

pub(crate) fn karmada_of_another(stage: &Stage) {
    stage.init_by_karmadactl();
    let policy = stage.home().path().join("kept.yaml");
    fs::write(&policy, "apiVersion: policy.karmada.io/v1alpha1\nkind: PropagationPolicy\nmetadata: {name: kept}\nspec: {resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: kept}]}\n").unwrap();
    let _said = stage.inside(&["apply", "-f", policy.to_str().unwrap()]);
    let uid = ["get", "propagationpolicy", "kept", "-o", "jsonpath={.metadata.uid}"];
    let policy = stage.inside(&uid);
    succeeded(&stage.karmadactl(&["join", PUSHED[0], "--cluster-kubeconfig", &stage.kubeconfig(PUSHED[0])]));
    // A definition of an older version, such as the real tool leaves it at its own upgrade.
    let older = r#"[{"op": "remove", "path": "/spec/versions/0/additionalPrinterColumns"}]"#;
    let _said =
        stage.inside(&["patch", "customresourcedefinition", "works.work.karmada.io", "--type=json", "-p", older]);
    let held = KEPT.map(|entry| secret(stage, entry));

    let ours = format!("{}, replicas: 1, etcd-replicas: 1", stage.init());
    let refused = Stage::failure(&stage.exec(PARENT, "karmada-init", &ours).expect(1));
    assert!(refused.contains("say `adopt: true` to take it over with its certificates"), "{refused}");
    stage.exec(PARENT, "karmada-init", &format!("{ours}, adopt: true")).expect(0);

    assert_eq!(KEPT.map(|entry| secret(stage, entry)), held);
    assert!(secret(stage, "karmada.key").starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    assert_eq!(stage.inside(&uid), policy, "what it stored");
    stage.ready(PUSHED[0]);
    let columns = "jsonpath={.spec.versions[0].additionalPrinterColumns[*].name}";
    let columns = stage.inside(&["get", "customresourcedefinition", "works.work.karmada.io", "-o", columns]);
    assert!(columns.contains("APPLIED"), "the definition is the new one: {columns}");
    for adopt in ["", ", adopt: true"] {
        let again = stage.exec(PARENT, "karmada-init", &format!("{ours}{adopt}")).expect(0);
        assert_eq!(stage.changed(&again), [""; 0], "{adopt}");
    }

    // What is ours now the real tool removes.
    succeeded(&stage.karmadactl(&["unjoin", PUSHED[0], "--cluster-kubeconfig", &stage.kubeconfig(PUSHED[0])]));
    succeeded(&stage.karmadactl_in_parent(&["deinit", "--force"]));
    let claims = remains(stage);
    assert!(claims.lines().all(|line| line.contains("persistentvolumeclaim/etcd-data-etcd-")), "{claims}");
}

fn secret(stage: &Stage, entry: &str) -> String {
    let entry = format!("go-template={{{{index .data \"{entry}\" | base64decode}}}}");
    stage.kubectl(PARENT, &["-n", NAMESPACE, "get", "secret", "karmada-cert", "-o", &entry])
}
