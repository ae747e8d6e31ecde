//! A run on a table: inputs go in by hand, and what the engine records and wants is read off.
//!
//! This file decides how a test drives an engine and in which words it reads what came out. It keeps a journal of bytes, so
//! that a crash is a replay of just these. It must not know what the tests try.

use runbook_engine::command::{Command, Purpose};
use runbook_engine::event::{Event, Finding, PlanChanged, RunCreated, Stamped, StopReason, Word};
use runbook_engine::input::{Holding, Input, Said};
use runbook_engine::{Engine, State, Turn, stored};
use runbook_model::answer::{Answer, Progress};
use runbook_model::connection::{Connection, Identity};
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::time::Timestamp;
use runbook_model::value::{Map, Value};
use serde_json::Value as J;

use crate::author::{created, person, plan};

/// An engine, its journal, and what has not been read off yet.
pub(crate) struct Scene {
    pub(crate) engine: Engine,
    pub(crate) journal: Vec<stored::Stored>,
    pub(crate) now: i64,
    news: Vec<String>,
    /// The calls and identifications that were asked for.
    pub(crate) wanted: Vec<Command>,
    /// The last event of each kind of interest, for closer looks.
    pub(crate) events: Vec<Event>,
}

impl Scene {
    pub(crate) fn new(body: J) -> Self {
        Self::with(body, Map::new())
    }

    pub(crate) fn with(body: J, inputs: Map) -> Self {
        let created = created(plan(body), inputs);
        let made = Stamped { time: Timestamp::from_millis(0), event: Event::RunCreated(Box::new(created.clone())) };
        Self {
            engine: Engine::new(State::new(created, Timestamp::from_millis(0))),
            journal: vec![stored::encode(&made)],
            now: 0,
            news: Vec::new(),
            wanted: Vec::new(),
            events: Vec::new(),
        }
    }

    /// A scene whose run is held.
    pub(crate) fn held(body: J) -> Self {
        let mut scene = Self::new(body);
        scene.hold();
        scene.read();
        scene
    }

    pub(crate) fn hold(&mut self) {
        self.hold_with(Holding::default());
    }

    pub(crate) fn hold_with(&mut self, holding: Holding) {
        self.hold_and(holding, None);
    }

    /// The run is taken up, and in the same moment something else reaches it.
    pub(crate) fn hold_and(&mut self, holding: Holding, other: Option<Input>) {
        let holding = Holding { by: person(), pid: 1, version: "0.1.0".into(), ..holding };
        self.inputs([Input::Hold(Box::new(holding))].into_iter().chain(other));
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.inputs([input]);
    }

    /// Takes the run up by an edited plan.
    pub(crate) fn edit(&mut self, body: J) {
        self.edit_with(body, Map::new());
    }

    pub(crate) fn edit_with(&mut self, body: J, inputs: Map) {
        self.reload();
        let with = Some(Box::new(self.edited(body, inputs)));
        self.hold_with(Holding { with, ..Holding::default() });
    }

    /// What an edited plan changes.
    pub(crate) fn edited(&self, body: J, inputs: Map) -> PlanChanged {
        let RunCreated { plan, plan_digest, package, inputs, inputs_digest, .. } = created(plan(body), inputs);
        PlanChanged { plan, plan_digest, package, inputs, inputs_digest }
    }

    fn inputs(&mut self, inputs: impl IntoIterator<Item = Input>) {
        let turn = self.engine.turn(inputs, Timestamp::from_millis(self.now)).unwrap();
        self.took(turn);
    }

    fn took(&mut self, turn: Turn) {
        for record in turn.records {
            self.journal.push(stored::encode(&record));
            self.news.push(told(&record.event));
            self.events.push(record.event);
        }
        for command in turn.commands {
            match &command {
                Command::Record(_) => panic!("a turn carries its records apart"),
                Command::WakeAt(_) => continue,
                Command::Invoke(call) => self.news.push(format!("> {} {}", purpose(&call.purpose), call.step)),
                Command::Identify { connection, .. } => self.news.push(format!("> identify {}", connection.label())),
                Command::Abandon(step) => self.news.push(format!("> abandon {step}")),
            }
            self.wanted.push(command);
        }
    }

    /// What was recorded and asked for since the last time, as lines.
    pub(crate) fn read(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// The arguments of the last call of a step.
    pub(crate) fn call(&self, step: &str) -> &runbook_engine::command::Call {
        let calls = self.wanted.iter().rev().filter_map(|command| match command {
            Command::Invoke(call) => Some(call),
            _ => None,
        });
        calls.into_iter().find(|call| call.step.to_string() == step).unwrap()
    }

    pub(crate) fn answer(&mut self, step: &str, output: J) {
        self.done(step, Answer { output: output.into(), ..Answer::default() });
    }

    pub(crate) fn done(&mut self, step: &str, answer: Answer) {
        self.outcome(step, Ok(Progress::Done(answer)));
    }

    pub(crate) fn refuse(&mut self, step: &str, class: FailureClass) {
        self.outcome(step, Err(Failure::new(class, "no")));
    }

    pub(crate) fn lose(&mut self, step: &str) {
        self.outcome(step, Err(Failure::new(FailureClass::Timeout, "no answer").doubtful()));
    }

    pub(crate) fn outcome(&mut self, step: &str, outcome: Result<Progress, Failure>) {
        self.input(Input::Answered { step: step.parse().unwrap(), outcome });
    }

    pub(crate) fn tick(&mut self, secs: i64) {
        self.now += secs * 1_000;
        self.input(Input::Tick);
    }

    pub(crate) fn say(&mut self, step: &str, generation: u32, word: Word) {
        let said = self.word(step, generation, word);
        self.input(said);
    }

    pub(crate) fn word(&self, step: &str, generation: u32, word: Word) -> Input {
        let said_at = Timestamp::from_millis(self.now);
        Input::Said(Said { step: step.parse().unwrap(), generation, word, by: person(), said_at })
    }

    pub(crate) fn giving_up(&self) -> Input {
        Input::Cancel { by: person(), said_at: Timestamp::from_millis(self.now) }
    }

    pub(crate) fn stop(&mut self) {
        self.input(Input::Stop(StopReason::Interrupted));
    }

    /// Answers the one identification that was asked for last.
    pub(crate) fn identify(&mut self, account: &str) {
        let connection = self.asked(None);
        let identity = Identity::Aws {
            account: account.into(),
            partition: "aws".into(),
            region: "eu-west-1".into(),
            principal: "arn:aws:iam::1:user/ann".into(),
        };
        self.input(Input::Identified { connection, outcome: Ok(identity) });
    }

    /// Nobody answers at the connection of that label.
    pub(crate) fn unknown(&mut self, label: &str, class: FailureClass) {
        let connection = self.asked(Some(label));
        self.input(Input::Identified { connection, outcome: Err(Failure::new(class, "no")) });
    }

    fn asked(&self, label: Option<&str>) -> Connection {
        let asked = self.wanted.iter().rev().find_map(|command| match command {
            Command::Identify { connection, .. } if label.is_none_or(|label| connection.label() == label) => {
                Some(connection.clone())
            }
            _ => None,
        });
        asked.unwrap()
    }

    /// The process dies and another one takes the run up, from the journal's bytes alone.
    pub(crate) fn crash(&mut self) {
        self.crash_with(Holding::default());
    }

    pub(crate) fn crash_with(&mut self, holding: Holding) {
        self.reload();
        self.hold_with(holding);
    }

    /// The process dies; another one reads the journal.
    pub(crate) fn reload(&mut self) {
        let events = self.journal.iter().map(|s| stored::decode(s.version, &s.kind, &s.bytes).unwrap());
        self.engine = Engine::new(State::replay(events).unwrap());
        self.news.clear();
        self.wanted.clear();
    }

    /// The statuses of all steps, as `path status`.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let held = self.engine.state().held().is_some();
        self.engine.steps(held).iter().map(|step| format!("{} {}", step.path, step.status.as_str())).collect()
    }

    /// What a step gave.
    pub(crate) fn outputs(&self, path: &str) -> Value {
        let steps = self.engine.steps(true);
        steps.into_iter().find(|step| step.path.to_string() == path).and_then(|step| step.outputs).unwrap()
    }

    /// The failure of a step, as text.
    pub(crate) fn failure(&self, path: &str) -> String {
        let steps = self.engine.steps(true);
        let step = steps.into_iter().find(|step| step.path.to_string() == path).unwrap();
        step.failure.map(|failure| format!("{}: {failure}", failure.class)).unwrap_or_default()
    }

    /// How the run ended.
    pub(crate) fn end(&self) -> String {
        let ended = self.engine.state().ended().expect("the run has ended");
        format!("{:?}", ended.status)
    }
}

fn purpose(purpose: &Purpose) -> String {
    match purpose {
        Purpose::Act => "act".into(),
        Purpose::Poll { .. } => "poll".into(),
        Purpose::Probe => "probe".into(),
        Purpose::Verify => "verify".into(),
        Purpose::Look(look) => format!("look {}", look.number),
        Purpose::Reread { of } => format!("reread {of} for"),
    }
}

fn told(event: &Event) -> String {
    let step = event.step().map(|step| format!(" {step}")).unwrap_or_default();
    let detail = match event {
        Event::EndReached { part, status, .. } => format!(" {} {status:?}", part.folder()).to_lowercase(),
        Event::StepVerified { sentences, .. } => if sentences.is_empty() { " holds" } else { " does not hold" }.into(),
        Event::StepProbed { finding: Finding::Absent, .. } => " absent".into(),
        Event::StepProbed { finding: Finding::Matching, .. } => " matching".into(),
        Event::StepProbed { finding: Finding::Different { .. }, .. } => " different".into(),
        Event::StepStarted { generation, attempt, .. } => format!(" g{generation} a{attempt}"),
        Event::AttemptFailed { failure, retry_at, .. } => {
            format!(" {}{}", failure.class, if retry_at.is_some() { ", again" } else { "" })
        }
        Event::StepSucceeded { origin, .. } => format!(" {origin:?}").to_lowercase(),
        Event::StepFailed { failure, .. } => format!(" {}", failure.class),
        Event::StepParked { reason, .. } => format!(" {reason:?}").to_lowercase(),
        Event::StepReopened { generation, afresh, .. } => {
            format!(" g{generation}{}", if *afresh { " afresh" } else { "" })
        }
        Event::RunStopping { reason } => format!(" {reason:?}").to_lowercase(),
        Event::RunEnded { status, .. } => format!(" {status:?}").to_lowercase(),
        _ => String::new(),
    };
    format!("{}{step}{detail}", event.kind())
}
