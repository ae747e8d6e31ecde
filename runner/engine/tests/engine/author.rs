//! Plans for tests, written nearly as an author writes them.
//!
//! This file decides a short form of plans in JSON: `${{ … }}` in any text is an expression, and everything a frozen plan
//! spells out has a default. It must not know what the tests try.

use std::sync::LazyLock;

use runbook_engine::event::{Person, RunCreated};
use runbook_model::digest::{Digest, RunKey};
use runbook_model::id::RunId;
use runbook_model::plan::{Plan, Retry};
use runbook_model::value::{Map, Value};
use serde_json::{Map as Json, Value as J, json};

static NO_RETRY: LazyLock<J> = LazyLock::new(|| serde_json::to_value(Retry::default()).unwrap());

/// The plan of a body: `{"steps": […]}` and what else a body has.
pub(crate) fn plan(body: J) -> Plan {
    let concurrency = body.get("concurrency").cloned().unwrap_or_else(|| json!(8));
    let templates = body.get("templates").cloned().unwrap_or_else(|| json!({}));
    let plan = json!({
        "format": 1,
        "runbook": {"name": "demo", "version": "1.0.0", "title": "Demo", "digest": Digest::of(b"demo").to_string()},
        "concurrency": concurrency,
        "body": self::body(body, Some("demo")),
        "templates": templates,
    });
    serde_json::from_value(plan).unwrap()
}

/// All that a run of the plan rests on.
pub(crate) fn created(plan: Plan, inputs: Map) -> RunCreated {
    let key = RunKey::new([7; 32]);
    let inputs = Value::Map(inputs);
    RunCreated {
        run: RunId::new("demo", 1),
        plan_digest: plan.digest(),
        plan,
        package: Default::default(),
        inputs_digest: Digest::of_value(&inputs, &key),
        inputs: inputs.into(),
        key,
        labels: Default::default(),
        allow_command: false,
        by: person(),
        version: "0.1.0".into(),
    }
}

pub(crate) fn person() -> Person {
    Person { user: "ann".into(), host: "desk".into() }
}

fn object(json: J) -> Json<String, J> {
    match json {
        J::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn body(json: J, name: Option<&str>) -> J {
    let mut given = object(json);
    let steps = chain(&given.remove("steps").unwrap_or_else(|| json!([])));
    let mut body = json!({"file": "demo.yaml", "steps": steps});
    for key in ["connections", "outputs"] {
        if let Some(value) = given.get(key) {
            body[key] = written(value.clone());
        }
    }
    for key in ["inputs", "shares-scope"] {
        if let Some(value) = given.get(key) {
            body[key] = value.clone();
        }
    }
    for key in ["when-failed", "finally"] {
        if let Some(steps) = given.get(key) {
            body[key] = chain(steps).into();
        }
    }
    if let Some(name) = given.get("name").and_then(J::as_str).or(name) {
        body["name"] = name.into();
    }
    body
}

/// The digests of what a step does and of what it does per item; steps inside it have their own.
fn definitions(given: &Json<String, J>) -> (Digest, Option<Digest>) {
    let mut does = given.clone();
    for key in ["needs", "title", "timeout", "retry", "concurrency", "group", "group-outputs"] {
        does.remove(key);
    }
    if let Some(run) = does.get_mut("run") {
        run["body"] = J::Null;
    }
    let whole = Digest::of_json(&J::Object(does.clone()));
    let each = does.remove("for-each").map(|_| {
        does.remove("key");
        Digest::of_json(&J::Object(does))
    });
    (whole, each)
}

/// Steps of which each waits for the one before it.
fn chain(steps: &J) -> Vec<J> {
    let mut previous: Option<String> = None;
    let mut step = |step: &J| {
        let (id, step) = self::step(step.clone(), previous.as_deref());
        previous = Some(id);
        step
    };
    steps.as_array().unwrap().iter().map(&mut step).collect()
}

fn step(json: J, previous: Option<&str>) -> (String, J) {
    let mut given = object(json);
    let id = given["id"].as_str().unwrap().to_owned();
    let (definition, item_definition) = definitions(&given);
    let action = action(&mut given);
    let mut step = json!({
        "id": id,
        "place": {"file": "demo.yaml", "line": 1, "column": 1},
        "title": written(given.get("title").cloned().unwrap_or_else(|| id.clone().into())),
        "needs": given.get("needs").cloned().unwrap_or_else(|| json!(previous.iter().collect::<Vec<_>>())),
        "retry": retry(given.get("retry")),
        "action": action,
        "definition": definition.to_string(),
        "item-definition": item_definition.map(|definition| definition.to_string()),
    });
    for key in ["when", "connection", "timeout", "outputs"] {
        if let Some(value) = given.get(key) {
            step[key] = written(value.clone());
        }
    }
    for key in ["when-per-item", "accept", "secret", "on-failure"] {
        if let Some(value) = given.get(key) {
            step[key] = value.clone();
        }
    }
    if let Some(checks) = given.get("check") {
        step["check"] = self::checks(checks);
    }
    if let Some(each) = given.get("for-each") {
        let mut for_each = json!({"over": written(each.clone())});
        if let Some(key) = given.get("key") {
            for_each["key"] = written(key.clone());
        }
        if let Some(concurrency) = given.get("concurrency") {
            for_each["concurrency"] = concurrency.clone();
        }
        step["for-each"] = for_each;
    }
    if let Some(probe) = given.get("probe") {
        let mut probe = object(probe.clone());
        let mut frozen = json!({
            "call": call(probe.remove("call").unwrap()),
            "settle": probe.get("settle").cloned().unwrap_or_else(|| "15s".into()),
        });
        if let Some(matches) = probe.get("matches") {
            frozen["matches"] = checks(matches);
        }
        for key in ["present-when", "outputs"] {
            if let Some(value) = probe.get(key) {
                frozen[key] = written(value.clone());
            }
        }
        step["probe"] = frozen;
    }
    if let Some(steps) = given.get("adjust") {
        step["adjust"] = chain(steps).into();
    }
    if let Some(verify) = given.get("verify") {
        let mut verify = object(verify.clone());
        let check = verify.remove("check").map_or_else(|| json!([]), |all| checks(&all));
        step["verify"] = json!({"call": call(verify.remove("call").unwrap()), "check": check});
    }
    (id, step)
}

fn action(given: &mut Json<String, J>) -> J {
    if let Some(call) = given.remove("call") {
        let mut action = self::call(call);
        action["do"] = "call".into();
        return action;
    }
    if let Some(wait) = given.remove("wait") {
        let mut wait = object(wait);
        let until = match wait.remove("until") {
            Some(that) => json!({"is": "true", "that": written(that)}),
            None => json!({"is": "source"}),
        };
        let mut action = json!({
            "do": "wait",
            "source": call(wait.remove("source").unwrap()),
            "until": until,
            "every": written(wait.get("every").cloned().unwrap_or_else(|| "15s".into())),
            "reads-error": wait.get("reads-error").cloned().unwrap_or_else(|| false.into()),
        });
        for (key, frozen) in [("observe", "observe"), ("else", "otherwise"), ("stable-for", "stable-for")] {
            if let Some(value) = wait.get(key) {
                action[frozen] = written(value.clone());
            }
        }
        if let Some(fails) = wait.get("fail-when") {
            action["fail-when"] = written(fails.clone());
        }
        return action;
    }
    if let Some(values) = given.remove("set") {
        return json!({"do": "set", "values": written(values)});
    }
    if let Some(checks) = given.remove("assert") {
        return json!({"do": "assert", "checks": self::checks(&checks)});
    }
    if let Some(message) = given.remove("approve") {
        return json!({"do": "approve", "message": written(message)});
    }
    if let Some(group) = given.remove("group") {
        let mut inner = json!({"steps": group, "shares-scope": true});
        if let Some(outputs) = given.remove("group-outputs") {
            inner["outputs"] = outputs;
        }
        return json!({"do": "group", "body": body(inner, None)});
    }
    let run = object(given.remove("run").expect("a step has an action"));
    json!({
        "do": "run",
        "kind": "runbook",
        "with": written(run.get("with").cloned().unwrap_or_else(|| json!({}))),
        "with-connections": written(run.get("with-connections").cloned().unwrap_or_else(|| json!({}))),
        "body": body(run["body"].clone(), Some("nested")),
    })
}

fn call(json: J) -> J {
    let given = object(json);
    let mut call = json!({
        "kind": given.get("kind").cloned().unwrap_or_else(|| "make".into()),
        "version": 1,
        "arguments": written(given.get("arguments").cloned().unwrap_or_else(|| json!({}))),
        "effect": given.get("effect").cloned().unwrap_or_else(|| "reads".into()),
        "token": given.get("token").cloned().unwrap_or_else(|| false.into()),
        "keeps": given.get("keeps").cloned().unwrap_or_else(|| false.into()),
        "reaches": given.get("reaches").cloned().unwrap_or_else(|| "nothing".into()),
    });
    if let Some(connection) = given.get("connection") {
        call["connection"] = written(connection.clone());
    }
    for (argument, connection) in given.get("connections").and_then(J::as_object).into_iter().flatten() {
        call["connections"][argument] = written(connection.clone());
    }
    call
}

fn checks(json: &J) -> J {
    json.as_array()
        .unwrap()
        .iter()
        .map(|check| {
            let mut frozen = json!({
                "that": written(check["that"].clone()),
                "place": {"file": "demo.yaml", "line": 2, "column": 3},
                "warns": check.get("warns").cloned().unwrap_or_else(|| false.into()),
            });
            if let Some(sentence) = check.get("else") {
                frozen["else"] = written(sentence.clone());
            }
            frozen
        })
        .collect()
}

fn retry(given: Option<&J>) -> J {
    let mut retry = NO_RETRY.clone();
    retry["jitter"] = false.into();
    for (key, value) in given.and_then(J::as_object).into_iter().flatten() {
        retry[key] = if key == "when" { written(value.clone()) } else { value.clone() };
        if key == "for" && given.is_none_or(|given| given.get("attempts").is_none()) {
            retry.as_object_mut().unwrap().remove("attempts");
        }
    }
    retry
}

/// Text with `${{ … }}` as a frozen argument.
fn written(json: J) -> J {
    match json {
        J::String(text) if text.contains("${{") => expressions(&text),
        J::Array(items) => items.into_iter().map(written).collect(),
        J::Object(map) => J::Object(map.into_iter().map(|(key, value)| (key, written(value))).collect()),
        other => other,
    }
}

fn expressions(text: &str) -> J {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${{") {
        if start > 0 {
            parts.push(J::String(rest[..start].to_owned()));
        }
        let end = rest[start..].find("}}").unwrap() + start;
        parts.push(json!({"$": rest[start + 3..end].trim(), "at": [3, 5]}));
        rest = &rest[end + 2..];
    }
    if !rest.is_empty() {
        parts.push(J::String(rest.to_owned()));
    }
    match parts.as_slice() {
        [only @ J::Object(_)] => only.clone(),
        _ => json!({"$mixed": parts}),
    }
}
