//! Going on: what a resume opens again, `--from`, and what it says beforehand.

use runbook_engine::event::Word;
use runbook_engine::input::Holding;
use runbook_model::failure::FailureClass;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;
use serde_json::json;

use crate::scene::Scene;

fn from(step: &str) -> Holding {
    Holding { from: Some(step.parse().unwrap()), ..Holding::default() }
}

fn resumption(scene: &Scene, step: Option<&str>) -> Vec<String> {
    let from = step.map(|step| step.parse::<StepPath>().unwrap());
    let plan = scene.engine.resumption(from.as_ref(), Timestamp::from_millis(scene.now));
    plan.iter().map(|step| format!("{} {}", step.path, step.decision.as_str())).collect()
}

fn chain() -> Scene {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "a", "call": {"effect": "one-shot"}},
        {"id": "b", "call": {"effect": "one-shot"}},
        {"id": "c", "call": {"effect": "one-shot"}},
        {"id": "beside", "call": {}, "needs": ["a"]},
    ]}));
    for step in ["a", "b", "beside", "c"] {
        scene.answer(step, json!({}));
    }
    assert_eq!(scene.end(), "Succeeded");
    scene.read();
    scene
}

#[test]
fn a_step_and_what_depends_on_it_run_again_when_a_person_wants_it() {
    let mut scene = chain();
    scene.reload();
    assert_eq!(resumption(&scene, None), ["a reuse", "b reuse", "c reuse", "beside reuse"]);
    assert_eq!(resumption(&scene, Some("b")), ["a reuse", "b rerun", "c rerun", "beside reuse"]);
    scene.hold_with(from("b"));
    assert_eq!(
        scene.read(),
        [
            "run-held",
            "step-reopened b g2 afresh",
            "step-reopened c g2 afresh",
            "step-begun b",
            "step-started b g2 a2",
            "> act b"
        ]
    );
    assert_eq!(scene.statuses(), ["a succeeded", "b running", "c pending", "beside succeeded"]);
    scene.answer("b", json!({}));
    assert_eq!(scene.read(), ["step-succeeded b created", "step-begun c", "step-started c g2 a2", "> act c"]);
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-parked c doubt", "run-stopping parked", "run-ended parked"]);
}

#[test]
fn a_step_inside_runs_again_with_what_depends_on_what_is_around_it() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "each", "for-each": ["p", "q"], "group": [
            {"id": "a", "call": {"effect": "one-shot"}},
            {"id": "b", "set": {"x": "${{ steps.a.result }}"}},
        ], "group-outputs": {"x": "${{ steps.b.x }}"}},
        {"id": "after", "set": {"all": "${{ steps.each }}"}},
    ]}));
    scene.answer("each[p]/a", json!(1));
    scene.answer("each[q]/a", json!(2));
    assert_eq!(scene.outputs("after").exposed(), json!({"all": {"p": {"x": 1}, "q": {"x": 2}}}));
    scene.reload();
    assert_eq!(
        resumption(&scene, Some("each[q]/a")),
        [
            "each run",
            "each[p] reuse",
            "each[p]/a reuse",
            "each[p]/b reuse",
            "each[q] run",
            "each[q]/a rerun",
            "each[q]/b rerun",
            "after rerun"
        ]
    );
    scene.hold_with(from("each[q]/a"));
    assert_eq!(
        scene.read(),
        [
            "run-held",
            "step-reopened each g0",
            "step-reopened each[q] g0",
            "step-reopened each[q]/a g2 afresh",
            "step-reopened each[q]/b g0 afresh",
            "step-reopened after g0 afresh",
            "step-begun each[q]/a",
            "step-started each[q]/a g2 a2",
            "> act each[q]/a",
        ]
    );
    scene.answer("each[q]/a", json!(3));
    assert_eq!(scene.end(), "Succeeded");
    assert_eq!(scene.outputs("after").exposed(), json!({"all": {"p": {"x": 1}, "q": {"x": 3}}}));
}

#[test]
fn a_whole_loop_runs_again_over_its_list_as_it_is_then() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "list", "call": {}},
        {"id": "each", "for-each": "${{ steps.list.result }}", "call": {"effect": "one-shot"}, "concurrency": 1},
    ]}));
    scene.answer("list", json!(["p", "q"]));
    scene.answer("each[p]", json!({}));
    scene.answer("each[q]", json!({}));
    scene.reload();
    scene.hold_with(from("list"));
    scene.answer("list", json!(["r", "q"]));
    assert_eq!(scene.statuses(), ["list succeeded", "each running", "each[r] running", "each[q] pending"]);
    scene.read();
    scene.answer("each[r]", json!({}));
    assert_eq!(
        scene.read(),
        ["step-succeeded each[r] created", "step-begun each[q]", "step-started each[q] g2 a2", "> act each[q]"]
    );
    scene.answer("each[q]", json!({}));
    assert_eq!(scene.end(), "Succeeded");
    // Whoever reads the journal later comes to the same state.
    let before = scene.statuses();
    scene.reload();
    assert_eq!(scene.statuses(), before);
}

#[test]
fn a_resume_says_beforehand_what_it_would_do() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "done", "set": {}},
        {"id": "skipped", "when": false, "set": {}},
        {"id": "ok", "approve": "?", "needs": []},
        {"id": "behind", "set": {}, "needs": ["ok"]},
        {"id": "further", "set": {}, "needs": ["behind"]},
        {"id": "read", "call": {}, "needs": []},
        {"id": "named", "call": {"effect": "converges"}, "needs": []},
        {"id": "once", "call": {"effect": "one-shot"}, "needs": []},
        {"id": "probed", "call": {"effect": "one-shot"}, "probe": {"call": {}}, "needs": []},
        {"id": "bad", "call": {}, "needs": []},
        {"id": "never", "set": {}, "needs": ["read"]},
        {"id": "w", "wait": {"source": {}, "until": "${{ result }}"}, "needs": []},
    ]}));
    scene.refuse("probed", FailureClass::Missing);
    scene.refuse("bad", FailureClass::Denied);
    scene.reload();
    assert_eq!(
        resumption(&scene, None),
        [
            "done reuse",
            "skipped reuse",
            "ok ask",
            "behind blocked",
            "further blocked",
            "read rerun",
            "named rerun",
            "once ask",
            "probed probe",
            "bad rerun",
            "never run",
            "w rerun",
        ]
    );
    // And that is what it does.
    scene.hold();
    let lines = scene.read();
    for line in ["step-started read g1 a2", "step-started named g1 a2", "step-parked once doubt"] {
        assert!(lines.contains(&line.to_owned()), "{line} in {lines:?}");
    }
}

#[test]
fn events_that_do_not_fit_are_refused_by_name() {
    let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {}}, {"id": "b", "set": {}}]}));
    scene.answer("a", json!({}));
    let replay = |order: &[usize]| {
        let events = order.iter().map(|at| {
            let stored = &scene.journal[*at];
            runbook_engine::stored::decode(stored.version, &stored.kind, &stored.bytes).unwrap()
        });
        runbook_engine::State::replay(events).map(|_| ()).unwrap_err().to_string()
    };
    let kinds: Vec<&str> = scene.journal.iter().map(|stored| stored.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["run-created", "run-held", "step-begun", "step-started", "step-succeeded", "step-succeeded", "run-ended"]
    );
    assert_eq!(replay(&[]), "the event `run-created` does not fit the run: the journal has no events");
    assert_eq!(replay(&[1]), "the event `run-held` does not fit the run: nothing was created before it");
    assert_eq!(replay(&[0, 0]), "the event `run-created` does not fit the run: it is there already");
    assert_eq!(replay(&[0, 2]), "the event `step-begun` does not fit the run: nobody holds it");
    assert!(replay(&[0, 1, 3]).starts_with("the event `step-started` does not fit step `a`: "));
    assert!(replay(&[0, 1, 2, 3, 3]).starts_with("the event `step-started` does not fit step `a`: "));
    assert!(replay(&[0, 1, 2, 3, 4, 4]).starts_with("the event `step-succeeded` does not fit step `a`: "));
    assert_eq!(replay(&[0, 1, 6, 6]), "the event `run-ended` does not fit the run: nobody holds it");
}

#[test]
fn a_word_before_its_time_is_refused_by_the_state_too() {
    let mut scene = Scene::held(json!({"steps": [{"id": "ok", "approve": "?"}, {"id": "a", "call": {}, "needs": []}]}));
    scene.say("ok", 1, Word::Approve);
    let mut events: Vec<_> = scene
        .journal
        .iter()
        .map(|stored| runbook_engine::stored::decode(stored.version, &stored.kind, &stored.bytes).unwrap())
        .collect();
    let word = events.remove(5);
    assert_eq!(word.event.kind(), "word-given");
    events.insert(2, word);
    let error = runbook_engine::State::replay(events).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("the event `word-given` does not fit step `ok`: "), "{error}");
}

#[test]
fn time_does_not_count_while_the_run_is_parked() {
    let plan = json!({"steps": [
        {"id": "outer", "run": {"body": {"steps": [
            {"id": "w", "wait": {"source": {"kind": "see"}, "until": "${{ result }}"}, "timeout": "10m"},
        ]}}, "timeout": "1h", "needs": []},
        {"id": "a", "call": {"effect": "one-shot"}, "needs": []},
    ]});
    let deadlines = |scene: &Scene| -> Vec<i64> {
        scene.engine.steps(true).iter().filter_map(|step| step.deadline).map(Timestamp::as_millis).collect()
    };
    let mut scene = Scene::held(plan.clone());
    scene.refuse("a", FailureClass::ExpiredCredentials);
    assert_eq!(scene.end(), "Parked");
    scene.now += 7_200_000;
    scene.crash();
    assert_eq!(deadlines(&scene), [3_600_000 + 7_200_000, 600_000 + 7_200_000]);
    // Killed or stopped, the time runs on.
    let mut scene = Scene::held(plan);
    scene.stop();
    scene.answer("a", json!({}));
    scene.now += 7_200_000;
    scene.crash();
    assert_eq!(deadlines(&scene), [3_600_000, 600_000]);
}

#[test]
fn what_is_around_an_approval_gets_the_time_back_that_a_person_took() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "outer", "timeout": "1m", "group": [
            {"id": "ok", "approve": "?"},
            {"id": "w", "wait": {"source": {"kind": "see"}, "until": "${{ result }}"}},
        ]},
        {"id": "a", "call": {}, "needs": []},
    ]}));
    scene.tick(300);
    scene.say("outer/ok", 1, Word::Approve);
    assert_eq!(
        scene.read(),
        ["word-given outer/ok", "step-succeeded outer/ok unchanged", "step-begun outer/w", "> look 1 outer/w"]
    );
    assert_eq!(scene.engine.steps(true)[0].deadline.unwrap().as_millis(), 360_000);
}

#[test]
fn what_went_on_outside_and_failed_is_not_asked_about_again_but_done_again() {
    use runbook_model::answer::Progress;
    let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {"effect": "converges"}}]}));
    scene.outcome("a", Ok(Progress::Going { ticket: 1.into(), observed: None }));
    scene.tick(1);
    scene.read();
    scene.refuse("a", FailureClass::Missing);
    assert_eq!(scene.read()[..2], ["attempt-failed a missing", "step-failed a missing"]);
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-reopened a g1", "step-started a g1 a2", "> act a"]);
}

#[test]
fn a_signal_that_comes_when_all_is_done_interrupts_nothing() {
    let mut scene =
        Scene::held(json!({"steps": [{"id": "a", "call": {}}], "outputs": {"x": "${{ connections.aws.account }}"}}));
    scene.stop();
    scene.answer("a", json!({}));
    assert_eq!(scene.read(), ["run-stopping interrupted", "step-succeeded a unchanged", "> identify aws"]);
    scene.identify("123");
    assert_eq!(scene.read(), ["connection-identified", "run-ended succeeded"]);
}

#[test]
fn what_a_person_said_meanwhile_decides_what_a_resume_would_do() {
    let asked = || {
        let mut scene = Scene::held(json!({"steps": [
            {"id": "sent", "call": {"effect": "one-shot"}, "needs": []},
            {"id": "ok", "approve": "may it?"},
            {"id": "a", "set": {}},
        ]}));
        scene.answer("sent", json!({}));
        scene.reload();
        scene
    };
    assert_eq!(resumption(&asked(), None), ["sent reuse", "ok ask", "a blocked"]);
    for (word, wanted) in [(Word::Approve, ["ok run", "a run"]), (Word::Reject, ["ok ask", "a blocked"])] {
        let mut scene = asked();
        let said = scene.word("ok", 1, word);
        scene.engine.take_in(said);
        assert_eq!(resumption(&scene, None)[1..], wanted);
        assert_eq!(scene.statuses()[1..], ["ok parked", "a pending"], "nothing is decided yet");
    }
    let mut scene = asked();
    let late = scene.word("ok", 7, Word::Approve);
    scene.engine.take_in(late);
    assert_eq!(resumption(&scene, None)[1], "ok ask", "it was said of another generation");

    for (word, wanted) in [(Word::Done, ["sent reuse", "b run"]), (Word::Retry, ["sent rerun", "b run"])] {
        let mut scene =
            Scene::held(json!({"steps": [{"id": "sent", "call": {"effect": "one-shot"}}, {"id": "b", "set": {}}]}));
        scene.crash();
        assert_eq!(resumption(&scene, None), ["sent ask", "b blocked"]);
        let said = scene.word("sent", 1, word);
        scene.engine.take_in(said);
        assert_eq!(resumption(&scene, None), wanted);
    }
}

#[test]
fn a_run_that_was_given_up_goes_on_with_nothing() {
    let mut scene = Scene::held(
        json!({"steps": [{"id": "a", "set": {}}, {"id": "ok", "approve": "may it?"}, {"id": "b", "set": {}}]}),
    );
    scene.reload();
    let giving_up = scene.giving_up();
    scene.hold_and(Holding::default(), Some(giving_up));
    assert_eq!(scene.end(), "Cancelled");
    assert_eq!(resumption(&scene, None), ["a reuse", "ok blocked", "b blocked"]);
}
