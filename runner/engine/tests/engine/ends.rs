//! Ends: what runs when a runbook's steps are over, and that nothing half done counts as done.

use serde_json::json;

use crate::scene::Scene;

#[test]
fn what_was_stopped_in_the_middle_is_not_done() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "n", "needs": [], "run": {"body": {"steps": [{"id": "x", "call": {}}, {"id": "y", "call": {}}]}}},
        {"id": "l", "needs": [], "for-each": ["a", "b"], "concurrency": 1, "call": {}},
        {"id": "bad", "needs": [], "call": {}},
    ]}));
    scene.refuse("bad", runbook_model::failure::FailureClass::Invalid);
    scene.answer("n/x", json!({}));
    scene.answer("l[a]", json!({}));
    assert_eq!(scene.end(), "Failed");
    let there = |wanted: &str| scene.statuses().contains(&wanted.to_owned());
    assert!(there("n running") && there("n/y pending") && there("l running") && there("l[b] pending"));
    scene.crash();
    scene.answer("bad", json!({}));
    scene.answer("n/y", json!({}));
    scene.answer("l[b]", json!({}));
    assert_eq!(scene.end(), "Succeeded");
}
