//! `load-balancer.yaml` against the test cloud and a real cluster: killed while the load balancer comes up, resumed, run
//! again and taken for what it is.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::time::Duration;

use runbook_harness::{Call, Cloud, CloudOptions, Home, Rig, RigOptions};
use serde_json::Value;

const VPC: &str = "Karmada_VPC";
const CLUSTER: &str = "karmada-parent";
const RUNBOOK: &str = "runbooks/load-balancer.yaml";
const PATIENCE: Duration = Duration::from_secs(120);

/// The Service as the cluster has it.
fn service(rig: &Rig) -> Value {
    let words = ["-n", "karmada-system", "get", "service", "karmada-service-loadbalancer", "-o", "json"];
    serde_json::from_str(&rig.kubectl(CLUSTER, &words)).unwrap()
}

fn addresses(name: &str) -> Vec<IpAddr> {
    (name, 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default()
}

/// The steps that succeeded, by the events of a run.
fn succeeded(home: &Home, run: &str) -> Vec<String> {
    let events = home.run(["events", run, "-o", "ndjson"]).expect(0).stdout;
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let done = events.filter(|event| event["event"] == "step-succeeded");
    done.map(|event| event["step"].as_str().unwrap().to_owned()).collect()
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test clusters"]
fn a_load_balancer_is_awaited_through_a_kill_and_made_once() {
    let options =
        RigOptions { members: Vec::new(), real_members: Vec::new(), ..RigOptions::of_the_guide("load-balancer") };
    // Slow enough to be seen on its way: two and a half minutes become five seconds.
    let cloud = CloudOptions { clusters: Some(options.clusters()), time_scale: Some(0.03), ..CloudOptions::default() };
    let cloud = Cloud::start(&cloud);
    let rig = Rig::up(&options, Some(&cloud));
    cloud.seed_vpc(VPC, 3);
    let home = Home::new(env!("CARGO_BIN_EXE_runbook")).with_cloud(&cloud);
    home.run(["exec", "runbooks/eks-cluster.yaml", "-i", &format!("vpc_name={VPC}")]).expect(0);

    let inputs = ["-i", "allowed_cidrs=[10.0.0.0/8]", "-i", "tags={team: a, cost: b}"];
    let mut started = home.start([&["exec", RUNBOOK, "-o", "json"][..], &inputs].concat());
    // What plays the cluster's controller looks for it too.
    let looked = |cloud: &Cloud| {
        let ours = |call: &Call| call.user_agent.starts_with("runbook/") && call.operation == "DescribeLoadBalancers";
        cloud.calls().iter().any(ours)
    };
    assert!(started.until(PATIENCE, |_| looked(&cloud)), "it should look for the load balancer");
    let killed = started.kill();
    assert_eq!(killed.status.code(), None, "it ended before it could be killed");
    let made = service(&rig);
    let host = made["status"]["loadBalancer"]["ingress"][0]["hostname"].as_str().unwrap().to_owned();
    assert_eq!(addresses(&host), Vec::<IpAddr>::new(), "it resolves before it is active");

    let runs = home.run(["runs", "-o", "json"]).expect(0).json();
    let run = runs[0]["run"].as_str().unwrap();
    let before = succeeded(&home, run);
    assert_eq!(before, ["judged", "tags", "namespace", "service", "address"]);
    let resumed = home.run(["resume", run, "-o", "json"]).expect(0).json();
    assert_eq!(succeeded(&home, run)[before.len()..], ["active", "resolves"]);
    assert_eq!(resumed["outputs"]["load_balancer"], host.as_str());
    let told: Vec<IpAddr> = resumed["outputs"]["load_balancer_addresses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|address| address.as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(told, addresses(&host));
    assert!(!told.is_empty());

    let again = home.run([&["exec", RUNBOOK, "-o", "json"][..], &inputs].concat()).expect(0).json();
    assert_eq!(again["outputs"], resumed["outputs"]);
    let is = service(&rig);
    assert_eq!(is["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(is["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"], "nothing was written");
    assert_eq!(is["spec"]["loadBalancerSourceRanges"], serde_json::json!(["10.0.0.0/8"]));
    let annotation = |name: &str| {
        is["metadata"]["annotations"][format!("service.beta.kubernetes.io/aws-load-balancer-{name}")].clone()
    };
    assert_eq!(annotation("additional-resource-tags"), "cost=b,team=a");
    assert_eq!(annotation("target-group-attributes"), "preserve_client_ip.enabled=true");
}
