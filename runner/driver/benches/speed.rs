//! How fast a run goes: loading a long journal, steps that do nothing, many waits.
//!
//! Run with `cargo bench -p runbook-driver`; the numbers stand in `docs/performance.md`. Each is the median of five, and
//! a baseline of bare syncs is interleaved with the runs it is compared with.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "../../engine/tests/engine/author.rs"]
mod author;
#[path = "../tests/driver/outside.rs"]
mod outside;

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use runbook_driver::clock::SystemClock;
use runbook_driver::{Run, World, read};
use runbook_engine::event::EndStatus;
use runbook_engine::input::Holding;
use runbook_journal::{Holder, MemoryStore, SqliteStore, Store};
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;
use runbook_model::value::Map;
use serde_json::{Value as J, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::outside::{Made, Nowhere, answers};

fn main() {
    let folder = tempfile::tempdir_in(".").unwrap();
    // First, because it looks at the most memory the process ever had.
    waits();
    no_op_steps(folder.path());
    load(folder.path());
}

fn holder() -> Holder {
    Holder { pid: 1, host: "desk".into(), user: "ann".into(), since: Timestamp::from_millis(0) }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn steps(count: u32, call: bool) -> J {
    let step = |n: u32| {
        if call {
            json!({"id": format!("s{n}"), "call": {"kind": "make", "effect": "one-shot", "arguments": {"n": n}}})
        } else {
            json!({"id": format!("s{n}"), "set": {"n": n}})
        }
    };
    json!({"steps": (0..count).map(step).collect::<Vec<J>>()})
}

fn carry_out(store: &dyn Store, run: &RunId, body: J, secs: u64) -> Duration {
    let mut created = author::created(author::plan(body), Map::new());
    created.run = run.clone();
    let (run, _) = Run::create(store, created, &holder(), Timestamp::from_millis(0)).unwrap();
    let kind = Made::new(Arc::new(MemoryStore::new()), move |_| answers(secs));
    let kinds = |_: &str| Some(&kind as &dyn runbook_steps::contract::StepKind);
    let world = World {
        kinds: &kinds,
        outside: &Nowhere,
        clock: &SystemClock,
        observer: &mut (),
        signals: unbounded_channel().1,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let started = Instant::now();
    let ended = runtime.block_on(run.carry_out(Holding::default(), world)).unwrap();
    assert_eq!(ended.status, EndStatus::Succeeded);
    started.elapsed()
}

/// 1,000 durable steps that do nothing, against two bare syncs each on the same disk.
fn no_op_steps(folder: &std::path::Path) {
    let store = SqliteStore::new(folder.join("state"));
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..5 {
        let mut file = File::create(folder.join("bare")).unwrap();
        let record = [b'x'; 400];
        let started = Instant::now();
        for _ in 0..2_000 {
            file.write_all(&record).unwrap();
            file.sync_data().unwrap();
        }
        bare.push(millis(started.elapsed()));
        let run = RunId::new("steps", round);
        ours.push(millis(carry_out(&store, &run, steps(1_000, true), 0)));
    }
    let (ours, bare) = (median(ours), median(bare));
    println!("1,000 steps that do nothing: {ours:.0} ms; two bare syncs each: {bare:.0} ms; {:.2}x", ours / bare);
}

/// Loading the journal of 10,000 steps and deciding what is left.
fn load(folder: &std::path::Path) {
    let store = SqliteStore::new(folder.join("long"));
    let run = RunId::new("long", 1);
    carry_out(&store, &run, steps(10_000, false), 0);
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        let engine = read(&store, &run).unwrap();
        let left = engine.resumption(None, Timestamp::from_millis(0));
        rounds.push(millis(started.elapsed()));
        assert_eq!(left.len(), 10_000);
    }
    println!("loading 10,000 steps and deciding what is left: {:.0} ms", median(rounds));
}

/// 1,000 waits at the same time: how much memory that takes.
fn waits() {
    let before = resident();
    let wait = |n: u32| {
        json!({"id": format!("w{n}"), "needs": [], "wait":
            {"source": {"kind": "make"}, "until": "${{ attempt > 2 }}"}})
    };
    let body = json!({"steps": (0..1_000).map(wait).collect::<Vec<J>>(), "concurrency": 1_000});
    let elapsed = carry_out(&MemoryStore::new(), &RunId::new("waits", 1), body, 1);
    println!("1,000 waits: {:.0} ms, {} KiB, of which {before} were there before", millis(elapsed), resident());
}

/// The most memory this process ever had, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}
