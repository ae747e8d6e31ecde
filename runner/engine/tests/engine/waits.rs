//! `wait-for`: when it looks, what it makes of what it sees.

use runbook_model::answer::Answer;
use runbook_model::failure::{Failure, FailureClass};
use serde_json::{Value as J, json};

use crate::scene::Scene;

fn wait(extra: &J) -> J {
    let mut wait =
        json!({"source": {"kind": "see"}, "until": "${{ result.n >= 3 }}", "observe": "n is ${{ result.n }}"});
    for (key, value) in extra.as_object().unwrap() {
        wait[key] = value.clone();
    }
    json!({"steps": [{"id": "w", "wait": wait, "timeout": "10m", "outputs": {"n": "${{ result.n }}", "looks": "${{ attempt }}"}}]})
}

#[test]
fn it_looks_at_once_after_a_second_and_then_ever_later() {
    let mut scene = Scene::new(wait(&json!({"every": "3s"})));
    scene.hold();
    assert_eq!(scene.read(), ["run-held", "step-begun w", "> look 1 w"]);
    for (look, pause) in [(2, 1_000), (3, 1_500), (4, 2_250), (5, 3_000), (6, 3_000)] {
        scene.answer("w", json!({"n": 0}));
        assert_eq!(scene.read(), ["step-looked w"]);
        scene.now += pause - 1;
        scene.tick(0);
        assert!(scene.read().is_empty());
        scene.now += 1;
        scene.tick(0);
        assert_eq!(scene.read(), [format!("> look {look} w")]);
    }
    let step = scene.engine.steps(true).remove(0);
    assert_eq!((step.status.as_str(), step.observed.as_deref(), step.attempts), ("waiting", Some("n is 0"), 5));
    scene.answer("w", json!({"n": 3}));
    assert_eq!(scene.read(), ["step-succeeded w unchanged", "run-ended succeeded"]);
    assert_eq!(scene.outputs("w").exposed(), json!({"n": 3, "looks": 6}));
    assert_eq!(scene.engine.steps(false)[0].attempts, 6, "the look that saw it counts");
}

#[test]
fn what_blocks_is_told_beside_what_the_author_shows() {
    let blocked = || Answer {
        output: json!({"n": 0}).into(),
        blocks: Some("pod a has no node".to_owned()),
        ..Default::default()
    };
    let mut scene = Scene::held(wait(&json!({})));
    scene.done("w", blocked());
    assert_eq!(scene.engine.steps(true)[0].observed.as_deref(), Some("n is 0; pod a has no node"));
    scene.now += 700_000;
    scene.tick(0);
    scene.done("w", blocked());
    let reason = scene.engine.steps(false).remove(0).reason.unwrap();
    assert!(reason.contains("pod a has no node"), "{reason}");

    let mut scene = Scene::held(wait(&json!({"fail-when": [{"when": "${{ result.n == 0 }}"}]})));
    scene.done("w", blocked());
    let because = scene.engine.state().ended().unwrap().because.clone().unwrap();
    assert_eq!(because.failure.help.as_deref(), Some("pod a has no node"));
}

#[test]
fn looks_are_counted_across_processes_and_the_time_runs_on() {
    let mut scene = Scene::held(wait(&json!({"else": "still ${{ attempt }} looks"})));
    scene.answer("w", json!({"n": 0}));
    scene.tick(1);
    scene.answer("w", json!({"n": 1}));
    scene.now += 700_000;
    scene.crash();
    // The time is up while nobody looked: one more look, then it parks.
    assert_eq!(scene.read(), ["run-held", "> look 3 w"]);
    scene.answer("w", json!({"n": 2}));
    assert_eq!(scene.read(), ["step-looked w", "step-parked w deadline", "run-stopping parked", "run-ended timedout"]);
    let reason = scene.engine.steps(false).remove(0).reason.unwrap();
    assert_eq!(reason, "still 3 looks; last seen: n is 2");
    let because = scene.engine.state().ended().unwrap().because.clone().unwrap();
    assert_eq!((because.failure.class, because.failure.message), (FailureClass::Timeout, reason));
    scene.crash_with(runbook_engine::input::Holding { extend: Some("1m".parse().unwrap()), ..Default::default() });
    assert_eq!(scene.read(), ["run-held", "step-reopened w g1", "> look 4 w"]);
    assert_eq!(scene.engine.steps(true)[0].deadline.unwrap().as_millis(), scene.now + 60_000);
}

#[test]
fn absent_means_not_yet_and_other_failures_follow_the_retry() {
    let mut scene = Scene::held(wait(&json!({})));
    scene.refuse("w", FailureClass::Missing);
    scene.tick(1);
    assert_eq!(scene.read(), ["step-looked w", "> look 2 w"]);
    scene.refuse("w", FailureClass::Throttled);
    assert_eq!(scene.read(), ["attempt-failed w throttled, again"]);
    scene.tick(1);
    assert_eq!(scene.read(), ["> look 3 w"]);
    scene.refuse("w", FailureClass::Denied);
    assert_eq!(scene.read()[..2], ["attempt-failed w denied", "step-failed w denied"]);
}

#[test]
fn a_source_that_answers_between_failures_starts_the_count_of_tries_anew() {
    let mut scene = Scene::held(wait(&json!({})));
    for _ in 0..6 {
        scene.refuse("w", FailureClass::Unavailable);
        scene.tick(1);
        scene.answer("w", json!({"n": 0}));
        scene.tick(15);
    }
    assert_eq!(scene.statuses(), ["w waiting"]);
}

#[test]
fn expressions_that_read_error_judge_failed_looks_too() {
    let gone =
        json!({"reads-error": true, "until": "${{ error.class == 'missing' }}", "observe": "${{ error.message }}"});
    let mut scene = Scene::held(wait(&gone));
    scene.refuse("w", FailureClass::Denied);
    assert_eq!(scene.read(), ["step-looked w"]);
    scene.tick(1);
    scene.outcome("w", Err(Failure::new(FailureClass::Missing, "gone")));
    // `result` is null after a failed look, so outputs that read it fail the step.
    assert!(scene.failure("w").contains("result.n"), "{}", scene.failure("w"));
    let mut plan = wait(&gone);
    plan["steps"][0]["outputs"] = json!({"class": "${{ error.class }}"});
    let mut scene = Scene::held(plan);
    scene.refuse("w", FailureClass::Missing);
    assert_eq!(scene.read(), ["step-succeeded w unchanged", "run-ended succeeded"]);
    assert_eq!(scene.outputs("w").exposed(), json!({"class": "missing"}));
}

#[test]
fn an_expression_that_does_not_read_error_is_not_asked_about_a_failed_look() {
    let mixed = json!({"reads-error": true, "observe": "${{ error.class or result.n }}", "fail-when": [
        {"when": "${{ error.class == 'denied' }}", "say": "${{ error.message }}"}, {"when": "${{ result.n < 0 }}"},
    ]});
    let mut scene = Scene::held(wait(&mixed));
    scene.refuse("w", FailureClass::Missing);
    assert_eq!(scene.read(), ["step-looked w"]);
    assert_eq!(scene.engine.steps(true)[0].observed.as_deref(), Some("missing"));
    scene.tick(1);
    // What neither `until` nor `fail-when` decides follows `retry`.
    scene.refuse("w", FailureClass::Throttled);
    assert_eq!(scene.read(), ["> look 2 w", "attempt-failed w throttled, again"]);
    scene.tick(1);
    scene.outcome("w", Err(Failure::new(FailureClass::Denied, "not yours")));
    assert_eq!(scene.failure("w"), "check-failed: not yours");
}

#[test]
fn a_passing_failure_does_not_end_a_wait_whose_author_did_not_think_of_it() {
    let careless = json!({"reads-error": true, "until": "${{ error.class == 'missing' or result.n == 1 }}"});
    let mut scene = Scene::held(wait(&careless));
    scene.refuse("w", FailureClass::Throttled);
    assert_eq!(scene.read(), ["attempt-failed w throttled, again"]);
    scene.tick(1);
    scene.refuse("w", FailureClass::Denied);
    assert!(scene.failure("w").contains("`result.n`"), "{}", scene.failure("w"));
}

#[test]
fn what_is_hopeless_fails_with_the_authors_sentence() {
    let fails = json!({"fail-when": [
        {"when": "${{ result.n == 1 }}"}, {"when": "${{ result.n < 0 }}", "say": "it sank to ${{ result.n }}"},
    ]});
    let mut scene = Scene::held(wait(&fails));
    scene.answer("w", json!({"n": -2}));
    assert_eq!(scene.read()[..2], ["attempt-failed w check-failed", "step-failed w check-failed"]);
    assert_eq!(scene.failure("w"), "check-failed: it sank to -2");
    let mut scene = Scene::held(wait(&fails));
    scene.answer("w", json!({"n": 1}));
    assert_eq!(scene.failure("w"), "check-failed: `result.n == 1` is true: n is 1");
}

#[test]
fn it_has_to_hold_for_as_long_as_the_author_wants() {
    let mut scene = Scene::held(wait(&json!({"stable-for": "4s"})));
    scene.answer("w", json!({"n": 3}));
    scene.tick(1);
    scene.answer("w", json!({"n": 0}));
    scene.tick(2);
    scene.answer("w", json!({"n": 3}));
    assert_eq!(scene.read(), ["step-looked w", "> look 2 w", "step-looked w", "> look 3 w", "step-looked w"]);
    scene.crash();
    scene.tick(3);
    scene.answer("w", json!({"n": 4}));
    assert_eq!(scene.read(), ["run-held", "> look 4 w", "step-looked w"]);
    // The last look comes when it will have held for long enough, not a pause later.
    scene.tick(1);
    assert_eq!(scene.read(), ["> look 5 w"]);
    scene.answer("w", json!({"n": 3}));
    assert_eq!(scene.end(), "Succeeded");
}

#[test]
fn a_source_that_watches_is_asked_with_patience_from_where_it_was() {
    let mut scene = Scene::held(wait(&json!({"source": {"kind": "see"}, "every": "20s"})));
    let look = |scene: &Scene| match &scene.call("w").purpose {
        runbook_engine::command::Purpose::Look(look) => (look.patience.to_string(), look.mark.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(look(&scene), ("0s".into(), None));
    scene.done("w", Answer { output: json!({"n": 0}).into(), mark: Some("v1".into()), ..Answer::default() });
    scene.tick(1);
    assert_eq!(look(&scene), ("50s".into(), Some("v1".into())));
    scene.now += 48_000;
    scene.done("w", Answer { output: json!({"n": 0}).into(), mark: Some("v2".into()), ..Answer::default() });
    // It held its answer back, so that it is asked again at once.
    assert_eq!(scene.read(), ["step-looked w", "> look 2 w", "step-looked w", "> look 3 w"]);
    scene.now += 540_000;
    scene.done("w", Answer { output: json!({"n": 0}).into(), mark: Some("v3".into()), ..Answer::default() });
    assert_eq!(look(&scene).0, "11s");
}

#[test]
fn a_source_may_judge_by_itself() {
    let mut plan = wait(&json!({}));
    plan["steps"][0]["wait"] = json!({"source": {"kind": "see"}});
    let mut scene = Scene::held(plan.clone());
    scene.answer("w", json!({"state": "retry", "observed": "1 of 2 ready", "result": null}));
    assert_eq!(scene.engine.steps(true)[0].observed.as_deref(), Some("1 of 2 ready"));
    scene.tick(1);
    scene.answer("w", json!({"state": "success", "observed": null, "result": {"n": 2}}));
    assert_eq!(scene.outputs("w").exposed(), json!({"n": 2, "looks": 2}));
    let mut scene = Scene::held(plan);
    scene.answer("w", json!({"state": "failure", "observed": "the image cannot be pulled", "result": {}}));
    assert_eq!(scene.failure("w"), "check-failed: the image cannot be pulled");
}

#[test]
fn waiting_takes_no_place_from_those_who_act() {
    let mut scene = Scene::held(json!({"concurrency": 1, "steps": [
        {"id": "w", "wait": {"source": {"kind": "see"}, "until": "${{ result }}"}, "needs": []},
        {"id": "k", "wait": {"source": {"kind": "k8s-get", "reaches": "kubernetes", "connection": {"kubeconfig": "c"}}, "until": "${{ result }}"}, "needs": []},
        {"id": "a", "call": {}, "needs": []},
    ]}));
    scene.crash();
    // A look that answers at once takes its turn; one that watches never does.
    assert_eq!(scene.read(), ["run-held", "> identify kubeconfig c", "> look 1 w"]);
    scene.answer("w", json!(false));
    assert_eq!(scene.read(), ["step-looked w", "step-begun a", "step-started a g1 a1", "> act a"]);
}

#[test]
fn a_stop_gives_up_looks_and_leaves_waits_to_the_resume() {
    let mut scene = Scene::held(wait(&json!({})));
    scene.stop();
    assert_eq!(scene.read(), ["run-stopping interrupted", "run-ended interrupted", "> abandon w"]);
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "> look 1 w"]);
}
