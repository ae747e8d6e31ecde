//! Runs that must not go on: beside another one, with another account, with things that are somebody else's.

use runbook_harness::Home;

use crate::stage::{PATIENCE, Stage, World};
use crate::traces::{Traces, changes};

/// Makes a run that was killed while the control plane is made, and names it.
fn killed_run(world: &World<'_>) -> String {
    let mut started = world.start();
    let made = started.until(PATIENCE, |_| world.has_made_the_cluster());
    assert!(made, "{}", started.wait(PATIENCE).report());
    assert_eq!(started.kill().status.code(), None, "it ended before it could be killed");
    world.run().expect("there is a run")
}

/// One goes on, the other says who holds the run.
pub(crate) fn two_resumers(stage: &Stage) {
    let undisturbed = stage.undisturbed();
    let world = stage.world();
    let run = killed_run(&world);
    let both = [(); 2].map(|()| world.home.start(["resume", &run]));
    let ids = both.each_ref().map(runbook_harness::Started::id);
    let mut ended = both.map(|one| one.wait(PATIENCE));
    if ended[0].status.code() == Some(6) {
        ended.reverse();
    }
    let [winner, loser] = ended;
    let winner = winner.expect(0);
    let loser = loser.expect(6);
    let holder = ids.iter().any(|id| loser.stderr.contains(&id.to_string()));
    assert!(holder, "it does not say which process holds the run\n{}\n{}", loser.report(), winner.report());
    let traces = Traces::of(&world);
    traces.are_those_of(undisturbed);
    assert_eq!(traces.holders(), 2);
}

/// With the credentials of another account nothing is changed in it.
pub(crate) fn another_account(stage: &Stage) {
    let undisturbed = stage.undisturbed();
    let world = stage.world();
    let role = ["--role-arn", "arn:aws:iam::210987654321:role/other", "--role-session-name", "other"];
    let login = world.cloud.aws(&[["sts", "assume-role"].as_slice(), &role].concat());
    let text = |name: &str| login["Credentials"][name].as_str().expect("a login").to_owned();
    let run = killed_run(&world);
    // The same state, another login.
    let other = Home::new(env!("CARGO_BIN_EXE_runbook"))
        .with_cloud(world.cloud)
        .with("RUNBOOK_STATE", world.home.state())
        .with("AWS_ACCESS_KEY_ID", text("AccessKeyId"))
        .with("AWS_SECRET_ACCESS_KEY", text("SecretAccessKey"))
        .with("AWS_SESSION_TOKEN", text("SessionToken"));
    let before = changes(&world.cloud.calls()).len();
    let refused = other.run(["resume", &run]).expect(9);
    for account in ["210987654321", "123456789012"] {
        assert!(refused.stderr.contains(account), "{}", refused.report());
    }
    assert_eq!(changes(&world.cloud.calls()).len(), before, "nothing may be changed");
    world.resume().expect(0);
    Traces::of(&world).are_those_of(undisturbed);
}

/// A role of the name that is somebody else's stops the run before anything rests on it; once it is away, the run goes on.
pub(crate) fn somebody_elses_role(stage: &Stage) {
    let undisturbed = stage.undisturbed();
    let world = stage.world();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}"#;
    let role = ["--role-name", "karmada-parent-cluster-d763c26"];
    let iam = |words: &[&str]| world.cloud.aws(&[["iam"].as_slice(), words, &role].concat());
    let _made = iam(&["create-role", "--assume-role-policy-document", trust]);
    let refused = world.exec().expect(1);
    let sentence =
        "the role karmada-parent-cluster-d763c26 does not trust eks.amazonaws.com, so somebody else uses the name";
    assert!(refused.stderr.contains(sentence), "{}", refused.report());
    assert!(!world.cloud.calls().iter().any(|call| call.operation == "CreateCluster"));
    let _gone = iam(&["delete-role"]);
    world.resume().expect(0);
    Traces::of(&world).are_those_of(undisturbed);
}
