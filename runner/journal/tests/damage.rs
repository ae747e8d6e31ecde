//! Journals that are not as they were written, and places that cannot be used: a clear error each, nothing overwritten.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use runbook_journal::{AppendError, CreateError, HoldError, Holder, Record, Slot, SqliteStore, StorageError, Store};
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;

struct Place {
    store: SqliteStore,
    folder: PathBuf,
    _removed_at_the_end: tempfile::TempDir,
}

fn run() -> RunId {
    RunId::new("demo", 1)
}

fn holder() -> Holder {
    Holder { pid: 1, host: "here".into(), user: "ann".into(), since: Timestamp::default() }
}

fn records(count: u64) -> Vec<Record> {
    let bytes = |number| format!("record {number} {}", "x".repeat(700)).into_bytes();
    (1..=count).map(|number| Record { version: 1, kind: "step".into(), bytes: bytes(number) }).collect()
}

/// A store with one run of 60 records (a dozen pages), held by nobody.
fn place() -> Place {
    let removed = tempfile::tempdir().unwrap();
    let store = SqliteStore::new(removed.path());
    drop(store.create(&run(), &holder(), &records(60)).unwrap());
    Place { folder: store.folder_of(&run()), store, _removed_at_the_end: removed }
}

impl Place {
    fn database(&self) -> PathBuf {
        self.folder.join("journal.sqlite")
    }

    /// What a person is told by reading and by holding, after checking that neither changed a byte.
    fn told(&self) -> [StorageError; 2] {
        let before = content(&self.folder);
        let read = self.store.open(&run()).and_then(|reader| reader.read(1)).expect_err("reading is refused");
        let listed = self.store.list().unwrap().remove(0);
        assert!(listed.held_by.is_none());
        let held = self.refused();
        assert_eq!(content(&self.folder), before, "nothing may change");
        [read, held]
    }

    fn refused(&self) -> StorageError {
        match self.store.hold(&run(), &holder()).err().expect("holding is refused") {
            HoldError::Storage(error) => error,
            held @ HoldError::HeldBy(_) => panic!("{held}"),
        }
    }
}

/// Every file but SQLite's own scratch file for readers.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let kept = |path: &PathBuf| path.is_file() && !path.ends_with("journal.sqlite-shm");
    // A reader may leave an empty log behind, which says nothing.
    let mut files: Vec<_> = paths.filter(kept).map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.retain(|(path, bytes)| !(path.ends_with("journal.sqlite-wal") && bytes.is_empty()));
    files.sort();
    files
}

#[test]
fn an_empty_file() {
    let place = place();
    fs::write(place.database(), "").unwrap();
    for error in place.told() {
        assert!(matches!(&error, StorageError::Damaged { what, .. } if what == "it is empty"), "{error}");
    }
}

#[test]
fn a_missing_file() {
    let place = place();
    fs::remove_file(place.database()).unwrap();
    for error in place.told() {
        assert!(matches!(&error, StorageError::Damaged { what, .. } if what == "it is not there"), "{error}");
    }
}

#[test]
fn a_file_cut_anywhere() {
    let whole = fs::metadata(place().database()).unwrap().len();
    for length in (1..whole).step_by(1999) {
        let place = place();
        fs::OpenOptions::new().write(true).open(place.database()).unwrap().set_len(length).unwrap();
        for error in place.told() {
            assert!(
                matches!(error, StorageError::Damaged { .. } | StorageError::Foreign { .. }),
                "cut to {length}: {error:?}"
            );
        }
    }
}

/// Turns one byte after the other, some way apart: reading gives what was written, or an error.
#[test]
fn a_byte_that_turned() {
    let place = place();
    let intact = fs::read(place.database()).unwrap();
    let file = fs::OpenOptions::new().write(true).open(place.database()).unwrap();
    let mut noticed = 0;
    for at in (0..intact.len()).step_by(97) {
        file.write_all_at(&[intact[at] ^ 0x10], at as u64).unwrap();
        match place.store.open(&run()).and_then(|reader| reader.read(1)) {
            Ok(read) => {
                let expected: Vec<_> = (1..).zip(records(60)).collect();
                assert!(read == expected, "the byte at {at} changed what is read");
            }
            Err(StorageError::Damaged { .. } | StorageError::Foreign { .. } | StorageError::Newer { .. }) => {
                noticed += 1;
            }
            Err(other) => panic!("the byte at {at}: {other:?}"),
        }
        file.write_all_at(&intact[at..=at], at as u64).unwrap();
    }
    assert!(noticed > intact.len() / 97 / 2, "most bytes matter, noticed were {noticed}");
}

#[test]
fn another_programs_files() {
    let place = place();
    fs::write(place.database(), "no database at all, but long enough to be read as one".repeat(100)).unwrap();
    for error in place.told() {
        assert!(error.to_string().ends_with("it is no SQLite database"), "{error}");
    }
    fs::remove_file(place.database()).unwrap();
    let other = rusqlite::Connection::open(place.database()).unwrap();
    other.execute_batch("CREATE TABLE cookies (a)").unwrap();
    drop(other);
    for error in place.told() {
        assert!(error.to_string().contains("another program"), "{error}");
    }
}

#[test]
fn another_runs_journal() {
    let place = place();
    let other = RunId::new("other", 2);
    drop(place.store.create(&other, &holder(), &records(1)).unwrap());
    fs::copy(place.store.folder_of(&other).join("journal.sqlite"), place.database()).unwrap();
    for error in place.told() {
        assert!(error.to_string().ends_with(&format!("it is the journal of `{other}`")), "{error}");
    }
}

#[test]
fn a_later_format() {
    let place = place();
    let later = rusqlite::Connection::open(place.database()).unwrap();
    later.execute_batch("PRAGMA user_version = 2; DROP TABLE record;").unwrap();
    drop(later);
    for error in place.told() {
        assert!(matches!(error, StorageError::Newer { found: 2, known: 1, .. }), "{error}");
    }
}

#[test]
fn a_record_that_is_missing_in_the_middle() {
    let place = place();
    let hand = rusqlite::Connection::open(place.database()).unwrap();
    hand.execute_batch("DELETE FROM record WHERE number = 30").unwrap();
    drop(hand);
    let error = place.store.open(&run()).unwrap().read(1).unwrap_err();
    assert!(error.to_string().ends_with("record 30 is missing"), "{error}");
}

/// The files as they are after 20 appends and a kill: a database with one record and a log with twenty.
fn killed() -> Place {
    let place = place();
    let copy = place.folder.with_file_name("copy");
    let mut journal = place.store.hold(&run(), &holder()).unwrap();
    for (number, record) in (61..).zip(records(20)) {
        journal.append(number, &[record]).unwrap();
    }
    fs::create_dir(&copy).unwrap();
    for name in ["journal.sqlite", "journal.sqlite-wal"] {
        fs::copy(place.folder.join(name), copy.join(name)).unwrap();
    }
    drop(journal);
    for name in ["journal.sqlite", "journal.sqlite-wal"] {
        fs::rename(copy.join(name), place.folder.join(name)).unwrap();
    }
    place
}

#[test]
fn a_log_left_behind_by_a_kill_is_read_and_taken_up() {
    let place = killed();
    assert_eq!(place.store.open(&run()).unwrap().read(1).unwrap().len(), 80);
    let mut journal = place.store.hold(&run(), &holder()).unwrap();
    assert_eq!(journal.append(81, &records(1)).unwrap(), 82);
    drop(journal);
    assert!(!place.folder.join("journal.sqlite-wal").exists(), "a journal that was let go is one file");
    assert_eq!(place.store.open(&run()).unwrap().read(1).unwrap().len(), 81);
}

/// A reader leaves an empty log behind, which must not cost the next holder its speed.
#[test]
fn a_log_has_its_final_size_from_the_start() {
    let place = place();
    for _ in 0..2 {
        let journal = place.store.hold(&run(), &holder()).unwrap();
        assert!(fs::metadata(place.folder.join("journal.sqlite-wal")).unwrap().len() > 1_000_000);
        drop(journal);
        assert_eq!(place.store.open(&run()).unwrap().read(60).unwrap().len(), 1);
    }
}

/// The length of the log without the room that is left in it: its frames carry the salts of its header.
fn used(log: &[u8]) -> usize {
    let mut end = 32;
    while log.len() >= end + 4120 && log[end + 8..end + 16] == log[16..24] {
        end += 4120;
    }
    end
}

/// What holding says of a log with these bytes; the run is put back as it was before.
fn held_with(place: &Place, intact: &[u8], log: &[u8]) -> Result<usize, StorageError> {
    let path = place.folder.join("journal.sqlite-wal");
    fs::write(place.database(), intact).unwrap();
    fs::write(&path, log).unwrap();
    match place.store.hold(&run(), &holder()) {
        Ok(journal) => Ok(journal.read(1).unwrap().len()),
        Err(HoldError::Storage(error)) => {
            assert!(fs::read(&path).unwrap() == log, "nothing may change");
            Err(error)
        }
        Err(held @ HoldError::HeldBy(_)) => panic!("{held}"),
    }
}

/// A log cut by a power failure ends at an append, whether its file is shorter then or its end was never written; one
/// that is damaged before finished appends is refused.
#[test]
fn a_log_that_is_cut_ends_at_an_append_and_a_damaged_one_is_refused() {
    let place = killed();
    let intact = fs::read(place.database()).unwrap();
    let log = fs::read(place.folder.join("journal.sqlite-wal")).unwrap();
    let used = used(&log);
    assert!(used > 20 * 4120, "twenty appends are in it");
    for zeros in [0, 3 * 4120] {
        let mut counts = Vec::new();
        for length in (0..=used).step_by(used / 7) {
            let mut cut = log[..length].to_vec();
            cut.resize(length + zeros, 0);
            counts.push(held_with(&place, &intact, &cut).unwrap());
        }
        assert!(counts.is_sorted() && counts[0] == 60 && counts.last() > Some(&75), "{counts:?}");
    }
    for at in (0..used - 3 * 4120).step_by(2503) {
        let mut damaged = log.clone();
        damaged[at] ^= 0x10;
        let error = held_with(&place, &intact, &damaged).unwrap_err();
        let told = |path: &Path| path.ends_with("journal.sqlite-wal");
        assert!(matches!(&error, StorageError::Damaged { path, .. } if told(path)), "at {at}: {error:?}");
    }
}

#[test]
fn the_fence_stands_behind_a_lock_that_was_taken_away() {
    let place = place();
    let mut first = place.store.hold(&run(), &holder()).unwrap();
    fs::remove_file(place.folder.join("holder")).unwrap();
    let mut second = place.store.hold(&run(), &holder()).unwrap();
    assert_eq!(second.append(61, &records(1)).unwrap(), 62);
    let refused = first.append(61, &records(1)).unwrap_err();
    assert!(matches!(refused, AppendError::Conflict { expected: 61, actual: 62 }), "{refused}");
}

#[test]
fn a_folder_that_others_may_write() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = SqliteStore::new(&folder).create(&run(), &holder(), &records(1)).err().unwrap();
    assert!(refused.to_string().contains("others may write into it (mode 777)"), "{refused}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn everything_is_private() {
    let place = place();
    let _journal = place.store.hold(&run(), &holder()).unwrap();
    let slot = Slot { step: None, generation: 0 };
    let _posted = place.store.inbox(&run()).unwrap().post(&slot, b"cancel").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place.folder), mode(&place.folder.join("inbox"))), (0o700, 0o700));
    for name in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "holder", "inbox/run-0"] {
        assert_eq!(mode(&place.folder.join(name)), 0o600, "{name}");
    }
}

#[test]
fn what_stands_where_a_run_should_be() {
    let place = place();
    fs::remove_dir_all(&place.folder).unwrap();
    fs::write(&place.folder, "").unwrap();
    assert!(matches!(place.store.open(&run()).err().unwrap(), StorageError::Foreign { .. }));
    let refused = place.store.create(&run(), &holder(), &records(1)).err().unwrap();
    assert!(matches!(refused, CreateError::Exists { .. }), "{refused}");
}

#[test]
fn every_error_says_what_to_do() {
    let place = place();
    fs::write(place.database(), "").unwrap();
    for error in place.told() {
        assert!(error.help().contains("backup"));
    }
}
