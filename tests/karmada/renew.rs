//! Certificates made anew while the API is read.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::members;
use crate::stage::{NAMESPACE, PARENT, PULLING, PUSHED, Stage, succeeded};

/// What is asked for, again and again: the API server with its etcd, what the aggregated one serves, and a webhook, by a change
/// that is not carried out.
const REQUESTS: [&[&str]; 3] = [
    &["get", "--raw", "/api/v1/namespaces/default"],
    &["get", "--raw", "/apis/cluster.karmada.io/v1alpha1/clusters"],
    &["annotate", "--overwrite", "--dry-run=server", "propagationpolicy/steady", "asked=yes"],
];

pub(crate) fn without_an_outage(stage: &Stage) {
    members::all_joined(stage);
    members::registered(stage).expect(0);
    let policy = stage.home().path().join("steady.yaml");
    fs::write(&policy, "apiVersion: policy.karmada.io/v1alpha1\nkind: PropagationPolicy\nmetadata: {name: steady}\nspec: {resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: steady}]}\n").unwrap();
    let _said = stage.inside(&["apply", "-f", policy.to_str().unwrap()]);

    // What others hold: an administrator's file of before, and that of the agent.
    let old = stage.home().path().join("before.config");
    fs::copy(stage.karmada_config(), &old).unwrap();
    let agents = stage.home().path().join("agent.config");
    let entry = "go-template={{index .data \"karmada-kubeconfig\" | base64decode}}";
    fs::write(&agents, stage.kubectl(PULLING, &["-n", NAMESPACE, "get", "secret", "karmada-kubeconfig", "-o", entry]))
        .unwrap();

    let before = ["ca", "etcd-ca", "apiserver", "karmada", "etcd-server"].map(|name| (name, serial(stage, name)));
    let served = serial_at_the_door(stage);
    let ended = AtomicBool::new(false);
    let outages = thread::scope(|scope| {
        let reader = scope.spawn(|| outages(stage, &old, &ended));
        let renewed = stage.exec(PARENT, "karmada-init", &format!("{}, renew: true", stage.init()));
        ended.store(true, Ordering::Relaxed);
        drop(renewed.expect(0));
        reader.join().unwrap()
    });
    assert_eq!(outages, [""; 0], "requests that failed");

    for (name, was) in before {
        let stays = matches!(name, "ca" | "etcd-ca");
        assert_eq!(serial(stage, name) == was, stays, "{name}: {was}");
    }
    assert_ne!(serial_at_the_door(stage), served);
    for config in [&old, &agents] {
        succeeded(&asked(stage, config, &["get", "--raw", "/apis/cluster.karmada.io/v1alpha1/clusters"]));
    }
    for member in PUSHED.into_iter().chain([PULLING]) {
        stage.ready(member);
    }
    succeeded(&stage.karmadactl(&["get", "clusters"]));
    let again = stage.exec(PARENT, "karmada-init", &stage.init()).expect(0);
    assert_eq!(stage.changed(&again), [""; 0]);
}

/// Asks until it is told to end: what the requests said that failed.
fn outages(stage: &Stage, config: &Path, ended: &AtomicBool) -> Vec<String> {
    let mut outages = Vec::new();
    for words in REQUESTS.iter().cycle() {
        if ended.load(Ordering::Relaxed) {
            break;
        }
        let answer = asked(stage, config, words);
        if !answer.status.success() {
            outages.push(format!("{words:?}: {}", String::from_utf8_lossy(&answer.stderr)));
        }
    }
    outages
}

fn asked(stage: &Stage, config: &Path, words: &[&str]) -> Output {
    Command::new(stage.tool("kubectl")).arg("--kubeconfig").arg(config).args(words).output().unwrap()
}

/// The serial number of a certificate that the Secret holds.
fn serial(stage: &Stage, name: &str) -> String {
    let entry = format!("go-template={{{{index .data \"{name}.crt\" | base64decode}}}}");
    let path = stage.home().path().join("certificate.pem");
    fs::write(&path, stage.kubectl(PARENT, &["-n", NAMESPACE, "get", "secret", "karmada-cert", "-o", &entry])).unwrap();
    let said = Command::new("openssl").args(["x509", "-noout", "-serial", "-in"]).arg(&path).output().unwrap();
    succeeded(&said)
}

/// That of the certificate that the API shows to who comes.
fn serial_at_the_door(stage: &Stage) -> String {
    let config = fs::read_to_string(stage.karmada_config()).unwrap();
    let server = config.lines().find_map(|line| line.trim().strip_prefix("server: ")).unwrap();
    let door = server.trim_matches('"').strip_prefix("https://").unwrap().to_owned();
    let look = format!("openssl s_client -connect {door} </dev/null 2>/dev/null | openssl x509 -noout -serial");
    succeeded(&Command::new("sh").args(["-c", &look]).output().unwrap())
}
