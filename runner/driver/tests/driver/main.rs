//! The driver over a store in memory, kinds that do as they are told, and a clock that jumps.

#[path = "../../../engine/tests/engine/author.rs"]
mod author;
mod contested;
mod outside;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use runbook_driver::clock::Clock as _;
use runbook_driver::observer::Observer;
use runbook_driver::word::{self, Heard};
use runbook_driver::{Broken, Run, Signal, World, read};
use runbook_engine::Ended;
use runbook_engine::event::{EndStatus, Stamped, Word};
use runbook_engine::input::{Holding, Said};
use runbook_journal::{AppendError, Holder, MemoryStore, Store};
use runbook_model::answer::{Answer, Progress};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::id::RunId;
use runbook_model::time::Timestamp;
use runbook_model::value::Map;
use serde_json::{Value as J, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::author::{created, person, plan};
use crate::contested::{Contested, VirtualClock};
use crate::outside::{Fate, Made, Nowhere, answers};

/// A run in a store, and the kind it calls.
struct Stage {
    store: Arc<MemoryStore>,
    kind: Made,
    signals: (UnboundedSender<Signal>, Option<tokio::sync::mpsc::UnboundedReceiver<Signal>>),
    told: Told,
    clock: VirtualClock,
}

/// What an observer was told.
#[derive(Clone, Default)]
struct Told(Arc<std::sync::Mutex<Vec<(u64, String)>>>);

impl Observer for Told {
    fn recorded(&mut self, number: u64, stamped: &Stamped) {
        self.0.lock().unwrap().push((number, stamped.event.kind().to_owned()));
    }
}

fn holder() -> Holder {
    Holder { pid: 1, host: "desk".into(), user: "ann".into(), since: Timestamp::from_millis(0) }
}

fn run() -> RunId {
    RunId::new("demo", 1)
}

impl Stage {
    fn new(fate: impl Fn(u32) -> Fate + Send + Sync + 'static) -> Self {
        let store = Arc::new(MemoryStore::default());
        let (sender, receiver) = unbounded_channel();
        let kind = Made::new(store.clone(), fate);
        Self { store, kind, signals: (sender, Some(receiver)), told: Told::default(), clock: VirtualClock::default() }
    }

    fn create(&self, body: J) -> Run {
        let created = created(plan(body), Map::new());
        Run::create(self.store.as_ref(), created, &holder(), Timestamp::from_millis(0)).unwrap().0
    }

    fn hold(&self) -> Run {
        Run::hold(self.store.as_ref(), &run(), &holder()).unwrap()
    }

    async fn carry_out(&mut self, run: Run) -> Result<Ended, Broken> {
        let signals = self.signals.1.take().unwrap_or_else(|| unbounded_channel().1);
        let kind = &self.kind;
        let kinds = move |_: &str| Some(kind as &dyn runbook_steps::contract::StepKind);
        let mut told = self.told.clone();
        let world = World { kinds: &kinds, outside: &Nowhere, clock: &self.clock, observer: &mut told, signals };
        run.carry_out(Holding { by: person(), ..Holding::default() }, world).await
    }

    fn kinds(&self) -> Vec<String> {
        let records = self.store.open(&run()).unwrap().read(1).unwrap();
        records.into_iter().map(|(_, record)| record.kind).collect()
    }
}

fn hangs() -> Fate {
    Box::pin(std::future::pending())
}

fn throttled() -> Fate {
    Box::pin(async { Err(Failure::new(FailureClass::Throttled, "slow down")) })
}

fn once(id: &str) -> J {
    json!({"id": id, "call": {"kind": "make", "effect": "one-shot"}})
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_and_everybody_was_told_in_order() {
    let mut stage = Stage::new(|_| answers(0));
    let ended = {
        let run = stage.create(json!({"steps": [once("a"), once("b")], "outputs": {"x": "${{ steps.b.result }}"}}));
        stage.carry_out(run).await.unwrap()
    };
    assert_eq!(ended.status, EndStatus::Succeeded);
    assert_eq!(ended.outputs.unwrap().exposed(), json!({"x": "made"}));
    let told = stage.told.0.lock().unwrap().clone();
    let numbers: Vec<u64> = told.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (2..=told.len() as u64 + 1).collect::<Vec<_>>());
    assert_eq!(stage.kinds()[1..], told.into_iter().map(|(_, kind)| kind).collect::<Vec<_>>());
    assert_eq!(read(stage.store.as_ref(), &run()).unwrap().status(false).as_str(), "succeeded");
}

#[tokio::test(start_paused = true)]
async fn an_intent_is_durable_before_its_effect_and_the_outcome_before_the_next() {
    let mut stage = Stage::new(|_| answers(0));
    let run = stage.create(json!({"steps": [once("a"), once("b")]}));
    stage.carry_out(run).await.unwrap();
    // What each call found in the journal when it was made.
    let seen = stage.kind.seen.lock().unwrap().clone();
    assert_eq!(
        seen,
        [
            vec!["run-created", "run-held", "step-begun", "step-started"],
            vec![
                "run-created",
                "run-held",
                "step-begun",
                "step-started",
                "step-succeeded",
                "step-begun",
                "step-started"
            ],
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_in_doubt_after_a_minute() {
    let mut stage = Stage::new(|_| hangs());
    let run = stage.create(json!({"steps": [once("a")]}));
    let started = tokio::time::Instant::now();
    let ended = stage.carry_out(run).await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 60);
    assert_eq!(ended.status, EndStatus::Parked);
    assert_eq!(stage.kinds()[3..], ["step-started", "step-in-doubt", "step-parked", "run-stopping", "run-ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_comes_when_it_is_due() {
    let mut stage = Stage::new(|call| if call < 3 { throttled() } else { answers(0) });
    let run = stage.create(json!({"steps": [once("a")]}));
    let started = tokio::time::Instant::now();
    let ended = stage.carry_out(run).await.unwrap();
    assert_eq!(ended.status, EndStatus::Succeeded);
    assert_eq!(started.elapsed().as_millis(), 1_000 + 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_word_is_journaled_within_a_second_and_a_later_one_is_told() {
    let mut stage = Stage::new(|_| answers(20));
    let run = stage.create(json!({"steps": [{"id": "ok", "approve": "?"}, {"id": "a", "call": {}, "needs": []}]}));
    let inbox = stage.store.inbox(&self::run()).unwrap();
    let said = |word| Said {
        step: "ok".parse().unwrap(),
        generation: 1,
        word,
        by: person(),
        said_at: Timestamp::from_millis(3_000),
    };
    let speaks = async {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        assert_eq!(word::say(inbox.as_ref(), &said(Word::Approve)).unwrap(), Heard::Left);
        let Heard::TooLate(Some(first)) = word::say(inbox.as_ref(), &said(Word::Reject)).unwrap() else {
            panic!("somebody was faster");
        };
        assert_eq!(first.word, Some(Word::Approve));
    };
    let (ended, ()) = tokio::join!(stage.carry_out(run), speaks);
    assert_eq!(ended.unwrap().status, EndStatus::Succeeded);
    let engine = read(stage.store.as_ref(), &self::run()).unwrap();
    let approved = engine.steps(false)[0].finished_at.unwrap().as_millis();
    assert!((3_000..=4_000).contains(&approved), "{approved}");
}

#[tokio::test(start_paused = true)]
async fn a_word_said_while_nobody_held_the_run_is_heard_at_once() {
    let mut stage = Stage::new(|_| answers(0));
    let run = stage.create(json!({"steps": [{"id": "ok", "approve": "?"}, once("a")]}));
    assert_eq!(stage.carry_out(run).await.unwrap().status, EndStatus::Parked);
    let inbox = stage.store.inbox(&self::run()).unwrap();
    let said_at = Timestamp::from_millis(9);
    let step = "ok".parse().unwrap();
    let said = Said { step, generation: 1, word: Word::Approve, by: person(), said_at };
    assert_eq!(word::say(inbox.as_ref(), &said).unwrap(), Heard::Left);
    let run = stage.hold();
    assert_eq!(stage.carry_out(run).await.unwrap().status, EndStatus::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_given_up_through_its_inbox() {
    let mut stage = Stage::new(|_| answers(5));
    let run = stage.create(json!({"steps": [once("a"), once("b")]}));
    let inbox = stage.store.inbox(&self::run()).unwrap();
    assert_eq!(word::cancel(inbox.as_ref(), person(), Timestamp::from_millis(0)).unwrap(), Heard::Left);
    let ended = stage.carry_out(run).await.unwrap();
    assert_eq!(ended.status, EndStatus::Cancelled);
    assert_eq!(stage.kind.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn who_loses_the_race_for_a_number_stops_without_doing_anything() {
    let mut stage = Stage::new(|_| answers(5));
    drop(stage.create(json!({"steps": [once("a"), once("b")]})));
    // Somebody else writes the third record and all after it.
    let before = |expected| match expected {
        ..=3 => Ok(()),
        _ => Err(AppendError::Conflict { expected, actual: expected + 1 }),
    };
    let contested = Contested { store: stage.store.clone(), before: Arc::new(before) };
    let run = Run::hold(&contested, &self::run(), &holder()).unwrap();
    let broken = stage.carry_out(run).await;
    assert!(matches!(broken, Err(Broken::Fenced { expected: 5 })), "{broken:?}");
    assert_eq!(stage.kind.calls.load(Ordering::SeqCst), 1);
    assert_eq!(stage.kinds().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_first_signal_lets_calls_end_and_the_second_does_not() {
    let mut stage = Stage::new(|_| answers(10));
    let run = stage.create(json!({"steps": [once("a"), once("b")]}));
    stage.signals.0.send(Signal::Interrupt).unwrap();
    let started = tokio::time::Instant::now();
    let ended = stage.carry_out(run).await.unwrap();
    assert_eq!((ended.status, started.elapsed().as_secs()), (EndStatus::Interrupted, 10));
    assert_eq!(stage.kinds()[4..], ["run-stopping", "step-succeeded", "run-ended"]);

    let mut stage = Stage::new(|_| answers(10));
    let run = stage.create(json!({"steps": [once("a"), once("b")]}));
    stage.signals.0.send(Signal::Terminate).unwrap();
    stage.signals.0.send(Signal::Terminate).unwrap();
    let started = tokio::time::Instant::now();
    let ended = stage.carry_out(run).await.unwrap();
    assert_eq!((ended.status, started.elapsed().as_secs()), (EndStatus::Interrupted, 0));
    assert_eq!(stage.kinds()[4..], ["run-stopping", "run-ended"]);
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_together_share_one_append() {
    let mut stage = Stage::new(|_| answers(1));
    let steps: Vec<J> = (0..4).map(|n| json!({"id": format!("s{n}"), "call": {}, "needs": []})).collect();
    let run = stage.create(json!({"steps": steps}));
    stage.carry_out(run).await.unwrap();
    let records = stage.store.open(&self::run()).unwrap().read(1).unwrap();
    let times: Vec<J> = records
        .iter()
        .filter(|(_, record)| record.kind == "step-succeeded")
        .map(|(_, record)| serde_json::from_slice::<J>(&record.bytes).unwrap()["time"].clone())
        .collect();
    assert_eq!(times, vec![times[0].clone(); 4]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_stopped_gives_its_look_up() {
    let mut stage = Stage::new(|_| hangs());
    let run = stage.create(json!({"steps": [
        {"id": "w", "wait": {"source": {"kind": "make"}, "until": "${{ result }}"}},
    ]}));
    stage.signals.0.send(Signal::Interrupt).unwrap();
    let started = tokio::time::Instant::now();
    let ended = stage.carry_out(run).await.unwrap();
    assert_eq!((ended.status, started.elapsed().as_secs()), (EndStatus::Interrupted, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_disk_delays_everybody_by_its_appends_and_starves_nobody() {
    // Twenty waits look five times each.
    let word = |call: u32| if call > 80 { "there" } else { "not yet" };
    let mut stage = Stage::new(move |call| {
        let output = word(call).into();
        Box::pin(async move { Ok(Progress::Done(Answer { output, ..Answer::default() })) })
    });
    let wait = json!({"source": {"kind": "make"}, "until": "${{ result == 'there' }}"});
    let steps: Vec<J> = (0..20).map(|n| json!({"id": format!("w{n}"), "wait": wait, "needs": []})).collect();
    drop(stage.create(json!({"steps": steps})));
    let (clock, appends) = (stage.clock.clone(), Arc::new(AtomicU32::new(0)));
    let counted = appends.clone();
    let slow = move |_| {
        clock.lose(200);
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    let run = Run::hold(&Contested { store: stage.store.clone(), before: Arc::new(slow) }, &run(), &holder()).unwrap();
    assert_eq!(stage.carry_out(run).await.unwrap().status, EndStatus::Succeeded);
    assert_eq!(stage.kind.calls.load(Ordering::SeqCst), 100);
    // Without any delay the fifth look comes after 1 + 1.5 + 2.25 + 3.375 seconds. One by one the appends alone would take 20.
    let (appends, took) = (appends.load(Ordering::SeqCst), stage.clock.now().as_millis());
    assert!(appends <= 20 && took <= 8_125 + i64::from(appends) * 200, "{appends} appends, {took} ms");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_forward_and_back_costs_a_wait_nothing_but_time() {
    let clock = Arc::new(OnceLock::<VirtualClock>::new());
    let hands = clock.clone();
    let mut stage = Stage::new(move |call| {
        // An hour forward at the second look, an hour back at the fourth.
        hands.get().unwrap().put(match call {
            0 | 1 => 0,
            2 | 3 => 3_600_000,
            _ => -3_600_000,
        });
        let output = if call > 5 { "there" } else { "not yet" }.into();
        Box::pin(async move { Ok(Progress::Done(Answer { output, ..Answer::default() })) })
    });
    assert!(clock.set(stage.clock.clone()).is_ok());
    let started = tokio::time::Instant::now();
    let wait = json!({"source": {"kind": "make"}, "until": "${{ result == 'there' }}"});
    let run = stage.create(json!({"steps": [{"id": "w", "wait": wait}]}));
    assert_eq!(stage.carry_out(run).await.unwrap().status, EndStatus::Succeeded);
    let took = started.elapsed().as_secs();
    assert!(took < 60, "{took} seconds");
    // What was recorded can be read again, and no step ended before it began.
    let run = stage.hold();
    for step in run.engine().steps(false) {
        assert!(step.finished_at >= step.started_at, "{step:?}");
    }
}
