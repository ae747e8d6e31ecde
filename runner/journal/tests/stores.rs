//! What every store must do, tried on each of them.
//!
//! A store that is added gets one line at the end of this file. Nothing here may know how a store keeps its runs.

use runbook_journal::{
    AppendError, CreateError, Entry, HoldError, Holder, Journal, MemoryStore, Posted, Record, Slot, SqliteStore,
    StorageError, Store,
};
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;

fn record(kind: &str, bytes: &[u8]) -> Record {
    Record { version: 7, kind: kind.into(), bytes: bytes.to_vec() }
}

fn run() -> RunId {
    RunId::new("demo", 1)
}

fn holder(pid: u32) -> Holder {
    Holder { pid, host: "here".into(), user: "ann".into(), since: Timestamp::from_millis(1_795_341_600_123) }
}

fn slot(step: &str, generation: u32) -> Slot {
    Slot { step: Some(step.parse().unwrap()), generation }
}

fn created(store: &dyn Store) -> Box<dyn Journal> {
    store.create(&run(), &holder(1), &[record("run-created", b"{}")]).unwrap()
}

fn records_come_back_as_they_were(store: &dyn Store) {
    let odd = [
        record("run-created", b"{}"),
        record("", b""),
        record("\u{1F980} `'\"", &(0..=255).collect::<Vec<u8>>()),
        Record { version: u16::MAX, kind: "big".into(), bytes: vec![b'x'; 3_000_000] },
    ];
    let mut journal = store.create(&run(), &holder(1), &odd[..1]).unwrap();
    assert_eq!(journal.append(2, &odd[1..]).unwrap(), 5);
    let expected: Vec<(u64, Record)> = (1..).zip(odd).collect();
    assert_eq!(journal.read(0).unwrap(), expected);
    assert_eq!(journal.read(3).unwrap(), expected[2..]);
    assert_eq!(journal.read(5).unwrap(), []);
    drop(journal);
    assert_eq!(store.open(&run()).unwrap().read(1).unwrap(), expected);
}

fn the_append_is_the_fence(store: &dyn Store) {
    let mut journal = created(store);
    for wrong in [0, 1, 3] {
        let refused = journal.append(wrong, &[record("a", b""), record("b", b"")]).unwrap_err();
        assert!(matches!(refused, AppendError::Conflict { expected, actual: 2 } if expected == wrong), "{refused}");
    }
    assert_eq!(journal.append(2, &[]).unwrap(), 2);
    assert_eq!(journal.append(2, &[record("c", b"")]).unwrap(), 3);
    let kinds: Vec<String> = journal.read(1).unwrap().into_iter().map(|(_, record)| record.kind).collect();
    assert_eq!(kinds, ["run-created", "c"]);
}

fn a_reader_sees_what_is_durable_and_is_in_nobodys_way(store: &dyn Store) {
    let mut journal = created(store);
    let reader = store.open(&run()).unwrap();
    for number in 2..50 {
        journal.append(number, &[record("step", &[0; 5000])]).unwrap();
        assert_eq!(reader.read(number).unwrap().len(), 1);
    }
    drop(journal);
    assert_eq!(reader.read(1).unwrap().len(), 49);
    store.hold(&run(), &holder(2)).unwrap().append(50, &[record("step", b"")]).unwrap();
    assert_eq!(reader.read(1).unwrap().len(), 50);
}

fn a_run_has_one_holder(store: &dyn Store) {
    let first = created(store);
    let refused = store.hold(&run(), &holder(2)).err().unwrap();
    assert!(matches!(&refused, HoldError::HeldBy(Some(by)) if *by == holder(1)));
    assert_eq!(refused.to_string(), "process 1 of ann on here since 2026-11-22T10:00:00.123Z holds the run");
    assert_eq!(store.list().unwrap()[0].held_by, Some(holder(1)));
    drop(first);
    assert_eq!(store.list().unwrap()[0].held_by, None);
    let second = store.hold(&run(), &holder(2)).unwrap();
    assert_eq!(store.list().unwrap()[0].held_by, Some(holder(2)));
    assert_eq!(store.held_by(&run()).unwrap(), Some(holder(2)));
    drop(second);
    assert_eq!(store.held_by(&run()).unwrap(), None);
}

fn a_log_that_is_written_has_no_mark_and_one_that_was_another(store: &dyn Store) {
    let mark = || store.list().unwrap().remove(0).mark;
    let mut seen = Vec::new();
    drop(created(store));
    seen.extend(mark());
    for number in 2..6 {
        let mut journal = store.hold(&run(), &holder(2)).unwrap();
        assert_eq!(mark(), None);
        journal.append(number, &[record("step", b"")]).unwrap();
        assert_eq!(mark(), None);
        drop(journal);
        let now = mark();
        assert!(now.is_none() || !seen.contains(now.as_ref().unwrap()), "{now:?} again");
        seen.extend(now);
    }
}

fn a_run_is_made_once(store: &dyn Store) {
    drop(created(store));
    let refused = store.create(&run(), &holder(2), &[record("other", b"")]).err().unwrap();
    assert!(matches!(refused, CreateError::Exists { .. }));
    assert_eq!(store.open(&run()).unwrap().read(1).unwrap()[0].1.kind, "run-created");
    assert_eq!(store.list().unwrap().len(), 1);
}

fn what_is_not_there_is_missing(store: &dyn Store) {
    assert!(store.list().unwrap().is_empty());
    assert!(matches!(store.open(&run()).err().unwrap(), StorageError::Missing { .. }));
    assert!(matches!(store.inbox(&run()).err().unwrap(), StorageError::Missing { .. }));
    assert!(matches!(store.ends(&run()).unwrap_err(), StorageError::Missing { .. }));
    assert!(matches!(store.held_by(&run()).unwrap_err(), StorageError::Missing { .. }));
    let refused = store.hold(&run(), &holder(1)).err().unwrap();
    assert!(matches!(refused, HoldError::Storage(StorageError::Missing { .. })));
}

fn a_list_is_in_order_of_the_ids_and_the_ends_tell_how_each_stands(store: &dyn Store) {
    for random in [3, 1, 2] {
        let run = RunId::new("demo", random);
        let mut journal = store.create(&run, &holder(1), &[record("run-created", run.as_str().as_bytes())]).unwrap();
        journal.append(2, &[record("between", b""), record("run-ended", b"!")]).unwrap();
    }
    let runs: Vec<RunId> = store.list().unwrap().into_iter().map(|listed| listed.run).collect();
    assert_eq!(runs, [1, 2, 3].map(|random| RunId::new("demo", random)));
    for run in runs {
        let ends = store.ends(&run).unwrap();
        assert_eq!(ends.first, record("run-created", run.as_str().as_bytes()));
        assert_eq!((ends.number, ends.last), (3, record("run-ended", b"!")));
    }
}

fn the_first_word_wins(store: &dyn Store) {
    let journal = created(store);
    let mut inbox = store.inbox(&run()).unwrap();
    assert!(inbox.take().unwrap().is_empty());
    let long = format!("join[{}]/wait", "k".repeat(400));
    let slots = [
        slot("ask", 1),
        slot("ask", 2),
        slot("join[a%2Fb]/wait", 1),
        slot(&long, 1),
        Slot { step: None, generation: 0 },
    ];
    for slot in &slots {
        assert_eq!(inbox.post(slot, b"approve\n\0").unwrap(), Posted::Posted);
        let first = Entry { slot: slot.clone(), bytes: b"approve\n\0".to_vec() };
        assert_eq!(store.inbox(&run()).unwrap().post(slot, b"reject").unwrap(), Posted::AlreadyThere(first));
    }
    let mut taken = inbox.take().unwrap();
    taken.sort_by(|a, b| a.slot.cmp(&b.slot));
    let mut expected = slots.map(|slot| Entry { slot, bytes: b"approve\n\0".to_vec() });
    expected.sort_by(|a, b| a.slot.cmp(&b.slot));
    assert_eq!(taken, expected);
    assert!(inbox.take().unwrap().is_empty(), "a word is given once by one handle");
    assert_eq!(store.inbox(&run()).unwrap().take().unwrap().len(), 5, "and again by the next one");
    drop(journal);
}

fn of_many_who_speak_one_is_heard(store: &dyn Store) {
    let _journal = created(store);
    let posted = std::thread::scope(|scope| {
        let speakers: Vec<_> = (0..8_u8)
            .map(|who| scope.spawn(move || store.inbox(&run()).unwrap().post(&slot("ask", 1), &[who]).unwrap()))
            .collect();
        speakers.into_iter().map(|speaker| speaker.join().unwrap()).collect::<Vec<_>>()
    });
    let winners: Vec<u8> = (0..).zip(&posted).filter(|(_, p)| **p == Posted::Posted).map(|(who, _)| who).collect();
    assert_eq!(winners.len(), 1);
    let first = Entry { slot: slot("ask", 1), bytes: winners };
    assert_eq!(posted.iter().filter(|p| **p == Posted::AlreadyThere(first.clone())).count(), 7);
}

fn of_many_who_create_one_succeeds(store: &dyn Store) {
    let made = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..8)
            .map(|pid| scope.spawn(move || store.create(&run(), &holder(pid), &[record("run-created", b"")]).is_ok()))
            .collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).filter(|made| *made).count()
    });
    assert_eq!(made, 1);
    assert_eq!(store.open(&run()).unwrap().read(1).unwrap().len(), 1);
}

macro_rules! conformance {
    ($name:ident, $make:expr, [$($case:ident)*]) => {
        mod $name {
            $(
                #[test]
                fn $case() {
                    let (store, _place) = $make;
                    super::$case(&store);
                }
            )*
        }
    };
    ($($name:ident: $make:expr;)*) => {
        $(conformance!($name, $make, [
            records_come_back_as_they_were
            the_append_is_the_fence
            a_reader_sees_what_is_durable_and_is_in_nobodys_way
            a_run_has_one_holder
            a_log_that_is_written_has_no_mark_and_one_that_was_another
            a_run_is_made_once
            what_is_not_there_is_missing
            a_list_is_in_order_of_the_ids_and_the_ends_tell_how_each_stands
            the_first_word_wins
            of_many_who_speak_one_is_heard
            of_many_who_create_one_succeeds
        ]);)*
    };
}

fn in_memory() -> (MemoryStore, ()) {
    (MemoryStore::new(), ())
}

fn in_sqlite() -> (SqliteStore, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    (SqliteStore::new(place.path().join("state")), place)
}

conformance! {
    memory: super::in_memory();
    sqlite: super::in_sqlite();
}
