//! The harness brings up clusters with the cloud beside them and takes them down.

use std::path::Path;

use runbook_harness::{Cloud, CloudOptions, Rig, RigOptions};

#[test]
#[ignore = "needs root on Debian, and 12 minutes the first time: `cargo xtask test clusters`"]
fn clusters_come_up_answer_and_go() {
    let members = vec!["member".to_owned()];
    let options = RigOptions {
        name: "harness".into(),
        parent: "parent".into(),
        nodes: 1,
        members: members.clone(),
        real_members: Vec::new(),
    };
    let cloud = Cloud::start(&CloudOptions { clusters: Some(options.clusters()), ..CloudOptions::default() });
    let rig = Rig::up(&options, Some(&cloud));
    let nodes = rig.kubectl("parent", &["get", "nodes", "--output", "name"]);
    assert_eq!(nodes.lines().count(), 1, "{nodes}");
    assert_eq!(rig.kubectl("member", &["get", "nodes", "--output", "name"]).lines().count(), 2);

    let before = rig.identities("parent", &["namespaces", "deployments"]);
    assert!(before.contains_key("Namespace /kube-system"), "{before:?}");
    let _created = rig.kubectl("parent", &["create", "namespace", "tried"]);
    assert_eq!(rig.identities("parent", &["namespaces"]).len(), before.len() + 1);

    drop(rig);
    assert!(!options.clusters().exists(), "the clusters are gone");
    let marked = |entry: &std::fs::DirEntry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let mark = format!("RIG_DIR={}", options.folder().display());
        environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
    };
    let left = std::fs::read_dir(Path::new("/proc")).unwrap().map(Result::unwrap).filter(marked).count();
    assert_eq!(left, 0, "processes of the clusters still run");
}
