//! A Karmada whose etcd runs elsewhere.

use std::time::Duration;

use crate::stage::{NAMESPACE, PARENT, Stage};

/// An etcd of somebody else, with certificates of its own, and then what `it` says. `port` is where Karmada looks for it.
fn steps(stage: &Stage, port: u16) -> String {
    let (parent, init) = (stage.connection(PARENT), stage.init());
    format!(
        r#"  - id: store
    connection: {parent}
    k8s-apply: {{objects: [{{apiVersion: v1, kind: Namespace, metadata: {{name: store}}}}]}}
  - id: pki
    connection: {parent}
    pki:
      secret: store
      namespace: store
      authorities: {{store-ca: {{common-name: store}}}}
      certificates:
        server: {{authority: store-ca, common-name: store, dns: [store.store.svc.cluster.local, localhost], ips: [127.0.0.1]}}
        client: {{authority: store-ca, common-name: karmada}}
    outputs: {{pairs: "${{{{ result.pairs }}}}"}}
    secret: [pairs]
  - id: etcd
    connection: {parent}
    k8s-apply:
      namespace: store
      wait: ready
      objects:
        - apiVersion: v1
          kind: Service
          metadata: {{name: store}}
          spec: {{selector: {{app: store}}, ports: [{{name: client, port: 2379}}]}}
        - apiVersion: v1
          kind: Pod
          metadata: {{name: store, labels: {{app: store}}}}
          spec:
            terminationGracePeriodSeconds: 1
            containers:
              - name: etcd
                image: registry.k8s.io/etcd:3.6.6-0
                command: [/usr/local/bin/etcd, --data-dir=/tmp/data, --client-cert-auth, "--listen-client-urls=https://0.0.0.0:2379",
                  "--advertise-client-urls=https://store.store.svc.cluster.local:2379", --cert-file=/pki/server.crt,
                  --key-file=/pki/server.key, --trusted-ca-file=/pki/store-ca.crt]
                readinessProbe: {{tcpSocket: {{port: 2379}}, periodSeconds: 1}}
                volumeMounts: [{{name: pki, mountPath: /pki}}, {{name: data, mountPath: /tmp}}]
            volumes: [{{name: pki, secret: {{secretName: store}}}}, {{name: data, emptyDir: {{}}}}]
    outputs: {{}}
  - id: it
    connection: {parent}
    karmada-init:
      external-etcd:
        servers: ["https://store.store.svc.cluster.local:{port}"]
        ca: ${{{{ steps.pki.pairs["store-ca"].certificate }}}}
        certificate: ${{{{ steps.pki.pairs.client.certificate }}}}
        key: ${{{{ steps.pki.pairs.client.key }}}}
        prefix: /karmada
      replicas: 1
"#
    ) + &init.split(", ").fold(String::new(), |lines, entry| lines + "      " + entry + "\n")
}

pub(crate) fn etcd(stage: &Stage) {
    // Nothing listens there: it is said what was seen, and nothing of Karmada is made.
    let mut started = stage.start(&steps(stage, 2380));
    let said = |run: &runbook_harness::Started| {
        run.stdout().contains("Readiness probe failed") && run.stdout().contains("unhealthy")
    };
    assert!(started.until(Duration::from_secs(120), said), "{}", started.stdout());
    drop(started.kill());
    let made = stage.kubectl(PARENT, &["-n", NAMESPACE, "get", "deployments", "-o", "name"]);
    assert_eq!(made, "deployment.apps/external-etcd-trial\n");

    stage.run(&steps(stage, 2379)).expect(0);
    let objects = stage.kubectl(PARENT, &["-n", NAMESPACE, "get", "statefulsets,deployments", "-o", "name"]);
    assert!(!objects.contains("etcd"), "no etcd runs here, and no trial is left: {objects}");
    let stored = "/usr/local/bin/etcdctl get /karmada/namespaces/default --keys-only --cacert=/pki/store-ca.crt --cert=/pki/client.crt --key=/pki/client.key";
    let stored: Vec<&str> = ["-n", "store", "exec", "store", "--"].into_iter().chain(stored.split(' ')).collect();
    assert!(stage.kubectl(PARENT, &stored).contains("/karmada/namespaces/default"));
    let again = stage.run(&steps(stage, 2379)).expect(0);
    assert_eq!(stage.changed(&again), [""; 0]);
    stage.exec(PARENT, "karmada-deinit", "").expect(0);
}
