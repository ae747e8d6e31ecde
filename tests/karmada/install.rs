//! An installation: undisturbed, again, killed, and what the real tool makes of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::stage::{NAMESPACE, PARENT, Stage, succeeded};

/// A first installation, killed again and again on its way, ends as any other: with the authorities that it made first, and the
/// data that it wrote first.
pub(crate) fn first_killed(stage: &Stage) {
    let (mut kept, mut run): (Vec<String>, Option<String>) = (Vec::new(), None);
    for at in ["it/certificates", "it/etcd", "it/apiserver", "it/definitions", "it/webhook"] {
        let mut started = match &run {
            None => stage.start_init(),
            Some(run) => stage.home().start(["resume", run, "-o", "ndjson"]),
        };
        let begun = format!("\"{at}\"");
        assert!(started.until(Duration::from_secs(180), |run| run.stdout().contains(&begun)), "it comes to {at}");
        assert_eq!(started.kill().status.code(), None, "killed at {at}");
        run = Some(newest(stage));
        let is = made_once(stage);
        assert!(kept.iter().all(|line| is.contains(line)), "after {at}: {kept:?} became {is:?}");
        kept = is;
    }
    stage.installed_by(|| {
        let resumed = stage.home().run(["resume", &newest(stage), "-o", "json"]).expect(0);
        assert_eq!(resumed.json()["status"], "succeeded");
    });
    assert_eq!(kept.len(), 6, "three authorities and three claims: {kept:?}");
    assert_eq!(made_once(stage), kept);
}

/// What is made once and never again: authorities, and the claims of etcd.
fn made_once(stage: &Stage) -> Vec<String> {
    let authorities = "go-template={{range $name, $value := .data}}{{$name}} {{$value}}{{\"\\n\"}}{{end}}";
    let secret = ["-n", NAMESPACE, "get", "secret", "karmada-cert", "--ignore-not-found", "-o", authorities];
    let claims = "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{\"\\n\"}{end}";
    let claims = stage.kubectl(PARENT, &["-n", NAMESPACE, "get", "persistentvolumeclaims", "-o", claims]);
    let authorities = stage.kubectl(PARENT, &secret);
    let authorities =
        authorities.lines().filter(|line| line.split(' ').next().is_some_and(|name| name.ends_with("ca.crt")));
    authorities.chain(claims.lines()).map(str::to_owned).collect()
}

fn newest(stage: &Stage) -> String {
    let runs = stage.home().run(["runs", "-o", "json"]).expect(0).json();
    runs[0]["run"].as_str().expect("there is a run").to_owned()
}

pub(crate) fn twice(stage: &Stage) {
    stage.installed();
    let pods =
        stage.kubectl(PARENT, &["-n", NAMESPACE, "get", "pods", "--field-selector=status.phase=Running", "-o", "name"]);
    let count = |name: &str| pods.lines().filter(|pod| pod.starts_with(&format!("pod/{name}-"))).count();
    assert_eq!((count("etcd"), count("karmada-apiserver"), pods.lines().count()), (3, 3, 11), "{pods}");
    let config = stage.folder().join("karmada-apiserver.config");
    assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);

    let before = versions(stage);
    let again = stage.exec(PARENT, "karmada-init", &stage.init()).expect(0);
    assert_eq!(stage.changed(&again), [""; 0]);
    assert_eq!(versions(stage), before);
}

/// Everything with its uid and generation, and the Secrets as they are.
fn versions(stage: &Stage) -> String {
    let columns = "-o=custom-columns=:kind,:metadata.name,:metadata.uid,:metadata.generation";
    let objects = stage.kubectl(PARENT, &["-n", NAMESPACE, "get", "deployments,statefulsets,services", columns]);
    let secrets = "-o=custom-columns=:metadata.name,:metadata.resourceVersion";
    objects + &stage.kubectl(PARENT, &["-n", NAMESPACE, "get", "secrets", secrets])
}

pub(crate) fn real_tool(stage: &Stage) {
    stage.installed();
    let token = succeeded(&stage.karmadactl(&["token", "create", "--print-register-command"]));
    let hash = token.split("--discovery-token-ca-cert-hash").nth(1).expect("it prints the hash").trim().to_owned();
    let ours = stage.run("  - {id: it, connection: karmada, karmada-token: {ttl: 1h}, outputs: {hash: \"${{ result.ca_cert_hash }}\", id: \"${{ result.id }}\"}}\n").expect(0);
    let run = ours.json()["run"].as_str().unwrap().to_owned();
    let events = stage.home().run(["events", &run, "-o", "ndjson"]).expect(0).stdout;
    assert!(events.contains(&hash), "the same hash as karmadactl's: {hash}\n{events}");
    let listed = succeeded(&stage.karmadactl(&["token", "list"]));
    assert!(listed.contains("made by runbook"), "{listed}");

    // The rig has no image of an add-on, so that it gets as far as its pod: all it needs of ours is there.
    let enabled = stage.karmadactl_in_parent(&[
        "addons",
        "enable",
        "karmada-descheduler",
        "--pod-timeout=5",
        "--karmada-kubeconfig",
        &stage.karmada_config(),
    ]);
    drop(enabled);
    let pods = "apiVersion: v1, kind: Pod, namespace: karmada-system, selector: app=karmada-descheduler";
    stage.wait("parent", pods, "result | jmespath('[].status.containerStatuses[].state.waiting.reason') | select('in', ['ErrImagePull', 'ImagePullBackOff']) | list | length > 0");
    let disable = ["addons", "disable", "karmada-descheduler", "-f", "--karmada-kubeconfig", &stage.karmada_config()];
    succeeded(&stage.karmadactl_in_parent(&disable));
}

/// An installation over what is there, killed in its middle, ends as if nothing had been.
pub(crate) fn killed(stage: &Stage) {
    stage.installed();
    let before = versions(stage);
    for at in ["it/certificates", "it/apiserver", "it/definitions"] {
        let mut started = stage.start_init();
        let at = format!("\"{at}\"");
        assert!(started.until(Duration::from_secs(120), |run| run.stdout().contains(&at)), "it comes to {at}");
        drop(started.kill());
        let resumed = stage.home().run(["resume", &newest(stage), "-o", "json"]).expect(0);
        assert_eq!(resumed.json()["status"], "succeeded", "killed at {at}");
    }
    assert_eq!(versions(stage), before);
}
