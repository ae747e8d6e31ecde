//! `cost.yaml` reads the price list and adds it up.

use runbook_harness::Cloud;
use serde_json::Value;

use crate::home;

#[track_caller]
fn cost(cloud: &Cloud, inputs: &[&str]) -> Value {
    let words = ["exec", "runbooks/cost.yaml", "-o", "json"].into_iter();
    let report = home(cloud).run(words.chain(inputs.iter().flat_map(|input| ["-i", input]))).expect(0).json();
    report["outputs"].clone()
}

/// Of the price list's figures: 0.1 + 3 x 0.107 + 255 GB x 0.088 / 730 + 0.0252 + 3 x 0.005.
pub(crate) fn the_guides_cluster_is_added_up(cloud: &Cloud) {
    let outputs = cost(cloud, &[]);
    assert_eq!((&outputs["cost_per_hour"], &outputs["currency"]), (&Value::from(0.4919), &Value::from("USD")));
    let items: Vec<&str> =
        outputs["table"].as_array().unwrap().iter().map(|line| line["item"].as_str().unwrap()).collect();
    assert_eq!(items[0], "EKS control plane");
    assert_eq!(items.len(), 6, "{items:?}");
    let reads = |operation: &str| operation.starts_with("Describe") || operation.starts_with("Get");
    assert!(cloud.calls().iter().all(|call| reads(&call.operation)));
}

pub(crate) fn other_regions_and_old_versions_have_their_prices(cloud: &Cloud) {
    let prices = |inputs: &[&str]| cost(cloud, inputs)["cost_per_hour"].as_f64().unwrap();
    let usual = prices(&["addresses=0"]);
    assert!(prices(&["addresses=0", "region=us-east-1"]) < usual);
    assert!((prices(&["addresses=0", "kubernetes_version=1.31"]) - usual - 0.5).abs() < 1e-9);
}

pub(crate) fn what_is_not_sold_is_told(cloud: &Cloud) {
    let words = ["exec", "runbooks/cost.yaml", "-o", "json", "-i", "instance_type=x9.huge"];
    let finished = home(cloud).run(words).expect(1);
    assert!(
        finished.stderr.contains("\"BoxUsage:x9.huge\" in eu-west-1, not exactly one has a price"),
        "{}",
        finished.report()
    );
}
