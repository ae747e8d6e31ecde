//! Random plans, random trouble, a crash after any record: the end is always that of an undisturbed run.
//!
//! The world of these tests counts what is made in it. Trouble is a stream of bytes: each decides what happens to one call
//! or one turn, and when the stream is used up nothing goes wrong any more. Whoever is asked about an effect in doubt
//! looks into the world and tells the truth.

mod plans;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use runbook_engine::command::{Call, Command, Purpose};
use runbook_engine::event::{EndStatus, Event, ParkReason, PlanChanged, RunCreated, Word};
use runbook_engine::input::{Holding, Input, Said};
use runbook_engine::view::StepStatus;
use runbook_engine::{Engine, State, stored};
use runbook_model::answer::{Answer, Progress};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Origin;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;
use runbook_model::value::Map;
use serde_json::{Value as J, json};

use crate::author::{created, person, plan};
use plans::{Shape, body, calls, edited, plans};

/// What is outside: how often each thing was made, and what was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct World {
    made: BTreeMap<String, u32>,
    tokens: BTreeSet<String>,
    looks: BTreeMap<String, u32>,
}

impl World {
    fn answer(&mut self, call: &Call) -> Result<Progress, Failure> {
        let name = call.step.to_string();
        let there = self.made.get(&name).copied().unwrap_or_default();
        let done = |id: &str, n: u32| {
            Ok(Progress::Done(Answer { output: json!({"id": id, "n": n}).into(), ..Answer::default() }))
        };
        match call.kind.as_str() {
            "fits" => {
                let fits = self.made.contains_key(&format!("{name}/adjust/t0"));
                let output = json!({"id": name, "fits": fits}).into();
                return Ok(Progress::Done(Answer { output, ..Answer::default() }));
            }
            "see" if there == 0 => return Err(Failure::new(FailureClass::Missing, "not there")),
            "make" => *self.made.entry(name.clone()).or_default() += 1,
            "token" if self.tokens.insert(call.token.to_string()) => {
                *self.made.entry(name.clone()).or_default() += 1;
            }
            "put" => {
                self.made.insert(name.clone(), 1);
            }
            "go" if !matches!(call.purpose, Purpose::Poll { .. }) => {
                *self.made.entry(name.clone()).or_default() += 1;
                return Ok(Progress::Going { ticket: name.into(), observed: None });
            }
            "look" => *self.looks.entry(name.clone()).or_default() += 1,
            _ => {}
        }
        let looks = self.looks.get(&name).copied().unwrap_or_default();
        done(&name, looks)
    }
}

/// A run of a plan through trouble.
struct Play {
    engine: Engine,
    journal: Vec<stored::Stored>,
    world: World,
    now: i64,
    calls: Vec<Call>,
    alarm: Option<Timestamp>,
    trouble: std::vec::IntoIter<u8>,
    crashes: u32,
    /// The edited plan that the next holder comes with.
    with: Option<Box<PlanChanged>>,
    /// Somebody edits the plan once so many records are written.
    stop_at: usize,
}

impl Play {
    fn new(body: J, trouble: Vec<u8>) -> Self {
        let created = created(plan(body), Map::new());
        let time = Timestamp::from_millis(0);
        let made = runbook_engine::event::Stamped { time, event: Event::RunCreated(Box::new(created.clone())) };
        Self {
            engine: Engine::new(State::new(created, time)),
            journal: vec![stored::encode(&made)],
            world: World::default(),
            now: 0,
            calls: Vec::new(),
            alarm: None,
            trouble: trouble.into_iter(),
            crashes: 0,
            with: None,
            stop_at: usize::MAX,
        }
    }

    fn byte(&mut self) -> u8 {
        self.trouble.next().unwrap_or_default()
    }

    /// Plays until the run succeeds; says how often somebody had to take it up.
    fn play(mut self) -> (Self, u32) {
        let mut holders = 0;
        let mut words = Vec::new();
        loop {
            holders += 1;
            assert!(holders < 500, "it never ends");
            // It comes again with the edited plan until that is written.
            let with = self.with.clone().filter(|with| with.plan_digest != *self.engine.state().plan_digest());
            let hold = Input::Hold(Box::new(Holding { by: person(), with, ..Holding::default() }));
            let mut inputs = vec![hold];
            inputs.append(&mut words);
            self.hold(inputs);
            if self.journal.len() >= self.stop_at {
                return (self, holders);
            }
            if let Some(ended) = self.engine.state().ended() {
                match ended.status {
                    EndStatus::Succeeded => return (self, holders),
                    EndStatus::Parked => words = self.asked(),
                    other => panic!("{other:?}: {:?}", ended.because),
                }
            }
            self.reload();
        }
    }

    /// One process, until it ends or dies.
    fn hold(&mut self, mut inputs: Vec<Input>) {
        loop {
            self.now += 1;
            let turn = self.engine.turn(std::mem::take(&mut inputs), Timestamp::from_millis(self.now)).unwrap();
            let fate = if turn.records.is_empty() { 0 } else { self.byte() };
            if fate == 1 {
                return self.crashes += 1;
            }
            self.journal.extend(turn.records.iter().map(stored::encode));
            if fate == 2 || self.journal.len() >= self.stop_at {
                return self.crashes += 1;
            }
            for command in turn.commands {
                match command {
                    Command::Invoke(call) => self.calls.push(*call),
                    Command::WakeAt(at) => self.alarm = Some(at),
                    Command::Abandon(step) => self.calls.retain(|call| call.step != step),
                    Command::Identify { .. } | Command::Record(_) => panic!("not in these plans"),
                }
            }
            if self.engine.state().ended().is_some() {
                return;
            }
            if self.calls.is_empty() {
                let alarm = self.alarm.expect("a run without calls waits for a time").as_millis();
                self.now = self.now.max(alarm);
                continue;
            }
            let at = usize::from(self.byte()) % self.calls.len();
            let call = self.calls.swap_remove(at);
            let step = call.step.clone();
            let outcome = match self.byte() {
                1 => Err(Failure::new(FailureClass::Throttled, "slow down")),
                2 => Err(Failure::new(FailureClass::Timeout, "lost before").doubtful()),
                3 => {
                    drop(self.world.answer(&call));
                    Err(Failure::new(FailureClass::Timeout, "lost after").doubtful())
                }
                4 => {
                    // The process dies with the answer in its hands.
                    drop(self.world.answer(&call));
                    return self.crashes += 1;
                }
                5 => Err(Failure::new(FailureClass::ExpiredCredentials, "log in")),
                _ => self.world.answer(&call),
            };
            inputs.push(Input::Answered { step, outcome });
        }
    }

    fn reload(&mut self) {
        let events = self.journal.iter().map(|s| stored::decode(s.version, &s.kind, &s.bytes).unwrap());
        self.engine = Engine::new(State::replay(events).unwrap());
        self.calls.clear();
        self.alarm = None;
    }

    /// What a person says who looks into the world.
    fn asked(&self) -> Vec<Input> {
        let steps = self.engine.steps(false).into_iter();
        let doubtful = steps.filter(|step| step.parked == Some(ParkReason::Doubt));
        doubtful
            .map(|step| {
                let there = self.world.made.contains_key(&step.path.to_string());
                let word = if there { Word::Done } else { Word::Retry };
                let said_at = Timestamp::from_millis(self.now);
                Input::Said(Said { step: step.path, generation: step.generation, word, by: person(), said_at })
            })
            .collect()
    }

    fn events(&self) -> Vec<Event> {
        self.journal.iter().map(|s| stored::decode(s.version, &s.kind, &s.bytes).unwrap().event).collect()
    }

    /// What each step gave, but what cannot be known because its answer was lost.
    fn outputs(&self) -> BTreeMap<String, J> {
        let steps = self.engine.steps(false).into_iter();
        steps
            .filter(|step| step.outputs.as_ref().is_none_or(|outputs| outputs.unavailable().is_none()))
            .map(|step| (step.path.to_string(), step.outputs.map(|outputs| outputs.exposed()).unwrap_or_default()))
            .collect()
    }
}

fn without_keys(path: &StepPath) -> String {
    path.segments().iter().map(|segment| format!("/{}", segment.id)).collect()
}

/// Mostly nothing, sometimes one of the few things that can go wrong.
fn trouble() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![4 => Just(0_u8), 1 => 1_u8..6], 0..300)
}

/// Half of what is usual, or of what `PROPTEST_CASES` says: every case is a whole run, and a debug build counts anew after
/// every turn.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 2, max_shrink_iters: 20_000, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_trouble_ends_like_none(plan in plans(), trouble in trouble()) {
        let (calm, once) = Play::new(plan.clone(), Vec::new()).play();
        prop_assert_eq!(once, 1);
        let (play, _) = Play::new(plan, trouble).play();

        // The world is the same, however often it was looked at.
        prop_assert_eq!(&play.world.made, &calm.world.made);
        prop_assert!(play.world.made.values().all(|count| *count == 1));
        let (known, all) = (play.outputs(), calm.outputs());
        for (step, outputs) in &known {
            prop_assert_eq!(Some(outputs), all.get(step).map(|all| if all["result"]["n"].is_u64() { outputs } else { all }));
        }
        let statuses = |play: &Play| -> Vec<(StepPath, StepStatus)> {
            play.engine.steps(false).into_iter().map(|step| (step.path, step.status)).collect()
        };
        prop_assert_eq!(statuses(&play), statuses(&calm));

        // Per creating call at most one success that created, and nothing finished ran again.
        let mut finished = BTreeSet::new();
        let mut creations: BTreeMap<StepPath, u32> = BTreeMap::new();
        for event in play.events() {
            match event {
                Event::StepSucceeded { step, origin, .. } => {
                    *creations.entry(step.clone()).or_default() += u32::from(origin == Origin::Created);
                    prop_assert!(finished.insert(step));
                }
                Event::StepStarted { step, .. } | Event::StepBegun { step, .. } => {
                    prop_assert!(!finished.contains(&step), "{} ran again", step);
                }
                _ => {}
            }
        }
        prop_assert!(creations.values().all(|count| *count <= 1));
    }

    /// Whenever the plan is edited, and however: the run ends like one of the edited plan, and no call that is as it was
    /// is made again after it succeeded.
    #[test]
    fn an_edited_plan_ends_like_itself(
        plan in plans(), trouble in trouble(), at in 2_usize..60, edits in proptest::collection::vec(0_u8..8, 24)
    ) {
        let mut edits = edits.into_iter().cycle();
        let after = edited(&plan, &mut edits);
        let mut play = Play::new(plan.clone(), trouble);
        play.stop_at = at;
        let (mut play, _) = play.play();
        let RunCreated { plan: changed, plan_digest, package, inputs, inputs_digest, .. } =
            created(crate::author::plan(after.clone()), Map::new());
        play.with = Some(Box::new(PlanChanged { plan: changed, plan_digest, package, inputs, inputs_digest }));
        play.stop_at = usize::MAX;
        play.reload();
        let before = play.journal.len();
        let (play, _) = play.play();

        let (calm, _) = Play::new(after.clone(), Vec::new()).play();
        let statuses = |play: &Play| -> Vec<(StepPath, StepStatus)> {
            // What was adjusted before the edit fits, so that it is not adjusted once more.
            let steps = play.engine.steps(false).into_iter().filter(|step| !step.path.to_string().contains("/adjust/"));
            steps.map(|step| (step.path, step.status)).collect()
        };
        prop_assert_eq!(statuses(&play), statuses(&calm));

        let (calls, former) = (calls(&after), calls(&plan));
        let same = |path: &StepPath| {
            let name = without_keys(path);
            calls.contains_key(&name) && calls.get(&name) == former.get(&name)
        };
        let events = play.events();
        let mut finished = BTreeSet::new();
        for (number, event) in events.iter().enumerate() {
            match event {
                Event::StepSucceeded { step, .. } if same(step) => {
                    prop_assert!(finished.insert(step.clone()), "{} succeeded twice", step);
                }
                Event::StepStarted { step, .. } | Event::StepBegun { step, .. } if number >= before => {
                    prop_assert!(!finished.contains(step), "{} ran again", step);
                }
                _ => {}
            }
        }
        for step in play.engine.steps(false) {
            if same(&step.path) && calm.world.made.contains_key(&step.path.to_string()) {
                prop_assert_eq!(play.world.made.get(&step.path.to_string()), Some(&1), "{}", step.path);
            }
        }
    }

    #[test]
    fn the_same_turns_make_the_same_journal(plan in plans(), trouble in trouble()) {
        let (one, _) = Play::new(plan.clone(), trouble.clone()).play();
        let (other, _) = Play::new(plan, trouble).play();
        prop_assert_eq!(one.events(), other.events());
    }
}

/// Every prefix of a journal is a state that a next holder can go on from, and that ends the same.
#[test]
fn a_crash_after_every_single_record_ends_the_same() {
    let shapes = [
        (Shape::Once(true), None),
        (Shape::Tokened, Some(9)),
        (Shape::Named(true), None),
        (Shape::Loops(3, Some(2), Box::new(Shape::Once(true))), None),
        (Shape::Adjusts, None),
        (Shape::Nests(vec![Shape::Waits, Shape::Sets]), Some(0)),
        (Shape::Goes, None),
    ];
    let (calm, _) = Play::new(body(&shapes), Vec::new()).play();
    let length = calm.journal.len();
    let mut crashed = 0;
    for cut in 1..length {
        // The process dies with exactly `cut` records written; what its last turn did outside happened or not.
        let mut play = Play::new(body(&shapes), Vec::new());
        play.journal.truncate(0);
        play.journal.extend(calm.journal[..cut].iter().cloned());
        play.now = calm.now;
        // The world as the undisturbed run left it at that record: everything started has happened.
        for event in play.events() {
            if let Event::StepStarted { step, token, .. } = event {
                play.world.made.insert(step.to_string(), 1);
                play.world.tokens.insert(token.to_string());
            }
        }
        if play.events().iter().any(|event| matches!(event, Event::RunEnded { .. })) {
            continue;
        }
        crashed += 1;
        play.reload();
        let (play, _) = play.play();
        assert_eq!(play.world.made, calm.world.made, "after record {cut}");
        assert_eq!(play.engine.status(false).as_str(), "succeeded");
    }
    assert!(crashed > 30, "{crashed}");
}

#[test]
fn the_trouble_of_these_tests_is_real() {
    // Otherwise the properties above would hold for nothing.
    let shapes = [(Shape::Once(true), None), (Shape::Once(false), None), (Shape::Tokened, None), (Shape::Goes, None)];
    let (mut crashes, mut doubts, mut asked) = (0, 0, 0);
    for seed in 0..200_u32 {
        let mut state = seed;
        let trouble = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u8 % 12
        });
        let trouble = trouble.take(200).collect();
        let (play, _) = Play::new(body(&shapes), trouble).play();
        crashes += play.crashes;
        let events = play.events();
        doubts += events.iter().filter(|event| matches!(event, Event::StepInDoubt { .. })).count();
        asked += events.iter().filter(|event| matches!(event, Event::WordGiven { .. })).count();
    }
    assert!(crashes > 100 && doubts > 50 && asked > 20, "{crashes} {doubts} {asked}");
}
