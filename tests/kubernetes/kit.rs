//! Certificates kept in a Secret, manifests of an archive, deletions, drains, and what a wait says of quotas and volumes.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::stage::{CLUSTER, Stage};

/// The data of the Secret `certs`, decoded by nobody.
fn kept(world: &crate::stage::World<'_>) -> Value {
    world.object(&["secret", "certs"])["data"].clone()
}

pub(crate) fn pki(stage: &Stage) {
    let world = stage.world("pki");
    let step = |more: &str| {
        format!(
            "  - id: pki
    connection: cluster
    pki:
      secret: certs
      namespace: NS
      authorities: {{ca: {{common-name: karmada}}}}
      certificates: {{api: {{authority: ca, common-name: api, dns: [localhost{more}]}}}}
    outputs: {{ca: \"${{{{ result.pairs.ca.certificate }}}}\", digest: \"${{{{ result.digest }}}}\"}}
"
        )
    };
    let first = world.exec(&step("")).expect(0);
    let ending = world.ending(&first, "pki");
    assert_eq!(ending["origin"], "created");
    assert!(ending["outputs"]["ca"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    let before = kept(&world);
    let again = world.exec(&step("")).expect(0);
    assert_eq!(world.ending(&again, "pki")["origin"], "unchanged");
    assert_eq!(kept(&world), before);
    let more = world.exec(&step(", api.example")).expect(0);
    assert_eq!(world.ending(&more, "pki")["origin"], "changed");
    let after = kept(&world);
    for member in ["ca.crt", "ca.key", "api.key"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_ne!(after["api.crt"], before["api.crt"]);
    for file in fs::read_dir(world.home.state()).unwrap().map(|entry| entry.unwrap().path()) {
        let holds = |text: &str| {
            fs::read(&file).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
        };
        assert!(!holds("PRIVATE KEY"), "{}", file.display());
    }
}

pub(crate) fn archive(stage: &Stage) {
    let world = stage.world("archive");
    let definitions = world.rig.karmada_definitions().to_str().unwrap().to_owned();
    let step = |digest: &str| {
        format!(
            "  - id: definitions
    connection: cluster
    k8s-apply:
      archive: {{from: {definitions}, digest: \"sha256:{digest}\", under: crds/bases}}
      patches:
        - kind: CustomResourceDefinition
          name: works.work.karmada.io
          merge: {{metadata: {{labels: {{patched: \"yes\"}}}}}}
      wait: ready
    timeout: 2m
    outputs: {{names: \"${{{{ result | map(attribute='metadata.name') | list }}}}\"}}
"
        )
    };
    let refused = world.exec(&step(&"0".repeat(64))).expect(1);
    assert!(refused.stdout.contains("holds another content than wanted"), "{}", refused.report());
    // The very words of the page say the digest.
    let script = format!(
        "set -e; cd {}; mkdir x; cd x; tar xzf {definitions}; find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum",
        world.home.path().display()
    );
    let digest = Command::new("sh").args(["-c", &script]).output().unwrap().stdout;
    let digest = String::from_utf8(digest).unwrap()[..64].to_owned();
    let applied = world.exec(&step(&digest)).expect(0);
    let names = world.ending(&applied, "definitions")["outputs"]["names"].as_array().unwrap().len();
    assert!(names >= 19, "{names}");
    let patched = world.object(&["customresourcedefinition", "works.work.karmada.io"]);
    assert_eq!(patched["metadata"]["labels"]["patched"], "yes");
}

pub(crate) fn delete(stage: &Stage) {
    let world = stage.world("delete");
    world.kubectl(&["create", "configmap", "held"]);
    world.kubectl(&["patch", "configmap", "held", "-p", r#"{"metadata":{"finalizers":["x.io/keep"]}}"#]);
    let step = "  - id: gone
    connection: cluster
    k8s-delete: {apiVersion: v1, kind: ConfigMap, name: held, namespace: NS, wait: gone}
    timeout: 4s
";
    let late = world.exec(step).expect(5);
    assert!(late.stdout.contains("x.io/keep") || late.stderr.contains("x.io/keep"), "{}", late.report());
    world.kubectl(&["patch", "configmap", "held", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    let run = late.json()["run"].as_str().unwrap().to_owned();
    world.home.run(["resume", &run]).expect(0);
    let again = world.exec(step).expect(0);
    assert_eq!(world.ending(&again, "gone")["origin"], "unchanged");
}

pub(crate) fn quota(stage: &Stage) {
    let world = stage.world("quota");
    world.kubectl(&["create", "quota", "none", "--hard=pods=0"]);
    // Nobody is held to a quota before its controller has taken it up.
    world.kubectl(&["wait", "quota/none", "--for=jsonpath={.status.hard.pods}=0", "--timeout=60s"]);
    let steps = "  - id: set
    connection: cluster
    k8s-apply:
      namespace: NS
      wait: ready
      objects:
        - apiVersion: apps/v1
          kind: StatefulSet
          metadata: {name: db}
          spec:
            serviceName: db
            selector: {matchLabels: {app: db}}
            template:
              metadata: {labels: {app: db}}
              spec: {containers: [{name: c, image: nginx}]}
    timeout: 8s
";
    let late = world.exec(steps).expect(5);
    let told = format!("{}{}", late.stdout, late.stderr);
    assert!(told.contains("FailedCreate") && told.contains("exceeded quota"), "{}", late.report());
}

pub(crate) fn drain(stage: &Stage) {
    let world = stage.world("drain");
    world.kubectl(&["create", "deployment", "web", "--image=nginx"]);
    world.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]);
    let pod = world.object(&["pods", "-l", "app=web"])["items"][0].take();
    let node = pod["spec"]["nodeName"].as_str().unwrap().to_owned();
    world.kubectl(&["create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=1"]);
    let step = |more: &str| {
        format!(
            "  - id: empty\n    connection: cluster\n    k8s-drain: {{node: {node}, grace: 1s{more}}}\n    timeout: 6s\n"
        )
    };
    let held = world.exec(&step("")).expect(5);
    let told = format!("{}{}", held.stdout, held.stderr);
    assert!(told.contains("disruption budget"), "{}", held.report());
    let read = || -> Value {
        serde_json::from_str(&world.rig.kubectl(CLUSTER, &["get", "node", &node, "-o", "json"])).unwrap()
    };
    assert_eq!(read()["spec"]["unschedulable"], true);
    world.kubectl(&["delete", "poddisruptionbudget", "web"]);
    let run = held.json()["run"].as_str().unwrap().to_owned();
    world.home.run(["resume", &run, "--extend", "60s"]).expect(0);
    let pods = world.object(&["pods", "-l", "app=web"]);
    let there: Vec<&Value> =
        pods["items"].as_array().unwrap().iter().filter(|pod| pod["spec"]["nodeName"] == json!(node)).collect();
    assert!(there.is_empty(), "{there:?}");
    let _said = world.rig.kubectl(CLUSTER, &["uncordon", &node]);
}
