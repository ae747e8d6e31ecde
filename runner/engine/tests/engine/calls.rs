//! Calls: intent, effect, outcome; retries; probes; doubt.

use runbook_model::failure::FailureClass;
use serde_json::json;

use crate::scene::Scene;

fn one_shot() -> Scene {
    Scene::held(json!({"steps": [{"id": "a", "call": {"effect": "one-shot"}}]}))
}

#[test]
fn an_intent_is_recorded_before_its_effect_and_the_outcome_with_the_next_intent() {
    let mut scene = Scene::new(json!({"steps": [
        {"id": "a", "call": {"effect": "one-shot", "arguments": {"name": "x"}}, "outputs": {"id": "${{ result.id }}"}},
        {"id": "b", "call": {"effect": "converges", "arguments": {"of": "${{ steps.a.id }}", "none": null}}},
    ]}));
    scene.hold();
    assert_eq!(scene.read(), ["run-held", "step-begun a", "step-started a g1 a1", "> act a"]);
    scene.answer("a", json!({"id": 7}));
    assert_eq!(scene.read(), ["step-succeeded a created", "step-begun b", "step-started b g1 a1", "> act b"]);
    assert_eq!(scene.call("b").arguments.exposed(), json!({"of": 7}));
    scene.answer("b", json!({}));
    assert_eq!(scene.read(), ["step-succeeded b changed", "run-ended succeeded"]);
}

#[test]
fn throttling_is_tried_again_under_the_same_token_and_a_refusal_is_not() {
    let mut scene = one_shot();
    let token = scene.call("a").token.clone();
    scene.refuse("a", FailureClass::Throttled);
    assert_eq!(scene.read(), ["attempt-failed a throttled, again"]);
    scene.tick(1);
    assert_eq!(scene.read(), ["step-started a g1 a2", "> act a"]);
    assert_eq!(scene.call("a").token, token);
    scene.refuse("a", FailureClass::Denied);
    assert_eq!(
        scene.read(),
        ["attempt-failed a denied", "step-failed a denied", "run-stopping failed", "run-ended failed"]
    );
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-reopened a g1", "step-started a g2 a3", "> act a"]);
    assert_ne!(scene.call("a").token, token);
}
