//! What the shipped runbooks refuse by their inputs alone: before AWS is asked, and long before a cluster is made and paid for.

use runbook_harness::Home;

/// The exit code is that of an invalid input, and no run is made.
#[track_caller]
fn refused(input: &str, words: &str) {
    refused_by("eks-karmada", &["vpc_name=V", input], words);
}

/// The same of any shipped runbook.
#[track_caller]
fn refused_by(runbook: &str, inputs: &[&str], words: &str) {
    let home = Home::new(env!("CARGO_BIN_EXE_runbook"));
    let file = format!("runbooks/{runbook}.yaml");
    let given = inputs.iter().flat_map(|input| ["-i", input]);
    let arguments: Vec<&str> = ["exec", &file].into_iter().chain(given).collect();
    let refused = home.run(arguments).expect(3);
    assert!(refused.stderr.contains(words), "{}", refused.report());
    assert_eq!(home.run(["runs", "-o", "json"]).expect(0).json(), serde_json::json!([]));
}

#[test]
fn a_name_that_karmada_refuses() {
    refused("members=[{name: Upper, cluster: x}]", "in `[0].name`, `Upper` does not match the pattern");
    let long = format!("members=[{{name: {}, cluster: x}}]", "x".repeat(49));
    refused(&long, "`[0].name` has 49 characters, at most 48 are allowed");
    refused("members=[{name: impersonator, cluster: x}]", "no member may be called impersonator");
}

#[test]
fn two_members_of_one_name() {
    refused("members=[{name: a, cluster: x}, {name: a, cluster: y}]", "two members have the same name: a, a");
}

#[test]
fn a_member_that_is_reached_in_two_ways_or_none() {
    refused(
        "members=[{name: a, cluster: x, kubeconfig: y}]",
        "have both `cluster` and `kubeconfig`, give one of them: a",
    );
    refused("members=[{name: a}]", "have neither `cluster` (of EKS) nor `kubeconfig`: a");
}

#[test]
fn such_a_member_in_every_part_that_takes_members() {
    let member = "{name: a, cluster: x, kubeconfig: y}";
    let several = format!("members=[{member}]");
    for part in ["contexts", "join-members", "schedule", "unjoin", "uninstall"] {
        refused_by(part, &[&several], "have both `cluster` and `kubeconfig`, give one of them: a");
    }
    refused_by(
        "register-member",
        &[&format!("member={member}")],
        "has both `cluster` and `kubeconfig`, give one of them",
    );
}

#[test]
fn fewer_nodes_than_replicas() {
    refused("nodes=2", "2 nodes cannot hold 3 replicas of the Karmada API server");
}

#[test]
fn an_etcd_without_a_majority() {
    refused("etcd_replicas=2", "`2` is not one of `1`, `3`, `5`, `7`");
}

#[test]
fn a_size_or_an_address_that_is_none() {
    refused("etcd_volume_size=5G", "`5G` does not match the pattern");
    refused("allowed_cidrs=[everybody]", "`everybody` does not match the pattern");
}
