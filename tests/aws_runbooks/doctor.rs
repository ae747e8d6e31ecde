//! `runbook doctor` where there is a whole AWS to ask, its clock among the rest.

use runbook_harness::Cloud;
use serde_json::Value;

use crate::home;

pub(crate) fn finds_all_well(cloud: &Cloud) {
    let done = home(cloud).run(["doctor", "-o", "json"]);
    assert!(done.status.success(), "{}", done.report());
    let findings = done.json();
    let of = |subject: &str| {
        let all = findings.as_array().expect("a list");
        all.iter().find(|finding| finding["subject"] == subject).unwrap_or_else(|| panic!("{subject}: {findings:#}"))
    };
    for subject in ["state", "credentials", "identity", "region", "clock", "eks", "kubeconfig"] {
        assert_eq!((&of(subject)["health"], &of(subject)["remedy"]), (&"ok".into(), &Value::Null), "{findings:#}");
    }
    assert!(of("identity")["words"].as_str().expect("words").contains("123456789012"), "{findings:#}");
}
