//! Runs that stop because a person or time can help, and go on afterwards.

use std::fs;
use std::path::Path;

use runbook_harness::{Fault, Finished, project};

use crate::stage::{PATIENCE, Stage, VPC, World};
use crate::traces::Traces;

/// The last line on standard error is the command that goes on.
fn names_the_way_on(world: &World<'_>, finished: &Finished) {
    let run = world.run().expect("there is a run");
    let last = finished.stderr.lines().last().unwrap_or_default();
    assert_eq!(last.trim(), format!("runbook resume {run}"), "{}", finished.report());
}

/// The login expires while the control plane is made.
pub(crate) fn credentials(stage: &Stage) {
    let undisturbed = stage.undisturbed();
    let world = stage.world();
    let mut started = world.start();
    let made = started.until(PATIENCE, |_| world.has_made_the_cluster());
    assert!(made, "{}", started.wait(PATIENCE).report());
    world.cloud.inject(&Fault::expired_credentials());
    let parked = started.wait(PATIENCE).expect(4);
    names_the_way_on(&world, &parked);
    // Without a new login it parks again, and nothing is lost.
    names_the_way_on(&world, &world.resume().expect(4));
    world.cloud.clear_faults();
    world.resume().expect(0);
    Traces::of(&world).are_those_of(undisturbed);
}

/// The control plane takes longer than it may.
pub(crate) fn deadline(stage: &Stage) {
    let undisturbed = stage.undisturbed();
    let world = stage.world();
    let package = tempfile::tempdir().expect("a temporary folder can be made");
    copy(&project::root().join("runbooks"), &package.path().join("runbooks"));
    copy(&project::root().join("templates"), &package.path().join("templates"));
    let file = package.path().join("runbooks/eks-cluster.yaml");
    let text = fs::read_to_string(&file).expect("the copy can be read");
    let at = text.find("- id: cluster_active").expect("the step that waits for the control plane");
    let (before, after) = text.split_at(at);
    let hurried = after.replacen("timeout: 40m", "timeout: 1s", 1);
    assert_ne!(hurried, after, "the wait has a deadline");
    fs::write(&file, format!("{before}{hurried}")).expect("the copy can be written");

    let words = ["exec", file.to_str().expect("a path of text"), "-i", &format!("vpc_name={VPC}")];
    let late = world.home.run(words).expect(5);
    names_the_way_on(&world, &late);
    assert!(late.stderr.contains("the control plane takes longer than it ever should"), "{}", late.report());
    let run = world.run().expect("there is a run");
    let shown = world.home.run(["show", &run, "-o", "json"]).expect(0).json();
    assert_eq!(shown["status"], "timed-out", "{shown:#}");
    world.home.run(["resume", &run, "--extend", "2m"]).expect(0);
    Traces::of(&world).are_those_of(undisturbed);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder can be read").map(|entry| entry.expect("an entry can be read")) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file can be copied");
        }
    }
}
