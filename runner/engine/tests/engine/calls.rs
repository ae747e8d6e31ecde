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

fn probed(effect: &str) -> serde_json::Value {
    json!({"steps": [{
        "id": "a",
        "call": {"effect": effect, "arguments": {"name": "x"}},
        "probe": {
            "call": {"kind": "see"},
            "matches": [{"that": "${{ result.owner == 'me' }}", "else": "it belongs to ${{ result.owner }}"}],
        },
        "outputs": {"id": "${{ result.id }}"},
    }]})
}

#[test]
fn what_is_there_and_matches_is_adopted() {
    let mut scene = Scene::new(probed("one-shot"));
    scene.hold();
    assert_eq!(scene.read(), ["run-held", "step-begun a", "> probe a"]);
    scene.answer("a", json!({"owner": "me", "id": 3}));
    assert_eq!(scene.read(), ["step-probed a matching", "step-succeeded a adopted", "run-ended succeeded"]);
    assert_eq!(scene.outputs("a").exposed(), json!({"id": 3}));
}

#[test]
fn what_is_there_and_differs_fails_with_the_authors_sentence() {
    let mut scene = Scene::held(probed("one-shot"));
    scene.answer("a", json!({"owner": "bob", "id": 3}));
    assert_eq!(
        scene.read(),
        ["step-probed a different", "step-failed a exists", "run-stopping failed", "run-ended failed"]
    );
    assert_eq!(scene.failure("a"), "exists: it belongs to bob");
}

#[test]
fn only_what_is_absent_is_made_and_a_retry_does_not_look_again() {
    let mut scene = Scene::held(probed("one-shot"));
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(scene.read(), ["step-probed a absent", "step-started a g1 a1", "> act a"]);
    scene.refuse("a", FailureClass::Throttled);
    scene.tick(1);
    assert_eq!(scene.read(), ["attempt-failed a throttled, again", "step-started a g1 a2", "> act a"]);
    scene.answer("a", json!({"id": 1}));
    assert_eq!(scene.read(), ["step-succeeded a created", "run-ended succeeded"]);
}

#[test]
fn an_absence_seen_by_a_dead_process_is_looked_at_again() {
    let mut scene = Scene::held(probed("one-shot"));
    scene.refuse("a", FailureClass::Missing);
    // The process dies after the look was recorded and before the intent was.
    scene.journal.truncate(scene.journal.len() - 1);
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "> probe a"]);
}

#[test]
fn a_probe_that_fails_is_tried_again_and_then_fails_the_step() {
    let mut scene = Scene::held(probed("one-shot"));
    scene.refuse("a", FailureClass::Unavailable);
    scene.tick(1);
    assert_eq!(scene.read(), ["attempt-failed a unavailable, again", "> probe a"]);
    scene.refuse("a", FailureClass::Denied);
    assert_eq!(scene.read()[..2], ["attempt-failed a denied", "step-failed a denied"]);
    assert_eq!(scene.failure("a"), "denied: the look failed: no");
}

#[test]
fn present_when_tells_presence_from_an_answer() {
    let mut plan = probed("one-shot");
    plan["steps"][0]["probe"]["present-when"] = "${{ result.items | length > 0 }}".into();
    plan["steps"][0]["probe"]["outputs"] = json!({"id": "${{ result.items[0] }}"});
    let mut scene = Scene::held(plan);
    scene.answer("a", json!({"items": []}));
    assert_eq!(scene.read(), ["step-probed a absent", "step-started a g1 a1", "> act a"]);
    scene.lose("a");
    scene.tick(1);
    scene.answer("a", json!({"items": [9], "owner": "me"}));
    assert_eq!(scene.outputs("a").exposed(), json!({"id": 9}));
}

#[test]
fn a_taken_name_that_the_probe_does_not_find_is_a_conflict_that_may_pass() {
    let mut scene = Scene::held(probed("one-shot"));
    scene.refuse("a", FailureClass::Missing);
    scene.read();
    scene.refuse("a", FailureClass::Exists);
    assert_eq!(scene.read(), ["attempt-failed a exists, again", "> probe a"]);
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(scene.read(), ["step-probed a absent", "attempt-failed a conflict, again"]);
    scene.tick(1);
    // Refused once, so this is another call under another token.
    assert_eq!(scene.read(), ["step-started a g2 a2", "> act a"]);
    scene.refuse("a", FailureClass::Exists);
    scene.answer("a", json!({"owner": "me", "id": 1}));
    assert_eq!(scene.read()[2..], ["step-probed a matching", "step-succeeded a adopted", "run-ended succeeded"]);
}

#[test]
fn a_taken_name_without_a_probe_fails() {
    let mut scene = one_shot();
    scene.refuse("a", FailureClass::Exists);
    assert_eq!(scene.read()[..2], ["attempt-failed a exists", "step-failed a exists"]);
}

#[test]
fn a_lost_one_shot_is_repeated_only_after_its_absence_has_held() {
    let mut scene = Scene::held(probed("one-shot"));
    scene.refuse("a", FailureClass::Missing);
    scene.read();
    let token = scene.call("a").token.clone();
    scene.lose("a");
    assert_eq!(scene.read(), ["step-in-doubt a"]);
    assert_eq!(scene.statuses(), ["a in-doubt"]);
    scene.tick(1);
    assert_eq!(scene.read(), ["> probe a"]);
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(scene.read(), ["step-probed a absent"]);
    scene.tick(14);
    assert!(scene.read().is_empty());
    scene.tick(1);
    assert_eq!(scene.read(), ["> probe a"]);
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(scene.read(), ["step-probed a absent", "step-started a g1 a2", "> act a"]);
    assert_eq!(scene.call("a").token, token);
}

#[test]
fn a_lost_one_shot_that_is_there_is_this_runs_own() {
    let mut scene = Scene::held(probed("one-shot"));
    scene.refuse("a", FailureClass::Missing);
    scene.lose("a");
    scene.tick(1);
    scene.read();
    scene.answer("a", json!({"owner": "me", "id": 5}));
    assert_eq!(scene.read(), ["step-probed a matching", "step-succeeded a created", "run-ended succeeded"]);
}

#[test]
fn a_lost_call_that_converges_is_repeated_with_the_same_token_as_soon_as_it_is_seen_absent() {
    let mut scene = Scene::held(probed("converges"));
    scene.refuse("a", FailureClass::Missing);
    scene.lose("a");
    scene.tick(1);
    scene.read();
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(scene.read(), ["step-probed a absent", "step-started a g1 a2", "> act a"]);
    // Its probe saw nothing, so that this run made it, whatever kind of call that was.
    scene.answer("a", json!({"id": 1}));
    assert_eq!(scene.read(), ["step-succeeded a created", "run-ended succeeded"]);
}

#[test]
fn a_crash_in_the_call_leaves_it_in_doubt() {
    for (effect, then) in [
        ("reads", vec!["run-held", "step-started a g1 a2", "> act a"]),
        ("converges", vec!["run-held", "step-started a g1 a2", "> act a"]),
        ("one-shot", vec!["run-held", "step-parked a doubt", "run-stopping parked", "run-ended parked"]),
    ] {
        let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {"effect": effect}}]}));
        scene.crash();
        assert_eq!(scene.read(), then, "{effect}");
    }
    let mut scene = Scene::held(probed("one-shot"));
    scene.refuse("a", FailureClass::Missing);
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "> probe a"]);
}

#[test]
fn a_token_of_more_than_an_hour_makes_nothing_safe() {
    let token = json!({"steps": [{"id": "a", "call": {"effect": "converges", "token": true}}]});
    let mut scene = Scene::held(token.clone());
    scene.now += 3_600_000;
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-started a g1 a2", "> act a"]);
    let mut scene = Scene::held(token);
    scene.now += 3_600_001;
    scene.crash();
    assert_eq!(scene.read()[..2], ["run-held", "step-parked a doubt"]);
    let mut named = Scene::held(json!({"steps": [{"id": "a", "call": {"effect": "converges"}}]}));
    named.now += 3_600_001;
    named.crash();
    assert_eq!(named.read(), ["run-held", "step-started a g1 a2", "> act a"]);
}

#[test]
fn lost_replies_use_up_the_tries() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "a", "call": {"effect": "converges"}, "retry": {"attempts": 2}},
    ]}));
    scene.lose("a");
    scene.tick(1);
    scene.read();
    scene.lose("a");
    assert_eq!(scene.read()[..2], ["step-in-doubt a", "step-failed a timeout"]);
    // It still is in doubt, and what converges is repeated with the same token.
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-reopened a g1", "step-started a g1 a3", "> act a"]);
}

#[test]
fn lost_replies_end_with_a_last_look_where_there_is_a_probe() {
    let mut plan = probed("converges");
    plan["steps"][0]["retry"] = json!({"attempts": 1});
    let mut scene = Scene::held(plan);
    scene.refuse("a", FailureClass::Missing);
    scene.read();
    scene.lose("a");
    assert_eq!(scene.read(), ["step-in-doubt a", "> probe a"]);
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(scene.read()[..2], ["step-probed a absent", "step-failed a timeout"]);
}

#[test]
fn a_reading_that_got_no_answer_is_made_again() {
    let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {"effect": "reads"}, "retry": {"attempts": 2}}]}));
    scene.lose("a");
    scene.tick(1);
    assert_eq!(scene.read(), ["attempt-failed a timeout, again", "step-started a g1 a2", "> act a"]);
    scene.lose("a");
    assert_eq!(scene.read()[..2], ["attempt-failed a timeout", "step-failed a timeout"]);
}

#[test]
fn an_accepted_failure_is_an_answer_at_once() {
    let mut scene = Scene::held(json!({"steps": [{
        "id": "a", "call": {}, "accept": ["missing", "throttled", "Odd"],
        "outputs": {"there": "${{ error.class is none }}", "code": "${{ error.code }}", "n": "${{ attempt }}"},
    }]}));
    scene.outcome("a", Err(runbook_model::failure::Failure::new(FailureClass::Throttled, "slow").code("Slow")));
    assert_eq!(scene.read(), ["step-succeeded a unchanged", "run-ended succeeded"]);
    assert_eq!(scene.outputs("a").exposed(), json!({"there": false, "code": "Slow", "n": 1}));
}

#[test]
fn checks_fail_or_warn_with_the_authors_sentences() {
    let mut scene = Scene::held(json!({"steps": [{
        "id": "a", "call": {},
        "check": [
            {"that": "${{ result.n > 1 }}", "else": "only ${{ result.n }}"},
            {"that": "${{ result.m }}"},
            {"that": "${{ false }}", "else": "odd", "warns": true},
        ],
    }]}));
    scene.answer("a", json!({"n": 1, "m": []}));
    assert_eq!(
        scene.read(),
        ["attempt-failed a check-failed", "step-failed a check-failed", "run-stopping failed", "run-ended failed"]
    );
    assert_eq!(scene.failure("a"), "check-failed: only 1\n`result.m` is false (demo.yaml:2:3)");
    scene.crash();
    scene.answer("a", json!({"n": 2, "m": [1]}));
    assert_eq!(scene.engine.steps(false)[0].warnings, ["odd"]);
    assert_eq!(scene.outputs("a").exposed(), json!({"result": {"n": 2, "m": [1]}}));
}

#[test]
fn a_one_shot_whose_answer_was_found_wanting_is_not_simply_repeated() {
    let plan = |probe: bool| {
        let mut step = json!({
            "id": "a", "call": {"effect": "one-shot"}, "check": [{"that": "${{ false }}", "else": "odd"}],
        });
        if probe {
            step["probe"] = json!({"call": {"kind": "see"}});
        }
        json!({"steps": [step]})
    };
    let mut scene = Scene::held(plan(false));
    scene.answer("a", json!({}));
    scene.crash();
    assert_eq!(scene.read()[..3], ["run-held", "step-reopened a g1", "step-parked a doubt"]);
    let mut scene = Scene::held(plan(true));
    scene.refuse("a", FailureClass::Missing);
    scene.answer("a", json!({}));
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-reopened a g1", "> probe a"]);
    scene.answer("a", json!({}));
    assert_eq!(scene.read()[..2], ["step-probed a matching", "step-succeeded a created"]);
}

#[test]
fn a_false_check_is_tried_again_where_the_author_says_so_and_that_does_nothing_twice() {
    let plan = |effect: &str| {
        json!({"steps": [{
            "id": "a", "call": {"effect": effect}, "check": [{"that": "${{ result.n > 1 }}", "else": "only ${{ result.n }}"}],
            "retry": {"errors": ["check-failed"]},
        }]})
    };
    let mut scene = Scene::held(plan("converges"));
    let token = scene.call("a").token.clone();
    scene.answer("a", json!({"n": 1}));
    scene.tick(1);
    assert_eq!(scene.read(), ["attempt-failed a check-failed, again", "step-started a g1 a2", "> act a"]);
    assert_eq!(scene.call("a").token, token);
    scene.answer("a", json!({"n": 2}));
    assert_eq!(scene.read(), ["step-succeeded a changed", "run-ended succeeded"]);

    let mut scene = Scene::held(plan("one-shot"));
    scene.answer("a", json!({"n": 1}));
    assert_eq!(scene.read()[..2], ["attempt-failed a check-failed", "step-failed a check-failed"]);
    // What the call says itself is no check.
    let mut scene = Scene::held(plan("one-shot"));
    scene.outcome("a", Err(runbook_model::failure::Failure::new(FailureClass::CheckFailed, "ended").code("exit-1")));
    assert_eq!(scene.read(), ["attempt-failed a check-failed, again"]);
}

#[test]
fn an_answer_whose_outputs_cannot_be_made_out_fails_with_the_place() {
    let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {}, "outputs": {"x": "${{ result.y }}"}}]}));
    scene.answer("a", json!({"z": 1}));
    assert_eq!(scene.failure("a"), "check-failed: demo.yaml:3:5: `result.y` is undefined");
}

#[test]
fn errors_named_by_the_author_are_tried_again_where_when_lets_them() {
    let mut scene = Scene::held(json!({"steps": [{
        "id": "a", "call": {"effect": "one-shot"},
        "retry": {"errors": ["Invalid"], "when": "${{ 'soon' in error.message and attempt < 3 }}"},
    }]}));
    let invalid =
        |message: &str| Err(runbook_model::failure::Failure::new(FailureClass::Invalid, message).code("Invalid"));
    scene.outcome("a", invalid("soon"));
    scene.tick(1);
    assert_eq!(scene.read(), ["attempt-failed a invalid, again", "step-started a g2 a2", "> act a"]);
    scene.outcome("a", invalid("never"));
    assert_eq!(scene.read()[..2], ["attempt-failed a invalid", "step-failed a invalid"]);
}

#[test]
fn when_does_not_narrow_what_is_tried_again_anyway() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "a", "call": {}, "retry": {"errors": ["Invalid"], "when": "${{ false }}"}},
    ]}));
    scene.refuse("a", FailureClass::Conflict);
    assert_eq!(scene.read(), ["attempt-failed a conflict, again"]);
}

#[test]
fn a_login_that_ran_out_parks_the_run_and_a_resume_goes_on() {
    let mut scene = one_shot();
    scene.refuse("a", FailureClass::ExpiredCredentials);
    assert_eq!(
        scene.read(),
        [
            "attempt-failed a expired-credentials",
            "step-parked a credentials",
            "run-stopping parked",
            "run-ended parked"
        ]
    );
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-reopened a g1", "step-started a g1 a2", "> act a"]);
}

#[test]
fn a_result_above_the_limit_is_not_kept_and_reading_it_says_so() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "a", "call": {}},
        {"id": "b", "set": {"n": "${{ steps.a.result | length }}"}},
    ]}));
    scene.answer("a", json!("x".repeat(300 * 1024)));
    assert_eq!(scene.read()[..2], ["step-succeeded a unchanged", "step-failed b invalid"]);
    assert!(scene.failure("b").contains("larger than a journal keeps (256 KiB)"), "{}", scene.failure("b"));
}

#[test]
fn a_deadline_allows_one_more_look_and_then_parks() {
    let mut plan = probed("one-shot");
    plan["steps"][0]["timeout"] = "10s".into();
    plan["steps"][0]["retry"] = json!({"attempts": 9, "delay": "6s"});
    let mut scene = Scene::held(plan);
    scene.refuse("a", FailureClass::Missing);
    scene.refuse("a", FailureClass::Throttled);
    scene.tick(6);
    scene.read();
    scene.refuse("a", FailureClass::Throttled);
    scene.tick(4);
    assert_eq!(scene.read(), ["attempt-failed a throttled, again", "> probe a"]);
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(
        scene.read(),
        ["step-probed a absent", "step-parked a deadline", "run-stopping parked", "run-ended timedout"]
    );
    let step = scene.engine.steps(false).remove(0);
    assert_eq!(step.reason.as_deref(), Some("it was not done within 10s; last failure: no"));
    assert_eq!(step.status.as_str(), "parked");
    // A resume grants the whole time again.
    scene.now += 60_000;
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-reopened a g1", "> probe a"]);
    assert_eq!(scene.engine.steps(true)[0].deadline.unwrap().as_millis(), scene.now + 10_000);
}

#[test]
fn a_changing_call_near_its_deadline_is_not_cut_short_and_may_still_succeed() {
    let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {"effect": "one-shot"}, "timeout": "5s"}]}));
    assert_eq!(scene.call("a").limit.to_string(), "25s");
    scene.now += 6_000;
    scene.answer("a", json!({}));
    assert_eq!(scene.read(), ["step-succeeded a created", "run-ended succeeded"]);
}

#[test]
fn an_accepted_failure_that_its_author_cannot_use_fails_the_step_and_leaves_no_doubt() {
    let plan = |extra: serde_json::Value| {
        let mut step = json!({"id": "a", "call": {"effect": "one-shot"}, "accept": ["missing"]});
        step.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"steps": [step]})
    };
    for extra in [
        json!({"outputs": {"x": "${{ result.x }}"}}),
        json!({"check": [{"that": "${{ error.class is none }}", "else": "it is missing"}]}),
    ] {
        let mut scene = Scene::held(plan(extra));
        scene.refuse("a", FailureClass::Missing);
        assert_eq!(scene.read()[0], "attempt-failed a missing");
        scene.crash();
        assert_eq!(scene.read(), ["run-held", "step-reopened a g1", "step-started a g2 a2", "> act a"]);
    }
}

#[test]
fn a_stop_waits_for_an_effect_and_not_for_a_probe() {
    let mut scene = Scene::held(probed("one-shot"));
    scene.stop();
    assert_eq!(scene.read(), ["run-stopping interrupted", "run-ended interrupted", "> abandon a"]);
}
