//! The harness brings up the test cloud, steers it, and leaves nothing of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use runbook_harness::{Cloud, CloudOptions, Fault, FaultKind};

#[test]
fn it_answers_remembers_spoils_and_forgets() {
    let cloud = Cloud::start(&CloudOptions { seed: Some(1), ..CloudOptions::default() });
    assert_eq!(cloud.aws(&["sts", "get-caller-identity"])["Account"], "123456789012");
    let vpc = cloud.seed_vpc("Karmada_VPC", 3);
    assert_eq!((vpc.public_subnet_ids.len(), vpc.private_subnet_ids.len()), (3, 3));
    let found = cloud.aws(&["ec2", "describe-vpcs", "--vpc-ids", &vpc.vpc_id]);
    assert_eq!(found["Vpcs"][0]["Tags"][0]["Value"], "Karmada_VPC");

    cloud.forget_calls();
    cloud.inject(&Fault::of(FaultKind::Throttle, "iam", "ListRoles"));
    assert_eq!(cloud.aws(&["iam", "list-roles"])["Roles"], serde_json::json!([]), "the tool tries again");
    let calls = cloud.calls();
    let seen: Vec<_> = calls.iter().map(|call| (call.operation.as_str(), call.status, call.fault.as_deref())).collect();
    assert_eq!(seen, [("ListRoles", Some(400), Some("throttle")), ("ListRoles", Some(200), None)]);

    assert!(cloud.leftovers().is_empty(), "what was seeded is not left over");
    let role = ["iam", "create-role", "--role-name", "left", "--assume-role-policy-document", "{}"];
    assert_eq!(cloud.aws(&role)["Role"]["RoleName"], "left");
    assert_eq!(cloud.leftovers()["roles"].len(), 1);
    cloud.reset();
    assert!(cloud.leftovers().is_empty());
}

#[test]
fn it_ends_with_a_test_that_panics() {
    let mut id = 0;
    let test = catch_unwind(AssertUnwindSafe(|| {
        let cloud = Cloud::start(&CloudOptions::default());
        id = cloud.id();
        panic!("as a failing assertion does");
    }));
    assert!(test.is_err() && id > 0);
    assert!(!Path::new(&format!("/proc/{id}")).exists(), "the cloud still runs");
}
