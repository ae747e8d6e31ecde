//! A person's word: approvals, doubt, giving up, stopping.

use runbook_engine::event::{StopReason, Word};
use runbook_engine::input::{Holding, Input};
use runbook_model::failure::FailureClass;
use serde_json::json;

use crate::scene::Scene;

fn approval() -> serde_json::Value {
    json!({"steps": [
        {"id": "ok", "approve": "may ${{ 'it' }}?", "needs": []},
        {"id": "a", "call": {}, "needs": []},
        {"id": "b", "set": {"x": "${{ steps.ok }}"}, "needs": ["ok"]},
        {"id": "c", "set": {}, "needs": ["a"]},
    ]})
}

#[test]
fn others_go_on_beside_an_approval_and_then_the_run_waits() {
    let mut scene = Scene::new(approval());
    scene.hold();
    assert_eq!(
        scene.read(),
        ["run-held", "step-parked ok approval", "step-begun a", "step-started a g1 a1", "> act a"]
    );
    scene.answer("a", json!({}));
    assert_eq!(scene.read(), ["step-succeeded a unchanged", "step-succeeded c unchanged", "run-ended parked"]);
    assert_eq!(scene.engine.steps(false)[0].reason.as_deref(), Some("may it?"));
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "run-ended parked"]);
    scene.reload();
    scene.hold();
    scene.read();
}

#[test]
fn an_approval_goes_on_while_the_run_lives_or_later() {
    let mut scene = Scene::held(approval());
    scene.say("ok", 1, Word::Approve);
    assert_eq!(scene.read(), ["word-given ok", "step-succeeded ok unchanged", "step-succeeded b unchanged"]);
    let mut scene = Scene::held(approval());
    scene.answer("a", json!({}));
    scene.reload();
    // The word waits in the inbox and reaches the next holder together with its start.
    let word = scene.word("ok", 1, Word::Approve);
    scene.hold_and(Holding::default(), Some(word));
    assert_eq!(
        scene.read(),
        [
            "run-held",
            "word-given ok",
            "step-succeeded ok unchanged",
            "step-succeeded b unchanged",
            "run-ended succeeded"
        ]
    );
}

#[test]
fn a_rejection_fails_the_step_and_a_resume_asks_anew() {
    let mut scene = Scene::held(approval());
    scene.answer("a", json!({}));
    scene.crash();
    scene.reload();
    let mut scene = Scene::held(approval());
    scene.say("ok", 1, Word::Reject);
    assert_eq!(scene.read(), ["word-given ok", "step-failed ok denied", "run-stopping failed"]);
    assert_eq!(scene.failure("ok"), "denied: ann on desk rejected it");
    scene.answer("a", json!({}));
    scene.crash();
    assert_eq!(
        scene.read(),
        [
            "run-held",
            "step-reopened ok g2",
            "step-parked ok approval",
            "step-succeeded c unchanged",
            "run-ended parked"
        ]
    );
}

#[test]
fn a_word_that_does_not_fit_changes_nothing() {
    let mut scene = Scene::held(approval());
    scene.say("ok", 2, Word::Approve);
    scene.say("ok", 1, Word::Retry);
    scene.say("a", 1, Word::Approve);
    scene.say("nobody", 1, Word::Approve);
    assert!(scene.read().is_empty());
    scene.say("ok", 1, Word::Approve);
    scene.read();
    scene.say("ok", 1, Word::Reject);
    assert!(scene.read().is_empty());
}

fn doubtful() -> Scene {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "a", "call": {"effect": "one-shot"}, "outputs": {"id": "${{ result.id }}"}},
        {"id": "b", "set": {"x": "${{ steps.a.id }}"}},
    ]}));
    scene.lose("a");
    assert_eq!(scene.read(), ["step-in-doubt a", "step-parked a doubt", "run-stopping parked", "run-ended parked"]);
    assert_eq!(scene.statuses()[0], "a in-doubt");
    scene
}

#[test]
fn an_effect_in_doubt_waits_for_a_person_who_knows() {
    let mut scene = doubtful();
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "run-stopping parked", "run-ended parked"]);
    let resolved = |word| {
        let mut scene = doubtful();
        scene.reload();
        let word = scene.word("a", 1, word);
        scene.hold_and(Holding::default(), Some(word));
        let lines = scene.read();
        (scene, lines)
    };
    let (_, lines) = resolved(Word::Retry);
    assert_eq!(lines, ["run-held", "word-given a", "step-reopened a g2", "step-started a g2 a2", "> act a"]);
    let (scene, lines) = resolved(Word::Done);
    assert_eq!(lines[..4], ["run-held", "word-given a", "step-succeeded a created", "step-failed b invalid"]);
    // What it gave is not known, and reading it says so.
    assert!(scene.failure("b").contains("`steps.a.id` is not known: the answer was lost"), "{}", scene.failure("b"));
    let help = scene.engine.steps(true).remove(1).failure.and_then(|failure| failure.help).unwrap();
    assert!(help.contains("go on with `runbook resume demo-") && help.contains("--with FILE"), "{help}");
    assert_eq!(scene.engine.steps(false)[0].origin, Some(runbook_model::kind::Origin::Created));
}

#[test]
fn giving_up_ends_what_is_in_flight_and_then_the_run_for_good() {
    let mut scene = Scene::held(approval());
    let cancel = scene.giving_up();
    scene.input(cancel);
    assert_eq!(scene.read(), ["cancel-asked", "run-stopping cancelled"]);
    scene.answer("a", json!({}));
    assert_eq!(scene.read(), ["step-succeeded a unchanged", "run-ended cancelled"]);
    assert_eq!(scene.statuses(), ["ok cancelled", "a succeeded", "b cancelled", "c cancelled"]);
    assert_eq!(scene.engine.status(false).as_str(), "cancelled");
    scene.crash();
    assert!(scene.read().is_empty());
    assert_eq!(scene.end(), "Cancelled");
}

#[test]
fn a_run_that_nobody_holds_is_given_up_without_opening_anything_again() {
    let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {}}]}));
    scene.refuse("a", FailureClass::Denied);
    scene.reload();
    let cancel = scene.giving_up();
    scene.hold_and(Holding::default(), Some(cancel));
    assert_eq!(scene.read(), ["run-held", "cancel-asked", "run-stopping cancelled", "run-ended cancelled"]);
}

#[test]
fn the_first_signal_waits_for_calls_in_flight_and_the_second_does_not() {
    let mut scene =
        Scene::held(json!({"steps": [{"id": "a", "call": {"effect": "one-shot"}}, {"id": "b", "set": {}}]}));
    scene.stop();
    assert_eq!(scene.read(), ["run-stopping interrupted"]);
    scene.answer("a", json!({}));
    assert_eq!(scene.read(), ["step-succeeded a created", "run-ended interrupted"]);
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-succeeded b unchanged", "run-ended succeeded"]);

    let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {"effect": "one-shot"}}]}));
    scene.input(Input::Stop(StopReason::Terminated));
    scene.input(Input::Halt);
    assert_eq!(scene.read(), ["run-stopping terminated", "run-ended interrupted"]);
    assert_eq!(scene.statuses(), ["a in-doubt"]);
}

#[test]
fn a_retry_that_is_due_after_a_stop_is_left_to_the_resume() {
    let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {"effect": "one-shot"}}]}));
    scene.stop();
    scene.read();
    scene.refuse("a", FailureClass::Throttled);
    assert_eq!(scene.read(), ["attempt-failed a throttled, again", "run-ended interrupted"]);
    scene.crash();
    assert_eq!(scene.read(), ["run-held"]);
    scene.tick(1);
    assert_eq!(scene.read(), ["step-started a g1 a2", "> act a"]);
}
