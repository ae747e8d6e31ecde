//! The examples that need nothing but AWS: done once they stand, and done again they change nothing.

use runbook_harness::{Call, Cloud};

use crate::{changes, home};

/// Runs it twice. The second run is to change nothing.
#[track_caller]
fn twice(cloud: &Cloud, runbook: &str, inputs: &[&str]) -> Vec<Call> {
    let path = format!("runbooks/examples/{runbook}.yaml");
    let words: Vec<&str> =
        ["exec", &path, "-o", "json"].into_iter().chain(inputs.iter().flat_map(|i| ["-i", i])).collect();
    let home = home(cloud);
    cloud.forget_calls();
    let first = home.run(&words).expect(0).json();
    let changed: Vec<Call> = cloud.calls().into_iter().filter(changes).collect();
    assert!(!changed.is_empty(), "nothing was to be done");
    cloud.forget_calls();
    let second = home.run(&words).expect(0).json();
    assert_eq!(first["outputs"], second["outputs"]);
    let again: Vec<Call> = cloud.calls().into_iter().filter(changes).collect();
    assert!(again.is_empty(), "{again:#?}");
    changed
}

pub(crate) fn every_bucket_of_every_region_is_at_the_baseline(cloud: &Cloud) {
    for (bucket, region) in [("logs", "eu-west-1"), ("site", "eu-central-1"), ("attic", "us-west-2")] {
        let place = format!("LocationConstraint={region}");
        let _made = cloud.aws(&[
            "s3api",
            "create-bucket",
            "--bucket",
            bucket,
            "--region",
            region,
            "--create-bucket-configuration",
            &place,
        ]);
    }
    let _tagged =
        cloud.aws(&["s3api", "put-bucket-tagging", "--bucket", "logs", "--tagging", "TagSet=[{Key=team,Value=a}]"]);
    let inputs = ["account=123456789012", "regions=[eu-west-1, eu-central-1]"];
    let changed = twice(cloud, "s3-baseline", &inputs);
    let buckets = |call: &Call| call.params["Bucket"].as_str().map(str::to_owned);
    assert!(!changed.iter().any(|call| buckets(call).as_deref() == Some("attic")), "{changed:#?}");
    let tags = cloud.aws(&["s3api", "get-bucket-tagging", "--bucket", "logs"]);
    assert_eq!(tags["TagSet"].as_array().unwrap().len(), 2, "{tags}");
    let refused = cloud.aws(&["s3api", "get-bucket-policy", "--bucket", "site"]);
    assert!(refused["Policy"].as_str().unwrap().contains("BaselineRefusesPlainHttp"), "{refused}");
}

pub(crate) fn a_new_account_comes_under_the_roof(cloud: &Cloud) {
    let inputs =
        ["account=123456789012", "regions=[eu-west-1, us-east-1]", "alias=acme-dev", "audit_account=012345678901"];
    twice(cloud, "account-bootstrap", &inputs);
    let role = cloud.aws(&["iam", "get-role", "--role-name", "security-audit"]);
    let trust = role["Role"]["AssumeRolePolicyDocument"].to_string();
    assert!(trust.contains("arn:aws:iam::012345678901:root"), "{trust}");
    // Another alias is somebody's decision, not ours to take back.
    let path = "runbooks/examples/account-bootstrap.yaml";
    let words = ["exec", path].into_iter().chain(inputs.iter().flat_map(|i| ["-i", i])).chain(["-i", "alias=other"]);
    let finished = home(cloud).run(words).expect(1);
    assert!(finished.stderr.contains("has the alias acme-dev already"), "{}", finished.report());
}

pub(crate) fn a_snapshot_is_restored_and_cut_over_to(cloud: &Cloud) {
    let rds = |words: &[&str]| cloud.aws(&[&["rds"], words].concat());
    let _made = rds(&[
        "create-db-instance",
        "--db-instance-identifier=shop",
        "--db-instance-class=db.t3.micro",
        "--engine=postgres",
        "--master-username=master",
        "--master-user-password=of-no-account",
        "--allocated-storage=20",
    ]);
    let _taken = rds(&["create-db-snapshot", "--db-instance-identifier=shop", "--db-snapshot-identifier=shop-1"]);
    let home = home(cloud);
    let path = "runbooks/examples/restore-rds-snapshot.yaml";
    let parked = home.run(["exec", path, "-i", "db_instance=shop", "-o", "json"]).expect(4).json();
    let run = parked["run"].as_str().unwrap();
    let touched = |call: &Call| ["ModifyDBInstance", "CreateDBSnapshot"].contains(&call.operation.as_str());
    let theirs = cloud.calls().into_iter().filter(touched).filter(|call| call.user_agent.contains("runbook")).count();
    assert_eq!(theirs, 0, "the running database was touched before a person said so");
    let _said = home.run(["approve", run, "agreed"]).expect(0);
    let done = home.run(["resume", run, "-o", "json"]).expect(0).json();
    assert!(done["outputs"]["endpoint"].as_str().unwrap().starts_with("shop."), "{done:#}");
    let names = rds(&["describe-db-instances", "--query=DBInstances[].DBInstanceIdentifier"]);
    let mut names: Vec<&str> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["shop", done["outputs"]["kept"].as_str().unwrap()]);
}
