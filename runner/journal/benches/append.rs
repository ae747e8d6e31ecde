//! What a durable append costs beside the bare sync it cannot do without, and what reading costs.
//!
//! `cargo bench -p runbook-journal` prints the medians of five rounds; baseline and journal take turns on the same disk.
//! It decides nothing; the aim stands in `docs/journal.md`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use runbook_journal::{Holder, Record, SqliteStore, Store};
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;

const APPENDS: u64 = 1000;
const ROUNDS: u32 = 5;

fn record(number: u64) -> Record {
    let bytes = format!(r#"{{"number":{number},"filler":"{}"}}"#, "x".repeat(500)).into_bytes();
    Record { version: 1, kind: "step-started".into(), bytes }
}

fn holder() -> Holder {
    Holder { pid: std::process::id(), host: "bench".into(), user: "bench".into(), since: Timestamp::default() }
}

/// Microseconds of one `write` and `fdatasync` of a record at the end of a file.
fn bare(folder: &Path, round: u32) -> f64 {
    let path = folder.join(format!("bare-{round}"));
    let mut file = OpenOptions::new().create_new(true).append(true).open(path).unwrap();
    let begin = Instant::now();
    for number in 0..APPENDS {
        file.write_all(&record(number).bytes).unwrap();
        file.sync_data().unwrap();
    }
    begin.elapsed().as_secs_f64() * 1e6 / APPENDS as f64
}

/// Microseconds of one append of one record.
fn append(store: &SqliteStore, run: &RunId) -> f64 {
    let mut journal = store.create(run, &holder(), &[record(1)]).unwrap();
    let begin = Instant::now();
    for number in 2..APPENDS + 2 {
        journal.append(number, &[record(number)]).unwrap();
    }
    begin.elapsed().as_secs_f64() * 1e6 / APPENDS as f64
}

/// Milliseconds to open a journal of 10,000 records and read all of it, and to hold it.
fn read(store: &SqliteStore, run: &RunId) -> (f64, f64) {
    let begin = Instant::now();
    let read = store.open(run).unwrap().read(1).unwrap().len();
    let reading = begin.elapsed().as_secs_f64() * 1e3;
    assert_eq!(read, 10_000);
    let begin = Instant::now();
    drop(store.hold(run, &holder()).unwrap());
    (reading, begin.elapsed().as_secs_f64() * 1e3)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

#[expect(clippy::print_stdout, reason = "a benchmark says what it measured")]
fn main() {
    // Beside the build, not in a temporary folder: that may be in memory, where a sync costs nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = SqliteStore::new(folder.path().join("state"));
    let long = RunId::new("long", 0);
    let records: Vec<Record> = (1..=10_000).map(record).collect();
    drop(store.create(&long, &holder(), &records).unwrap());
    let (mut bares, mut appends, mut reads, mut holds) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        bares.push(bare(folder.path(), round));
        appends.push(append(&store, &RunId::new("short", round)));
        let (reading, holding) = read(&store, &long);
        reads.push(reading);
        holds.push(holding);
    }
    let (bare, append) = (median(bares), median(appends));
    println!("bare write and fdatasync  {bare:7.0} µs");
    println!("append of one record      {append:7.0} µs  {:.2} × bare", append / bare);
    println!("open and read 10,000      {:7.1} ms", median(reads));
    println!("hold (with the check)     {:7.1} ms", median(holds));
}
