//! The order of steps: needs, branches, conditions, loops, nested runbooks, what a failure stops.

use runbook_model::failure::FailureClass;
use runbook_model::value::{Map, Value};
use serde_json::json;

use crate::scene::Scene;

fn call(id: &str, needs: &[&str]) -> serde_json::Value {
    json!({"id": id, "call": {}, "needs": needs})
}

#[test]
fn branches_go_beside_each_other_up_to_the_concurrency() {
    let mut scene = Scene::held(json!({"concurrency": 2, "steps": [
        call("a", &[]), call("b", &[]), call("c", &[]), call("d", &["a", "c"]),
    ]}));
    let acting = |scene: &mut Scene| -> Vec<String> {
        scene.read().into_iter().filter_map(|line| line.strip_prefix("> act ").map(str::to_owned)).collect()
    };
    scene.crash();
    assert_eq!(acting(&mut scene), ["a", "b"]);
    scene.answer("b", json!({}));
    assert_eq!(acting(&mut scene), ["c"]);
    scene.answer("a", json!({}));
    assert!(acting(&mut scene).is_empty());
    scene.answer("c", json!({}));
    assert_eq!(acting(&mut scene), ["d"]);
}

#[test]
fn a_false_condition_skips_and_what_needs_the_step_goes_on() {
    let mut scene = Scene::new(json!({"steps": [
        {"id": "a", "when": "${{ 1 > 2 }}", "set": {"x": 1}},
        {"id": "b", "set": {"x": "${{ steps.a.x | default('none') }}", "all": "${{ steps.a }}"}},
        {"id": "c", "when": false, "set": {"x": 1}},
        {"id": "d", "set": {"x": "${{ steps.a.x }}"}, "needs": ["a", "c"]},
    ]}));
    scene.hold();
    assert_eq!(scene.read()[1..4], ["step-skipped a", "step-succeeded b unchanged", "step-skipped c"]);
    assert_eq!(scene.engine.steps(true)[0].reason.as_deref(), Some("`when` is false: `1 > 2`"));
    assert_eq!(scene.engine.steps(true)[2].reason.as_deref(), Some("`when` is false: `false`"));
    assert_eq!(scene.outputs("b").exposed(), json!({"x": "none", "all": {}}));
    assert!(scene.failure("d").contains("`steps.a.x` is undefined"), "{}", scene.failure("d"));
}

#[test]
fn a_loop_keeps_the_order_of_its_list_and_leaves_skipped_items_out() {
    let mut scene = Scene::new(json!({"steps": [
        {"id": "each", "for-each": ["c", "a", "b"], "when": "${{ item != 'a' }}", "when-per-item": true,
         "call": {"arguments": {"item": "${{ item }}", "at": "${{ index }}"}}, "outputs": {"n": "${{ result.n }}"}},
        {"id": "all", "set": {"keys": "${{ steps.each.keys() | list }}", "all": "${{ steps.each }}"}},
    ]}));
    scene.hold();
    assert_eq!(
        scene.read()[1..],
        [
            "items-listed each",
            "step-begun each[c]",
            "step-started each[c] g1 a1",
            "step-skipped each[a]",
            "step-begun each[b]",
            "step-started each[b] g1 a1",
            "> act each[c]",
            "> act each[b]",
        ]
    );
    assert_eq!(scene.call("each[b]").arguments.exposed(), json!({"item": "b", "at": 2}));
    scene.answer("each[b]", json!({"n": 2}));
    scene.answer("each[c]", json!({"n": 3}));
    assert_eq!(scene.outputs("all").exposed(), json!({"keys": ["c", "b"], "all": {"c": {"n": 3}, "b": {"n": 2}}}));
}

#[test]
fn a_loop_takes_maps_and_keys_and_complains_about_what_has_none() {
    let listed = |each: serde_json::Value, key: Option<&str>| {
        let mut step = json!({"id": "each", "for-each": each, "set": {"key": "${{ key }}", "item": "${{ item }}"}});
        if let Some(key) = key {
            step["key"] = key.into();
        }
        let mut scene = Scene::new(json!({"steps": [step]}));
        scene.hold();
        match scene.end().as_str() {
            "Succeeded" => Ok(scene.statuses()[1..].join(", ")),
            _ => Err(scene.failure("each")),
        }
    };
    assert_eq!(listed(json!({"x": 1, "y": 2}), None).unwrap(), "each[x] succeeded, each[y] succeeded");
    assert_eq!(
        listed(json!([{"n": "p"}, {"n": "q"}]), Some("${{ item.n }}")).unwrap(),
        "each[p] succeeded, each[q] succeeded"
    );
    assert_eq!(listed(json!([1, true]), None).unwrap(), "each[1] succeeded, each[true] succeeded");
    assert_eq!(listed(json!([]), None).unwrap(), "");
    let complaint = |each, key| listed(each, key).unwrap_err();
    assert_eq!(complaint(json!([{"n": 1}]), None), "invalid: item 0 of `for-each` is a map and needs a key");
    assert_eq!(
        complaint(json!(["a", "b", "a"]), None),
        "invalid: the items 0 and 2 of `for-each` have the same key `a`"
    );
    assert_eq!(complaint(json!("abc"), None), "invalid: `for-each` is text, not a list or a map");
    assert_eq!(complaint(json!([""]), None), "invalid: the key of item 0 of `for-each` is empty");
    let many: Vec<u32> = (0..10_001).collect();
    assert_eq!(complaint(json!(many), None), "invalid: `for-each` has 10001 items; at most 10000 are allowed");
}

#[test]
fn a_secret_list_makes_secret_items_and_no_secret_keys() {
    let plan = |key: &str| json!({"steps": [{"id": "each", "for-each": "${{ inputs.list }}", "key": key, "set": {"x": "${{ item }}"}}]});
    let inputs = || Map::from_iter([("list".to_owned(), Value::from(json!(["s1", "s2"])).into_secret())]);
    let mut scene = Scene::with(plan("${{ index }}"), inputs());
    scene.hold();
    assert_eq!(scene.outputs("each[0]").redacted(), json!({"x": "(secret)"}));
    let mut scene = Scene::with(plan("${{ item }}"), inputs());
    scene.hold();
    assert_eq!(
        scene.failure("each"),
        "invalid: the key of item 0 of `for-each` is a secret, and keys are shown everywhere"
    );
}

#[test]
fn the_concurrency_of_a_loop_counts_items_until_they_end() {
    let mut scene = Scene::held(json!({"steps": [{
        "id": "each", "for-each": ["a", "b", "c"], "concurrency": 1,
        "group": [{"id": "make", "call": {"effect": "one-shot"}}, {"id": "wait", "wait": {"source": {}, "until": "${{ result }}"}}],
    }]}));
    scene.answer("each[a]/make", json!({}));
    scene.answer("each[a]/wait", json!(false));
    assert_eq!(
        scene.statuses()[1..],
        ["each[a] running", "each[a]/make succeeded", "each[a]/wait waiting", "each[b] pending", "each[c] pending"]
    );
    scene.tick(1);
    scene.read();
    scene.answer("each[a]/wait", json!(true));
    assert_eq!(
        scene.read()[..3],
        ["step-succeeded each[a]/wait unchanged", "step-succeeded each[a] unchanged", "body-opened each[b]"]
    );
}

#[test]
fn after_a_failure_no_new_item_starts_and_a_resume_runs_the_unfinished_ones() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "each", "for-each": ["a", "b", "c"], "concurrency": 2, "call": {"effect": "one-shot"}},
        {"id": "after", "set": {}},
    ]}));
    scene.refuse("each[a]", FailureClass::Denied);
    assert_eq!(scene.read(), ["attempt-failed each[a] denied", "step-failed each[a] denied", "run-stopping failed"]);
    scene.answer("each[b]", json!({}));
    assert_eq!(scene.read(), ["step-succeeded each[b] created", "step-failed each denied", "run-ended failed"]);
    assert_eq!(scene.failure("each"), "denied: `each[a]` failed: no");
    assert_eq!(
        scene.statuses(),
        ["each failed", "each[a] failed", "each[b] succeeded", "each[c] pending", "after pending"]
    );
    scene.crash();
    assert_eq!(
        scene.read(),
        [
            "run-held",
            "step-reopened each g0",
            "step-reopened each[a] g1",
            "step-started each[a] g2 a2",
            "step-begun each[c]",
            "step-started each[c] g1 a1",
            "> act each[a]",
            "> act each[c]",
        ]
    );
    scene.answer("each[a]", json!({}));
    scene.answer("each[c]", json!({}));
    assert_eq!(scene.end(), "Succeeded");
}

#[test]
fn with_continue_other_items_go_on_and_the_loop_fails_at_its_end() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "each", "for-each": ["a", "b", "c"], "concurrency": 1, "call": {}, "on-failure": "continue"},
        {"id": "reads", "set": {"n": "${{ steps.each | length }}"}},
        {"id": "free", "set": {}, "needs": ["each"]},
        {"id": "behind", "set": {}, "needs": ["reads"]},
    ]}));
    scene.refuse("each[a]", FailureClass::Denied);
    scene.answer("each[b]", json!({}));
    scene.answer("each[c]", json!({}));
    assert_eq!(scene.end(), "Failed");
    assert_eq!(
        scene.statuses(),
        [
            "each failed",
            "each[a] failed",
            "each[b] succeeded",
            "each[c] succeeded",
            "reads blocked",
            "free succeeded",
            "behind blocked"
        ]
    );
    scene.crash();
    scene.answer("each[a]", json!({}));
    assert_eq!(scene.end(), "Succeeded");
    assert_eq!(scene.outputs("reads").exposed(), json!({"n": 3}));
}

#[test]
fn with_warn_a_failed_item_counts_as_skipped() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "each", "for-each": ["a", "b"], "call": {}, "on-failure": "warn", "outputs": {"n": "${{ result }}"}},
        {"id": "reads", "set": {"all": "${{ steps.each }}"}},
    ]}));
    scene.refuse("each[a]", FailureClass::Denied);
    scene.answer("each[b]", json!(2));
    assert_eq!(scene.end(), "Succeeded");
    assert_eq!(scene.statuses()[..2], ["each succeeded", "each[a] skipped"]);
    assert_eq!(scene.outputs("reads").exposed(), json!({"all": {"b": {"n": 2}}}));
}

#[test]
fn a_step_that_failed_with_continue_blocks_only_what_reads_it() {
    let mut scene = Scene::held(json!({"steps": [
        {"id": "a", "call": {}, "on-failure": "continue"},
        {"id": "reads", "call": {"arguments": {"x": "${{ steps['a'].result }}"}}},
        {"id": "free", "call": {}, "needs": ["a"]},
        {"id": "behind", "call": {}, "needs": ["reads"]},
    ]}));
    scene.refuse("a", FailureClass::Denied);
    assert_eq!(
        scene.read(),
        ["attempt-failed a denied", "step-failed a denied", "step-begun free", "step-started free g1 a1", "> act free"]
    );
    scene.answer("free", json!({}));
    assert_eq!(scene.read(), ["step-succeeded free unchanged", "run-ended failed"]);
    assert_eq!(scene.statuses(), ["a failed", "reads blocked", "free succeeded", "behind blocked"]);
    // A resume tries it again, and what it blocked waits for it.
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-reopened a g1", "step-started a g2 a2", "> act a"]);
    scene.answer("a", json!({}));
    assert_eq!(scene.read()[1..], ["step-begun reads", "step-started reads g1 a1", "> act reads"]);
}

#[test]
fn what_runs_beside_a_failure_finishes_and_nothing_new_starts() {
    let mut scene = Scene::held(json!({"steps": [
        call("a", &[]), call("b", &[]), call("c", &["b"]),
    ]}));
    scene.refuse("a", FailureClass::Denied);
    assert_eq!(scene.read()[2..], ["run-stopping failed"]);
    scene.answer("b", json!({}));
    assert_eq!(scene.read(), ["step-succeeded b unchanged", "run-ended failed"]);
    assert_eq!(scene.statuses(), ["a failed", "b succeeded", "c pending"]);
}

#[test]
fn undo_of_the_whole_run_says_that_it_is_not_carried_out() {
    let mut scene = Scene::held(json!({"steps": [{"id": "a", "call": {}, "on-failure": "undo"}]}));
    scene.refuse("a", FailureClass::Denied);
    let help = scene.engine.steps(false).remove(0).failure.unwrap().help.unwrap();
    assert!(help.contains("`on-failure: undo` is not carried out by this version"), "{help}");
}

fn nested() -> serde_json::Value {
    json!({"steps": [
        {"id": "first", "set": {"n": 4}},
        {"id": "inner", "run": {
            "with": {"n": "${{ steps.first.n }}", "none": "${{ none }}"},
            "body": {
                "name": "part",
                "inputs": {"n": {"type": "integer"}, "none": {"type": "string", "default": "d"}},
                "steps": [
                    {"id": "a", "call": {"arguments": {"n": "${{ inputs.n }}", "d": "${{ inputs.none }}"}}},
                    {"id": "b", "set": {"x": "${{ steps.a.result.y + 1 }}"}},
                ],
                "outputs": {"x": "${{ steps.b.x }}"},
            },
        }},
        {"id": "last", "set": {"x": "${{ steps.inner.x }}"}},
    ], "outputs": {"x": "${{ steps.last.x }}"}})
}

#[test]
fn a_nested_runbook_has_inputs_steps_and_outputs_of_its_own() {
    let mut scene = Scene::held(nested());
    assert_eq!(scene.call("inner/a").arguments.exposed(), json!({"n": 4, "d": "d"}));
    assert_eq!(scene.call("inner/a").runbook, "part");
    scene.answer("inner/a", json!({"y": 1}));
    assert_eq!(
        scene.read(),
        [
            "step-succeeded inner/a unchanged",
            "step-succeeded inner/b unchanged",
            "step-succeeded inner unchanged",
            "step-succeeded last unchanged",
            "run-ended succeeded",
        ]
    );
    assert_eq!(scene.engine.state().ended().unwrap().outputs.as_ref().unwrap().exposed(), json!({"x": 2}));
}

#[test]
fn inputs_of_a_nested_runbook_that_do_not_fit_fail_the_step() {
    let mut plan = nested();
    plan["steps"][1]["run"]["with"]["n"] = "${{ 'four' }}".into();
    let scene = {
        let mut scene = Scene::new(plan);
        scene.hold();
        scene
    };
    assert_eq!(
        scene.failure("inner"),
        "invalid: the inputs of `runbook` do not fit: n `four` is text, not a whole number"
    );
}

#[test]
fn a_failure_inside_a_nested_runbook_is_its_callers_to_judge() {
    let mut plan = nested();
    plan["steps"][1]["on-failure"] = "continue".into();
    plan["steps"][1]["run"]["body"]["steps"][1] = json!({"id": "b", "call": {}, "needs": []});
    plan["steps"][1]["run"]["body"]["steps"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "c", "set": {}, "needs": ["b"]}));
    plan["steps"][1]["run"]["body"]["outputs"] = json!({});
    plan["steps"].as_array_mut().unwrap().push(json!({"id": "beside", "set": {}, "needs": ["inner"]}));
    let mut scene = Scene::held(plan);
    scene.refuse("inner/a", FailureClass::Denied);
    assert_eq!(scene.read(), ["attempt-failed inner/a denied", "step-failed inner/a denied"]);
    scene.answer("inner/b", json!({}));
    assert_eq!(
        scene.read(),
        [
            "step-succeeded inner/b unchanged",
            "step-failed inner denied",
            "step-succeeded beside unchanged",
            "run-ended failed"
        ]
    );
    assert_eq!(
        scene.statuses()[1..],
        ["inner failed", "inner/a failed", "inner/b succeeded", "inner/c pending", "last blocked", "beside succeeded"]
    );
    scene.crash();
    assert_eq!(
        scene.read(),
        [
            "run-held",
            "step-reopened inner g0",
            "step-reopened inner/a g1",
            "step-succeeded inner/c unchanged",
            "step-started inner/a g2 a2",
            "> act inner/a"
        ]
    );
}

#[test]
fn a_failure_inside_that_stops_the_run_stops_it_at_once() {
    let mut plan = nested();
    plan["steps"].as_array_mut().unwrap().insert(0, json!({"id": "slow", "call": {}, "needs": []}));
    plan["steps"].as_array_mut().unwrap().push(json!({"id": "after", "set": {}, "needs": ["slow"]}));
    plan["steps"][1]["needs"] = json!([]);
    let mut scene = Scene::held(plan);
    scene.refuse("inner/a", FailureClass::Denied);
    assert_eq!(
        scene.read(),
        [
            "attempt-failed inner/a denied",
            "step-failed inner/a denied",
            "run-stopping failed",
            "step-failed inner denied"
        ]
    );
    scene.answer("slow", json!({}));
    assert_eq!(scene.read(), ["step-succeeded slow unchanged", "run-ended failed"]);
}

#[test]
fn a_group_sees_the_item_and_the_steps_around_it() {
    let mut scene = Scene::new(json!({"steps": [
        {"id": "base", "set": {"n": 10}},
        {"id": "each", "for-each": {"x": 1, "y": 2}, "needs": ["base"], "group": [
            {"id": "add", "set": {"n": "${{ steps.base.n + item }}"}, "needs": ["base"]},
            {"id": "twice", "for-each": ["p"], "set": {"n": "${{ steps.add.n }}", "key": "${{ key }}"}, "needs": ["add"]},
        ], "group-outputs": {"n": "${{ steps.add.n }}", "key": "${{ key }}"}},
        {"id": "all", "set": {"all": "${{ steps.each }}"}},
    ]}));
    scene.hold();
    assert_eq!(scene.end(), "Succeeded");
    assert_eq!(scene.outputs("each[y]/twice[p]").exposed(), json!({"n": 12, "key": "p"}));
    assert_eq!(
        scene.outputs("all").exposed(),
        json!({"all": {"x": {"n": 11, "key": "x"}, "y": {"n": 12, "key": "y"}}})
    );
}

#[test]
fn a_nested_runbook_may_stand_in_a_loop() {
    let mut plan = nested();
    plan["steps"][1]["for-each"] = json!(["p", "q"]);
    plan["steps"][2]["set"]["x"] = "${{ steps.inner.q.x }}".into();
    let mut scene = Scene::held(plan);
    scene.answer("inner[q]/a", json!({"y": 1}));
    scene.answer("inner[p]/a", json!({"y": 5}));
    assert_eq!(scene.outputs("last").exposed(), json!({"x": 2}));
}

#[test]
fn an_assertion_says_what_is_false() {
    let mut scene = Scene::new(json!({"steps": [{"id": "a", "assert": [
        {"that": "${{ 1 == 2 }}", "else": "one is ${{ 1 }}"}, {"that": true},
    ]}]}));
    scene.hold();
    assert_eq!(scene.failure("a"), "check-failed: one is 1");
}

#[test]
fn a_plan_that_asks_for_what_a_later_version_does_is_told_so() {
    let mut scene = Scene::new(json!({"steps": [
        {"id": "g", "group": [{"id": "a", "set": {}, "on-failure": "undo"}]},
        {"id": "b", "set": {}, "on-failure": "undo"},
    ]}));
    scene.hold();
    let Some(runbook_engine::event::Event::RunHeld { warnings, .. }) = scene.events.first() else { panic!("is held") };
    let told = "`on-failure: undo` of `a`, `b` is not carried out by this version: it counts as `stop`";
    assert_eq!(*warnings, [told]);
}

#[test]
fn the_run_and_its_start_are_in_sight_and_stay_the_same() {
    let plan = json!({"steps": [
        {"id": "a", "call": {}},
        {"id": "b", "set": {"id": "${{ run.id }}", "name": "${{ run.name }}", "at": "${{ run.started_at }}"}},
    ]});
    let mut scene = Scene::held(plan);
    scene.now = 99_000;
    scene.crash();
    scene.answer("a", json!({}));
    assert_eq!(
        scene.outputs("b").exposed(),
        json!({"id": "demo-100000", "name": "demo", "at": "1970-01-01T00:00:00.000Z"})
    );
}

#[test]
fn the_time_of_a_nested_runbook_covers_what_is_inside() {
    let mut plan = nested();
    plan["steps"][1]["timeout"] = "10s".into();
    plan["steps"][1]["run"]["body"]["steps"][0] =
        json!({"id": "a", "wait": {"source": {}, "until": "${{ result.y == 1 }}", "every": "4s"}});
    let mut scene = Scene::held(plan);
    scene.answer("inner/a", json!({"y": 0}));
    scene.tick(9);
    scene.answer("inner/a", json!({"y": 0}));
    scene.tick(1);
    scene.read();
    scene.answer("inner/a", json!({"y": 0}));
    assert_eq!(
        scene.read(),
        ["step-looked inner/a", "step-parked inner deadline", "run-stopping parked", "run-ended timedout"]
    );
    assert_eq!(scene.engine.steps(false)[1].reason.as_deref(), Some("`inner/a` was not done within 10s"));
    scene.now += 100_000;
    scene.crash();
    assert_eq!(scene.read(), ["run-held", "step-reopened inner g1", "> look 4 inner/a"]);
    scene.answer("inner/a", json!({"y": 1}));
    assert_eq!(scene.end(), "Succeeded");
}
