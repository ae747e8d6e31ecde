//! The format of records: journals of every version stay readable, and what was written once means the same for ever.
//!
//! `fixtures/journals/events-v1.jsonl` holds the records of one run, a line each; `events-v1-2.jsonl` those of another, with
//! the events that came to format 1 since. They are never written again; a later format, or more events, get a file of their
//! own. `cargo test -p runbook-engine --test engine write_the_fixture -- --ignored` made them.

#![expect(clippy::disallowed_methods, reason = "the crate does no I/O; its tests read a fixture")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use runbook_engine::event::{Event, Word};
use runbook_engine::input::Holding;
use runbook_engine::stored::{Stored, Unreadable, decode, encode, line};
use runbook_engine::{Engine, State};
use runbook_model::answer::Progress;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Map, Value};
use serde_json::{Value as J, json};

use crate::scene::Scene;

/// The first journal, and the latest.
const FIRST: &str = "events-v1.jsonl";
const LATEST: &str = "events-v1-2.jsonl";

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/journals").join(name)
}

fn records(name: &str) -> Vec<Stored> {
    let text = fs::read_to_string(fixture(name)).unwrap();
    text.lines()
        .map(|line| {
            let line: J = serde_json::from_str(line).unwrap();
            Stored {
                version: line["version"].as_u64().unwrap().try_into().unwrap(),
                kind: line["kind"].as_str().unwrap().to_owned(),
                bytes: serde_json::to_vec(&line["bytes"]).unwrap(),
            }
        })
        .collect()
}

/// A run in which everything happens that can be written down.
fn eventful() -> Scene {
    let inputs = Map::from_iter([
        ("name".to_owned(), Value::from("x")),
        ("token".to_owned(), Value::from("hunter2").into_secret()),
    ]);
    let plan = |version: u8| {
        json!({
            "inputs": {"name": {"type": "string"}, "token": {"type": "string", "secret": true}},
            "connections": {"aws": {"aws": {"region": "eu-west-1"}}},
            "templates": {"a.txt.j2": "{{ name }}\n"},
            "when-failed": [{"id": "tell", "set": {"why": "${{ run.error.class }}"}}],
            "finally": [{"id": "last", "set": {}}],
            "steps": [
                {"id": "look", "call": {"arguments": {"version": version}}, "outputs": {"x": "${{ result }}"}},
                {"id": "put", "call": {"effect": "converges", "arguments": {"x": "${{ steps.look.x }}"}}},
                {"id": "fitted", "call": {"effect": "one-shot"},
                    "probe": {"call": {"kind": "see"}, "matches": [{"that": "${{ result == 2 }}", "else": "it is ${{ result }}"}]},
                    "adjust": [{"id": "fit", "call": {"effect": "converges"}}]},
                {"id": "skipped", "title": "Skip ${{ inputs.name }}", "when": "${{ false }}", "set": {"x": 1}},
                {"id": "made", "call": {"effect": "one-shot", "reaches": "aws",
                    "arguments": {"name": "${{ inputs.name }}", "pass": "${{ inputs.token }}"}},
                    "probe": {"call": {"kind": "see", "reaches": "aws"}, "matches": [{"that": "${{ result.mine }}", "else": "it is another's"}]},
                    "timeout": "1h", "outputs": {"id": "${{ result.id }}", "key": "${{ inputs.token }}"}},
                {"id": "going", "call": {"effect": "converges", "token": true},
                    "verify": {"call": {"kind": "see"}, "check": [{"that": "${{ result.ok }}"}]}},
                {"id": "each", "for-each": ["p", "q"], "run": {
                    "with": {"item": "${{ item }}"},
                    "body": {"name": "part", "inputs": {"item": {"type": "string"}},
                        "steps": [{"id": "w", "wait": {"source": {"kind": "see"}, "until": "${{ result == inputs.item }}", "stable-for": "1s"}}],
                        "outputs": {"item": "${{ inputs.item }}"}}}},
                {"id": "odd", "call": {"effect": "one-shot"}, "accept": ["missing"], "on-failure": "warn"},
                {"id": "ask", "approve": "go on with ${{ inputs.name }}?"},
                {"id": "end", "needs": ["ask", "going"], "call": {"effect": "one-shot", "arguments": {"going": "${{ steps.going.result.ok }}"}}},
            ],
        })
    };
    let mut scene = Scene::with(plan(1), inputs.clone());
    scene.hold();
    scene.answer("look", json!("x"));
    scene.answer("put", json!({}));
    scene.answer("fitted", json!(1));
    scene.answer("fitted/adjust/fit", json!({}));
    scene.answer("fitted", json!(2));
    scene.identify("123456789012");
    scene.refuse("made", FailureClass::Missing);
    scene.lose("made");
    scene.tick(1);
    scene.refuse("made", FailureClass::Missing);
    scene.tick(15);
    scene.refuse("made", FailureClass::Missing);
    scene.outcome("made", Err(Failure::new(FailureClass::Throttled, "slow down").code("Throttling")));
    scene.tick(2);
    scene.answer("made", json!({"id": "i-1", "mine": true}));
    scene.outcome("going", Ok(Progress::Going { ticket: json!({"at": 1}).into(), observed: Some("1 of 2".into()) }));
    scene.tick(3);
    scene.answer("going", json!({"ok": true}));
    for key in ["p", "q"] {
        let step = format!("each[{key}]/w");
        scene.answer(&step, json!(key));
        scene.tick(1);
        scene.answer(&step, json!(key));
    }
    scene.refuse("odd", FailureClass::Denied);
    scene.reload();
    let word = scene.word("ask", 1, Word::Approve);
    scene.hold_and(Holding::default(), Some(word));
    scene.answer("going", json!({"ok": true}));
    scene.identify("123456789012");
    let expired = Failure::new(FailureClass::ExpiredCredentials, "log in").help("aws sso login");
    scene.outcome("end", Err(expired));
    scene.edit_with(plan(2), inputs);
    scene.answer("going", json!({"ok": true}));
    scene.answer("look", json!("x"));
    scene.identify("123456789012");
    let cancel = scene.giving_up();
    scene.input(cancel);
    scene.outcome("end", Err(Failure::new(FailureClass::Denied, "not allowed").code("AccessDenied")));
    scene
}

#[test]
#[ignore = "makes the fixture, once per format; see above"]
fn write_the_fixture() {
    assert!(!fixture(LATEST).exists(), "a fixture is kept as it is");
    let lines: Vec<String> = eventful()
        .journal
        .iter()
        .map(|stored| {
            let bytes: J = serde_json::from_slice(&stored.bytes).unwrap();
            json!({"version": stored.version, "kind": stored.kind, "bytes": bytes}).to_string()
        })
        .collect();
    fs::write(fixture(LATEST), lines.join("\n") + "\n").unwrap();
}

/// Every event there is, by a match that does not compile when one is missing here.
fn all_kinds() -> BTreeSet<&'static str> {
    fn counted(event: &Event) -> usize {
        match event {
            Event::RunCreated(_) => 0,
            Event::RunHeld { .. } => 1,
            Event::ConnectionIdentified { .. } => 2,
            Event::BodyOpened { .. } => 3,
            Event::ItemsListed { .. } => 4,
            Event::StepSkipped { .. } => 5,
            Event::StepBegun { .. } => 6,
            Event::StepProbed { .. } => 7,
            Event::StepStarted { .. } => 8,
            Event::StepGoing { .. } => 9,
            Event::StepLooked { .. } => 10,
            Event::AttemptFailed { .. } => 11,
            Event::StepInDoubt { .. } => 12,
            Event::StepSucceeded { .. } => 13,
            Event::StepFailed { .. } => 14,
            Event::StepParked { .. } => 15,
            Event::StepReopened { .. } => 16,
            Event::WordGiven { .. } => 17,
            Event::CancelAsked { .. } => 18,
            Event::RunStopping { .. } => 19,
            Event::RunEnded { .. } => 20,
            Event::PlanChanged(_) => 21,
            Event::StepKept { .. } => 22,
            Event::EndReached { .. } => 23,
            Event::StepVerified { .. } => 24,
            Event::StepAdjusting { .. } => 25,
        }
    }
    let mut kinds: Vec<Option<&'static str>> = vec![None; 26];
    for stored in records(FIRST).into_iter().chain(records(LATEST)) {
        let event = decode(stored.version, &stored.kind, &stored.bytes).unwrap().event;
        kinds[counted(&event)] = Some(event.kind());
    }
    kinds.into_iter().enumerate().map(|(at, kind)| kind.unwrap_or_else(|| panic!("no event number {at}"))).collect()
}

#[test]
fn the_kept_journal_reads_and_adds_up_to_what_it_was() {
    assert_eq!(all_kinds().len(), 26);
    let events = records(FIRST).iter().map(|s| decode(s.version, &s.kind, &s.bytes).unwrap()).collect::<Vec<_>>();
    let engine = Engine::new(State::replay(events).unwrap());
    let steps: Vec<String> = engine
        .steps(false)
        .iter()
        .map(|step| {
            let origin = step.origin.map(|origin| format!(" {origin:?}").to_lowercase()).unwrap_or_default();
            format!("{} {}{origin} a{} g{}", step.path, step.status.as_str(), step.attempts, step.generation)
        })
        .collect();
    assert_eq!(
        steps,
        [
            "skipped skipped a0 g0",
            "made succeeded created a3 g1",
            "going succeeded created a1 g1",
            "each succeeded unchanged a1 g0",
            "each[p] succeeded unchanged a1 g0",
            "each[p]/w succeeded unchanged a2 g0",
            "each[q] succeeded unchanged a1 g0",
            "each[q]/w succeeded unchanged a2 g0",
            "odd skipped a1 g1",
            "ask succeeded unchanged a1 g1",
            "end failed a2 g1",
        ]
    );
    assert_eq!(engine.status(false).as_str(), "cancelled");
    assert_eq!(engine.steps(false)[0].title, "Skip x");
    assert_eq!(engine.state().withheld_inputs(), ["token"]);
    assert_eq!(engine.state().identities().count(), 1);
}

#[test]
fn what_is_read_is_written_again_just_so() {
    for stored in records(FIRST).into_iter().chain(records(LATEST)) {
        let again = encode(&decode(stored.version, &stored.kind, &stored.bytes).unwrap());
        let json = |bytes: &[u8]| serde_json::from_slice::<J>(bytes).unwrap();
        assert_eq!((again.version, &again.kind), (stored.version, &stored.kind));
        assert_eq!(json(&again.bytes), json(&stored.bytes));
    }
}

#[test]
fn this_version_still_writes_the_kept_format() {
    let made: Vec<(u16, String, J)> = eventful()
        .journal
        .into_iter()
        .map(|stored| (stored.version, stored.kind, serde_json::from_slice(&stored.bytes).unwrap()))
        .collect();
    let kept: Vec<(u16, String, J)> = records(LATEST)
        .into_iter()
        .map(|stored| (stored.version, stored.kind, serde_json::from_slice(&stored.bytes).unwrap()))
        .collect();
    for (at, (made, kept)) in made.iter().zip(&kept).enumerate() {
        assert_eq!(made, kept, "record {at}");
    }
    assert_eq!(made.len(), kept.len());
    assert!(!fs::read_to_string(fixture(LATEST)).unwrap().contains("hunter2"));
}

#[test]
fn what_a_later_version_wrote_is_refused_with_a_word() {
    let stored = &records(FIRST)[1];
    let error = decode(2, &stored.kind, &stored.bytes).unwrap_err();
    assert_eq!(error.to_string(), "a record has the format 2, and this version of runbook reads formats up to 1");
    let error = decode(1, "step-failed", &stored.bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a record named `step-failed` does not read as an event: it holds the event `run-held`"
    );
    let error =
        decode(1, "step-danced", br#"{"time":"1970-01-01T00:00:00.000Z","event":{"step-danced":{}}}"#).unwrap_err();
    assert!(error.to_string().starts_with("a record named `step-danced` does not read as an event: unknown variant"));
    let mut created: J = serde_json::from_slice(&records(FIRST)[0].bytes).unwrap();
    created["event"]["run-created"]["plan"]["format"] = 2.into();
    let error = decode(1, "run-created", &serde_json::to_vec(&created).unwrap()).unwrap_err();
    assert!(matches!(error, Unreadable::NewerPlan { found: 2 }), "{error}");
}

#[test]
fn a_line_for_tools_names_event_and_step_and_keeps_the_key_to_itself() {
    let events: Vec<_> = records(FIRST).iter().map(|s| decode(s.version, &s.kind, &s.bytes).unwrap()).collect();
    let run = runbook_model::id::RunId::new("demo", 1);
    let first = line(1, &run, &events[0]);
    assert!(first.get("key").is_none() && first.get("package").is_none() && first.get("plan").is_some());
    let (number, begun) = (1_u64..).zip(&events).find(|(_, event)| event.event.kind() == "step-begun").unwrap();
    assert_eq!(
        line(number, &run, begun).to_string(),
        format!(
            r#"{{"seq":{number},"time":"1970-01-01T00:00:00.000Z","run":"demo-100000","event":"step-begun","step":"made","deadline":"1970-01-01T01:00:00.000Z"}}"#
        )
    );
}
