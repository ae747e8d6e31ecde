//! Partitions: which region belongs to which part of AWS, and under which domain that part lives.
//!
//! This file decides the answer of `aws.partition` from botocore's `partitions.json`. It must not know any service.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex_lite::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

#[derive(Deserialize)]
struct Partitions {
    partitions: Vec<Partition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Partition {
    region_regex: String,
    /// What a rule may read.
    outputs: Json,
    /// Its regions. What stands behind the names is for people.
    regions: BTreeMap<String, IgnoredAny>,
}

static PARTITIONS: LazyLock<Vec<Partition>> = LazyLock::new(|| {
    let text = include_str!("../../models/partitions.json");
    let read: Partitions = serde_json::from_str(text).expect("the partitions in the program are whole");
    read.partitions
});

/// What rules read of the partition of a region: one that lists it, else one whose pattern fits, else the first.
pub(super) fn of_region(region: &str) -> Json {
    let fits = |partition: &&Partition| Regex::new(&partition.region_regex).is_ok_and(|regex| regex.is_match(region));
    let listed = PARTITIONS.iter().find(|partition| partition.regions.contains_key(region));
    let found = listed.or_else(|| PARTITIONS.iter().find(fits)).or_else(|| PARTITIONS.first());
    found.map(|partition| partition.outputs.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_found_by_list_by_pattern_or_not_at_all() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-east-9", "aws-us-gov"),
            ("aws-us-gov-global", "aws-us-gov"),
            ("nowhere", "aws"),
        ] {
            assert_eq!(of_region(region)["name"], partition, "{region}");
        }
        assert_eq!(of_region("eu-west-1")["dnsSuffix"], "amazonaws.com");
    }
}
