//! Effects that go on outside after their call: asked about, lost, in doubt.

use runbook_model::answer::Progress;
use runbook_model::failure::{Failure, FailureClass};
use serde_json::json;

use crate::scene::Scene;

fn one_shot() -> Scene {
    Scene::held(json!({"steps": [{"id": "a", "call": {"effect": "one-shot"}}]}))
}

#[test]
fn an_effect_that_goes_on_outside_is_asked_about_also_by_the_next_process() {
    let going = |n: i64| Ok(Progress::Going { ticket: n.into(), observed: Some(format!("{n} of 3")) });
    let mut scene = one_shot();
    scene.outcome("a", going(1));
    assert_eq!(scene.read(), ["step-going a"]);
    scene.tick(1);
    assert_eq!(scene.read(), ["> poll a"]);
    scene.outcome("a", going(2));
    scene.crash();
    scene.tick(1);
    assert_eq!(scene.read(), ["run-held", "> poll a"]);
    let runbook_engine::command::Purpose::Poll { ticket } = &scene.call("a").purpose else { panic!("polls") };
    assert_eq!(ticket.as_i64(), Some(2));
    scene.refuse("a", FailureClass::Throttled);
    scene.tick(1);
    assert_eq!(scene.read(), ["attempt-failed a throttled, again", "> poll a"]);
    scene.answer("a", json!({"ok": true}));
    assert_eq!(scene.read(), ["step-succeeded a created", "run-ended succeeded"]);
}

#[test]
fn an_effect_that_nobody_can_be_asked_about_any_more_is_in_doubt() {
    let gone = || Err(Failure::new(FailureClass::Unknown, "nobody knows how it ended").doubtful());
    let going = || Ok(Progress::Going { ticket: 1.into(), observed: None });
    let mut scene = one_shot();
    scene.outcome("a", going());
    scene.tick(1);
    scene.read();
    // Where the answer was only lost it is asked again.
    scene.lose("a");
    scene.tick(1);
    assert_eq!(scene.read(), ["attempt-failed a timeout, again", "> poll a"]);
    scene.outcome("a", gone());
    assert_eq!(scene.read(), ["step-in-doubt a", "step-parked a doubt", "run-stopping parked", "run-ended parked"]);
    scene.crash();
    let parked = ["run-held", "run-stopping parked", "run-ended parked"];
    assert_eq!(scene.read(), parked, "nothing is done before somebody has looked");

    let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {"effect": "converges"}}]}));
    scene.outcome("a", going());
    scene.tick(1);
    scene.outcome("a", gone());
    scene.tick(1);
    assert_eq!(scene.read()[2..], ["step-in-doubt a", "step-started a g1 a2", "> act a"]);
}
