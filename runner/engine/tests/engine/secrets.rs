//! Secrets: never in a journal, and had again by a resume where that is possible.

use runbook_engine::input::Holding;
use runbook_model::failure::FailureClass;
use runbook_model::value::{Map, Value};
use serde_json::{Value as J, json};

use crate::scene::Scene;

fn secret(text: &str) -> Value {
    Value::from(text).into_secret()
}

fn login(effect: &str, probe: bool) -> J {
    let mut step = json!({
        "id": "login", "call": {"effect": effect, "arguments": {"of": "db"}},
        "outputs": {"user": "${{ result.user }}", "password": "${{ result.password }}"}, "secret": ["password"],
    });
    if probe {
        step["probe"] = json!({"call": {"kind": "see"}, "outputs": {"user": "x", "password": "${{ result.seen }}"}});
    }
    json!({"steps": [
        step,
        {"id": "copy", "set": {"url": "${{ steps.login.user }}:${{ steps.login.password }}"}},
        {"id": "use", "call": {"effect": "one-shot", "arguments": {"url": "${{ steps.copy.url }}"}}},
    ]})
}

fn bytes(scene: &Scene) -> String {
    scene.journal.iter().map(|stored| String::from_utf8_lossy(&stored.bytes).into_owned()).collect()
}

#[test]
fn a_secret_is_used_and_not_written() {
    let mut scene = Scene::held(login("reads", false));
    scene.answer("login", json!({"user": "ann", "password": "hunter2"}));
    assert_eq!(scene.call("use").arguments.exposed(), json!({"url": "ann:hunter2"}));
    assert_eq!(scene.call("use").arguments.redacted(), json!({"url": "(secret)"}));
    assert!(!bytes(&scene).contains("hunter2"));
    assert!(bytes(&scene).contains("ann"));
    assert!(!format!("{:?}", scene.wanted).contains("hunter2"));
}

#[test]
fn a_reading_is_made_again_for_an_unfinished_step_that_needs_its_secret() {
    let mut scene = Scene::held(login("reads", false));
    scene.answer("login", json!({"user": "ann", "password": "hunter2"}));
    scene.refuse("use", FailureClass::Throttled);
    let digest = |scene: &Scene| {
        let started = scene.events.iter().rev().find_map(|event| match event {
            runbook_engine::event::Event::StepStarted { arguments, generation, .. } => Some((*arguments, *generation)),
            _ => None,
        });
        started.unwrap()
    };
    let before = digest(&scene);
    scene.crash();
    scene.tick(1);
    assert_eq!(scene.read(), ["run-held", "> reread login for use"]);
    assert_eq!(scene.call("use").arguments.exposed(), json!({"of": "db"}));
    // What the journal kept in the clear stays as it was.
    scene.answer("use", json!({"user": "other", "password": "hunter2"}));
    assert_eq!(scene.read(), ["step-started use g1 a2", "> act use"]);
    assert_eq!(scene.call("use").arguments.exposed(), json!({"url": "ann:hunter2"}));
    assert_eq!(digest(&scene), before);
    assert!(!bytes(&scene).contains("hunter2"));
}

#[test]
fn a_secret_that_changed_makes_another_call_of_it() {
    let mut scene = Scene::held(login("reads", false));
    scene.answer("login", json!({"user": "ann", "password": "hunter2"}));
    scene.refuse("use", FailureClass::Throttled);
    scene.crash();
    scene.tick(1);
    scene.answer("use", json!({"user": "ann", "password": "hunter3"}));
    assert_eq!(scene.read()[2..], ["step-started use g2 a2", "> act use"]);
}

#[test]
fn what_was_made_is_read_again_through_its_probe() {
    let mut scene = Scene::held(login("one-shot", true));
    scene.refuse("login", FailureClass::Missing);
    scene.answer("login", json!({"user": "ann", "password": "hunter2"}));
    scene.refuse("use", FailureClass::Throttled);
    scene.crash();
    scene.tick(1);
    assert_eq!(scene.read(), ["run-held", "> reread login for use"]);
    scene.answer("use", json!({"seen": "hunter2"}));
    assert_eq!(scene.call("use").arguments.exposed(), json!({"url": "ann:hunter2"}));
}

#[test]
fn what_keeps_its_answer_is_called_again() {
    let mut plan = login("converges", false);
    plan["steps"][0]["call"]["keeps"] = true.into();
    let mut scene = Scene::held(plan);
    scene.answer("login", json!({"user": "ann", "password": "hunter2"}));
    scene.refuse("use", FailureClass::Throttled);
    scene.crash();
    scene.tick(1);
    assert_eq!(scene.read(), ["run-held", "> reread login for use"]);
    scene.answer("use", json!({"user": "ann", "password": "hunter2"}));
    assert_eq!(scene.call("use").arguments.exposed(), json!({"url": "ann:hunter2"}));
}

#[test]
fn what_cannot_be_read_again_says_so() {
    let mut scene = Scene::held(login("one-shot", false));
    scene.answer("login", json!({"user": "ann", "password": "hunter2"}));
    scene.refuse("use", FailureClass::Throttled);
    scene.crash();
    scene.tick(1);
    assert_eq!(
        scene.failure("use"),
        "invalid: a secret output of step `login` was not kept by the journal and cannot be read again"
    );
}

#[test]
fn a_secret_nobody_needs_any_more_is_not_read_again() {
    let mut plan = login("reads", false);
    plan["steps"].as_array_mut().unwrap().push(json!({"id": "last", "call": {}}));
    plan["outputs"] = json!({"user": "${{ steps.login.user }}", "password": "${{ steps.login.password }}"});
    let mut scene = Scene::held(plan);
    scene.answer("login", json!({"user": "ann", "password": "hunter2"}));
    scene.answer("use", json!({}));
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-started last g1 a2", "> act last"]);
    scene.answer("last", json!({}));
    let outputs = scene.engine.state().ended().unwrap().outputs.clone().unwrap();
    assert_eq!(outputs.get("user").unwrap().as_str(), Some("ann"));
    assert!(outputs.get("password").unwrap().unavailable().is_some());
}

#[test]
fn a_reading_that_fails_counts_for_the_step_that_needs_it() {
    let mut scene = Scene::held(login("reads", false));
    scene.answer("login", json!({"user": "ann", "password": "hunter2"}));
    scene.refuse("use", FailureClass::Throttled);
    scene.crash();
    scene.tick(1);
    scene.refuse("use", FailureClass::Unavailable);
    assert_eq!(scene.read()[2..], ["attempt-failed use unavailable, again"]);
    scene.tick(4);
    assert_eq!(scene.read(), ["> reread login for use"]);
}

fn with_input() -> Scene {
    let plan = json!({
        "inputs": {"token": {"type": "string", "secret": true}, "name": {"type": "string"}},
        "steps": [
            {"id": "inner", "run": {
                "with": {"pass": "${{ inputs.token }}", "name": "${{ inputs.name }}"},
                "body": {
                    "inputs": {"pass": {"type": "string", "secret": true}, "name": {"type": "string"}},
                    "steps": [{"id": "a", "call": {"effect": "one-shot",
                        "arguments": {"pass": "${{ inputs.pass }}", "name": "${{ inputs.name }}"}}}],
                },
            }},
        ],
    });
    let inputs = Map::from_iter([("token".to_owned(), secret("hunter2")), ("name".to_owned(), "n".into())]);
    let mut scene = Scene::with(plan, inputs);
    scene.hold();
    scene.refuse("inner/a", FailureClass::Throttled);
    scene
}

#[test]
fn a_secret_input_is_given_again_and_reaches_nested_runbooks() {
    let mut scene = with_input();
    scene.reload();
    let state = scene.engine.state();
    assert_eq!(state.withheld_inputs(), ["token"]);
    let given = |text: &str| Map::from_iter([("token".to_owned(), secret(text))]);
    assert!(state.rests_on(&given("hunter2")) && !state.rests_on(&given("hunter3")) && !state.rests_on(&Map::new()));
    let secrets = given("hunter2");
    scene.hold_with(Holding { secrets, ..Holding::default() });
    scene.tick(1);
    assert_eq!(scene.call("inner/a").arguments.exposed(), json!({"pass": "hunter2", "name": "n"}));
    assert_eq!(scene.read(), ["run-held", "step-started inner/a g1 a2", "> act inner/a"]);
    assert!(!bytes(&scene).contains("hunter2"));
}

#[test]
fn a_secret_input_that_is_not_given_again_is_named() {
    let mut scene = with_input();
    scene.crash();
    scene.tick(1);
    assert_eq!(scene.failure("inner/a"), "invalid: the input `token` is a secret, which the journal does not keep");
    let help = scene.engine.steps(false)[1].failure.clone().unwrap().help.unwrap();
    assert_eq!(help, "resume and give it again, with `-i token=…` or `RUNBOOK_INPUT_TOKEN`");
}

#[test]
fn secret_items_are_listed_again() {
    let plan = json!({"steps": [
        {"id": "login", "call": {}, "outputs": {"all": "${{ result }}"}, "secret": ["all"]},
        {"id": "each", "for-each": "${{ steps.login.all }}", "key": "${{ index }}",
         "call": {"effect": "one-shot", "arguments": {"x": "${{ item }}"}}},
    ]});
    let mut scene = Scene::held(plan);
    scene.answer("login", json!(["s1", "s2"]));
    scene.answer("each[0]", json!({}));
    scene.refuse("each[1]", FailureClass::Throttled);
    scene.crash();
    scene.tick(1);
    assert_eq!(scene.read(), ["run-held", "> reread login for each[1]"]);
    scene.answer("each[1]", json!(["s1", "s2"]));
    assert_eq!(scene.call("each[1]").arguments.exposed(), json!({"x": "s2"}));
    assert!(!bytes(&scene).contains("s2\""), "{}", bytes(&scene));
}

#[test]
fn sentences_for_people_hide_secrets() {
    let mut scene = Scene::held(json!({"steps": [{
        "id": "a", "title": "Log in as ${{ inputs.token }}", "call": {},
        "check": [{"that": "${{ result.ok }}", "else": "got ${{ result.ok }} with ${{ inputs.token }}"}],
    }]}));
    let inputs = Map::from_iter([("token".to_owned(), secret("hunter2"))]);
    scene = Scene::with(
        json!({"steps": [{
            "id": "a", "title": "Log in as ${{ inputs.token }}", "call": {},
            "check": [{"that": "${{ result.ok }}", "else": "got ${{ result.ok }} with ${{ inputs.token }}"}],
        }]}),
        {
            drop(scene);
            inputs
        },
    );
    scene.hold();
    scene.answer("a", json!({"ok": false}));
    assert_eq!(scene.failure("a"), "check-failed: (secret)");
    assert_eq!(scene.engine.steps(false)[0].title, "(secret)");
    assert!(!bytes(&scene).contains("hunter2"));
}
