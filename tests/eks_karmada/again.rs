//! An undisturbed run, a second one, and the cluster's runbook alone.

use runbook_harness::Call;
use serde_json::Value;

use crate::stage::{CLUSTER, PARENT, Stage, VPC};
use crate::traces::{Traces, changes};

/// Names without random parts, the tag on everything that can carry it, no right that nothing uses.
pub(crate) fn undisturbed(stage: &Stage) {
    let traces = stage.undisturbed();
    let asked: Vec<&String> = traces.changes.keys().collect();
    for (asked, calls) in &traces.changes {
        let can_carry_tags = asked.contains(" Create");
        let tagged = asked.contains("karmada-guide/cluster") && asked.contains("karmada-parent");
        assert!(tagged || !can_carry_tags, "without the tag: {asked}");
        assert_eq!(calls.len(), 1, "an undisturbed run asks once: {asked}");
    }
    let made = |operation: &str| asked.iter().filter(|asked| asked.contains(&format!(" {operation} "))).count();
    let operations = [
        "CreateRole",
        "CreateCluster",
        "CreateAddon",
        "CreateLaunchTemplate",
        "CreateNodegroup",
        "CreateOpenIDConnectProvider",
    ];
    assert_eq!(operations.map(made), [3, 1, 5, 1, 1, 1]);
    let names = |operation: &str, name: &str| {
        let of = traces.changes.values().flatten().filter(|call| call.operation == operation);
        let mut names: Vec<&str> = of.filter_map(|call| call.params[name].as_str()).collect();
        names.sort_unstable();
        names.join(" ")
    };
    // The region is eu-west-1, and the first digits of its SHA-256 are d763c26.
    let roles = "karmada-parent-cluster-d763c26 karmada-parent-ebs-csi-d763c26 karmada-parent-node-d763c26";
    assert_eq!(names("CreateRole", "RoleName"), roles);
    assert_eq!(names("CreateLaunchTemplate", "LaunchTemplateName"), "karmada-parent-ng");
    assert_eq!(names("CreateNodegroup", "nodegroupName"), "karmada-parent-ng");
    let rights = [
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
        "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
        "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
        "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
        "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy",
    ];
    assert_eq!(names("AttachRolePolicy", "PolicyArn"), rights.join(" "));
    assert_eq!(traces.holders(), 1);
}

/// Another run of the same makes nothing and changes nothing.
pub(crate) fn adopts(stage: &Stage) {
    let world = stage.world();
    world.exec().expect(0);
    let first = Traces::of(&world);
    world.cloud.forget_calls();
    let vpc = format!("vpc_name={VPC}");
    world.home.run(["exec", "--new", PARENT, "-i", &vpc]).expect(0);
    assert_eq!(changes(&world.cloud.calls()).into_keys().collect::<Vec<_>>(), Vec::<String>::new());
    Traces::of(&world).leave_all_as_it_was(&first);
    let touched = |event: &Value| ["created", "changed"].iter().any(|origin| event["origin"] == *origin);
    let touched: Vec<Value> = world.events().into_iter().filter(touched).collect();
    assert!(touched.is_empty(), "{touched:#?}");
}

/// `eks-cluster.yaml` alone wants nothing but the name of the VPC; here it lets a user in besides.
pub(crate) fn cluster_alone(stage: &Stage) {
    let world = stage.world();
    let user = world.cloud.aws(&["iam", "create-user", "--user-name", "ann"])["User"]["Arn"].clone();
    let user = user.as_str().expect("an ARN");
    let vpc = format!("vpc_name={VPC}");
    let words = ["exec", "--new", PARENT, "-i", &vpc, "-i", "console_user=ann", "-o", "json"];
    world.cloud.forget_calls();
    let made = world.home.run(words).expect(0).json();
    let outputs = made["outputs"].as_object().expect("outputs");
    assert_eq!(outputs.keys().collect::<Vec<_>>(), ["cluster_arn", "cluster_endpoint", "node_group"]);
    assert_eq!(outputs["node_group"], "karmada-parent-ng");
    assert_eq!(outputs["cluster_endpoint"], world.rig.endpoint(CLUSTER));
    let of_user = |call: &&Call| call.params["principalArn"] == user && !call.operation.starts_with(['D', 'L']);
    let let_in = |calls: &[Call]| calls.iter().filter(of_user).map(|call| call.operation.clone()).collect::<Vec<_>>();
    assert_eq!(let_in(&world.cloud.calls()), ["CreateAccessEntry", "AssociateAccessPolicy"]);
    world.cloud.forget_calls();
    world.home.run(words).expect(0);
    assert_eq!(changes(&world.cloud.calls()).into_keys().collect::<Vec<_>>(), Vec::<String>::new());
}
