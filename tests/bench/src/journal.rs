//! What one durable append costs beside the bare sync that it cannot do without.
//!
//! This file decides the record. It must not know what records mean.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use runbook_journal::{Holder, Record, SqliteStore, Store};
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;

use crate::Ground;
use crate::measured::{Measured, ROUNDS, median};

/// Appends of a round.
const APPENDS: u64 = 1_000;

/// One record, made durable.
pub(crate) fn append(ground: &Ground<'_>) -> Vec<Measured> {
    let store = SqliteStore::new(ground.folder.join("appends"));
    let (mut bares, mut appends) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        bares.push(bare(&ground.folder.join(format!("append-{round}"))));
        appends.push(appended(&store, &RunId::new("append", u32::try_from(round).expect("few rounds"))));
    }
    let (bare, append) = (median(&bares), median(&appends));
    vec![Measured {
        what: "one durable append to a journal, against one bare sync".into(),
        unit: "×",
        reached: append / bare,
        aim: Some(1.3),
        limit: None,
        detail: format!("an append {append:.0} µs, `write` and `fdatasync` at a file's end {bare:.0} µs"),
    }]
}

/// Microseconds of one `write` and `fdatasync` of a record at the end of a file.
fn bare(path: &Path) -> f64 {
    let mut file = OpenOptions::new().create_new(true).append(true).open(path).expect("a file can be made");
    let begin = Instant::now();
    for number in 0..APPENDS {
        let written = file.write_all(&record(number).bytes).and_then(|()| file.sync_data());
        written.expect("a file can be written");
    }
    micros(begin)
}

/// Microseconds of one append of one record.
fn appended(store: &SqliteStore, run: &RunId) -> f64 {
    let holder = Holder {
        pid: std::process::id(),
        host: "bench".into(),
        user: "bench".into(),
        since: Timestamp::from_millis(0),
    };
    let mut journal = store.create(run, &holder, &[record(1)]).expect("a journal can be made");
    let begin = Instant::now();
    for number in 2..APPENDS + 2 {
        journal.append(number, &[record(number)]).expect("a journal can be written");
    }
    micros(begin)
}

fn micros(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e6 / APPENDS as f64
}

fn record(number: u64) -> Record {
    let bytes = format!(r#"{{"number":{number},"filler":"{}"}}"#, "x".repeat(500)).into_bytes();
    Record { version: 1, kind: "step-started".into(), bytes }
}
