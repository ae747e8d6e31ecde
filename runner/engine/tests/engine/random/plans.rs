//! Random plans, and plans with something changed in them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value as J, json};

/// What a step of a random plan does.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Makes something each time it is called; with a probe or without.
    Once(bool),
    /// Makes something once per token.
    Tokened,
    /// Puts something under a name.
    Named(bool),
    /// Is there from the beginning, and does not fit until its `adjust` has run.
    Adjusts,
    Reads,
    Waits,
    Sets,
    Goes,
    Loops(u8, Option<u8>, Box<Self>),
    Groups(Vec<Self>),
    Nests(Vec<Self>),
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Shape::Once),
        Just(Shape::Tokened),
        any::<bool>().prop_map(Shape::Named),
        Just(Shape::Adjusts),
        Just(Shape::Reads),
        Just(Shape::Waits),
        Just(Shape::Sets),
        Just(Shape::Goes),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            (0_u8..4, proptest::option::of(1_u8..3), inner.clone()).prop_map(|(items, at_once, inner)| Shape::Loops(
                items,
                at_once,
                Box::new(inner)
            )),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(Shape::Groups),
            proptest::collection::vec(inner, 1..3).prop_map(Shape::Nests),
        ]
    })
}

/// A body of such steps. Each needs the one before it, or an earlier one, or none.
pub(super) fn body(shapes: &[(Shape, Option<u8>)]) -> J {
    let mut steps = Vec::new();
    for (at, (shape, need)) in shapes.iter().enumerate() {
        let mut step = step(shape, &format!("s{at}"));
        if let Some(need) = need {
            let need = usize::from(*need);
            step["needs"] = if need < at { json!([format!("s{need}")]) } else { json!([]) };
        }
        // What reads another's output needs it.
        if matches!(shape, Shape::Sets)
            && let Some(earlier) = (0..at).rev().find(|earlier| keeps(&shapes[*earlier].0))
        {
            step["set"] = json!({"id": format!("${{{{ steps.s{earlier}.id | default('-') }}}}")});
            step["needs"].as_array_mut().get_or_insert(&mut vec![]).push(format!("s{earlier}").into());
            step["needs"] = json!([format!("s{earlier}")]);
        }
        steps.push(step);
    }
    json!({"steps": steps})
}

/// Are its outputs known after any trouble?
pub(super) fn keeps(shape: &Shape) -> bool {
    !matches!(shape, Shape::Once(false) | Shape::Goes | Shape::Loops(..) | Shape::Groups(_) | Shape::Nests(_))
}

pub(super) fn step(shape: &Shape, id: &str) -> J {
    let call = |kind: &str, effect: &str, token: bool| json!({"id": id, "call": {"kind": kind, "effect": effect, "token": token}, "retry": {"attempts": 100}});
    let probed = |mut step: J| {
        step["probe"] = json!({"call": {"kind": "see"}, "matches": [{"that": "${{ result.id != '' }}"}]});
        step
    };
    let with_id = |mut step: J| {
        step["outputs"] = json!({"id": "${{ result.id }}"});
        step
    };
    let inner = |shapes: &[Shape]| -> J {
        shapes.iter().enumerate().map(|(at, shape)| self::step(shape, &format!("t{at}"))).collect()
    };
    match shape {
        Shape::Once(true) => with_id(probed(call("make", "one-shot", false))),
        Shape::Once(false) => call("make", "one-shot", false),
        Shape::Tokened => with_id(call("token", "converges", true)),
        Shape::Named(true) => {
            let mut step = with_id(probed(call("put", "converges", false)));
            step["verify"] = json!({"call": {"kind": "read"}});
            step
        }
        Shape::Adjusts => {
            let mut step = with_id(call("make", "one-shot", false));
            step["probe"] = json!({"call": {"kind": "fits"}, "matches": [{"that": "${{ result.fits }}"}]});
            step["adjust"] = inner(&[Shape::Named(false), Shape::Waits]);
            step
        }
        Shape::Named(false) => with_id(call("put", "converges", false)),
        Shape::Reads => with_id(call("read", "reads", false)),
        Shape::Goes => call("go", "one-shot", false),
        Shape::Waits => json!({"id": id, "retry": {"attempts": 100}, "wait":
            {"source": {"kind": "look"}, "until": "${{ result.n >= 2 }}"}, "outputs": {"id": "${{ result.id }}"}}),
        Shape::Sets => json!({"id": id, "set": {"id": id}}),
        Shape::Loops(items, at_once, inner) => {
            let mut step = self::step(inner, id);
            if step.get("for-each").is_some() || step.get("group").is_none() && step.get("run").is_none() {
                step = json!({"id": id, "group": [self::step(inner, "t")]});
            }
            step["for-each"] = (0..*items).map(|n| format!("k{n}")).collect();
            if let Some(at_once) = at_once {
                step["concurrency"] = json!(at_once);
            }
            step
        }
        Shape::Groups(shapes) => json!({"id": id, "group": inner(shapes)}),
        Shape::Nests(shapes) => {
            json!({"id": id, "run": {"body": {"steps": inner(shapes), "finally": inner(&shapes[..1])}}})
        }
    }
}

/// Plans of a few steps that need each other.
pub(super) fn plans() -> impl Strategy<Value = J> {
    (proptest::collection::vec((shape(), proptest::option::of(0_u8..6)), 1..6), 1_u8..4).prop_map(
        |(shapes, at_once)| {
            let mut body = body(&shapes);
            body["concurrency"] = json!(at_once);
            // Whatever happens before, a run ends once, and so does what belongs to its end.
            body["finally"] = json!([step(&Shape::Once(true), "last"), step(&Shape::Tokened, "least")]);
            body
        },
    )
}

/// The plan with some steps taken out, put in or changed, in it and in what is inside.
pub(super) fn edited(body: &J, edits: &mut impl Iterator<Item = u8>) -> J {
    let mut body = body.clone();
    body["steps"] = edited_steps(&body["steps"], edits);
    body
}

fn edited_steps(steps: &J, edits: &mut dyn Iterator<Item = u8>) -> J {
    let mut gone = BTreeSet::new();
    let mut after = Vec::new();
    for (at, step) in steps.as_array().unwrap().iter().enumerate() {
        let mut step = step.clone();
        let id = step["id"].as_str().unwrap().to_owned();
        match edits.next() {
            Some(1) => {
                gone.insert(id);
                continue;
            }
            Some(2) if step.get("call").is_some() => step["check"] = json!([{"that": "${{ true }}"}]),
            Some(2 | 3) if step.get("for-each").is_some() => step["for-each"] = json!(["k1", "k9"]),
            Some(4) => after.push(json!({"id": format!("new{at}"), "call": {"kind": "put", "effect": "converges"}})),
            _ => {}
        }
        for inside in ["/group", "/run/body/steps"] {
            if let Some(steps) = step.pointer_mut(inside) {
                *steps = edited_steps(steps, edits);
            }
        }
        if let Some(needs) = step.get_mut("needs").and_then(J::as_array_mut) {
            needs.retain(|need| !gone.contains(need.as_str().unwrap()));
        }
        let reads = step.get("set").map(J::to_string).unwrap_or_default();
        if gone.iter().any(|gone| reads.contains(&format!("steps.{gone}."))) {
            step["set"] = json!({"id": "-"});
        }
        after.push(step);
    }
    after.into()
}

/// The calls of a plan: what each does, by its path without keys.
pub(super) fn calls(body: &J) -> BTreeMap<String, J> {
    fn walk(steps: &J, around: &str, found: &mut BTreeMap<String, J>) {
        for step in steps.as_array().into_iter().flatten() {
            let path = format!("{around}/{}", step["id"].as_str().unwrap());
            for inside in ["/group", "/run/body/steps"] {
                walk(step.pointer(inside).unwrap_or(&J::Null), &path, found);
            }
            if step.get("call").is_some() {
                let mut step = step.clone();
                for key in ["needs", "for-each", "concurrency"] {
                    step.as_object_mut().unwrap().remove(key);
                }
                found.insert(path, step);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&body["steps"], "", &mut found);
    found
}
