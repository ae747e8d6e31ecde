//! The examples that need a cluster: a password rotated, a certificate rolled out, a node group replaced.

use std::time::Duration;

use runbook_harness::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::stage::{CLUSTER, Stage, World};

const PATIENCE: Duration = Duration::from_secs(60);

/// The words that carry out an example.
fn words<'a>(path: &'a str, inputs: &'a [String]) -> Vec<&'a str> {
    ["exec", path, "-o", "json"].into_iter().chain(inputs.iter().flat_map(|input| ["-i", input])).collect()
}

/// A Deployment of one pod that runs.
fn running(world: &World<'_>, name: &str) {
    world.kubectl(&["create", "deployment", name, "--image=nginx"]);
    world.kubectl(&["rollout", "status", &format!("deployment/{name}"), "--timeout=60s"]);
}

fn generation(world: &World<'_>, deployment: &str) -> Value {
    world.object(&["deployment", deployment])["metadata"]["generation"].clone()
}

/// The step that failed, and why.
fn failure<'a>(run: &'a Value, step: &str) -> &'a str {
    let steps = run["steps"].as_array().unwrap();
    let failed = steps.iter().find(|entry| entry["path"] == step && entry["status"] == "failed");
    failed.unwrap_or_else(|| panic!("`{step}` did not fail: {run:#}"))["error"]["message"].as_str().unwrap()
}

pub(crate) fn rotation(stage: &Stage) {
    const RUNBOOK: &str = "runbooks/examples/rotate-rds-password.yaml";
    let world = stage.world("rotation");
    world.make_cluster();
    let _made = world.cloud.aws(&[
        "rds",
        "create-db-instance",
        "--db-instance-identifier=shop",
        "--db-instance-class=db.t3.micro",
        "--engine=postgres",
        "--master-username=master",
        "--master-user-password=of-no-account",
        "--allocated-storage=20",
    ]);
    let old = r#"{"username":"master","password":"of-no-account","dbname":"shop"}"#;
    let _made = world.cloud.aws(&["secretsmanager", "create-secret", "--name=shop/db", "--secret-string", old]);
    running(&world, "shop");
    world.kubectl(&[
        "create",
        "secret",
        "generic",
        "shop-db",
        "--from-literal=username=master",
        "--from-literal=password=x",
    ]);
    let inputs = [
        "db_instance=shop".to_owned(),
        "secret=shop/db".to_owned(),
        format!("cluster={CLUSTER}"),
        format!("namespace={}", world.namespace),
        "deployment=shop".to_owned(),
        "app_secret=shop-db".to_owned(),
        "check_image=nginx".to_owned(),
        // It sees what psql would see.
        r#"check_command=[sh, -c, 'test "$PGUSER" = master && test "${#PGPASSWORD}" = 40 && test -n "$PGHOST"']"#
            .to_owned(),
        "settle=1s".to_owned(),
    ];
    // The reply to the one call that stores the password is lost, and the promotion is refused.
    world.cloud.inject(&Fault::of(FaultKind::DropAfter, "secretsmanager", "PutSecretValue"));
    let refused =
        Fault { code: Some("AccessDeniedException".into()), message: Some("not now".into()), ..Fault::default() };
    world.cloud.inject(&Fault {
        kind: FaultKind::Error,
        service: Some("secretsmanager".into()),
        operation: Some("UpdateSecretVersionStage".into()),
        ..refused
    });
    world.cloud.forget_calls();
    let before = generation(&world, "shop");
    let failed = world.home.run(words(RUNBOOK, &inputs)).expect(1).json();
    assert!(failure(&failed, "promoted").contains("not now"));
    assert_eq!(generation(&world, "shop"), before, "the application was restarted without a password to start with");
    let done = world.home.run(["resume", failed["run"].as_str().unwrap(), "-o", "json"]).expect(0).json();

    let calls = world.cloud.calls();
    let count = |operation: &str| calls.iter().filter(|call| call.operation == operation).count();
    assert_eq!((count("GetRandomPassword"), count("ModifyDBInstance")), (1, 1));
    let value = |stage: &str| {
        let stage = format!("--version-stage={stage}");
        let got = world.cloud.aws(&["secretsmanager", "get-secret-value", "--secret-id=shop/db", &stage]);
        (got["VersionId"].clone(), serde_json::from_str::<Value>(got["SecretString"].as_str().unwrap()).unwrap())
    };
    let ((version, current), (previous_version, previous)) = (value("AWSCURRENT"), value("AWSPREVIOUS"));
    assert_eq!(done["outputs"], json!({"version": version, "previous_version": previous_version}));
    assert_eq!((&current["dbname"], &previous["password"]), (&json!("shop"), &json!("of-no-account")));
    let password = current["password"].as_str().unwrap();
    assert_eq!(password.len(), 40);
    let held = world.rig.kubectl(
        CLUSTER,
        &["-n", world.namespace, "get", "secret", "shop-db", "-o", "go-template={{.data.password | base64decode}}"],
    );
    assert_eq!(held, password);
    assert_ne!(generation(&world, "shop"), before, "the application goes on with the old password");
    assert_eq!(world.object(&["jobs"])["items"], json!([]), "the trial login is still there");
    let events = world.home.run(["events", done["run"].as_str().unwrap(), "-o", "json"]).expect(0);
    assert!(!events.stdout.contains(password), "the journal shows the password");
}

pub(crate) fn certificate(stage: &Stage) {
    const RUNBOOK: &str = "runbooks/examples/certificate-rollout.yaml";
    let world = stage.world("certificate");
    world.make_cluster();
    let pair = json!({
        "certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "key": "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n",
    });
    let made =
        world.cloud.aws(&["secretsmanager", "create-secret", "--name=tls/shop", "--secret-string", &pair.to_string()]);
    running(&world, "shop");
    let inputs = |clusters: String| {
        [
            "secret=tls/shop".to_owned(),
            format!("clusters={clusters}"),
            format!("namespace={}", world.namespace),
            "tls_secret=shop-tls".to_owned(),
            "deployment=shop".to_owned(),
        ]
    };
    // The same cluster through its own two doors; a cluster that is not there stops what comes after it.
    let eks = format!("{{name: eks, cluster: {CLUSTER}}}");
    let direct = format!("{{name: direct, kubeconfig: {}}}", world.rig.kubeconfig(CLUSTER).display());
    let stopped = inputs(format!("[{eks}, {{name: nowhere, cluster: no-such-cluster}}, {direct}]"));
    let stopped = world.home.run(words(RUNBOOK, &stopped)).expect(1).json();
    let status = |path: &str| {
        let steps = stopped["steps"].as_array().unwrap();
        steps.iter().find(|entry| entry["path"] == path).map_or(Value::Null, |entry| entry["status"].clone())
    };
    assert_eq!(status("rollout[eks]/served"), "succeeded", "{stopped:#}");
    assert_eq!(status("rollout[nowhere]/stored"), "failed", "{stopped:#}");
    assert_ne!(status("rollout[direct]/stored"), "succeeded", "{stopped:#}");

    let there = inputs(format!("[{eks}, {direct}]"));
    let generation_before = generation(&world, "shop");
    let done = world.home.run(words(RUNBOOK, &there)).expect(0).json();
    assert_eq!(done["outputs"]["version"], made["VersionId"]);
    assert_eq!(generation(&world, "shop"), generation_before, "the same certificate restarts nothing");
    let secret = world.object(&["secret", "shop-tls"]);
    assert_eq!(secret["type"], "kubernetes.io/tls");
    let annotations = &world.object(&["deployment", "shop"])["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(annotations["runbook/certificate"], made["VersionId"]);
}

pub(crate) fn node_group(stage: &Stage) {
    const RUNBOOK: &str = "runbooks/examples/replace-node-group.yaml";
    let world = stage.world("replace");
    world.make_cluster();
    // Whose nodes they are, the rig says with this label as EKS does; afterwards it is put back.
    let label = "eks.amazonaws.com/nodegroup";
    let nodes = world.rig.kubectl(CLUSTER, &["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"]);
    let [old, new] = nodes.split(' ').collect::<Vec<_>>()[..] else { panic!("{nodes}") };
    let on_node = |words: &[&str]| drop(world.rig.kubectl(CLUSTER, words));
    on_node(&["cordon", new]);
    running(&world, "web");
    world.kubectl(&["run", "lonely", "--image=nginx"]);
    world.kubectl(&["wait", "--for=condition=Ready", "pod/lonely", "--timeout=60s"]);
    on_node(&["uncordon", new]);
    on_node(&["label", "--overwrite", "node", old, &format!("{label}=blue")]);
    blue_group(&world);

    let inputs =
        [format!("cluster={CLUSTER}"), "blue=blue".to_owned(), "green=green".to_owned(), "grace=1s".to_owned()];
    let mut started = world.home.start(words(RUNBOOK, &inputs));
    let active = |_: &_| status(&world, "green") == "ACTIVE";
    assert!(started.until(PATIENCE, active), "the green group should become active");
    on_node(&["label", "--overwrite", "node", new, &format!("{label}=green")]);
    let refused = started.wait(PATIENCE).expect(1).json();
    let why = failure(&refused, "orphans");
    assert!(why.contains("replace/lonely") && !why.contains("replace/web"), "{why}");

    world.kubectl(&["delete", "pod", "lonely", "--now"]);
    let run = refused["run"].as_str().unwrap();
    let parked = world.home.run(["resume", run]).expect(4);
    assert!(parked.stderr.contains("1 green nodes are ready"), "{}", parked.report());
    let pod = || world.object(&["pods", "-l", "app=web"])["items"][0]["spec"]["nodeName"].clone();
    assert_eq!(pod(), old, "pods moved before a person said so");
    let _said = world.home.run(["approve", run, "agreed"]).expect(0);
    let done = world.home.run(["resume", run, "-o", "json"]).expect(0).json();
    assert_eq!(done["outputs"]["nodes"], json!([new]));
    assert_eq!(pod(), new);
    let left = world.cloud.aws(&["eks", "list-nodegroups", "--cluster-name", CLUSTER]);
    assert_eq!(left["nodegroups"], json!(["green"]));
    on_node(&["uncordon", old]);
    on_node(&["label", "--overwrite", "node", old, new, &format!("{label}={CLUSTER}-ng")]);
}

/// The node group that is to go, active.
fn blue_group(world: &World<'_>) {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}"#;
    let role = world.cloud.aws(&["iam", "create-role", "--role-name", "nodes", "--assume-role-policy-document", trust]);
    let cluster = world.cloud.aws(&["eks", "describe-cluster", "--name", CLUSTER]);
    let subnets = cluster["cluster"]["resourcesVpcConfig"]["subnetIds"].as_array().unwrap();
    let subnets = subnets.iter().map(|subnet| subnet.as_str().unwrap());
    let make = ["eks", "create-nodegroup", "--cluster-name", CLUSTER, "--nodegroup-name=blue", "--node-role"];
    let make = make.into_iter().chain([role["Role"]["Arn"].as_str().unwrap(), "--subnets"]).chain(subnets);
    let _made = world.cloud.aws(&make.collect::<Vec<_>>());
    assert!((0..20).any(|_| status(world, "blue") == "ACTIVE"), "the blue group should become active");
}

/// How a node group is; null as long as there is none.
fn status(world: &World<'_>, group: &str) -> Value {
    let known = world.cloud.aws(&["eks", "list-nodegroups", "--cluster-name", CLUSTER]);
    if !known["nodegroups"].as_array().unwrap().contains(&json!(group)) {
        return Value::Null;
    }
    let words = ["eks", "describe-nodegroup", "--cluster-name", CLUSTER, "--nodegroup-name", group];
    world.cloud.aws(&words)["nodegroup"]["status"].clone()
}
