//! What a long history costs: runs that ended long ago, and one of ten thousand steps.
//!
//! This file decides how long it is. It must not know how the program keeps or finds what is in it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use runbook_driver::clock::{Clock as _, SystemClock};
use runbook_journal::{Holder, SqliteStore, Store as _};
use runbook_model::id::RunId;

use crate::Ground;
use crate::measured::{Measured, ROUNDS, median};
use crate::program::quietly;

/// Runs that have ended.
const RUNS: u32 = 1_000;
/// Runs of a round.
const CALLS: u32 = 10;

const ONE: &str = "\
apiVersion: runbook/v1
name: one
version: 1.0.0
steps:
  - id: it
    set: {answer: 42}
";

const MANY: &str = "\
apiVersion: runbook/v1
name: many
version: 1.0.0
steps:
  - id: each
    for-each: ${{ range(10000) | list }}
    key: w${{ item }}
    set: {answer: '${{ item }}'}
";

/// `exec` and `runs` beside a thousand runs that have ended.
pub(crate) fn runs(ground: &Ground<'_>) -> Vec<Measured> {
    let runbook = ground.runbook("one.yaml", ONE);
    let (alone, among) = (ground.home(), ground.home());
    for home in [&alone, &among] {
        quietly(&mut home.command(["exec", &runbook]));
    }
    multiply(&among.state());
    let first = millis(1, || among.command(["runs"]));
    // What was written a moment ago is not taken as settled.
    thread::sleep(Duration::from_secs(3));
    let (mut execs, mut bare, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        bare.push(millis(CALLS, || alone.command(["exec", &runbook])));
        execs.push(millis(CALLS, || among.command(["exec", &runbook])));
        lists.push(millis(CALLS, || among.command(["runs"])));
    }
    // The first round is the first that looks at the runs after they have settled.
    let (exec, bare, list) = (median(&execs[1..]), median(&bare[1..]), median(&lists[1..]));
    let measured = |what: &str, reached, aim, limit, detail| Measured {
        what: what.into(),
        unit: "ms",
        reached,
        aim: Some(aim),
        limit: Some(limit),
        detail,
    };
    vec![
        measured(
            "what `exec` of one step takes longer beside 1,000 runs that have ended",
            exec - bare,
            50.0,
            500.0,
            format!("{exec:.0} ms, without them {bare:.0} ms"),
        ),
        measured(
            "`runbook runs` over 1,000 runs",
            list,
            300.0,
            3_000.0,
            format!("the first time, when every journal is opened, {first:.0} ms"),
        ),
    ]
}

/// A report of ten thousand steps.
pub(crate) fn report(ground: &Ground<'_>) -> Vec<Measured> {
    let home = ground.home();
    let runbook = ground.runbook("many.yaml", MANY);
    quietly(&mut home.command(["exec", &runbook]));
    let run = only_run(&home.state()).to_string();
    let file = ground.folder.join("report.html");
    let file = file.to_str().expect("a path of text");
    let rounds: Vec<f64> = (0..ROUNDS).map(|_| millis(1, || home.command(["report", &run, "--file", file]))).collect();
    let size = fs::metadata(file).expect("the report was written").len() as f64 / 1e6;
    let what = "`runbook report` of a run of 10,000 steps".into();
    let (aim, limit) = (Some(1_000.0), Some(10_000.0));
    let detail = format!("{size:.1} MB of HTML; at most 5 are wanted");
    vec![Measured { what, unit: "ms", reached: median(&rounds), aim, limit, detail }]
}

/// Makes the only run of a state folder a thousand runs.
fn multiply(state: &Path) {
    let store = SqliteStore::new(state);
    let records = store.open(&only_run(state)).and_then(|reader| reader.read(1)).expect("a journal can be read");
    let records: Vec<_> = records.into_iter().map(|(_, record)| record).collect();
    let holder = Holder { pid: 1, host: "bench".into(), user: "bench".into(), since: SystemClock.now() };
    for number in 1..RUNS {
        drop(store.create(&RunId::new("one", number), &holder, &records).expect("a journal can be made"));
    }
}

fn only_run(state: &Path) -> RunId {
    let mut runs = SqliteStore::new(state).list().expect("a state folder can be read");
    assert_eq!(runs.len(), 1);
    runs.remove(0).run
}

/// Milliseconds of one of so many commands, one after the other.
fn millis(count: u32, command: impl Fn() -> Command) -> f64 {
    let begin = Instant::now();
    (0..count).for_each(|_| quietly(&mut command()));
    begin.elapsed().as_secs_f64() * 1_000.0 / f64::from(count)
}
