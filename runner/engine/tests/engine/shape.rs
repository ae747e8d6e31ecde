//! `adjust`, which brings into shape what is there, and `verify`, which asks whether what is done still holds.

use runbook_engine::event::Word;
use runbook_engine::input::Holding;
use runbook_model::failure::FailureClass;
use runbook_model::time::Timestamp;
use serde_json::{Value as J, json};

use crate::scene::Scene;

fn adjusting() -> J {
    json!({"steps": [
        {"id": "want", "set": {"size": 3}},
        {"id": "a", "call": {"effect": "one-shot"},
            "probe": {"call": {"kind": "see"}, "outputs": {"size": "${{ result }}"},
                "matches": [{"that": "${{ result == steps.want.size }}", "else": "its size is ${{ result }}"}]},
            "adjust": [
                {"id": "grow", "call": {"effect": "converges", "arguments": {"to": "${{ steps.want.size }}"}}},
                {"id": "tell", "call": {"effect": "converges"}},
            ]},
        {"id": "after", "set": {"size": "${{ steps.a.size }}"}},
    ]})
}

#[test]
fn what_is_there_and_not_as_wanted_is_adjusted_and_looked_at_again() {
    let mut scene = Scene::held(adjusting());
    scene.answer("a", json!(2));
    assert_eq!(
        scene.read(),
        [
            "step-probed a different",
            "step-adjusting a",
            "step-begun a/adjust/grow",
            "step-started a/adjust/grow g1 a1",
            "> act a/adjust/grow"
        ]
    );
    assert_eq!(scene.call("a/adjust/grow").arguments.exposed(), json!({"to": 3}));
    scene.answer("a/adjust/grow", json!({}));
    scene.read();
    scene.answer("a/adjust/tell", json!({}));
    assert_eq!(scene.read(), ["step-succeeded a/adjust/tell changed", "> probe a"]);
    scene.answer("a", json!(3));
    assert_eq!(
        scene.read(),
        ["step-probed a matching", "step-succeeded a changed", "step-succeeded after unchanged", "run-ended succeeded"]
    );
    assert_eq!(scene.outputs("after").exposed(), json!({"size": 3}));
    let paths: Vec<String> = scene.engine.steps(false).iter().map(|step| step.path.to_string()).collect();
    assert_eq!(paths, ["want", "a", "a/adjust/grow", "a/adjust/tell", "after"]);
}

#[test]
fn what_adjusting_does_not_change_fails_with_what_was_and_what_is() {
    let mut scene = Scene::held(adjusting());
    scene.answer("a", json!(1));
    scene.answer("a/adjust/grow", json!({}));
    scene.answer("a/adjust/tell", json!({}));
    scene.answer("a", json!(2));
    assert_eq!(scene.failure("a"), "exists: its size is 2\nbefore `adjust` it was: its size is 1");
    // The resume looks from the beginning, and adjusts once more.
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-reopened a g0", "> probe a"]);
    scene.answer("a", json!(2));
    assert_eq!(
        scene.read(),
        [
            "step-probed a different",
            "step-adjusting a",
            "step-begun a/adjust/grow",
            "step-started a/adjust/grow g2 a2",
            "> act a/adjust/grow"
        ]
    );
    scene.answer("a/adjust/grow", json!({}));
    scene.answer("a/adjust/tell", json!({}));
    scene.answer("a", json!(2));
    assert_eq!(scene.failure("a"), "exists: its size is 2\n`adjust` has run and changed nothing of that");
}

#[test]
fn adjusting_goes_on_where_a_crash_or_a_failure_left_it() {
    let mut scene = Scene::held(adjusting());
    scene.answer("a", json!(2));
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-started a/adjust/grow g1 a2", "> act a/adjust/grow"]);
    scene.answer("a/adjust/grow", json!({}));
    scene.refuse("a/adjust/tell", FailureClass::Denied);
    assert_eq!(scene.failure("a"), "denied: `a/adjust/tell` failed: no");
    assert_eq!(scene.end(), "Failed");
    scene.crash();
    assert_eq!(
        scene.read(),
        [
            "run-held",
            "step-reopened a g0",
            "step-reopened a/adjust/tell g1",
            "step-started a/adjust/tell g2 a2",
            "> act a/adjust/tell"
        ]
    );
    scene.answer("a/adjust/tell", json!({}));
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "> probe a"]);
    scene.answer("a", json!(3));
    assert_eq!(scene.end(), "Succeeded");
}

#[test]
fn what_adjusting_took_away_is_made() {
    let mut scene = Scene::held(adjusting());
    scene.answer("a", json!(2));
    scene.answer("a/adjust/grow", json!({}));
    scene.answer("a/adjust/tell", json!({}));
    scene.read();
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(scene.read(), ["step-probed a absent", "step-started a g1 a1", "> act a"]);
}

#[test]
fn items_are_adjusted_one_by_one() {
    let mut plan = adjusting();
    plan["steps"][1]["for-each"] = json!([1, 2]);
    plan["steps"][1]["adjust"] =
        json!([{"id": "grow", "call": {"effect": "converges", "arguments": {"item": "${{ item }}"}}}]);
    plan["steps"][2] = json!({"id": "after", "set": {}});
    let mut scene = Scene::held(plan);
    scene.answer("a[1]", json!(3));
    scene.answer("a[2]", json!(2));
    assert_eq!(scene.call("a[2]/adjust/grow").arguments.exposed(), json!({"item": 2}));
    scene.answer("a[2]/adjust/grow", json!({}));
    scene.answer("a[2]", json!(3));
    assert_eq!(scene.end(), "Succeeded");
}

/// A step that is verified before `b` runs on it; `a` is done, and the process has died.
fn verifying(effect: &str, probe: bool) -> Scene {
    let mut plan = json!({"steps": [
        {"id": "other", "call": {}, "verify": {"call": {"kind": "see"}}},
        {"id": "a", "call": {"effect": effect}, "outputs": {"id": "${{ result.id }}"},
            "verify": {"call": {"kind": "see"}, "check": [{"that": "${{ result == 1 }}", "else": "it is ${{ result }}"}]}},
        {"id": "b", "call": {"arguments": {"id": "${{ steps.a.id }}"}}},
    ]});
    if probe {
        plan["steps"][1]["probe"] = json!({"call": {"kind": "see"}, "outputs": {"id": "${{ result }}"}});
    }
    let mut scene = Scene::held(plan);
    scene.answer("other", json!({}));
    if probe {
        scene.refuse("a", FailureClass::Missing);
    }
    scene.answer("a", json!({"id": "x"}));
    scene.crash();
    scene
}

#[test]
fn what_something_rests_on_is_verified_first() {
    let mut scene = verifying("one-shot", false);
    // Nothing needs `other` any more.
    assert_eq!(scene.read(), ["run-held", "> verify a"]);
    scene.answer("a", json!(1));
    assert_eq!(scene.read(), ["step-verified a holds", "step-started b g1 a2", "> act b"]);
    scene.answer("b", json!({}));
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "run-ended succeeded"]);
}

#[test]
fn what_does_not_hold_any_more_is_looked_at_as_its_effect_allows() {
    let mut scene = verifying("one-shot", true);
    scene.read();
    scene.answer("a", json!(2));
    assert_eq!(scene.read(), ["step-verified a does not hold", "step-reopened a g2", "> probe a"]);
    scene.refuse("a", FailureClass::Missing);
    scene.tick(15);
    scene.read();
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(scene.read(), ["step-probed a absent", "step-started a g2 a2", "> act a"]);
    scene.answer("a", json!({"id": "y"}));
    assert_eq!(scene.call("b").arguments.exposed(), json!({"id": "y"}));

    let mut scene = verifying("converges", false);
    scene.read();
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(
        scene.read(),
        [
            "attempt-failed a missing",
            "step-verified a does not hold",
            "step-reopened a g2",
            "step-started a g2 a2",
            "> act a"
        ]
    );
}

#[test]
fn a_person_is_asked_about_what_cannot_be_repeated_and_keeps_what_it_gave() {
    let mut scene = verifying("one-shot", false);
    scene.answer("a", json!(2));
    assert_eq!(scene.end(), "Parked");
    let reason = scene.engine.steps(false)[1].reason.clone().unwrap();
    assert!(reason.ends_with(": it is 2"), "{reason}");
    let word = scene.word("a", 2, Word::Done);
    scene.reload();
    scene.hold_and(Holding::default(), Some(word));
    // It needs `other`, which is verified for it.
    scene.answer("other", json!({}));
    assert_eq!(scene.call("b").arguments.exposed(), json!({"id": "x"}));
}

#[test]
fn a_look_that_fails_for_a_passing_reason_is_made_again() {
    let mut scene = verifying("one-shot", false);
    scene.read();
    scene.refuse("a", FailureClass::Throttled);
    assert_eq!(scene.read(), ["attempt-failed a throttled, again"]);
    scene.tick(2);
    assert_eq!(scene.read(), ["> verify a"]);
    // A login that has expired says nothing about the step: it is looked at by whoever resumes.
    scene.refuse("a", FailureClass::ExpiredCredentials);
    assert_eq!(scene.read(), ["run-ended parked"]);
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "> verify a"]);
}

#[test]
fn what_stands_in_something_finished_is_verified_for_those_who_need_that() {
    let inner = json!({"name": "inner", "steps": [
        {"id": "x", "call": {"effect": "converges"}, "outputs": {"id": "${{ result }}"}, "verify": {"call": {"kind": "see"}}},
    ], "outputs": {"id": "${{ steps.x.id }}"}});
    let mut scene = Scene::held(json!({"steps": [
        {"id": "n", "for-each": ["p", "q"], "run": {"body": inner}},
        {"id": "b", "set": {"id": "${{ steps.n.p.id ~ steps.n.q.id }}"}},
        {"id": "c", "call": {"arguments": {"n": "${{ steps.n }}"}}, "needs": ["n", "b"]},
    ]}));
    scene.answer("n[p]/x", json!("1"));
    scene.answer("n[q]/x", json!("2"));
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "> verify n[p]/x", "> verify n[q]/x"]);
    scene.answer("n[p]/x", json!({}));
    scene.refuse("n[q]/x", FailureClass::Missing);
    scene.answer("n[q]/x", json!("3"));
    assert_eq!(scene.call("c").arguments.exposed(), json!({"n": {"p": {"id": "1"}, "q": {"id": "3"}}}));
    scene.answer("c", json!({}));
    assert_eq!(scene.end(), "Succeeded");
}

#[test]
fn the_plan_of_a_resume_says_what_is_verified() {
    let mut scene = verifying("one-shot", true);
    scene.reload();
    let plan = scene.engine.resumption(None, Timestamp::from_millis(0));
    let told: Vec<(String, &str)> = plan.iter().map(|step| (step.path.to_string(), step.reason.as_str())).collect();
    assert_eq!(told[0], ("other".into(), "it is done"));
    assert_eq!(
        told[1],
        ("a".into(), "it is done; its `verify` is asked first, and it is looked at again if that fails")
    );
}
