//! `network.yaml` makes what `prerequisites.yaml` asks for, once, however often it is run or killed, and leaves what is not
//! its own alone.

use std::collections::BTreeMap;
use std::time::Duration;

use runbook_harness::{Call, Cloud, Fault, FaultKind};
use serde_json::Value;

use crate::{changes, home};

const EXEC: [&str; 6] = ["exec", "runbooks/network.yaml", "-i", "vpc_name=Karmada_VPC", "-o", "json"];
const PATIENCE: Duration = Duration::from_secs(60);

/// How many there are of each thing that a network takes.
fn made(cloud: &Cloud) -> BTreeMap<&'static str, usize> {
    let count = |operation: &str, member: &str, filter: &[&str]| {
        let answer = cloud.aws(&[&["ec2", operation], filter].concat());
        answer[member].as_array().unwrap_or_else(|| panic!("{operation}: {answer}")).len()
    };
    // The account has a default VPC with three subnets; its own things carry no tag.
    let own = ["--filters", "Name=tag:karmada-guide/network,Values=Karmada_VPC"];
    BTreeMap::from([
        ("vpcs", count("describe-vpcs", "Vpcs", &own)),
        ("subnets", count("describe-subnets", "Subnets", &own)),
        ("internet gateways", count("describe-internet-gateways", "InternetGateways", &own)),
        ("route tables", count("describe-route-tables", "RouteTables", &own)),
        ("NAT gateways", count("describe-nat-gateways", "NatGateways", &[])),
        ("addresses", count("describe-addresses", "Addresses", &[])),
    ])
}

fn one_network() -> BTreeMap<&'static str, usize> {
    let all = [("vpcs", 1), ("subnets", 6), ("internet gateways", 1), ("route tables", 2), ("NAT gateways", 1)];
    all.into_iter().chain([("addresses", 1)]).collect()
}

pub(crate) fn makes_what_the_prerequisites_ask_for(cloud: &Cloud) {
    let home = home(cloud);
    let network = home.run(EXEC).expect(0).json();
    let words = ["exec", "runbooks/prerequisites.yaml", "-i", "vpc_name=Karmada_VPC", "-o", "json"];
    let prerequisites = home.run(words).expect(0).json();
    assert_eq!(network["outputs"], prerequisites["outputs"]);
    assert_eq!(made(cloud), one_network());
}

pub(crate) fn a_second_run_changes_nothing(cloud: &Cloud) {
    let home = home(cloud);
    let first = home.run(EXEC).expect(0).json();
    cloud.forget_calls();
    let second = home.run(EXEC).expect(0).json();
    assert_eq!(first["outputs"], second["outputs"]);
    let changing: Vec<Call> = cloud.calls().into_iter().filter(changes).collect();
    assert!(changing.is_empty(), "{changing:#?}");
}

pub(crate) fn a_vpc_of_other_addresses_is_left_alone(cloud: &Cloud) {
    let home = home(cloud);
    home.run(EXEC).expect(0);
    cloud.forget_calls();
    let report = home.run(EXEC.iter().chain(&["-i", "cidr=10.7.0.0/16"])).expect(1).json();
    let vpc = report["steps"].as_array().unwrap().iter().find(|step| step["path"] == "vpc").unwrap();
    let message = vpc["error"]["message"].as_str().unwrap();
    assert!(message.contains("has the range 192.168.0.0/16, not 10.7.0.0/16"), "{message}");
    assert!(!cloud.calls().iter().any(changes), "something was changed");
}

/// Killed while calls without a token of their own are on their way; their effect comes when the process is gone. Each costs
/// the 15 s for which an absence has to hold.
pub(crate) fn killed_in_any_call_it_makes_everything_once(cloud: &Cloud) {
    for operation in ["CreateVpc", "AllocateAddress"] {
        cloud.inject(&Fault { delay_ms: Some(400), ..Fault::of(FaultKind::Slow, "ec2", operation) });
    }
    let home = home(cloud);
    let mut words: Vec<&str> = EXEC.to_vec();
    let mut kills = 0;
    loop {
        let before = cloud.calls().len();
        let mut started = home.start(&words);
        let slow = started.until(PATIENCE, |_| {
            cloud.calls()[before..].iter().any(|call| call.fault.is_some() && call.status.is_none())
        });
        if !slow {
            let report = started.wait(PATIENCE).expect(0).json();
            assert_eq!(report["status"], Value::from("succeeded"));
            break;
        }
        let _killed = started.kill();
        kills += 1;
        words = vec!["resume", "-o", "json"];
    }
    assert_eq!(kills, 2);
    assert_eq!(made(cloud), one_network());
}
