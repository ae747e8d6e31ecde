//! Kubeconfigs that the program writes and renames entries of, in the hands of the real kubectl.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::stage::{CLUSTER, Stage, World};

const RUNBOOK: &str = "runbooks/contexts.yaml";

/// What kubectl says in the world's environment, with `runbook` and nothing else on the PATH.
fn kubectl(world: &World<'_>, config: &Path, words: &[&str]) -> String {
    let link = world.home.programs().join("runbook");
    if !link.exists() {
        symlink(env!("CARGO_BIN_EXE_runbook"), link).unwrap();
    }
    let ours = world.home.command([""; 0]);
    let environment = ours.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut command = Command::new(world.rig.tool("kubectl"));
    command.env_clear().envs(environment).arg("--kubeconfig").arg(config).args(words);
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "kubectl {}: {said}", words.join(" "));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

pub(crate) fn entry(stage: &Stage) {
    let world = stage.world("entry");
    world.make_cluster();
    let members = format!("members=[{{name: eksone, cluster: {CLUSTER}, region: eu-west-1}}]");
    let exec = || world.home.run(["exec", "--new", "-o", "json", RUNBOOK, "-i", &members]).expect(0).json();
    let first = exec();
    let config = world.home.path().join(".kube/config");
    let text = fs::read_to_string(&config).unwrap();
    assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        kubectl(&world, &config, &["--context", "eksone", "get", "namespace", "kube-system", "-o", "name"]),
        "namespace/kube-system"
    );
    assert_eq!(kubectl(&world, &config, &["config", "get-contexts", "-o", "name"]), "eksone");
    assert_eq!(first["outputs"]["members"][0]["context"], json!(null), "it is reached through EKS");
    exec();
    assert_eq!(fs::read_to_string(&config).unwrap(), text, "a second run changes nothing");

    let remove = "  - {id: gone, kubeconfig: {name: eksone, remove: true}}\n";
    world.exec(remove).expect(0);
    assert_eq!(kubectl(&world, &config, &["config", "get-contexts", "-o", "name"]), "");
    let other = "  - {id: own, kubeconfig: {for: cluster, name: own, use-context: true}}\n";
    world.exec(other).expect(0);
    assert_eq!(kubectl(&world, &config, &["get", "namespace", "kube-system", "-o", "name"]), "namespace/kube-system");
}

pub(crate) fn renamed(stage: &Stage) {
    let world = stage.world("renamed");
    world.make_cluster();
    let config = world.home.path().join("member");
    let before = fs::read_to_string(world.rig.kubeconfig(CLUSTER)).unwrap();
    fs::write(&config, format!("# the member\n{before}")).unwrap();
    let long = kubectl(&world, &config, &["config", "current-context"]);
    let member = format!("{{name: eucl01, kubeconfig: {}, context: {long}}}", config.display());
    let members = format!("members=[{member}]");
    let exec = || world.home.run(["exec", "--new", "-o", "json", RUNBOOK, "-i", &members]).expect(0).json();
    let first = exec();
    assert_eq!(first["outputs"]["members"][0]["context"], "eucl01");
    let after = fs::read_to_string(&config).unwrap();
    assert!(after.starts_with("# the member\n"), "{after}");
    assert_eq!(kubectl(&world, &config, &["config", "current-context"]), "eucl01");
    assert_eq!(kubectl(&world, &config, &["get", "namespace", "kube-system", "-o", "name"]), "namespace/kube-system");
    let backup = format!("{}.{}.bak", config.display(), first["run"].as_str().unwrap());
    assert!(fs::read_to_string(backup).unwrap().ends_with(&before));
    exec();
    assert_eq!(fs::read_to_string(&config).unwrap(), after, "a second run changes nothing");

    // The same cluster under two names.
    let members = format!("members=[{member}, {{name: eksone, cluster: {CLUSTER}, region: eu-west-1}}]");
    let failed = world.home.run(["exec", "--new", "-o", "json", RUNBOOK, "-i", &members]).expect(1).json();
    let steps = failed["steps"].as_array().unwrap();
    let distinct = steps.iter().find(|step| step["path"] == "distinct").unwrap();
    assert!(
        distinct["error"]["message"].as_str().unwrap().starts_with("two members lead to the same cluster"),
        "{distinct}"
    );
}
