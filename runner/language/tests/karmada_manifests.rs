//! The manifests of `karmada-init` against what the real karmadactl made: every difference is one that is meant.

#![expect(clippy::disallowed_methods, reason = "tests read fixtures")]

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use runbook_language::{Held, check, plan};
use runbook_model::plan::{Action, Nested, Plan};
use runbook_model::value::Value;
use runbook_template::{Evaluator, Name, Scope};
use serde_json::{Map, Value as Json, json};

/// What is meant to differ: in which objects, where, and why.
const MEANT: [(&str, &str, &str); 16] = [
    ("Deployment", "metadata.labels.app.kubernetes.io/managed-by", "tells our installations from others'"),
    ("StatefulSet", "metadata.labels.app.kubernetes.io/managed-by", "tells our installations from others'"),
    (
        "Deployment",
        "spec.strategy.rollingUpdate",
        "a surge finds no node for one pod per node on as many nodes as replicas, and leaves no gap with a node to spare",
    ),
    ("Deployment karmada-", "spec.template.spec.containers.0.lifecycle", "serves until nobody is sent to it any more"),
    ("Deployment", "spec.template.metadata.annotations", "rolls the pods when a certificate is renewed"),
    ("StatefulSet", "spec.template.metadata.annotations", "rolls the pods when a certificate is renewed"),
    (
        "Deployment karmada-apiserver",
        "spec.template.spec.terminationGracePeriodSeconds",
        "never ends while it is watched",
    ),
    ("Deployment", "spec.template.metadata.name", "a template's name means nothing"),
    ("StatefulSet", "spec.template.metadata.name", "a template's name means nothing"),
    ("StatefulSet", "spec.podManagementPolicy", "in order, three members never start"),
    ("Service etcd", "spec.publishNotReadyAddresses", "members find each other before they are ready"),
    ("Deployment karmada-apiserver", "spec.template.spec.containers.0.command.15", "a private EC key is refused there"),
    ("Deployment", "spec.template.spec.containers.0.readinessProbe.periodSeconds", "sees it sooner"),
    ("StatefulSet etcd", "spec.template.spec.containers.0.readinessProbe", "sees it sooner"),
    ("StatefulSet etcd", "spec.template.spec.volumes.1", "an empty folder that nothing uses is left out"),
    ("StatefulSet etcd", "spec.template.spec.containers.0.volumeMounts", "and not mounted"),
];

/// What a server fills in where a manifest says nothing.
fn is_default(path: &str, value: &Json) -> bool {
    let last = path.rsplit('.').next().unwrap_or_default();
    let defaults: &[(&str, Json)] = &[
        ("apiVersion", json!("v1")),
        ("clusterIP", json!(value)),
        ("clusterIPs", json!(value)),
        ("defaultMode", json!(420)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("externalTrafficPolicy", json!("Cluster")),
        ("internalTrafficPolicy", json!("Cluster")),
        ("ipFamilies", json!(["IPv4"])),
        ("ipFamilyPolicy", json!("SingleStack")),
        ("matchPolicy", json!("Equivalent")),
        ("namespaceSelector", json!({})),
        ("objectSelector", json!({})),
        ("persistentVolumeClaimRetentionPolicy", json!({"whenDeleted": "Retain", "whenScaled": "Retain"})),
        ("progressDeadlineSeconds", json!(600)),
        ("protocol", json!("TCP")),
        ("reinvocationPolicy", json!("Never")),
        ("resources", json!({})),
        ("restartPolicy", json!("Always")),
        ("revisionHistoryLimit", json!(10)),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
        ("sessionAffinity", json!("None")),
        ("status", json!({"phase": "Pending"})),
        ("successThreshold", json!(1)),
        ("failureThreshold", json!(3)),
        ("terminationGracePeriodSeconds", json!(30)),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("timeoutSeconds", json!(1)),
        ("type", json!("ClusterIP")),
        ("updateStrategy", json!({"rollingUpdate": {"partition": 0}, "type": "RollingUpdate"})),
        ("volumeMode", json!("Filesystem")),
        // A claim's template takes the set's namespace and kind.
        ("kind", json!("PersistentVolumeClaim")),
        ("namespace", json!("karmada-system")),
    ];
    defaults.iter().any(|(name, default)| *name == last && default == value)
}

fn planned(more: &str) -> Plan {
    let text = format!(
        "apiVersion: runbook/v1\nname: a\nversion: 0.1.0\nsteps:\n  - id: a\n    connection: {{eks: c}}\n    karmada-init: {{endpoint: karmada.example.com, storage-class: ebs-sc{more}}}\n"
    );
    let package = Held(IndexMap::from_iter([("a.yaml".to_owned(), text)]));
    plan(&check(&package, "a.yaml", &runbook_steps::kinds()), &IndexMap::new())
        .unwrap_or_else(|_| panic!("it is sound"))
}

fn nested(plan: &Plan) -> &Nested {
    let Action::Run(nested) = &plan.body.steps[0].action else { panic!("it expands") };
    nested
}

fn value(json: Json) -> Value {
    Value::from(json)
}

/// Every object that an installation applies, with its connection: rendered as the run renders it.
fn ours(plan: &Plan) -> BTreeMap<String, Json> {
    let nested = nested(plan);
    let evaluator = Evaluator::new(&plan.templates);
    let given: Map<String, Json> =
        nested.with.iter().map(|(name, given)| (name.clone(), given.literal().unwrap().exposed())).collect();
    let declared = nested.body.inputs.iter().map(|(name, declaration)| {
        let value = declaration.fit(given.get(name).map(|given| value(given.clone())).as_ref()).unwrap();
        (name.clone(), value.exposed())
    });
    let mut scope = Scope::new().with("inputs", value(Json::Object(declared.collect())));
    let pair = json!({"certificate": "a certificate", "key": "a key"});
    let pairs: Map<String, Json> = ["ca", "karmada", "apiserver", "etcd-ca", "etcd-server"]
        .map(|name| (name.to_owned(), pair.clone()))
        .into_iter()
        .collect();
    let made = json!({"pairs": pairs, "digest": "1234", "ca": "<CA>"});
    let mut steps = json!({"certificates": made, "nodes": {"ready": 3},
        "their_components": {"webhook": null, "store": null}, "webhook": {"is": ["a uid", 1]}});
    // A step that is skipped gives nothing.
    let runs_here = !given.contains_key("external_etcd");
    steps["etcd_certificates"] = if runs_here { made } else { json!({}) };
    steps["their_etcd"] = if runs_here { json!({"claims": null, "order": null}) } else { json!({}) };
    let mut objects = BTreeMap::new();
    for step in &nested.body.steps {
        match &step.action {
            Action::Set { values } => {
                let values: Map<String, Json> = values
                    .iter()
                    .map(|(name, written)| (name.clone(), evaluator.argument(written, &scope).unwrap().exposed()))
                    .collect();
                steps[&step.id] = Json::Object(values);
                scope.insert("steps", Name::Value(value(steps.clone())));
            }
            Action::Call(call) if call.kind == "k8s-apply" => {
                if !step.when.as_ref().is_none_or(|when| evaluator.truth(when, &scope).unwrap()) {
                    continue;
                }
                let Some(written) = call.arguments.get("objects") else { continue };
                let rendered = evaluator.argument(written, &scope).unwrap_or_else(|why| panic!("{}: {why:?}", step.id));
                let inside = step.connection.as_ref().and_then(|connection| connection.as_text());
                for object in rendered.exposed().as_array().unwrap() {
                    let key = format!("{} {}", label(object), inside.unwrap());
                    assert!(objects.insert(key.clone(), object.clone()).is_none(), "{key} is applied twice");
                }
            }
            _ => {}
        }
    }
    objects
}

fn label(object: &Json) -> String {
    format!("{} {}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
}

fn observed(file: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/karmada").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Where two values differ, but for what a server fills in.
fn differences(path: &str, theirs: Option<&Json>, ours: Option<&Json>, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Some(Json::Object(theirs)), Some(Json::Object(ours))) => {
            let mut keys: Vec<&String> = theirs.keys().chain(ours.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                differences(&format!("{path}.{key}"), theirs.get(key), ours.get(key), found);
            }
        }
        (Some(Json::Array(theirs)), Some(Json::Array(ours))) => {
            for at in 0..theirs.len().max(ours.len()) {
                differences(&format!("{path}.{at}"), theirs.get(at), ours.get(at), found);
            }
        }
        (Some(theirs), None) if is_default(path, theirs) => {}
        (None, Some(Json::Array(empty))) if empty.is_empty() => {}
        (theirs, ours) if theirs != ours => found.push(path.trim_start_matches('.').to_owned()),
        _ => {}
    }
}

#[test]
fn every_difference_to_karmadactl_is_meant() {
    let plan = planned("");
    let mut ours = ours(&plan);
    let mut used = [false; MEANT.len()];
    for (file, connection) in [("host.json", "target"), ("karmada.json", "karmada")] {
        for theirs in observed(file) {
            let label = label(&theirs);
            if label == "Secret karmada-cert" {
                // The kind `pki` makes it.
                continue;
            }
            let mut object =
                ours.remove(&format!("{label} {connection}")).unwrap_or_else(|| panic!("we make no {label}"));
            let mut theirs = theirs;
            if theirs["kind"] == "Secret" {
                let keys = |object: &Json| object["data"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
                let (mut ours, mut others) = (keys(&object), keys(&theirs));
                ours.sort();
                others.sort();
                assert_eq!(ours, others, "{label}");
                (object["data"], theirs["data"]) = (Json::Null, Json::Null);
            }
            for hook in object.get_mut("webhooks").and_then(Json::as_array_mut).into_iter().flatten() {
                hook["clientConfig"]["caBundle"] = json!("<CA>");
            }
            sorted(&mut object);
            sorted(&mut theirs);
            let mut found = Vec::new();
            differences("", Some(&theirs), Some(&object), &mut found);
            for path in found {
                let meant = MEANT.iter().position(|(of, at, _)| label.starts_with(of) && path.starts_with(at));
                let meant = meant.unwrap_or_else(|| panic!("{label} differs at `{path}`:\n{object:#}"));
                used[meant] = true;
            }
        }
    }
    for ((of, at, why), used) in MEANT.iter().zip(used) {
        assert!(used, "{of} does not differ at `{at}` any more ({why})");
    }
    let more: Vec<&str> = ours.keys().map(String::as_str).collect();
    assert_eq!(
        more,
        [
            "APIService v1alpha1.cluster.karmada.io karmada",
            "ConfigMap cluster-info karmada",
            "Namespace karmada-system karmada",
            "Namespace karmada-system target",
            "PropagationPolicy runbook-trial karmada",
            "Role system:karmada:bootstrap-signer-clusterinfo karmada",
            "RoleBinding system:karmada:bootstrap-signer-clusterinfo karmada",
            "Secret karmada-admin-kubeconfig target",
            "Service karmada-aggregated-apiserver karmada",
        ],
        "what the dumps leave out, and the one Secret of ours"
    );
}

/// Lists of names in which the order means nothing.
fn sorted(object: &mut Json) {
    for rule in object.get_mut("rules").and_then(Json::as_array_mut).into_iter().flatten() {
        for list in ["resources", "verbs"] {
            if let Some(list) = rule.get_mut(list).and_then(Json::as_array_mut) {
                list.sort_by_key(ToString::to_string);
            }
        }
    }
}

#[test]
fn what_agents_read_first_is_what_the_real_one_writes() {
    let ours = ours(&planned(""));
    let text = ours["ConfigMap cluster-info karmada"]["data"]["kubeconfig"].as_str().unwrap();
    assert!(text.contains("server: \"https://karmada.example.com:32443\""), "{text}");
    assert!(text.contains("certificate-authority-data: \"PENBPg==\""), "{text}");
}

const ELSEWHERE: &str = ", external-etcd: {servers: ['https://a:2379', 'https://b:2379'], ca: an authority, certificate: a certificate, key: a key, prefix: /karmada}";

#[test]
fn an_etcd_that_runs_elsewhere_is_reached_with_the_certificates_given() {
    let ours = ours(&planned(ELSEWHERE));
    let made: Vec<&str> = ours.keys().map(String::as_str).filter(|key| key.contains("etcd")).collect();
    let trial = ["Deployment external-etcd-trial target", "Secret external-etcd-trial target"];
    assert_eq!(made, trial, "none runs here, and the one elsewhere is tried first");
    let plan = planned(ELSEWHERE);
    for (step, first) in [("external_etcd", "store_trial"), ("apiserver", "store_trial"), ("secrets", "store_trial")] {
        assert!(before(&plan, step).contains(&first), "{first} comes before {step}");
    }
    for server in ["karmada-apiserver", "karmada-aggregated-apiserver"] {
        let pod = &ours[&format!("Deployment {server} target")]["spec"]["template"]["spec"];
        let command = &pod["containers"][0]["command"];
        let mut given: Vec<&str> = command
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Json::as_str)
            .filter(|word| word.starts_with("--etcd"))
            .collect();
        given.sort_unstable();
        let wanted = [
            "--etcd-cafile=/etc/karmada/pki/etcd-ca.crt",
            "--etcd-certfile=/etc/karmada/pki/etcd-client.crt",
            "--etcd-keyfile=/etc/karmada/pki/etcd-client.key",
            "--etcd-prefix=/karmada",
            "--etcd-servers=https://a:2379,https://b:2379",
        ];
        assert_eq!(given, wanted, "{server}");
        let mount = json!({"name": "karmada-cert", "mountPath": "/etc/karmada/pki", "readOnly": true});
        assert!(pod["containers"][0]["volumeMounts"].as_array().unwrap().contains(&mount), "{pod}");
        let volume = json!({"name": "karmada-cert", "secret": {"secretName": "karmada-cert"}});
        assert!(pod["volumes"].as_array().unwrap().contains(&volume), "{pod}");
    }
    let data = &ours["Secret karmada-cert target"]["data"];
    let wanted = json!({"etcd-ca.crt": "YW4gYXV0aG9yaXR5", "etcd-client.crt": "YSBjZXJ0aWZpY2F0ZQ==", "etcd-client.key": "YSBrZXk="});
    assert_eq!(data, &wanted);
}

/// What has to be there before a step begins, all the way up.
fn before<'a>(plan: &'a Plan, id: &str) -> Vec<&'a str> {
    let steps = &nested(plan).body.steps;
    let mut found: Vec<&str> = Vec::new();
    let mut next = vec![id.to_owned()];
    while let Some(id) = next.pop() {
        let step = steps.iter().find(|step| step.id == id).unwrap();
        for need in step.needs.iter().filter(|need| !found.contains(&need.as_str())).collect::<Vec<_>>() {
            found.push(need);
            next.push(need.to_string());
        }
    }
    found
}

#[test]
fn an_upgrade_comes_from_below_and_asks_the_webhook_what_it_knows() {
    let plan = planned(", components: {karmada-controller-manager: {image: 'example.com/manager:v2'}}");
    for (step, first) in [
        ("apiserver", "etcd"),
        ("definitions", "apiserver"),
        ("controller_manager", "definitions"),
        ("scheduler", "definitions"),
        ("webhook", "definitions"),
        ("webhooks", "webhook"),
        ("controller_manager", "api_service"),
    ] {
        assert!(before(&plan, step).contains(&first), "{first} comes before {step}");
    }
    let image = |plan: &Plan| {
        ours(plan)["Deployment karmada-controller-manager target"]["spec"]["template"]["spec"]["containers"][0]["image"]
            .clone()
    };
    assert_eq!(image(&plan), "example.com/manager:v2");
    assert_eq!(image(&planned("")), "docker.io/karmada/karmada-controller-manager:v1.18.2");
}

#[test]
fn an_etcd_without_volumes_is_not_taken_over() {
    let plan = planned(", adopt: true");
    let step = nested(&plan).body.steps.iter().find(|step| step.id == "their_etcd").unwrap();
    let evaluator = Evaluator::new(&plan.templates);
    let judged = |etcd: &Json, size: &str| -> Vec<bool> {
        let inputs = json!({"namespace": "karmada-system", "etcd_volume_size": size});
        let scope = Scope::new().with("inputs", value(inputs)).with("result", value(etcd.clone()));
        step.check.iter().map(|check| evaluator.truth(&check.that, &scope).unwrap()).collect()
    };
    let mut theirs = observed("host.json").into_iter().find(|object| object["kind"] == "StatefulSet").unwrap();
    assert_eq!(judged(&Json::Null, "5Gi"), [true, true], "there is none");
    assert_eq!(judged(&theirs, "5Gi"), [true, true]);
    assert_eq!(judged(&theirs, "9Gi"), [true, false], "the claims stay as they are, which is said");
    let spec = theirs["spec"].as_object_mut().unwrap();
    drop(spec.remove("volumeClaimTemplates"));
    spec["template"]["spec"]["volumes"] = json!([{"name": "etcd-data", "hostPath": {"path": "/var/lib/karmada-etcd"}}]);
    assert_eq!(judged(&theirs, "5Gi"), [false, true]);
    assert_eq!(step.check.iter().map(|check| check.warns).collect::<Vec<_>>(), [false, true]);
}
