//! What steps cost: done one after the other, and read again by whoever takes the run up.
//!
//! This file decides the runbooks and what they are compared with. It must not know how fast is fast enough for whom.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use indexmap::IndexMap;
use runbook_driver::clock::{Clock as _, SystemClock};
use runbook_driver::{Run, World, read};
use runbook_engine::event::{EndStatus, Person, RunCreated};
use runbook_engine::input::{Holding, Input};
use runbook_journal::{Holder, MemoryStore, Record, SqliteStore, Store};
use runbook_language::Held;
use runbook_model::digest::{Digest, RunKey};
use runbook_model::id::RunId;
use runbook_model::plan::Plan;
use runbook_model::value::{Map, Value};
use runbook_steps::contract::StepKind;
use tokio::sync::mpsc::unbounded_channel;

use crate::Ground;
use crate::idle::{Idle, Nowhere};
use crate::measured::{Measured, ROUNDS, median};

/// Steps of the run that is timed.
const STEPS: u32 = 1_000;
/// Steps of the journal that is loaded; a plan may have no more.
const LONG: u32 = 10_000;
/// Records at the end of the long journal that are left out, so that something is left to decide.
const CUT: usize = 20;

/// Durable steps that do nothing, against the two syncs that each needs if nothing is shared.
pub(crate) fn in_sequence(ground: &Ground<'_>) -> Vec<Measured> {
    let plan = plan(STEPS);
    let store = SqliteStore::new(ground.folder.join("steps"));
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        bare.push(syncs(&ground.folder.join(format!("bare-{round}")), 2 * STEPS));
        ours.push(carry_out(&store, created(&plan, round)));
    }
    let (ours, bare) = (median(&ours), median(&bare));
    vec![Measured {
        what: "1,000 durable steps that do nothing, one after the other, against two bare syncs each".into(),
        unit: "×",
        reached: ours / bare,
        aim: Some(1.3),
        limit: Some(2.0),
        detail: format!("steps {ours:.0} ms, 2,000 times `write` and `fdatasync` at a file's end {bare:.0} ms"),
    }]
}

/// Loading a long journal and deciding what is left to do.
pub(crate) fn load(ground: &Ground<'_>) -> Vec<Measured> {
    let plan = plan(LONG);
    let (memory, store) = (MemoryStore::new(), SqliteStore::new(ground.folder.join("long")));
    let created = created(&plan, 0);
    let run = created.run.clone();
    let _nobody_asks = carry_out(&memory, created);
    let records = memory.open(&run).and_then(|log| log.read(1)).expect("the run can be read");
    let records: Vec<Record> = records.into_iter().map(|(_, record)| record).collect();
    let kept = &records[..records.len() - CUT];
    drop(store.create(&run, &holder(), kept).expect("a journal can be made"));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let mut engine = read(&store, &run).expect("the journal can be read");
        let now = SystemClock.now();
        let told = engine.resumption(None, now);
        let turn = engine.turn([Input::Hold(Box::default())], now).expect("the engine goes on");
        rounds.push(millis(begin));
        assert_eq!(told.len(), LONG as usize);
        assert!(!turn.records.is_empty(), "something is left to do");
    }
    vec![Measured {
        what: "loading the journal of 10,000 steps and deciding what is left".into(),
        unit: "ms",
        reached: median(&rounds),
        aim: Some(150.0),
        limit: Some(1_000.0),
        detail: format!("{} records", kept.len()),
    }]
}

/// Milliseconds of so many times `write` and `fdatasync`.
fn syncs(path: &Path, count: u32) -> f64 {
    let mut file = File::create_new(path).expect("a file can be made in a new folder");
    // About what a step's record takes.
    let record = [b'x'; 400];
    let begin = Instant::now();
    for _ in 0..count {
        file.write_all(&record).and_then(|()| file.sync_data()).expect("a file can be written");
    }
    millis(begin)
}

/// Milliseconds of a run, from its first turn to its end.
fn carry_out(store: &dyn Store, created: RunCreated) -> f64 {
    let (run, _) = Run::create(store, created, &holder(), SystemClock.now()).expect("a run can be made");
    let kinds = |_: &str| Some(&Idle as &dyn StepKind);
    let (_sender, signals) = unbounded_channel();
    let world = World { kinds: &kinds, outside: &Nowhere, clock: &SystemClock, observer: &mut (), signals };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let begin = Instant::now();
    let ended = runtime.block_on(run.carry_out(Holding::default(), world)).expect("the run goes on");
    let took = millis(begin);
    assert_eq!(ended.status, EndStatus::Succeeded);
    took
}

fn millis(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1_000.0
}

/// The plan of a runbook of so many steps, each waiting for the one before.
fn plan(steps: u32) -> Plan {
    let mut text = String::from("apiVersion: runbook/v1\nname: idle\nversion: 1.0.0\nsteps:\n");
    for number in 0..steps {
        let _infallible = writeln!(text, "  - {{id: s{number}, idle: {{n: {number}}}}}");
    }
    let files = Held(IndexMap::from([("idle.yaml".to_owned(), text)]));
    let checked = runbook_language::check(&files, "idle.yaml", &Idle);
    runbook_language::plan(&checked, &IndexMap::new()).unwrap_or_else(|refused| panic!("{refused:#?}"))
}

fn created(plan: &Plan, number: usize) -> RunCreated {
    let key = RunKey::new([7; 32]);
    let inputs = Value::Map(Map::new());
    RunCreated {
        run: RunId::new("idle", u32::try_from(number).expect("few rounds")),
        plan_digest: plan.digest(),
        plan: plan.clone(),
        package: IndexMap::new(),
        inputs_digest: Digest::of_value(&inputs, &key),
        inputs: inputs.into(),
        key,
        labels: IndexMap::new(),
        allow_command: false,
        by: Person { user: "bench".into(), host: "bench".into() },
        version: env!("CARGO_PKG_VERSION").into(),
    }
}

fn holder() -> Holder {
    let (host, user) = ("bench".into(), "bench".into());
    Holder { pid: std::process::id(), host, user, since: SystemClock.now() }
}
