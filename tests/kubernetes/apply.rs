//! What `k8s-apply` makes of objects, and what it leaves in the journal.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::stage::{Stage, World};

fn config_map(value: &str, more: &str) -> String {
    format!(
        "  - id: one
    connection: cluster
    k8s-apply:
      namespace: NS
{more}      objects:
        - {{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, labels: {{version: 1.30}}}}, data: {{k: \"{value}\"}}}}
"
    )
}

pub(crate) fn origins(stage: &Stage) {
    let world = stage.world("origins");
    let origin = |value: &str| {
        let finished = world.exec(&config_map(value, "")).expect(0);
        world.ending(&finished, "one")["origin"].clone()
    };
    assert_eq!([origin("1"), origin("1"), origin("2")], ["created", "unchanged", "changed"]);
    let object = world.object(&["configmap", "a"]);
    assert_eq!(object["metadata"]["labels"]["version"], "1.30", "what the author typed");
    assert_eq!(object["metadata"]["managedFields"][0]["manager"], "runbook/demo/one");
}

pub(crate) fn definition(stage: &Stage) {
    let world = stage.world("definition");
    let finished = world
        .exec(
            "  - id: both
    connection: cluster
    k8s-apply:
      namespace: NS
      objects:
        - {apiVersion: example.io/v1, kind: Thing, metadata: {name: a}, spec: {size: 3}}
        - apiVersion: apiextensions.k8s.io/v1
          kind: CustomResourceDefinition
          metadata: {name: things.example.io}
          spec:
            group: example.io
            scope: Namespaced
            names: {kind: Thing, plural: things, singular: thing}
            versions:
              - name: v1
                served: true
                storage: true
                schema:
                  openAPIV3Schema:
                    type: object
                    properties: {spec: {type: object, properties: {size: {type: integer}}}}
    outputs:
      kinds: ${{ result | map(attribute=\"kind\") | list }}
",
        )
        .expect(0);
    assert_eq!(World::attempts(&finished, "both"), 1);
    assert_eq!(world.ending(&finished, "both")["outputs"]["kinds"], json!(["Thing", "CustomResourceDefinition"]));
    assert_eq!(world.object(&["thing", "a"])["spec"]["size"], 3);
}

pub(crate) fn conflict(stage: &Stage) {
    let world = stage.world("conflict");
    world.exec(&config_map("ours", "")).expect(0);
    world.kubectl(&["patch", "configmap", "a", "--type=merge", "-p", r#"{"data":{"k":"theirs"}}"#]);
    let failed = world.exec(&config_map("ours", "")).expect(1);
    let failure = &world.ending(&failed, "one")["failure"];
    assert_eq!(failure["class"], "conflict");
    assert_eq!(World::attempts(&failed, "one"), 1, "whoever holds a field does not let it go by itself");
    assert_eq!(failure["message"], "ConfigMap conflict/a: `.data.k` is held by `kubectl-patch`");
    assert_eq!(world.object(&["configmap", "a"])["data"]["k"], "theirs");

    world.exec(&config_map("ours", "      conflicts: take\n")).expect(0);
    assert_eq!(world.object(&["configmap", "a"])["data"]["k"], "ours");
    // Another step's field, held by a runbook only, is taken without asking.
    world.exec(&config_map("other", "").replace("id: one", "id: two")).expect(0);
    assert_eq!(world.object(&["configmap", "a"])["data"]["k"], "other");
}

pub(crate) fn must_exist(stage: &Stage) {
    let world = stage.world("must-exist");
    let steps = config_map("1", "      must-exist: true\n");
    let failed = world.exec(&steps).expect(1);
    assert_eq!(world.ending(&failed, "one")["failure"]["class"], "missing");
    assert_eq!(world.object(&["configmap", "--field-selector=metadata.name=a"])["items"], json!([]));
    world.kubectl(&["create", "configmap", "a"]);
    world.exec(&steps).expect(0);
    assert_eq!(world.object(&["configmap", "a"])["data"]["k"], "1");
}

pub(crate) fn unfit(stage: &Stage) {
    let world = stage.world("unfit");
    for (spec, words) in [
        ("{replicas: many}", ".spec.replicas: expected numeric"),
        ("{sizes: 3}", ".spec.sizes: field not declared in schema"),
        (
            "{selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {}}}",
            "containers: Required value",
        ),
    ] {
        let step = format!(
            "  - id: bad
    connection: cluster
    k8s-apply:
      objects: [{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: bad, namespace: NS}}, spec: {spec}}}]
"
        );
        let failed = world.exec(&step).expect(1);
        let failure = &world.ending(&failed, "bad")["failure"];
        assert_eq!(failure["class"], "invalid", "{failure}");
        assert!(failure["message"].as_str().unwrap().contains(words), "{failure}");
        assert_eq!(World::attempts(&failed, "bad"), 1);
    }
}

/// Looks for a text in every file below a folder.
fn found_in(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(found_in(&path, text));
        } else if fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

pub(crate) fn secrets(stage: &Stage) {
    const FIRST: &str = "hunter2-hunter2";
    const SECOND: &str = "swordfish-swordfish";
    let world = stage.world("secrets");
    let top = "inputs:\n  password: {type: string, secret: true}\n";
    let steps = "  - id: secret
    connection: cluster
    k8s-apply:
      namespace: NS
      objects:
        - {apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: \"${{ inputs.password }}\"}}
        - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {url: \"postgres://u:${{ inputs.password }}@h\"}}
  - id: read
    connection: cluster
    k8s-get: {apiVersion: v1, kind: Secret, name: s, namespace: NS}
    outputs:
      keys: ${{ result.data.keys() | list }}
      again: ${{ result.data.password | b64decode }}
";
    for password in [FIRST, SECOND] {
        let input = format!("password={password}");
        let finished = world.exec_through(&world.administrator(), top, steps, &["-i", &input]).expect(0);
        let read = world.ending(&finished, "read");
        assert_eq!(read["outputs"]["keys"], json!(["password"]));
        assert!(!read.to_string().contains(password) && !finished.report().replace(&input, "").contains(password));
    }
    assert_eq!(world.object(&["secret", "s"])["data"]["password"], "c3dvcmRmaXNoLXN3b3JkZmlzaA==");
    for secret in [FIRST, SECOND, "aHVudGVyMi1odW50ZXIy", "c3dvcmRmaXNoLXN3b3JkZmlzaA"] {
        assert_eq!(found_in(&world.home.state(), secret), [""; 0], "{secret}");
    }
}
