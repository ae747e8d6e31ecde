//! Ends: what runs when a runbook's steps are over, and that nothing half done counts as done.

use runbook_engine::command::Command;
use runbook_engine::event::Word;
use runbook_engine::input::Holding;
use runbook_model::failure::FailureClass;
use serde_json::{Value as J, json};

use crate::scene::Scene;

#[test]
fn what_was_stopped_in_the_middle_is_not_done() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "n", "needs": [], "run": {"body": {"steps": [{"id": "x", "call": {}}, {"id": "y", "call": {}}]}}},
        {"id": "l", "needs": [], "for-each": ["a", "b"], "concurrency": 1, "call": {}},
        {"id": "bad", "needs": [], "call": {}},
    ]}));
    scene.refuse("bad", FailureClass::Invalid);
    scene.answer("n/x", json!({}));
    scene.answer("l[a]", json!({}));
    assert_eq!(scene.end(), "Failed");
    let there = |wanted: &str| scene.statuses().contains(&wanted.to_owned());
    assert!(there("n waiting") && there("n/y pending") && there("l waiting") && there("l[b] pending"));
    scene.crash();
    scene.answer("bad", json!({}));
    scene.answer("n/y", json!({}));
    scene.answer("l[b]", json!({}));
    assert_eq!(scene.end(), "Succeeded");
}

fn ended(scene: &Scene, path: &str) -> String {
    let steps = scene.engine.steps(false);
    let step = steps.iter().find(|step| step.path.to_string() == path);
    step.map(|step| step.status.as_str().to_owned()).unwrap_or_default()
}

/// A step, what runs after its failure, and what runs at every end.
fn with_ends() -> J {
    json!({
        "steps": [{"id": "a", "call": {}, "outputs": {"x": "${{ result.x }}"}}, {"id": "b", "call": {}}],
        "when-failed": [{"id": "tell", "call": {"arguments": {"why": "${{ run.error.message }}", "x": "${{ steps.a.x }}"}}}],
        "finally": [{"id": "clean", "call": {"arguments": {"status": "${{ run.status }}", "class": "${{ run.error.class }}"}}},
            {"id": "last", "set": {"x": 1}}],
    })
}

#[test]
fn a_run_that_succeeds_ends_with_what_runs_at_every_end() {
    let mut scene = Scene::held(with_ends());
    scene.answer("a", json!({"x": 7}));
    assert!(!scene.statuses().iter().any(|line| line.contains("finally")));
    scene.read();
    scene.answer("b", json!({}));
    assert_eq!(
        scene.read(),
        [
            "step-succeeded b unchanged",
            "end-reached finally succeeded",
            "step-begun finally/clean",
            "step-started finally/clean g1 a1",
            "> act finally/clean"
        ]
    );
    assert_eq!(scene.call("finally/clean").arguments.exposed(), json!({"status": "succeeded"}));
    scene.answer("finally/clean", json!({}));
    assert_eq!(
        scene.read(),
        ["step-succeeded finally/clean unchanged", "step-succeeded finally/last unchanged", "run-ended succeeded"]
    );
    assert_eq!(scene.statuses(), ["a succeeded", "b succeeded", "finally/clean succeeded", "finally/last succeeded"]);
}

#[test]
fn after_a_failure_its_steps_run_first_and_see_what_failed() {
    let mut scene = Scene::held(with_ends());
    scene.answer("a", json!({"x": 7}));
    scene.read();
    scene.refuse("b", FailureClass::Denied);
    assert_eq!(
        scene.read(),
        [
            "attempt-failed b denied",
            "step-failed b denied",
            "run-stopping failed",
            "end-reached when_failed failed",
            "step-begun when_failed/tell",
            "step-started when_failed/tell g1 a1",
            "> act when_failed/tell"
        ]
    );
    assert_eq!(scene.call("when_failed/tell").arguments.exposed(), json!({"why": "no", "x": 7}));
    scene.answer("when_failed/tell", json!({}));
    assert_eq!(scene.call("finally/clean").arguments.exposed(), json!({"status": "failed", "class": "denied"}));
    scene.answer("finally/clean", json!({}));
    assert_eq!(scene.end(), "Failed");
    assert_eq!(scene.engine.state().ended().unwrap().because.as_ref().unwrap().failure.message, "no");

    // The resume goes on with the failed step; the end is reached once more, and then it is another one.
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-reopened b g1", "step-started b g2 a2", "> act b"]);
    scene.answer("b", json!({}));
    assert_eq!(
        scene.read(),
        [
            "step-succeeded b unchanged",
            "end-reached finally succeeded",
            "step-begun finally/clean",
            "step-started finally/clean g2 a2",
            "> act finally/clean"
        ]
    );
    scene.answer("finally/clean", json!({}));
    assert_eq!(scene.end(), "Succeeded");
}

#[test]
fn a_step_of_the_end_that_fails_fails_a_run_that_had_succeeded() {
    let mut scene = Scene::held(with_ends());
    scene.answer("a", json!({"x": 7}));
    scene.answer("b", json!({}));
    scene.refuse("finally/clean", FailureClass::Denied);
    assert_eq!(scene.end(), "Failed");
    assert_eq!(ended(&scene, "finally/last"), "pending");
    let because = scene.engine.state().ended().unwrap().because.clone().unwrap();
    assert_eq!(because.step.unwrap().to_string(), "finally/clean");
    // What was done stays done: only the end goes on.
    scene.crash();
    assert_eq!(
        scene.read(),
        ["run-held", "step-reopened finally/clean g1", "step-started finally/clean g2 a2", "> act finally/clean"]
    );
    scene.answer("finally/clean", json!({}));
    assert_eq!(scene.end(), "Succeeded");
}

#[test]
fn a_run_that_is_given_up_ends_with_what_runs_at_every_end() {
    let mut scene = Scene::held(with_ends());
    let cancel = scene.giving_up();
    scene.input(cancel);
    scene.read();
    scene.answer("a", json!({"x": 7}));
    assert_eq!(
        scene.read(),
        [
            "step-succeeded a unchanged",
            "end-reached finally cancelled",
            "step-begun finally/clean",
            "step-started finally/clean g1 a1",
            "> act finally/clean"
        ]
    );
    // Its process dies in the middle: the next one finishes that, and nothing else.
    scene.crash();
    assert_eq!(
        scene.read(),
        ["run-held", "run-stopping cancelled", "step-started finally/clean g1 a2", "> act finally/clean"]
    );
    assert_eq!(scene.call("finally/clean").arguments.exposed(), json!({"status": "cancelled"}));
    scene.answer("finally/clean", json!({}));
    assert_eq!(scene.end(), "Cancelled");
    scene.crash();
    assert_eq!(scene.read(), Vec::<String>::new());
}

#[test]
fn a_run_that_parks_is_not_at_its_end() {
    let mut plan = with_ends();
    plan["steps"][1] = json!({"id": "b", "approve": "go on?"});
    let mut scene = Scene::held(plan);
    scene.answer("a", json!({"x": 7}));
    assert_eq!(scene.end(), "Parked");
    assert!(!scene.statuses().iter().any(|line| line.contains("finally") || line.contains("when_failed")));
}

#[test]
fn a_signal_leaves_the_end_to_the_resume() {
    let mut scene = Scene::held(with_ends());
    scene.stop();
    scene.answer("a", json!({"x": 7}));
    assert_eq!(scene.end(), "Interrupted");
    scene.crash();
    scene.answer("b", json!({}));
    scene.read();
    scene.stop();
    scene.answer("finally/clean", json!({}));
    assert_eq!(
        scene.read(),
        ["run-stopping interrupted", "step-succeeded finally/clean unchanged", "run-ended interrupted"]
    );
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-succeeded finally/last unchanged", "run-ended succeeded"]);
}

#[test]
fn an_end_that_waits_for_a_person_parks_the_run() {
    let mut plan = with_ends();
    plan["finally"] =
        json!([{"id": "ask", "approve": "take it down?"}, {"id": "down", "call": {"effect": "one-shot"}}]);
    let mut scene = Scene::held(plan);
    scene.answer("a", json!({"x": 7}));
    scene.refuse("b", FailureClass::Denied);
    scene.answer("when_failed/tell", json!({}));
    assert_eq!(scene.end(), "Parked");
    let word = scene.word("finally/ask", 1, Word::Approve);
    scene.reload();
    scene.hold_and(Holding::default(), Some(word));
    // The steps that failed go on first; the answer is kept for the end.
    scene.answer("b", json!({}));
    assert_eq!(scene.end(), "Parked");
}

#[test]
fn a_nested_runbook_has_its_own_end() {
    let inner = json!({"name": "inner", "steps": [{"id": "x", "call": {}}],
        "when-failed": [{"id": "tell", "set": {}}], "finally": [{"id": "clean", "call": {}}],
        "outputs": {"y": 1}});
    let mut scene = Scene::held(json!({"steps": [
        {"id": "n", "for-each": ["p", "q"], "on-failure": "continue", "run": {"body": inner}},
        {"id": "after", "needs": [], "set": {}},
    ]}));
    scene.refuse("n[p]/x", FailureClass::Denied);
    scene.read();
    scene.answer("n[p]/finally/clean", json!({}));
    assert_eq!(scene.read(), ["step-succeeded n[p]/finally/clean unchanged", "step-failed n[p] denied"]);
    scene.answer("n[q]/x", json!({}));
    assert_eq!(ended(&scene, "n[q]"), "waiting");
    scene.refuse("n[q]/finally/clean", FailureClass::Denied);
    assert_eq!(scene.end(), "Failed");
    assert_eq!(ended(&scene, "n[p]/when_failed/tell"), "succeeded");
    assert_eq!(ended(&scene, "n[q]/when_failed/tell"), "");
    assert_eq!(ended(&scene, "n[q]"), "failed");
    scene.crash();
    scene.answer("n[p]/x", json!({}));
    scene.answer("n[q]/finally/clean", json!({}));
    scene.answer("n[p]/finally/clean", json!({}));
    assert_eq!(scene.end(), "Succeeded");
}

#[test]
fn what_a_failure_elsewhere_stopped_is_cleaned_up_too() {
    let inner = json!({"name": "inner", "steps": [{"id": "x", "call": {}}, {"id": "y", "call": {}}],
        "when-failed": [{"id": "tell", "set": {}}],
        "finally": [{"id": "clean", "call": {"arguments": {"status": "${{ run.status }}", "why": "${{ run.error.message }}"}}}]});
    let mut scene = Scene::held(json!({
        "steps": [{"id": "n", "needs": [], "run": {"body": inner}}, {"id": "bad", "needs": [], "call": {}}],
        "finally": [{"id": "all", "call": {}}],
    }));
    scene.refuse("bad", FailureClass::Denied);
    scene.answer("n/x", json!({}));
    assert_eq!(scene.call("n/finally/clean").arguments.exposed(), json!({"status": "cancelled", "why": "no"}));
    scene.answer("n/finally/clean", json!({}));
    scene.answer("finally/all", json!({}));
    assert_eq!(scene.end(), "Failed");
    scene.crash();
    scene.read();
    scene.answer("bad", json!({}));
    scene.answer("n/y", json!({}));
    scene.answer("n/finally/clean", json!({}));
    scene.answer("finally/all", json!({}));
    assert_eq!(scene.end(), "Succeeded");
    assert_eq!(scene.call("n/finally/clean").arguments.exposed(), json!({"status": "succeeded"}));
}

/// Answers all calls until the run ends: `b` is refused, everything else succeeds.
fn play(scene: &mut Scene, refused: bool) {
    loop {
        let calls = std::mem::take(&mut scene.wanted);
        if calls.is_empty() {
            return;
        }
        for call in calls {
            let Command::Invoke(call) = call else { panic!("nothing is identified here") };
            match call.step.to_string() {
                step if step == "b" && refused => scene.refuse("b", FailureClass::Denied),
                step => scene.answer(&step, json!({"x": 7})),
            }
        }
    }
}

#[test]
fn a_crash_after_any_record_of_an_end_ends_the_same() {
    for refused in [false, true] {
        for cancelled in [false, true] {
            let mut calm = Scene::held(with_ends());
            if cancelled {
                let cancel = calm.giving_up();
                calm.input(cancel);
            }
            play(&mut calm, refused);
            let asked = calm.journal.iter().position(|record| record.kind == "cancel-asked").unwrap_or_default();
            let mut tried = 0;
            for cut in asked.max(1) + 1..calm.journal.len() {
                let mut scene = Scene::new(with_ends());
                scene.journal = calm.journal[..cut].to_vec();
                scene.crash();
                play(&mut scene, refused);
                assert_eq!(scene.end(), calm.end(), "after record {cut}");
                // What a person gave up before it was answered stays so.
                if !cancelled {
                    assert_eq!(scene.statuses(), calm.statuses(), "after record {cut}");
                }
                let last = |scene: &Scene| ended(scene, "finally/last");
                assert_eq!(last(&scene), "succeeded", "after record {cut}");
                tried += 1;
            }
            assert!(tried > 5, "{tried}");
        }
    }
}
