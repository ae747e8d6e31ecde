//! Going on by an edited plan: what stands, what runs again, what a person is asked.

use runbook_engine::event::Word;
use runbook_engine::input::Holding;
use runbook_model::failure::FailureClass;
use runbook_model::time::Timestamp;
use runbook_model::value::{Map, Value};
use serde_json::{Value as J, json};

use crate::scene::Scene;

/// What a resume by this plan would do, as `path decision`.
fn prospect(scene: &mut Scene, body: J) -> Vec<String> {
    scene.reload();
    let changed = scene.edited(body, Map::new());
    let now = Timestamp::from_millis(scene.now);
    let engine = std::mem::replace(&mut scene.engine, Scene::new(json!({"steps": []})).engine);
    let engine = engine.edited(changed, now).unwrap();
    let lines = engine.resumption(None, now);
    let removed = engine.removed().map(|removed| format!("{} removed", removed.path));
    let all = lines.iter().map(|line| format!("{} {}", line.path, line.decision.as_str())).chain(removed).collect();
    scene.reload();
    all
}

/// The next holder finds a word in the inbox.
fn heard(scene: &mut Scene, step: &str, generation: u32, word: Word) {
    scene.reload();
    let word = scene.word(step, generation, word);
    scene.hold_and(Holding::default(), Some(word));
}

fn inputs(json: J) -> Map {
    match Value::from(json) {
        Value::Map(map) => map,
        other => panic!("{other:?} is no map"),
    }
}

#[test]
fn what_is_done_stands_what_changed_runs_again_and_what_is_new_runs() {
    let make = |id: &str, size: i32| json!({"id": id, "call": {"effect": "one-shot", "arguments": {"size": size}}});
    let mut scene = Scene::held(json!({"steps": [make("a", 1), make("b", 1), make("c", 1), make("gone", 1)]}));
    for step in ["a", "b", "c", "gone"] {
        scene.answer(step, json!({}));
    }
    assert_eq!(scene.end(), "Succeeded");
    let edited = json!({"steps": [make("a", 1), make("b", 2), make("new", 1), make("c", 1)]});
    assert_eq!(prospect(&mut scene, edited.clone()), ["a reuse", "b rerun", "new run", "c reuse", "gone removed"]);
    scene.edit(edited);
    assert_eq!(scene.read(), ["plan-changed", "run-held", "step-begun b", "step-started b g2 a2", "> act b"]);
    scene.answer("b", json!({}));
    assert_eq!(scene.read()[1..], ["step-begun new", "step-started new g1 a1", "> act new"]);
    // Whoever resumes later goes on by the edited plan.
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-parked new doubt", "run-stopping parked", "run-ended parked"]);
    scene.say("new", 1, Word::Done);
    scene.crash();
    assert_eq!(scene.statuses(), ["a succeeded", "b succeeded", "new in-doubt", "c succeeded"]);
}

#[test]
fn a_step_that_comes_back_is_a_new_call() {
    let all = json!({"steps": [{"id": "a", "call": {"effect": "one-shot"}}, {"id": "b", "call": {}}]});
    let mut scene = Scene::held(all.clone());
    scene.answer("a", json!({}));
    scene.edit(json!({"steps": [{"id": "b", "call": {}}]}));
    scene.answer("b", json!({}));
    assert_eq!(scene.end(), "Succeeded");
    assert_eq!(prospect(&mut scene, all.clone()), ["a reuse", "b reuse"]);
    let mut other = all;
    other["steps"][0]["call"]["arguments"] = json!({"size": 2});
    scene.edit(other);
    assert_eq!(scene.read()[2..], ["step-begun a", "step-started a g2 a2", "> act a"]);
}

#[test]
fn a_call_that_reads_what_is_read_anew_runs_only_if_it_would_do_something_else() {
    let plan = |all: bool| {
        json!({"steps": [
            {"id": "look", "call": {"arguments": {"all": all}}, "outputs": {"x": "${{ result }}"}},
            {"id": "make", "call": {"effect": "one-shot", "arguments": {"x": "${{ steps.look.x }}"}},
             "outputs": {"id": "${{ result }}"}},
            {"id": "after", "call": {"effect": "one-shot", "arguments": {"id": "${{ steps.make.id }}"}}},
            {"id": "beside", "call": {"effect": "one-shot"}},
        ]})
    };
    let done = || {
        let mut scene = Scene::held(plan(false));
        for (step, answer) in [("look", "x"), ("make", "m"), ("after", "f"), ("beside", "b")] {
            scene.answer(step, json!(answer));
        }
        scene
    };
    let mut scene = done();
    assert_eq!(prospect(&mut scene, plan(true)), ["look rerun", "make rerun", "after rerun", "beside reuse"]);
    scene.edit(plan(true));
    scene.read();
    scene.answer("look", json!("x"));
    assert_eq!(
        scene.read(),
        [
            "step-succeeded look unchanged",
            "step-begun make",
            "step-kept make",
            "step-begun after",
            "step-kept after",
            "run-ended succeeded"
        ]
    );
    assert_eq!(scene.outputs("make").exposed(), json!({"id": "m"}));
    let before = scene.statuses();
    scene.reload();
    assert_eq!(scene.statuses(), before);

    let mut scene = done();
    scene.edit(plan(true));
    scene.read();
    scene.answer("look", json!("y"));
    assert_eq!(
        scene.read(),
        ["step-succeeded look unchanged", "step-begun make", "step-started make g2 a2", "> act make"]
    );
    // A crash before the others are asked loses nothing of what is known of them.
    scene.answer("make", json!("m"));
    assert_eq!(
        scene.read(),
        ["step-succeeded make created", "step-begun after", "step-kept after", "run-ended succeeded"]
    );
}

#[test]
fn what_was_kept_of_an_answer_and_reads_what_changed_is_not_kept_on() {
    let plan = |x: i32, probe: bool| {
        let mut make = json!({"id": "make", "call": {"effect": "one-shot"},
            "outputs": {"x": "${{ steps.s.x }}", "r": "${{ result }}"}});
        if probe {
            make["probe"] = json!({"call": {"kind": "see"}});
        }
        json!({"steps": [{"id": "s", "set": {"x": x}}, make]})
    };
    let mut scene = Scene::held(plan(1, false));
    scene.answer("make", json!("m"));
    assert_eq!(prospect(&mut scene, plan(2, false)), ["s rerun", "make ask"]);
    scene.edit(plan(2, false));
    assert_eq!(scene.read()[3..5], ["step-begun make", "step-parked make doubt"]);

    let mut scene = Scene::held(plan(1, true));
    scene.refuse("make", FailureClass::Missing);
    scene.answer("make", json!("m"));
    assert_eq!(prospect(&mut scene, plan(2, true)), ["s rerun", "make probe"]);
    scene.edit(plan(2, true));
    scene.answer("make", json!("seen"));
    assert_eq!(scene.outputs("make").exposed(), json!({"x": 2, "r": "seen"}));
}

#[test]
fn an_effect_in_doubt_stays_in_doubt_however_its_step_is_edited() {
    let plan = |effect: &str, token: bool, size: i32, probe: bool| {
        let mut step = json!({"id": "a", "call": {"effect": effect, "token": token, "arguments": {"size": size}}});
        if probe {
            step["probe"] = json!({"call": {"kind": "see"}});
        }
        json!({"steps": [step]})
    };
    let lines = |effect, token, size, probe| {
        let mut scene = Scene::held(plan(effect, token, 1, false));
        let told = prospect(&mut scene, plan(effect, token, size, probe));
        scene.edit(plan(effect, token, size, probe));
        (told.join(" "), scene.read().split_off(2).join(", "))
    };
    // What ends in the same state is simply done; a new token would do it twice.
    assert_eq!(lines("converges", false, 2, false).1, "step-begun a, step-started a g2 a2, > act a");
    assert_eq!(lines("converges", true, 1, false).1, "step-begun a, step-started a g1 a2, > act a");
    let asked = "step-begun a, step-parked a doubt, run-stopping parked, run-ended parked";
    assert_eq!(lines("converges", true, 2, false), ("a ask".into(), asked.into()));
    assert_eq!(lines("one-shot", false, 2, false), ("a ask".into(), asked.into()));
    assert_eq!(lines("one-shot", false, 2, true), ("a probe".into(), "step-begun a, > probe a".into()));
    // A step that does nothing outside leaves the effect alone.
    let mut scene = Scene::held(plan("one-shot", false, 1, false));
    scene.edit(json!({"steps": [{"id": "a", "set": {}}]}));
    assert_eq!(scene.end(), "Succeeded");
}

#[test]
fn a_token_whose_arguments_change_with_the_inputs_is_not_trusted_in_doubt() {
    let plan = json!({"steps": [{"id": "a", "call": {"effect": "converges", "token": true, "arguments": {"n": "${{ inputs.n }}"}}}]});
    let mut scene = Scene::with(plan.clone(), inputs(json!({"n": 1})));
    scene.hold();
    scene.edit_with(plan.clone(), inputs(json!({"n": 2})));
    assert_eq!(scene.read()[2..4], ["step-begun a", "step-parked a doubt"]);
    heard(&mut scene, "a", 1, Word::Retry);
    assert!(scene.read().contains(&"step-started a g2 a2".to_owned()));
}

#[test]
fn other_inputs_make_those_run_again_that_read_them() {
    let plan = json!({"steps": [
        {"id": "a", "call": {"effect": "one-shot", "arguments": {"n": "${{ inputs.n }}"}}},
        {"id": "b", "call": {"effect": "one-shot", "arguments": {"m": "${{ inputs.m }}"}}},
        {"id": "c", "set": {"n": "${{ inputs.n }}"}},
    ]});
    let mut scene = Scene::with(plan.clone(), inputs(json!({"n": 1, "m": 1})));
    scene.hold();
    scene.answer("a", json!({}));
    scene.answer("b", json!({}));
    scene.edit_with(plan, inputs(json!({"n": 2, "m": 1})));
    assert_eq!(scene.read()[2..], ["step-succeeded c unchanged", "step-begun a", "step-started a g2 a2", "> act a"]);
    scene.answer("a", json!({}));
    assert_eq!(scene.end(), "Succeeded");
    assert_eq!(scene.outputs("c").exposed(), json!({"n": 2}));
}

#[test]
fn a_loop_goes_on_with_the_items_it_keeps() {
    let plan = |keys: J, size: i32| {
        json!({"steps": [
            {"id": "each", "for-each": keys, "call": {"effect": "one-shot", "arguments": {"k": "${{ item }}", "size": size}}},
            {"id": "all", "set": {"keys": "${{ steps.each | length }}"}},
        ]})
    };
    let mut scene = Scene::held(plan(json!(["p", "q"]), 1));
    scene.answer("each[p]", json!({}));
    scene.answer("each[q]", json!({}));
    let more = plan(json!(["q", "r"]), 1);
    assert_eq!(prospect(&mut scene, more.clone()), ["each run", "each[p] reuse", "each[q] reuse", "all rerun"]);
    scene.edit(more);
    assert_eq!(
        scene.read()[2..],
        ["items-listed each", "step-begun each[r]", "step-started each[r] g1 a1", "> act each[r]"]
    );
    scene.answer("each[r]", json!({}));
    assert_eq!(scene.end(), "Succeeded");
    assert_eq!(scene.outputs("all").exposed(), json!({"keys": 2}));
    // What an item does has changed: all of them again.
    scene.edit(plan(json!(["q", "r"]), 2));
    assert_eq!(scene.statuses(), ["each running", "each[q] running", "each[r] running", "all pending"]);
}

#[test]
fn an_item_with_another_value_is_asked_whether_it_does_the_same() {
    let plan = |names: J| {
        json!({"steps": [{"id": "each", "for-each": names, "key": "${{ item.k }}",
            "call": {"effect": "one-shot", "arguments": {"v": "${{ item.v }}"}}}]})
    };
    let mut scene = Scene::held(plan(json!([{"k": "p", "v": 1, "w": 1}, {"k": "q", "v": 1, "w": 1}])));
    scene.answer("each[p]", json!({}));
    scene.answer("each[q]", json!({}));
    scene.edit(plan(json!([{"k": "p", "v": 1, "w": 2}, {"k": "q", "v": 2, "w": 1}])));
    let lines = scene.read();
    assert!(lines.contains(&"step-kept each[p]".to_owned()), "{lines:?}");
    assert!(lines.contains(&"step-started each[q] g2 a2".to_owned()), "{lines:?}");
}

#[test]
fn inside_a_nested_runbook_only_what_its_inputs_reach_runs_again() {
    let plan = |x: i32, extra: bool| {
        let mut steps = json!([
            {"id": "a", "call": {"effect": "one-shot", "arguments": {"x": "${{ inputs.x }}"}}},
            {"id": "b", "call": {"effect": "one-shot"}},
        ]);
        if extra {
            steps.as_array_mut().unwrap().push(json!({"id": "c", "call": {}}));
        }
        json!({"steps": [{"id": "n", "run": {"with": {"x": x, "y": 1}, "body": {
            "inputs": {"x": {"type": "integer"}, "y": {"type": "integer"}}, "steps": steps}}}]})
    };
    let done = || {
        let mut scene = Scene::held(plan(1, false));
        scene.answer("n/a", json!({}));
        scene.answer("n/b", json!({}));
        scene
    };
    let mut scene = done();
    assert_eq!(prospect(&mut scene, plan(1, true)), ["n run", "n/a reuse", "n/b reuse", "n/c run"]);
    scene.edit(plan(1, true));
    assert_eq!(scene.read()[2..], ["body-opened n", "step-begun n/c", "step-started n/c g1 a1", "> act n/c"]);

    let mut scene = done();
    scene.edit(plan(2, false));
    let lines = scene.read();
    assert!(lines.contains(&"step-started n/a g2 a2".to_owned()), "{lines:?}");
    scene.answer("n/a", json!({}));
    assert!(scene.read().contains(&"step-kept n/b".to_owned()));
    assert_eq!(scene.end(), "Succeeded");
}

#[test]
fn a_group_is_open_again_for_what_changed_in_it_and_around_it() {
    let plan = |x: i32| {
        json!({"steps": [
            {"id": "s", "set": {"x": x}},
            {"id": "g", "group": [
                {"id": "a", "call": {"effect": "one-shot", "arguments": {"x": "${{ steps.s.x }}"}}},
                {"id": "b", "call": {"effect": "one-shot"}},
            ], "group-outputs": {"x": "${{ steps.s.x }}"}},
            {"id": "after", "set": {"x": "${{ steps.g.x }}"}},
        ]})
    };
    let mut scene = Scene::held(plan(1));
    scene.answer("g/a", json!({}));
    scene.answer("g/b", json!({}));
    assert_eq!(prospect(&mut scene, plan(2)), ["s rerun", "g run", "g/a rerun", "g/b reuse", "after rerun"]);
    scene.edit(plan(2));
    scene.answer("g/a", json!({}));
    assert_eq!(scene.end(), "Succeeded");
    assert_eq!(scene.outputs("after").exposed(), json!({"x": 2}));
}

#[test]
fn what_failed_and_what_waits_goes_on_by_the_edited_plan() {
    let plan = |message: &str, size: i32| {
        json!({"steps": [
            {"id": "ok", "approve": message, "needs": []},
            {"id": "bad", "call": {"arguments": {"size": size}}, "needs": []},
        ]})
    };
    let mut scene = Scene::held(plan("Go?", 1));
    scene.refuse("bad", FailureClass::Denied);
    assert_eq!(scene.end(), "Failed");
    assert_eq!(prospect(&mut scene, plan("Go?", 2)), ["ok rerun", "bad rerun"]);
    scene.edit(plan("Go?", 2));
    assert_eq!(scene.read()[2..], ["step-parked ok approval", "step-begun bad", "step-started bad g2 a2", "> act bad"]);
    scene.say("ok", 1, Word::Approve);
    scene.answer("bad", json!({}));
    assert_eq!(scene.end(), "Succeeded");
    // Another question is asked anew, and an old answer is none to it.
    scene.edit(plan("Really?", 2));
    assert_eq!(scene.end(), "Parked");
    heard(&mut scene, "ok", 1, Word::Approve);
    assert_eq!(scene.end(), "Parked");
    heard(&mut scene, "ok", 2, Word::Approve);
    assert_eq!(scene.end(), "Succeeded");
}

#[test]
fn an_undone_step_in_a_second_edit_is_still_judged_by_what_it_did() {
    let plan = |size: i32, looks: bool| {
        json!({"steps": [
            {"id": "look", "call": {"arguments": {"again": looks}}, "outputs": {"x": "${{ result }}"}},
            {"id": "make", "call": {"effect": "one-shot", "arguments": {"x": "${{ steps.look.x }}", "size": size}}},
        ]})
    };
    let mut scene = Scene::held(plan(1, false));
    scene.answer("look", json!("x"));
    scene.answer("make", json!("m"));
    // Killed before it was known whether `make` does the same.
    scene.edit(plan(1, true));
    scene.edit(plan(1, true));
    scene.answer("look", json!("x"));
    assert!(scene.read().contains(&"step-kept make".to_owned()));
}

#[test]
fn a_cancelled_run_takes_no_other_plan() {
    let mut scene = Scene::held(json!({"steps": [{"id": "ok", "approve": "?"}]}));
    scene.reload();
    let word = scene.giving_up();
    scene.hold_and(Holding::default(), Some(word));
    assert_eq!(scene.end(), "Cancelled");
    scene.edit(json!({"steps": []}));
    assert_eq!(scene.read(), Vec::<String>::new());
}
