//! The digest of what a step does.
//!
//! This file decides what enters a step's identity: kind and version, arguments, connection, `when`, `for-each`, `check`,
//! `probe`, `outputs` and the texts of the templates it renders; not title, `needs`, `timeout`, `retry` or comments. It
//! must not know how identities are compared.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use runbook_model::argument::Argument;
use runbook_model::digest::Digest;
use runbook_model::plan::{Action, Call, Check, FailWhen, Step, Until};
use serde_json::Value as Json;

use super::sight::Notes;
use super::unit::Unit;

/// The digests of a frozen step, and of what it does for one item of its `for-each`. `inherited` is the connection of a
/// group around it, `notes` are what its expressions mention.
pub(super) fn of(
    unit: &Unit<'_>,
    step: &Step,
    inherited: Option<&Argument>,
    notes: &Notes,
) -> (Digest, Option<Digest>) {
    let mut templates = BTreeSet::new();
    for path in &notes.templates {
        unit.library.closure(path, &mut templates);
    }
    let known = unit.library.templates.borrow();
    let templates: serde_json::Map<String, Json> = templates
        .into_iter()
        .map(|path| {
            let text = known
                .get(&path)
                .and_then(|file| file.as_ref().map(|file| Digest::of(file.text.as_bytes()).to_string()));
            (path, text.map_or(Json::Null, Json::String))
        })
        .collect();
    let mut definition = object([
        ("action", action(&step.action)),
        ("connection", optional(step.connection.as_ref().or(inherited))),
        ("connections", definitions(unit, step, inherited)),
        ("when", optional(step.when.as_ref())),
        (
            "for-each",
            step.for_each
                .as_ref()
                .map_or(Json::Null, |each| Json::Array(vec![each.over.definition(), optional(each.key.as_ref())])),
        ),
        ("check", checks(&step.check)),
        ("accept", texts(&step.accept)),
        (
            "probe",
            step.probe.as_ref().map_or(Json::Null, |probe| {
                object([
                    ("call", call(&probe.call)),
                    ("present-when", optional(probe.present_when.as_ref())),
                    ("matches", checks(&probe.matches)),
                    ("outputs", probe.outputs.as_ref().map_or(Json::Null, arguments)),
                ])
            }),
        ),
        ("outputs", step.outputs.as_ref().map_or(Json::Null, arguments)),
        ("secret", texts(&step.secret)),
        ("templates", Json::Object(templates)),
    ]);
    let whole = Digest::of_json(&definition);
    let item = step.for_each.as_ref().map(|_| {
        definition["for-each"] = Json::Null;
        if !step.when_per_item {
            definition["when"] = Json::Null;
        }
        Digest::of_json(&definition)
    });
    (whole, item)
}

/// An object whose values are moved into it; `json!` would copy them at every level.
fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
    Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn texts(texts: &[String]) -> Json {
    texts.iter().map(|text| Json::String(text.clone())).collect()
}

/// The definitions of the declared connections that the step's calls name, for these decide where they go.
fn definitions(unit: &Unit<'_>, step: &Step, inherited: Option<&Argument>) -> Json {
    let calls = match &step.action {
        Action::Call(call) => vec![call],
        Action::Wait(wait) => vec![&wait.source],
        _ => Vec::new(),
    };
    let probe = step.probe.as_ref().map(|probe| &probe.call);
    let named = calls
        .into_iter()
        .chain(probe)
        .flat_map(|call| call.connection.iter().chain(call.connections.values()))
        .chain(step.connection.as_ref().or(inherited));
    let mut found = serde_json::Map::new();
    for argument in named {
        collect(unit, argument, &mut found);
    }
    Json::Object(found)
}

fn collect(unit: &Unit<'_>, argument: &Argument, found: &mut serde_json::Map<String, Json>) {
    let mut names: Vec<&str> = argument.as_text().into_iter().collect();
    for key in ["from", "karmada", "aws"] {
        names.extend(argument.get(key).and_then(Argument::as_text));
    }
    for name in names {
        if found.contains_key(name) {
            continue;
        }
        if let Some(definition) = unit.connection(name) {
            found.insert(name.to_owned(), definition.definition());
            collect(unit, definition, found);
        }
    }
}

fn optional(argument: Option<&Argument>) -> Json {
    argument.map_or(Json::Null, Argument::definition)
}

fn arguments(arguments: &IndexMap<String, Argument>) -> Json {
    // The order of outputs does not matter; a digest sorts keys.
    arguments
        .iter()
        .map(|(name, argument)| (name.clone(), argument.definition()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn checks(checks: &[Check]) -> Json {
    let one = |check: &Check| {
        Json::Array(vec![check.that.definition(), optional(check.otherwise.as_ref()), Json::Bool(check.warns)])
    };
    checks.iter().map(one).collect()
}

fn call(call: &Call) -> Json {
    let mut parts = vec![
        Json::String(call.kind.clone()),
        call.version.into(),
        call.arguments.definition(),
        optional(call.connection.as_ref()),
    ];
    if !call.connections.is_empty() {
        let connections = call.connections.iter().map(|(argument, of)| (argument.clone(), of.definition()));
        parts.push(Json::Object(connections.collect()));
    }
    Json::Array(parts)
}

fn action(action: &Action) -> Json {
    match action {
        Action::Call(of) => object([("call", call(of))]),
        Action::Wait(wait) => object([
            ("wait", call(&wait.source)),
            (
                "until",
                match &wait.until {
                    Until::True { that } => that.definition(),
                    Until::Source => Json::Null,
                },
            ),
            ("fail-when", wait.fail_when.iter().map(reason).collect()),
            ("stable-for", optional(wait.stable_for.as_ref())),
        ]),
        Action::Set { values } => object([("set", arguments(values))]),
        Action::Assert { checks: all } => object([("assert", checks(all))]),
        Action::Approve { message } => object([("approve", message.definition())]),
        Action::Run(nested) => object([
            ("run", Json::String(nested.kind.clone())),
            ("with", arguments(&nested.with)),
            ("with-connections", arguments(&nested.with_connections)),
        ]),
        Action::Group { .. } => Json::String("group".into()),
    }
}

fn reason(fail: &FailWhen) -> Json {
    Json::Array(vec![fail.when.definition(), optional(fail.say.as_ref())])
}
