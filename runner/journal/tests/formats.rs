//! Journals of every format ever written, as the programs of their time left them, can be read and gone on with.
//!
//! The folders below `fixtures/journals` are kept for ever. When the format changes, its number is raised, a folder for
//! the new one is made with `cargo test -p runbook-journal --test formats -- --ignored`, and nothing here is removed.

use std::fs;
use std::path::{Path, PathBuf};

use runbook_journal::{Entry, Holder, Record, Slot, SqliteStore, Store};
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;

/// A run that was let go.
fn finished() -> RunId {
    RunId::new("finished", 1)
}

/// A run whose process was killed; its last records are in the `-wal` file only.
fn killed() -> RunId {
    RunId::new("killed", 1)
}

fn holder() -> Holder {
    let (host, user) = ("workstation".into(), "ann".into());
    Holder { pid: 4242, host, user, since: Timestamp::from_millis(1_795_341_600_123) }
}

fn records() -> Vec<Record> {
    let record = |version, kind: &str, bytes: &[u8]| Record { version, kind: kind.into(), bytes: bytes.to_vec() };
    vec![
        record(1, "run-created", br#"{"event":"run-created"}"#),
        record(1, "step-started", "{\"step\":\"caf\u{e9}\"}".as_bytes()),
        record(2, "large", &[b'x'; 20_000]),
        record(u16::MAX, "bytes", &(0..=255).collect::<Vec<u8>>()),
        record(1, "run-ended", br#"{"event":"run-ended"}"#),
    ]
}

fn word() -> Entry {
    let slot = Slot { step: Some("join[a%2Fb]/ask".parse().unwrap()), generation: 2 };
    Entry { slot, bytes: br#"{"word":"approve"}"#.to_vec() }
}

fn fixtures(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/journals").join(format)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn format_1_is_read_and_gone_on_with() {
    let place = tempfile::tempdir().unwrap();
    copy(&fixtures("v1"), place.path());
    let store = SqliteStore::new(place.path());
    let runs: Vec<RunId> = store.list().unwrap().into_iter().map(|listed| listed.run).collect();
    assert_eq!(runs, [finished(), killed()]);
    let expected: Vec<(u64, Record)> = (1..).zip(records()).collect();
    for run in runs {
        assert_eq!(store.open(&run).unwrap().read(1).unwrap(), expected);
        let mut journal = store.hold(&run, &holder()).unwrap();
        assert_eq!(journal.append(6, &records()[..1]).unwrap(), 7);
        assert_eq!(journal.read(1).unwrap().len(), 6);
    }
    assert_eq!(store.inbox(&finished()).unwrap().take().unwrap(), [word()]);
}

#[test]
#[ignore = "writes into the repository; see the top of this file"]
fn make_the_fixtures_of_this_format() {
    let kept = fixtures("v1");
    assert!(!kept.exists(), "fixtures are made once and never changed");
    let place = tempfile::tempdir().unwrap();
    let store = SqliteStore::new(place.path());
    drop(store.create(&finished(), &holder(), &records()).unwrap());
    assert_eq!(
        store.inbox(&finished()).unwrap().post(&word().slot, &word().bytes).unwrap(),
        runbook_journal::Posted::Posted
    );
    let mut journal = store.create(&killed(), &holder(), &records()[..1]).unwrap();
    for (number, record) in (1..).zip(records()).skip(1) {
        journal.append(number, &[record]).unwrap();
    }
    // Copied while it is held, without SQLite's index of the log: what a kill and a restart of the machine leave.
    copy(place.path(), &kept);
    fs::remove_file(kept.join(killed().as_str()).join("journal.sqlite-shm")).unwrap();
}
