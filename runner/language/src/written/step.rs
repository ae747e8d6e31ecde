//! A step.
//!
//! This file decides its keys, which of them go with which kind, and how its kind is found among them. It must not know
//! what the kinds do.

use runbook_model::argument::{Argument, Entry, Node};
use runbook_model::code;
use runbook_model::diagnostic::{Diagnostic, did_you_mean};
use runbook_model::kind::Kinds;
use runbook_model::plan::OnFailure;
use runbook_model::source::Span;

use super::actions::{self, OWN};
use super::keys::{Keys, Sink, alone, meant, not_one_of, shortened, unknown_key, wrong_type};
use super::runbook::{identifier, outputs};
use super::{Action, Call, Probe, Spanned, Step, Undo, Verify, retry};

/// The keys of a step, besides its kind.
const KEYS: [&str; 19] = [
    "id",
    "title",
    "needs",
    "when",
    "for-each",
    "key",
    "concurrency",
    "connection",
    "retry",
    "timeout",
    "accept",
    "check",
    "outputs",
    "secret",
    "probe",
    "adjust",
    "verify",
    "undo",
    "on-failure",
];

/// Where steps stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// In the run itself: every step needs an id.
    Run,
    /// In `undo`, `adjust`, `when-failed` or `finally`: ids may be left out.
    Aside,
}

pub(super) fn read_all(items: &[Argument], place: Where, kinds: &dyn Kinds, sink: &mut Sink) -> Vec<Step> {
    // A step is large: a list that grows would copy all of them again and again.
    let mut steps = Vec::with_capacity(items.len());
    steps.extend(items.iter().filter_map(|item| read(item, place, kinds, sink)));
    steps
}

fn read(argument: &Argument, place: Where, kinds: &dyn Kinds, sink: &mut Sink) -> Option<Step> {
    let keys = Keys::any(argument, "a step", sink)?;
    let first = keys.entries().first().map_or(argument.span, |entry| entry.key_span);
    let id = match place {
        Where::Run => keys.require("id", "give the step a name: `id: create_cluster`", sink),
        Where::Aside => keys.get("id"),
    };
    let id = id.and_then(|_| keys.text("id", sink)).unwrap_or(Spanned { value: String::new(), span: first });
    if !id.value.is_empty() {
        identifier(&id.value, id.span, "a step", sink);
    }
    let chosen = kind(keys.entries(), first, kinds, sink);
    let action = chosen.and_then(|entry| actions::read(entry, kinds, sink));
    let step = Step {
        span: id.span,
        id,
        title: keys.get("title").cloned(),
        needs: keys.get("needs").and_then(|_| keys.texts("needs", sink)),
        when: keys.condition("when", sink),
        for_each: keys.get("for-each").map(alone),
        key: keys.get("key").cloned(),
        concurrency: keys.count("concurrency", sink),
        connection: keys.get("connection").cloned(),
        retry: keys.get("retry").and_then(|argument| retry::read(argument, sink)),
        timeout: keys.timespan("timeout", sink),
        accept: keys.texts("accept", sink).unwrap_or_default(),
        check: keys.checks("check", sink),
        outputs: outputs(keys, sink),
        secret: keys.texts("secret", sink).unwrap_or_default(),
        probe: keys.get("probe").and_then(|argument| probe(argument, kinds, sink)),
        adjust: keys.list("adjust", sink).map(|items| read_all(items, Where::Aside, kinds, sink)).unwrap_or_default(),
        verify: keys.get("verify").and_then(|argument| verify(argument, kinds, sink)),
        undo: keys.get("undo").map(|argument| undo(argument, kinds, sink)).unwrap_or_default(),
        on_failure: on_failure(keys, sink),
        action,
        keys: keys
            .entries()
            .iter()
            .filter(|entry| KEYS.contains(&entry.key.as_str()) && entry.key != "id")
            .map(|entry| Spanned { value: entry.key.clone(), span: entry.key_span })
            .collect(),
    };
    fitting_keys(&step, sink);
    Some(step)
}

/// The one entry of a step that says what it does.
fn kind<'a>(entries: &'a [Entry], first: Span, kinds: &dyn Kinds, sink: &mut Sink) -> Option<&'a Entry> {
    let known = |entry: &&Entry| OWN.contains(&entry.key.as_str()) || kinds.get(&entry.key).is_some();
    let others: Vec<&Entry> = entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())).collect();
    let found: Vec<&Entry> = others.iter().copied().filter(known).collect();
    let names: Vec<&str> = OWN.into_iter().chain(kinds.names()).collect();
    // Without any known kind, an unknown key that resembles no key of a step was meant as one.
    let mut misspelt = false;
    for entry in others.iter().filter(|entry| !known(entry)) {
        if found.is_empty() && !misspelt && did_you_mean(&entry.key, KEYS).is_none() {
            misspelt = true;
            let message = format!("there is no step kind `{}`", shortened(&entry.key));
            let help = meant(&entry.key, names.iter().copied(), "`runbook kinds` lists them all");
            sink.push(Diagnostic::error(code::KIND_UNKNOWN, entry.key_span, message).help(help));
        } else {
            let all: Vec<&str> = KEYS.into_iter().chain(names.iter().copied()).collect();
            let near = did_you_mean(&entry.key, all.iter().copied()).is_some();
            let own: Vec<&str> = KEYS.into_iter().chain(found.iter().map(|entry| entry.key.as_str())).collect();
            sink.push(unknown_key(entry, "a step", if near { &all } else { &own }));
        }
    }
    match found.as_slice() {
        [only] => Some(only),
        [] => {
            if !misspelt {
                let help =
                    "say what it does, such as `aws-call: {…}` or `wait-for: {…}`; `runbook kinds` lists them all";
                sink.push(Diagnostic::error(code::KIND_NONE, first, "the step does nothing").help(help));
            }
            None
        }
        [one, two, ..] => {
            let message = format!("the step is both `{}` and `{}`", one.key, two.key);
            let diagnostic = Diagnostic::error(code::KIND_SEVERAL, two.key_span, message)
                .help("make a step of each of them")
                .related(one.key_span, "it already has a kind here");
            sink.push(diagnostic);
            None
        }
    }
}

/// Complains about keys that mean nothing beside the step's kind.
fn fitting_keys(step: &Step, sink: &mut Sink) {
    let each = ["key", "concurrency"];
    for key in &step.keys {
        if each.contains(&key.value.as_str()) && !step.keys.iter().any(|other| other.value == "for-each") {
            let message = format!("`{}` goes with `for-each`, which the step does not have", key.value);
            sink.push(
                Diagnostic::error(code::KEYS_TOGETHER, key.span, message).help("add `for-each:`, or leave it out"),
            );
        }
    }
    let outer = ["title", "needs", "when", "for-each", "key", "concurrency", "timeout", "on-failure"];
    let more: &[&str] = match &step.action {
        None | Some(Action::Call(_)) => return,
        Some(Action::Wait(_)) => &["connection", "retry", "accept", "check", "outputs", "secret", "verify", "undo"],
        Some(Action::Set(_)) => &["secret", "undo"],
        Some(Action::Assert(_) | Action::Approve(_)) => &["undo"],
        Some(Action::Uses(uses)) if uses.kind.value == "runbook" => &["outputs"],
        Some(Action::Uses(_)) => &["outputs", "connection"],
        Some(Action::Group(_)) => &["outputs", "connection"],
    };
    let what = match &step.action {
        Some(Action::Wait(_)) => "wait-for",
        Some(Action::Set(_)) => "set",
        Some(Action::Assert(_)) => "assert",
        Some(Action::Approve(_)) => "approve",
        Some(Action::Uses(uses)) => &uses.kind.value,
        _ => "group",
    };
    for key in &step.keys {
        if !outer.contains(&key.value.as_str()) && !more.contains(&key.value.as_str()) {
            let message = format!("`{}` means nothing on `{what}`", key.value);
            sink.push(Diagnostic::error(code::KEYS_TOGETHER, key.span, message).help(instead(what, &key.value)));
        }
    }
}

fn instead(what: &str, key: &str) -> &'static str {
    match (what, key) {
        ("runbook", "connection") => "replace a connection of the nested runbook with `with-connections:`",
        ("runbook" | "group", _) => "write it on the steps inside",
        ("set", "outputs") => "the entries of `set` are the outputs",
        (_, "check") => "put a step `assert` behind it",
        _ => "leave it out",
    }
}

fn probe(argument: &Argument, kinds: &dyn Kinds, sink: &mut Sink) -> Option<Probe> {
    const KEYS: [&str; 5] = ["connection", "present-when", "matches", "outputs", "settle"];
    let keys = Keys::any(argument, "probe", sink)?;
    let call = look(keys, "probe", &KEYS, kinds, sink)?;
    Some(Probe {
        span: call.kind.span,
        call,
        present_when: keys.condition("present-when", sink),
        matches: keys.checks("matches", sink),
        outputs: outputs(keys, sink),
        settle: keys.duration("settle", sink),
    })
}

fn verify(argument: &Argument, kinds: &dyn Kinds, sink: &mut Sink) -> Option<Verify> {
    const KEYS: [&str; 2] = ["connection", "check"];
    let keys = Keys::any(argument, "verify", sink)?;
    let call = look(keys, "verify", &KEYS, kinds, sink)?;
    Some(Verify { call, check: keys.checks("check", sink) })
}

/// The reading kind of a probe or `verify`.
fn look(keys: Keys<'_>, what: &'static str, own: &[&str], kinds: &dyn Kinds, sink: &mut Sink) -> Option<Call> {
    let (mut found, mut unknown) = (None, false);
    for entry in keys.entries().iter().filter(|entry| !own.contains(&entry.key.as_str())) {
        match (kinds.get(&entry.key), &found) {
            (Some(_), None) => found = Some(entry),
            (Some(_), Some(first)) => {
                let message = format!("`{what}` looks both with `{}` and `{}`", first.key, entry.key);
                let diagnostic = Diagnostic::error(code::KIND_SEVERAL, entry.key_span, message)
                    .help("keep one of them")
                    .related(first.key_span, "it already looks here");
                sink.push(diagnostic);
            }
            (None, _) => {
                unknown = true;
                let all: Vec<&str> = own.iter().copied().chain(kinds.names()).collect();
                let known: Vec<&str> = own.iter().copied().chain(["aws-call", "k8s-get"]).collect();
                let near = did_you_mean(&entry.key, all.iter().copied()).is_some();
                sink.push(unknown_key(entry, what, if near { &all } else { &known }));
            }
        }
    }
    let Some(entry) = found else {
        if !unknown {
            let message = format!("`{what}` does not say with which call it looks");
            let help = "add a call that reads, such as `aws-call: {…}` or `k8s-get: {…}`";
            sink.push(Diagnostic::error(code::KIND_NONE, keys.span(), message).help(help));
        }
        return None;
    };
    Some(Call {
        kind: Spanned { value: entry.key.clone(), span: entry.key_span },
        arguments: entry.value.clone(),
        connection: keys.get("connection").cloned(),
        planned: None,
        version: 0,
        parameters: &[],
        later: false,
    })
}

fn undo(argument: &Argument, kinds: &dyn Kinds, sink: &mut Sink) -> Undo {
    if let Node::List(items) = &argument.node {
        return Undo::Steps(read_all(items, Where::Aside, kinds, sink));
    }
    if !matches!(argument.node, Node::Map(_)) {
        wrong_type(argument, "undo", "a list of steps", sink);
        return Undo::Unsaid;
    }
    let Some(keys) = Keys::of(argument, "undo", &["never"], sink) else { return Undo::Unsaid };
    let why = keys.require("never", "say why it cannot be taken back: `{never: …}`", sink);
    match why.and_then(|_| keys.text("never", sink)) {
        Some(why) => Undo::Never(why.value),
        None => Undo::Unsaid,
    }
}

fn on_failure(keys: Keys<'_>, sink: &mut Sink) -> OnFailure {
    let Some(word) = keys.text("on-failure", sink) else { return OnFailure::Stop };
    match word.value.as_str() {
        "stop" => OnFailure::Stop,
        "continue" => OnFailure::Continue,
        "warn" => OnFailure::Warn,
        "undo" => OnFailure::Undo,
        _ => {
            sink.push(not_one_of(&word, "on-failure", &["stop", "continue", "warn", "undo"]));
            OnFailure::Stop
        }
    }
}
