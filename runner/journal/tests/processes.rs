//! What only other processes can show: kills at any moment, locks that death releases, places that may not be written,
//! a disk that is full.
//!
//! Each test starts this binary again as a child; the children are the ignored tests at the end.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "children talk to their test through pipes")]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use runbook_journal::{
    AppendError, HoldError, Holder, Journal, Posted, Record, Slot, SqliteStore, StorageError, Store,
};
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;

/// The state folder that a child works in.
const PLACE: &str = "JOURNAL_TEST_PLACE";

/// The user that root becomes to feel permissions; any but root will do.
const NOBODY: u32 = 65534;

fn run() -> RunId {
    RunId::new("demo", 1)
}

fn holder() -> Holder {
    let user = "ann".into();
    Holder { pid: std::process::id(), host: "here".into(), user, since: Timestamp::default() }
}

/// A record that tells its number, and how many are written together with it.
fn record(number: u64, together: u64) -> Record {
    let bytes = format!("{number} {together} {}", "x".repeat((number as usize * 397) % 9000)).into_bytes();
    Record { version: 1, kind: "step".into(), bytes }
}

fn child(program: &Path, name: &str, place: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", name, "--ignored", "--nocapture"]).env(PLACE, place);
    command
}

fn own_child(name: &str, place: &Path) -> Command {
    child(&env::current_exe().unwrap(), name, place)
}

fn place() -> SqliteStore {
    SqliteStore::new(env::var_os(PLACE).expect("a child is started by its test"))
}

/// Runs a child to its end; its panics are ours.
fn expect_success(command: &mut Command) {
    let done = command.output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && told.contains("1 passed"), "{told}\n{}", String::from_utf8_lossy(&done.stderr));
}

/// Numbers that look random and are the same in every run of the tests.
fn scattered(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

fn killed(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_writer_killed_at_any_moment_loses_nothing_it_was_told_and_leaves_nothing_half() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::new(folder.path());
    drop(store.create(&run(), &holder(), &[record(1, 1)]).unwrap());
    let mut durable = 1;
    for round in 0..40 {
        let mut writer = own_child("a_writer", folder.path()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut acknowledged = lines.filter_map(|line| line.strip_prefix("durable ")?.parse::<u64>().ok());
        for _ in 0..scattered(round) % 50 {
            durable = acknowledged.next().expect("the writer goes on until it is killed");
        }
        // What it acknowledged between the last line read and its death is still in the pipe.
        killed(writer);
        durable = acknowledged.last().unwrap_or(durable);
        let read = store.open(&run()).unwrap().read(1).unwrap();
        assert!(read.len() as u64 >= durable, "{durable} were acknowledged, {} are there", read.len());
        let mut left = read.into_iter();
        while let Some((number, first)) = left.next() {
            let text = String::from_utf8(first.bytes.clone()).unwrap();
            let together: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
            assert_eq!(first, record(number, together));
            for number in number + 1..number + together {
                assert_eq!(left.next(), Some((number, record(number, together))), "an append is there as a whole");
            }
        }
    }
}

#[test]
fn death_lets_a_run_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::new(folder.path());
    drop(store.create(&run(), &holder(), &[record(1, 1)]).unwrap());
    let mut writer = own_child("a_writer", folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("durable ")));
    match store.hold(&run(), &holder()) {
        Err(HoldError::HeldBy(Some(by))) => assert_eq!(by.pid, writer.id()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the child holds it"),
    }
    assert_eq!(store.list().unwrap()[0].held_by.as_ref().map(|by| by.pid), Some(writer.id()));
    killed(writer);
    assert_eq!(store.list().unwrap()[0].held_by, None);
    store.hold(&run(), &holder()).unwrap();
}

#[test]
fn a_word_reaches_a_holder_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::new(folder.path());
    let _journal = store.create(&run(), &holder(), &[record(1, 1)]).unwrap();
    let mut inbox = store.inbox(&run()).unwrap();
    expect_success(&mut own_child("a_speaker", folder.path()));
    assert_eq!(inbox.take().unwrap()[0].bytes, b"approve");
}

/// As root the child becomes somebody else: permissions do not bind root.
#[test]
fn a_place_that_may_only_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::new(folder.path());
    drop(store.create(&run(), &holder(), &[record(1, 1)]).unwrap());
    let unreadable = RunId::new("unreadable", 1);
    drop(store.create(&unreadable, &holder(), &[record(1, 1)]).unwrap());
    let root = fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0).unwrap();
    let set = |path: &Path, mode| {
        if root {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for run in [run(), unreadable] {
        let of_run = store.folder_of(&run);
        let mode = if run.as_str().starts_with("unreadable") { 0 } else { 0o400 };
        set(&of_run.join("journal.sqlite"), mode);
        set(&of_run.join("holder"), 0o400);
        set(&of_run, 0o500);
    }
    set(folder.path(), 0o500);
    if root {
        // The build may stand where only root can enter.
        let copy = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let program = copy.path().join("child");
        fs::copy(env::current_exe().unwrap(), &program).unwrap();
        let mut reader = child(&program, "a_reader_without_rights", folder.path());
        expect_success(reader.uid(NOBODY).gid(NOBODY).current_dir("/"));
    } else {
        expect_success(&mut own_child("a_reader_without_rights", folder.path()));
    }
    set(folder.path(), 0o700);
}

/// Mounts a small file system for the child alone; needs no rights where user namespaces are allowed.
#[test]
fn a_full_disk_takes_nothing_and_may_take_it_later() {
    let folder = tempfile::tempdir().unwrap();
    let may = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).output();
    if !may.is_ok_and(|done| done.status.success()) {
        eprintln!("cannot run here: `unshare --map-root-user --mount` is not allowed");
        return;
    }
    let mount = r#"mount -t tmpfs -o size=512k,mode=700 none "$1" && shift && exec "$@""#;
    let inner = own_child("a_writer_on_a_small_disk", folder.path());
    let mut outer = Command::new("unshare");
    outer.args(["--map-root-user", "--mount", "sh", "-c", mount, "sh"]).arg(folder.path());
    outer.arg(inner.get_program()).args(inner.get_args()).env(PLACE, folder.path());
    expect_success(&mut outer);
}

/// Files that may not grow: the system refuses in the middle of a write, and what is on the disk is not known.
#[test]
fn a_write_that_fails_gives_the_journal_up() {
    let folder = tempfile::tempdir().unwrap();
    let inner = own_child("a_writer_whose_files_may_not_grow", folder.path());
    let mut outer = Command::new("bash");
    // In blocks of 1024 bytes. The signal that would end the process is ignored, so that the write fails.
    outer.args(["-c", r#"trap '' XFSZ; ulimit -f 128; exec "$@""#, "bash"]);
    outer.arg(inner.get_program()).args(inner.get_args()).env(PLACE, folder.path());
    expect_success(&mut outer);
}

#[test]
#[ignore = "a child of the tests above"]
fn a_writer() {
    let mut journal = place().hold(&run(), &holder()).unwrap();
    let mut next = journal.read(1).unwrap().len() as u64 + 1;
    loop {
        let together = 1 + scattered(next) % 7;
        let records: Vec<Record> = (next..next + together).map(|number| record(number, together)).collect();
        next = journal.append(next, &records).unwrap();
        println!("durable {}", next - 1);
    }
}

#[test]
#[ignore = "a child of the tests above"]
fn a_speaker() {
    let slot = Slot { step: Some("ask".parse().unwrap()), generation: 1 };
    assert_eq!(place().inbox(&run()).unwrap().post(&slot, b"approve").unwrap(), Posted::Posted);
}

#[test]
#[ignore = "a child of the tests above"]
fn a_reader_without_rights() {
    let store = place();
    assert_eq!(store.open(&run()).unwrap().read(1).unwrap(), [(1, record(1, 1))]);
    let denied = |error: &StorageError| matches!(error, StorageError::Denied { .. });
    let listed = store.list().unwrap();
    assert!(store.ends(&listed[0].run).is_ok() && denied(&store.ends(&listed[1].run).unwrap_err()), "{listed:?}");
    match store.hold(&run(), &holder()).err().unwrap() {
        HoldError::Storage(error) => assert!(denied(&error), "{error:?}"),
        held @ HoldError::HeldBy(_) => panic!("{held}"),
    }
    let slot = Slot { step: None, generation: 0 };
    assert!(denied(&store.inbox(&run()).unwrap().post(&slot, b"cancel").unwrap_err()));
    let refused = store.create(&RunId::new("new", 1), &holder(), &[record(1, 1)]).err().unwrap();
    assert!(refused.to_string().starts_with("no permission for"), "{refused}");
    assert!(denied(&store.open(&RunId::new("unreadable", 1)).err().unwrap()));
}

/// Appends until one is refused; the number of records then, and the refusal.
fn fill(journal: &mut dyn Journal) -> (u64, AppendError) {
    let mut next = 2;
    loop {
        match journal.append(next, &[record(next, 1), record(next + 1, 1)]) {
            Ok(number) => next = number,
            Err(refusal) => return (next - 1, refusal),
        }
    }
}

#[test]
#[ignore = "a child of the tests above"]
fn a_writer_on_a_small_disk() {
    let store = place();
    let mut journal = store.create(&run(), &holder(), &[record(1, 1)]).unwrap();
    let ballast = store.folder_of(&run()).join("ballast");
    fs::write(&ballast, [0; 100_000]).unwrap();
    let (durable, refusal) = fill(&mut *journal);
    assert!(matches!(refusal, AppendError::Storage(StorageError::Full { .. })), "{refusal:?}");
    assert_eq!(store.open(&run()).unwrap().read(1).unwrap().len() as u64, durable);
    fs::remove_file(ballast).unwrap();
    assert_eq!(journal.append(durable + 1, &[record(durable + 1, 1)]).unwrap(), durable + 2);
}

#[test]
#[ignore = "a child of the tests above"]
fn a_writer_whose_files_may_not_grow() {
    let store = place();
    let mut journal = store.create(&run(), &holder(), &[record(1, 1)]).unwrap();
    let (durable, refusal) = fill(&mut *journal);
    assert!(matches!(refusal, AppendError::Storage(StorageError::Io { .. })), "{refusal:?}");
    let again = journal.append(durable + 1, &[]).unwrap_err();
    assert!(matches!(again, AppendError::GivenUp), "{again:?}");
    drop(journal);
    assert_eq!(store.hold(&run(), &holder()).unwrap().read(1).unwrap().len() as u64, durable);
}
