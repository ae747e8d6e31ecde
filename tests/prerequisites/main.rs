//! `prerequisites.yaml` against the test cloud: what is missing is said in one go, what cannot be read is a warning, and
//! nothing is ever changed.
//!
//! All tests share one cloud, one after the other, hence a test runner of our own.

use std::sync::OnceLock;

use runbook_harness::{Cloud, CloudOptions, Fault, FaultKind, Finished, Home, SeededVpc, in_turn};
use serde_json::Value;

const VPC: &str = "Karmada_VPC";

/// A test; it gets a cloud with one VPC as it should be.
type Test = (&'static str, fn(&Cloud, &SeededVpc));

const TESTS: [Test; 8] = [
    ("a_network_as_it_should_be_is_found", a_network_as_it_should_be_is_found),
    ("the_better_subnets_of_a_zone_are_chosen", the_better_subnets_of_a_zone_are_chosen),
    ("what_is_missing_is_said_in_one_go", what_is_missing_is_said_in_one_go),
    ("a_network_that_lacks_something_is_told_how_to_get_it", a_network_that_lacks_something_is_told_how_to_get_it),
    ("two_vpcs_of_the_name_are_told_apart_by_their_id", two_vpcs_of_the_name_are_told_apart_by_their_id),
    ("what_cannot_be_read_is_a_warning_after_one_attempt", what_cannot_be_read_is_a_warning_after_one_attempt),
    ("a_limit_that_is_too_low_is_told", a_limit_that_is_too_low_is_told),
    ("a_role_is_asked_about_by_its_own_name", a_role_is_asked_about_by_its_own_name),
];

fn main() {
    in_turn(TESTS, false, |shared: &OnceLock<Cloud>, test: fn(&Cloud, &SeededVpc)| {
        let cloud = shared.get_or_init(|| Cloud::start(&CloudOptions::default()));
        cloud.reset();
        test(cloud, &cloud.seed_vpc(VPC, 3));
    });
}

/// Runs the prerequisites with these inputs.
fn judge(cloud: &Cloud, inputs: &[&str]) -> Finished {
    cloud.forget_calls();
    let words = ["exec", "runbooks/prerequisites.yaml", "-o", "json"].into_iter();
    let finished = Home::new(env!("CARGO_BIN_EXE_runbook"))
        .with_cloud(cloud)
        .run(words.chain(inputs.iter().flat_map(|input| ["-i", input])));
    let reads = ["Describe", "Get", "List", "Simulate"];
    for call in cloud.calls() {
        assert!(reads.iter().any(|verb| call.operation.starts_with(verb)), "{call:?}");
    }
    finished
}

/// The sentences of the verdict, as one text.
#[track_caller]
fn missing(cloud: &Cloud, inputs: &[&str]) -> String {
    let finished = judge(cloud, inputs).expect(1);
    let report = finished.json();
    let steps = report["steps"].as_array().expect("steps");
    let verdict = steps.iter().find(|step| step["path"] == "verdict").expect("the verdict");
    assert_eq!(verdict["error"]["class"], "check-failed", "{}", finished.report());
    verdict["error"]["message"].as_str().expect("sentences").to_owned()
}

#[track_caller]
fn says(text: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(text.contains(sentence), "`{sentence}` is not said:\n{text}");
    }
}

fn sorted(value: &Value) -> Vec<String> {
    let mut ids: Vec<String> = value.as_array().expect("a list").iter().map(|id| id.as_str().unwrap().into()).collect();
    ids.sort_unstable();
    ids
}

fn a_network_as_it_should_be_is_found(cloud: &Cloud, vpc: &SeededVpc) {
    let found = judge(cloud, &["vpc_name=Karmada_VPC"]).expect(0).json();
    let outputs = &found["outputs"];
    assert_eq!(outputs["vpc_id"], vpc.vpc_id);
    assert_eq!(outputs["account_id"], "123456789012");
    assert_eq!((&outputs["partition"], &outputs["region"]), (&Value::from("aws"), &Value::from("eu-west-1")));
    // The seed makes them zone by zone, so that its order is the wanted one.
    assert_eq!(outputs["public_subnets"], serde_json::json!(vpc.public_subnet_ids));
    assert_eq!(outputs["private_subnets"], serde_json::json!(vpc.private_subnet_ids));
}

fn the_better_subnets_of_a_zone_are_chosen(cloud: &Cloud, vpc: &SeededVpc) {
    let ec2 = |words: &[&str]| cloud.aws(&[["ec2"].as_slice(), words].concat());
    // A second private subnet in every zone, which routes nowhere, as subnets for databases are.
    let mut idle = Vec::new();
    for (zone, block) in [("a", "192.168.200.0/24"), ("b", "192.168.201.0/24"), ("c", "192.168.202.0/24")] {
        let zone = format!("eu-west-1{zone}");
        let words = ["create-subnet", "--availability-zone", &zone, "--cidr-block", block, "--vpc-id", &vpc.vpc_id];
        idle.push(ec2(&words)["Subnet"]["SubnetId"].as_str().expect("an id").to_owned());
    }
    let chosen = |vpc: &SeededVpc| {
        let found = judge(cloud, &["vpc_name=Karmada_VPC"]).expect(0).json();
        assert_eq!(found["outputs"]["private_subnets"], serde_json::json!(vpc.private_subnet_ids), "not {idle:?}");
        assert_eq!(found["outputs"]["public_subnets"], serde_json::json!(vpc.public_subnet_ids), "not {idle:?}");
    };
    chosen(vpc);

    // What has no route table of its own follows the VPC's main one: a public subnet stays one, and the idle ones become
    // some that give no addresses.
    let tables = ec2(&["describe-route-tables", "--filters", &format!("Name=vpc-id,Values={}", vpc.vpc_id)]);
    let tables = tables["RouteTables"].as_array().expect("route tables");
    let associations = |table: &Value| table["Associations"].as_array().cloned().unwrap_or_default();
    let main = tables.iter().find(|table| associations(table).iter().any(|one| one["Main"] == true));
    let main = main.expect("a main table")["RouteTableId"].as_str().expect("an id");
    let of_first = |association: &Value| association["SubnetId"] == *vpc.public_subnet_ids[0];
    let own = tables.iter().flat_map(associations).find(of_first).expect("a table of its own");
    let default = ["--destination-cidr-block", "0.0.0.0/0", "--gateway-id", &vpc.internet_gateway_id];
    ec2(&[["create-route", "--route-table-id", main].as_slice(), &default].concat());
    let own = own["RouteTableAssociationId"].as_str().expect("an id");
    ec2(&["disassociate-route-table", "--association-id", own]);
    chosen(vpc);
}

fn what_is_missing_is_said_in_one_go(cloud: &Cloud, _vpc: &SeededVpc) {
    cloud.deny(&["eks:CreateCluster", "iam:PassRole"]);
    let inputs = [
        "vpc_name=Nowhere",
        "kubernetes_version=1.20",
        "instance_type=m99.large",
        "console_user=nobody",
        "cluster_name=other",
    ];
    let told = missing(cloud, &inputs);
    says(
        &told,
        &[
            "no VPC in eu-west-1 has a Name tag that contains \"Nowhere\": name the right one with -i vpc_name=",
            "EKS does not offer Kubernetes 1.20 in eu-west-1: choose one of 1.35, 1.34",
            "there is no instance type m99.large in eu-west-1",
            "there is no IAM user nobody in the account 123456789012",
            "may not call eks:CreateCluster, iam:PassRole: give it these permissions",
        ],
    );
}

fn a_network_that_lacks_something_is_told_how_to_get_it(cloud: &Cloud, vpc: &SeededVpc) {
    let ec2 = |words: &[&str]| cloud.aws(&[["ec2"].as_slice(), words].concat());
    let tables = ec2(&["describe-route-tables", "--filters", &format!("Name=vpc-id,Values={}", vpc.vpc_id)]);
    let tables = tables["RouteTables"].as_array().expect("route tables");
    let routes = |table: &Value| table["Routes"].as_array().cloned().unwrap_or_default();
    let private = tables.iter().find(|table| routes(table).iter().any(|route| route.get("NatGatewayId").is_some()));
    let private = private.expect("a route to the NAT gateway")["RouteTableId"].as_str().expect("an id");
    ec2(&["delete-route", "--route-table-id", private, "--destination-cidr-block", "0.0.0.0/0"]);
    ec2(&["modify-subnet-attribute", "--subnet-id", &vpc.public_subnet_ids[1], "--no-map-public-ip-on-launch"]);
    ec2(&["modify-vpc-attribute", "--vpc-id", &vpc.vpc_id, "--no-enable-dns-hostnames"]);
    ec2(&["delete-subnet", "--subnet-id", &vpc.private_subnet_ids[2]]);
    let told = missing(cloud, &["vpc_name=Karmada_VPC"]);
    says(
        &told,
        &[
            &format!("so nodes in them could pull no images: {}", {
                let mut left = vpc.private_subnet_ids[..2].to_vec();
                left.sort_by_key(|id| vpc.private_subnet_ids.iter().position(|known| known == id));
                left.join(", ")
            }),
            &format!("give no public address to what starts in them: {}", vpc.public_subnet_ids[1]),
            "gives no host names, which the private endpoint of EKS needs",
            "only these have: eu-west-1a, eu-west-1b",
        ],
    );
    assert!(!told.contains("no internet gateway"), "{told}");

    ec2(&["detach-internet-gateway", "--internet-gateway-id", &vpc.internet_gateway_id, "--vpc-id", &vpc.vpc_id]);
    says(&missing(cloud, &["vpc_name=Karmada_VPC"]), &[&format!("the VPC {} has no internet gateway", vpc.vpc_id)]);
}

fn two_vpcs_of_the_name_are_told_apart_by_their_id(cloud: &Cloud, vpc: &SeededVpc) {
    let other = cloud.seed_vpc("Karmada_VPC_of_others", 3);
    let told = missing(cloud, &["vpc_name=Karmada_VPC"]);
    let mut ids = [vpc.vpc_id.as_str(), &other.vpc_id];
    ids.sort_unstable();
    says(&told, &[&format!("2 VPCs in eu-west-1 have a Name tag that contains \"Karmada_VPC\" ({})", ids.join(", "))]);
    let by_id = format!("vpc_id={}", other.vpc_id);
    let found = judge(cloud, &["vpc_name=Karmada_VPC", &by_id]).expect(0).json();
    let mut wanted = other.public_subnet_ids;
    wanted.sort_unstable();
    assert_eq!(sorted(&found["outputs"]["public_subnets"]), wanted);
    judge(cloud, &["vpc_name=of_others"]).expect(0);
}

fn what_cannot_be_read_is_a_warning_after_one_attempt(cloud: &Cloud, _vpc: &SeededVpc) {
    let never = |kind, service, operation| Fault { times: Some(0), ..Fault::of(kind, service, operation) };
    cloud.inject(&Fault {
        code: Some("AccessDeniedException".into()),
        ..never(FaultKind::Error, "servicequotas", "GetServiceQuota")
    });
    cloud.inject(&never(FaultKind::Throttle, "iam", "SimulatePrincipalPolicy"));
    let finished = judge(cloud, &["vpc_name=Karmada_VPC"]).expect(0);
    says(
        &finished.stderr,
        &[
            "the limit of clusters in a region (Service Quotas, eks, L-1194D53C) cannot be read",
            "the limit of vCPUs of standard instances (Service Quotas, ec2, L-1216C47A) cannot be read",
            "the permissions of arn:aws:iam::123456789012:user/moto cannot be read",
        ],
    );
    let asked = cloud.calls();
    let asked = |operation: &str, name: &str| {
        let calls = asked.iter().filter(|call| call.operation == operation);
        let mut questions: Vec<String> = calls.map(|call| call.params[name].to_string()).collect();
        let all = questions.len();
        questions.sort_unstable();
        questions.dedup();
        (all, questions.len())
    };
    assert_eq!(asked("GetServiceQuota", "QuotaCode"), (2, 2));
    let (questions, different) = asked("SimulatePrincipalPolicy", "ActionNames.member.1");
    assert_eq!(questions, different, "each is asked once");
}

fn a_limit_that_is_too_low_is_told(cloud: &Cloud, _vpc: &SeededVpc) {
    let told = missing(cloud, &["vpc_name=Karmada_VPC", "nodes=40"]);
    says(&told, &["40 nodes of m5.large take 80 vCPUs, and the account may run 64 in eu-west-1"]);
}

fn a_role_is_asked_about_by_its_own_name(cloud: &Cloud, _vpc: &SeededVpc) {
    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let role =
        ["iam", "create-role", "--role-name", "deployer", "--path", "/team/", "--assume-role-policy-document", trust];
    let role = cloud.aws(&role)["Role"]["Arn"].as_str().expect("an ARN").to_owned();
    let login = cloud.aws(&["sts", "assume-role", "--role-arn", &role, "--role-session-name", "ann"]);
    let login = |name: &str| login["Credentials"][name].as_str().expect("a login").to_owned();
    let finished = Home::new(env!("CARGO_BIN_EXE_runbook"))
        .with_cloud(cloud)
        .with("AWS_ACCESS_KEY_ID", login("AccessKeyId"))
        .with("AWS_SECRET_ACCESS_KEY", login("SecretAccessKey"))
        .with("AWS_SESSION_TOKEN", login("SessionToken"))
        .run(["exec", "runbooks/prerequisites.yaml", "-i", "vpc_name=Karmada_VPC"]);
    finished.expect(0);
    let calls = cloud.calls();
    let asked: Vec<&Value> = calls
        .iter()
        .filter(|call| call.operation == "SimulatePrincipalPolicy")
        .map(|call| &call.params["PolicySourceArn"])
        .collect();
    assert!(!asked.is_empty() && asked.iter().all(|source| **source == *role), "{asked:?}");
}
