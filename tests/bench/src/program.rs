//! What the program itself costs: starting, checking a runbook, calling AWS, waiting for much at once.
//!
//! This file decides what is run beside what. "Cold" is a new process; its files are in the machine's memory. It must not
//! know what is inside the program.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use runbook_harness::{Cloud, CloudOptions, Home};

use crate::Ground;
use crate::measured::{Measured, ROUNDS, median};

/// Starts of a round: one takes a few milliseconds.
const STARTS: u32 = 20;
/// Calls of a round: the system counts a dead process's time in hundredths of a second.
const CALLS: u32 = 20;
/// Waits at the same time.
const WAITS: usize = 1_000;
/// How long the waits may take to have looked three times each.
const PATIENCE: Duration = Duration::from_secs(300);

const CALL: &str = "\
apiVersion: runbook/v1
name: call
version: 1.0.0
steps:
  - id: vpcs
    aws-call: {service: ec2, operation: DescribeVpcs}
";

const WAIT: &str = "\
apiVersion: runbook/v1
name: waits
version: 1.0.0
concurrency: 1000
steps:
  - id: wait
    for-each: ${{ range(1000) | list }}
    key: w${{ item }}
    concurrency: 1000
    wait-for:
      aws-call: {service: sts, operation: GetCallerIdentity}
      until: ${{ result.Account == 'somebody else' }}
    timeout: 1h
";

impl Ground<'_> {
    pub(crate) fn home(&self) -> Home {
        let program = self.program.as_ref().expect("`--program` names a release build");
        Home::new(program.canonicalize().expect("the program is there"))
    }

    pub(crate) fn runbook(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("a file can be written");
        path.to_str().expect("a path of text").to_owned()
    }
}

/// The shortest life the program can have.
pub(crate) fn start(ground: &Ground<'_>) -> Vec<Measured> {
    let home = ground.home();
    vec![Measured { what: "`runbook --version`, cold".into(), ..timed(|| home.command(["--version"])) }]
}

/// Checking the largest runbook there is, with all that it uses.
pub(crate) fn lint(ground: &Ground<'_>) -> Vec<Measured> {
    let home = ground.home();
    let (aim, limit) = (Some(20.0), Some(200.0));
    let what = "`runbook lint runbooks/eks-karmada.yaml`, cold".into();
    vec![Measured { what, aim, limit, ..timed(|| home.command(["lint", "runbooks/eks-karmada.yaml"])) }]
}

/// Milliseconds from a program's start to its end, beside a program that does nothing.
fn timed(command: impl Fn() -> Command) -> Measured {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(starts(&|| Command::new("true")));
        ours.push(starts(&command));
    }
    let (reached, bare) = (median(&ours), median(&bare));
    let detail = format!("`true`, which does nothing, takes {bare:.1} ms");
    Measured { what: String::new(), unit: "ms", reached, aim: None, limit: None, detail }
}

fn starts(command: &dyn Fn() -> Command) -> f64 {
    let begin = Instant::now();
    for _ in 0..STARTS {
        quietly(&mut command());
    }
    begin.elapsed().as_secs_f64() * 1_000.0 / f64::from(STARTS)
}

/// A run of one call, its journal included, beside the `aws` command that makes the same call.
pub(crate) fn call(ground: &Ground<'_>) -> Vec<Measured> {
    let cloud = Cloud::start(&CloudOptions::default());
    cloud.seed_vpc("Karmada_VPC", 3);
    let home = ground.home().with_cloud(&cloud);
    let runbook = ground.runbook("call.yaml", CALL);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(processor_time(|| drop(cloud.aws(&["ec2", "describe-vpcs"]))));
        let run = |_| {
            // The first run of a folder: `exec` looks through the earlier ones for an unfinished run of the same.
            let _nothing_there_yet = fs::remove_dir_all(home.state());
            quietly(&mut home.command(["exec", &runbook]));
        };
        ours.push(processor_time(|| (0..CALLS).for_each(run)) / f64::from(CALLS));
    }
    let (ours, theirs) = (median(&ours), median(&theirs));
    vec![Measured {
        what: "processor time of a run of one `aws-call` (DescribeVpcs), cold, of what `aws ec2 describe-vpcs` takes"
            .into(),
        unit: "%",
        reached: 100.0 * ours / theirs,
        aim: Some(100.0 / 30.0),
        limit: Some(200.0 / 30.0),
        detail: format!("the run {ours:.0} ms, the AWS CLI {theirs:.0} ms"),
    }]
}

/// Milliseconds of processor time that the children took which ended meanwhile.
pub(crate) fn processor_time(act: impl FnOnce()) -> f64 {
    let before = ticks();
    act();
    let ticks = ticks() - before;
    ticks as f64 * 1_000.0 / rustix::param::clock_ticks_per_second() as f64
}

fn ticks() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").expect("Linux tells what a process took");
    // The name in the second field may hold anything; `cutime` and `cstime` are the 16th and 17th.
    let behind = text.rsplit_once(") ").map_or("", |(_, behind)| behind);
    behind.split(' ').skip(13).take(2).filter_map(|word| word.parse::<u64>().ok()).sum()
}

/// Many waits at the same time, each of which has looked three times.
pub(crate) fn waits(ground: &Ground<'_>) -> Vec<Measured> {
    let cloud = Cloud::start(&CloudOptions::default());
    let home = ground.home().with_cloud(&cloud);
    let runbook = ground.runbook("waits.yaml", WAIT);
    let mut started = home.start(["exec", &runbook]);
    let mut looked = Instant::now();
    let all_wait = started.until(PATIENCE, |_| {
        // The log of calls grows long; asking for it all the time would slow the cloud down.
        looked.elapsed() > Duration::from_secs(1) && {
            looked = Instant::now();
            cloud.calls().len() > 3 * WAITS
        }
    });
    let most = memory(started.id());
    let finished = started.kill();
    assert!(all_wait, "{}", finished.report());
    vec![Measured {
        what: "most memory of the process with 1,000 waits for AWS at the same time".into(),
        unit: "MB",
        reached: most,
        aim: Some(60.0),
        limit: Some(120.0),
        detail: "once, when every wait had looked three times".into(),
    }]
}

/// The most memory a process had so far, in megabytes.
fn memory(process: u32) -> f64 {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(Path::new(&path)).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(f64::NAN);
    kib * 1_024.0 / 1e6
}

pub(crate) fn quietly(command: &mut Command) {
    let done = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = done.unwrap_or_else(|error| panic!("`{command:?}`: {error}"));
    assert!(status.success(), "`{command:?}` ended with {status}");
}
