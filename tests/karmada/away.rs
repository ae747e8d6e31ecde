//! Clusters that are not the ones that are meant, belong to somebody else, or stop to answer.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use runbook_harness::Finished;
use serde_json::{Value, json};

use crate::line::Line;
use crate::members::all_joined;
use crate::stage::{NAMESPACE, PARENT, PUSHED, Stage};

/// The kubeconfig of a cluster with something else in its `cluster`.
fn altered(stage: &Stage, cluster: &str, alter: impl FnOnce(&mut Value)) -> PathBuf {
    let config = fs::read_to_string(stage.kubeconfig(cluster)).unwrap();
    let mut config: Value = serde_json::from_str(&config).expect("the rig writes JSON");
    alter(&mut config["clusters"][0]["cluster"]);
    let path = stage.home().path().join("altered.yaml");
    fs::write(&path, config.to_string()).unwrap();
    path
}

fn through(stage: &Stage, kubeconfig: &str, kind: &str, arguments: &str) -> Finished {
    stage.run(&format!("  - {{id: it, connection: {{kubeconfig: {kubeconfig}}}, {kind}: {{{arguments}}}}}\n"))
}

/// Nothing is made in them, nor in Karmada.
pub(crate) fn other_clusters(stage: &Stage) {
    stage.installed();
    let name = "karmada: karmada, name: another";
    let karmada = fs::read_to_string(stage.karmada_config()).unwrap();
    let authority = karmada.split("certificate-authority-data:").nth(1).and_then(|rest| rest.split_whitespace().next());
    let authority = authority.expect("it says whom to trust").trim_matches('"');
    let foreign = altered(stage, PUSHED[0], |cluster| cluster["certificate-authority-data"] = json!(authority));
    let (parent, inside) = (stage.kubeconfig(PARENT), stage.karmada_config());
    let init = stage.init();
    for (kubeconfig, kind, arguments, words) in [
        (foreign.to_str().unwrap(), "karmada-join", name, "is not the one that the connection trusts"),
        (parent.as_str(), "karmada-join", name, "the connection leads to a cluster that hosts a Karmada"),
        (parent.as_str(), "karmada-register", name, "the connection leads to a cluster that hosts a Karmada"),
        (inside.as_str(), "karmada-join", name, "the connection leads to the API of a Karmada"),
        (inside.as_str(), "karmada-register", name, "the connection leads to the API of a Karmada"),
        (inside.as_str(), "karmada-init", init.as_str(), "the connection leads to the API of a Karmada"),
    ] {
        let why = Stage::failure(&through(stage, kubeconfig, kind, arguments).expect(1));
        assert!(why.contains(words), "{kind} through {kubeconfig}: {why}");
    }
    let none = "there is no Karmada in the namespace `karmada-system`";
    let arguments = format!("karmada: {{karmada: {{kubeconfig: {}}}}}, name: another", stage.kubeconfig(PUSHED[1]));
    let why = Stage::failure(&through(stage, &stage.kubeconfig(PUSHED[0]), "karmada-join", &arguments).expect(1));
    assert!(why.contains(none), "{why}");
    assert!(!stage.inside(&["get", "clusters", "-o", "name"]).contains("another"));
}

/// A member leaves though nobody reaches it. What stays in it is Karmada's own and hinders nobody; as another Karmada's it
/// keeps the cluster from being taken.
pub(crate) fn of_another_karmada(stage: &Stage) {
    all_joined(stage);
    let member = PUSHED[1];
    let name = format!("karmada: karmada, name: {member}");
    let nowhere = altered(stage, member, |cluster| cluster["server"] = json!("https://127.0.0.1:1"));
    let left = through(stage, nowhere.to_str().unwrap(), "karmada-unjoin", &name).expect(0);
    assert!(left.report().contains("the member does not answer, so what Karmada made in it stays there"));
    assert!(!stage.inside(&["get", "clusters", "-o", "name"]).contains(member));

    let account = format!("karmada-{member}");
    let place = ["-n", "karmada-cluster"];
    let theirs = ["annotate", "serviceaccount", &account, "runbook/karmada=theirs", "--overwrite"];
    let _said = stage.kubectl(member, &[&place[..], &theirs].concat());
    for kind in ["karmada-join", "karmada-register"] {
        let why = Stage::failure(&stage.exec(member, kind, &name).expect(1));
        assert!(why.contains("another Karmada has this cluster as its member"), "{kind}: {why}");
        assert!(why.contains(&account) && why.contains("kubectl delete namespace karmada-cluster"), "{why}");
    }
    assert!(!stage.inside(&["get", "clusters", "-o", "name"]).contains(member), "nothing was made");

    let refused = stage.exec(member, "karmada-join", &name).expect(1).json();
    let _said = stage.kubectl(member, &["delete", "namespace", "karmada-cluster"]);
    stage.home().run(["resume", refused["run"].as_str().unwrap()]).expect(0);
    stage.ready(member);
}

/// The parent stops to answer in the middle of an installation. The run says so, and goes on when it is back.
pub(crate) fn half_way(stage: &Stage) {
    stage.installed();
    let config: Value = serde_json::from_str(&fs::read_to_string(stage.kubeconfig(PARENT)).unwrap()).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap().trim_start_matches("https://").to_owned();
    let line = Line::to(&server);
    let kubeconfig = altered(stage, PARENT, |cluster| {
        cluster["server"] = json!(format!("https://{}", line.here()));
        cluster["tls-server-name"] = json!(server.split(':').next());
    });
    let (connection, init) = (kubeconfig.display(), stage.init());
    let mut run =
        stage.start(&format!("  - {{id: it, connection: {{kubeconfig: {connection}}}, karmada-init: {{{init}}}}}\n"));
    assert!(
        run.until(Duration::from_secs(60), |run| run.stdout().contains("\"it/apiserver\"")),
        "it comes to the server"
    );
    line.cut();
    let stopped = run.wait(Duration::from_secs(120)).expect(1);
    let why = format!("there is no connection to the API server https://{}", line.here());
    assert!(stopped.report().contains(&why), "{}", stopped.report());
    line.mend();
    let runs = stage.home().run(["runs", "-o", "json"]).expect(0).json();
    stage.home().run(["resume", runs[0]["run"].as_str().unwrap()]).expect(0);
    let pods = ["-n", NAMESPACE, "get", "pods", "--field-selector=status.phase=Running", "-o", "name"];
    assert_eq!(stage.kubectl(PARENT, &pods).lines().count(), 11);
}

/// With one member of etcd deleted at its beginning, an installation comes to its end, and so does etcd.
pub(crate) fn member_of_etcd(stage: &Stage) {
    stage.installed();
    let _said = stage.kubectl(PARENT, &["-n", NAMESPACE, "delete", "pod", "etcd-0", "--now", "--wait=false"]);
    let done = stage.exec(PARENT, "karmada-init", &stage.init()).expect(0);
    assert_eq!(stage.changed(&done), [""; 0]);
    let etcd = "apiVersion: apps/v1, kind: StatefulSet, name: etcd, namespace: karmada-system";
    stage.wait("parent", etcd, "result | jmespath('status.readyReplicas') == 3");
}

/// The Secret holds an authority that did not sign what stands beside it. Nothing is made anew until it is back.
pub(crate) fn foreign_authority(stage: &Stage) {
    stage.installed();
    let secret = ["-n", NAMESPACE, "get", "secret", "karmada-cert", "-o", "json"];
    let kept: Value = serde_json::from_str(&stage.kubectl(PARENT, &secret)).unwrap();
    let put = |authority: &str| {
        let [certificate, key] = ["crt", "key"].map(|half| &kept["data"][format!("{authority}.{half}")]);
        let patch = json!({"data": {"ca.crt": certificate, "ca.key": key}}).to_string();
        let _said = stage.kubectl(PARENT, &["-n", NAMESPACE, "patch", "secret", "karmada-cert", "-p", &patch]);
    };
    put("front-proxy-ca");
    let refused = stage.exec(PARENT, "karmada-init", &stage.init()).expect(1);
    put("ca");
    let why = Stage::failure(&refused);
    assert!(
        why.contains("holds a foreign `ca.crt`: it is that of `front-proxy-ca`, not the authority `karmada`"),
        "{why}"
    );
    stage.home().run(["resume", refused.json()["run"].as_str().unwrap()]).expect(0);
    let now: Value = serde_json::from_str(&stage.kubectl(PARENT, &secret)).unwrap();
    assert_eq!(now["data"], kept["data"], "all certificates are the ones that they were");
}
