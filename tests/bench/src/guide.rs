//! The whole guide by one run, beside the same with the guide's own tools (`guide.sh`).
//!
//! This file decides what both of them find and when they are done. It must not know what a run does on its way.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use runbook_harness::{Cloud, CloudOptions, Python, Rig, RigOptions, project};

use crate::Ground;
use crate::measured::Measured;
use crate::program::{processor_time, quietly};

/// Once: each of them takes minutes.
pub(crate) fn whole(ground: &Ground<'_>) -> Vec<Measured> {
    let (their_wall, their_work, sections) = outside(|cloud, rig, options| theirs(ground.folder, cloud, rig, options));
    let (our_wall, our_work) = outside(|cloud, rig, options| ours(ground, cloud, rig, options));
    eprint!("the sections with the guide's own tools, in seconds:\n{sections}");
    let measured = |what: &str, reached, aim, limit, theirs| Measured {
        what: what.into(),
        unit: "s",
        reached,
        aim: Some(aim),
        limit: Some(limit),
        detail: format!("once each; the guide's own tools {theirs:.1} s"),
    };
    vec![
        measured(
            "the whole guide with three members, from an empty VPC to running replicas",
            our_wall,
            60.0,
            180.0,
            their_wall,
        ),
        measured("processor time of `runbook` for it", our_work, 1.0, 3.0, their_work),
    ]
}

/// A cloud and clusters in which nothing was made yet.
fn outside<T>(act: impl FnOnce(&Cloud, &Rig, &RigOptions) -> T) -> T {
    let options = RigOptions::of_the_guide("bench");
    let cloud = Cloud::start(&CloudOptions { clusters: Some(options.clusters()), ..CloudOptions::default() });
    cloud.seed_vpc("Karmada_VPC", 3);
    let rig = Rig::up(&options, Some(&cloud));
    act(&cloud, &rig, &options)
}

fn ours(ground: &Ground<'_>, cloud: &Cloud, rig: &Rig, options: &RigOptions) -> (f64, f64) {
    let home = ground.home().with_cloud(cloud);
    let members = options.members.iter().map(|name| {
        let (mode, weight) = if options.real_members.contains(name) { ("pull", 2) } else { ("push", 1) };
        let kubeconfig = rig.kubeconfig(name).display();
        format!("  - {{name: {name}, kubeconfig: {kubeconfig}, context: {name}, mode: {mode}, weight: {weight}}}\n")
    });
    let definitions = rig.karmada_definitions().display();
    let inputs = ground.folder.join("guide.yaml");
    let members = members.collect::<String>();
    fs::write(&inputs, format!("vpc_name: Karmada_VPC\ncrds: {definitions}\nmembers:\n{members}"))
        .expect("a file can be written");
    let words = ["exec", "runbooks/eks-karmada.yaml", "--inputs", inputs.to_str().expect("a path of text")];
    taken(|| quietly(&mut home.command(words)))
}

/// And the seconds of every section.
fn theirs(folder: &Path, cloud: &Cloud, rig: &Rig, options: &RigOptions) -> (f64, f64, String) {
    let aws = Python::of_cloud().expect("the cloud runs in it").programs();
    let path = env::join_paths(std::iter::once(aws).chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())));
    let told = folder.join("sections");
    let mut command = Command::new("bash");
    command.arg(project::root().join("tests/bench/guide.sh")).envs(cloud.environment()).stdin(Stdio::null());
    let tools =
        [("KUBECTL", rig.tool("kubectl")), ("KARMADACTL", rig.tool("karmadactl")), ("CRDS", rig.karmada_definitions())];
    command
        .envs(BTreeMap::from(tools))
        .env("RIG", options.folder())
        .env("PATH", path.expect("the folders came from a PATH"));
    command.stdout(fs::File::create(&told).expect("a file can be made"));
    let (wall, work) = taken(|| {
        let status = command.status().unwrap_or_else(|error| panic!("`{command:?}`: {error}"));
        assert!(status.success(), "the guide's own tools ended with {status}");
    });
    (wall, work, fs::read_to_string(told).unwrap_or_default())
}

/// Seconds on the wall and of the processor.
fn taken(act: impl FnOnce()) -> (f64, f64) {
    let begin = Instant::now();
    let work = processor_time(act) / 1_000.0;
    (begin.elapsed().as_secs_f64(), work)
}
