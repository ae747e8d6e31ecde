//! The kinds that the language itself knows: what stands under their keys.
//!
//! This file decides the form of `wait-for`, `set`, `assert`, `approve`, `runbook` and `group`, and of a call of any other
//! kind. It must not know what the other kinds take.

use runbook_model::argument::{Argument, Entry, Node};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::kind::Kinds;
use runbook_model::value::Value;

use super::keys::{Keys, Sink, checks, condition, unknown_key, wrong_type, wrong_value};
use super::runbook::identifier;
use super::step::{self, Where};
use super::{Action, Call, Spanned, Until, Uses, Wait};

/// Their names.
pub(super) const OWN: [&str; 6] = ["approve", "assert", "group", "runbook", "set", "wait-for"];

/// What a wait can look at: the key, and the kind behind it.
const SOURCES: [(&str, &str); 5] =
    [("aws-call", "aws-call"), ("k8s", "k8s-get"), ("http", "http"), ("tcp", "tcp"), ("dns", "dns")];

/// Reads what stands under the key of a kind.
pub(super) fn read(entry: &Entry, kinds: &dyn Kinds, sink: &mut Sink) -> Option<Action> {
    let argument = &entry.value;
    match entry.key.as_str() {
        "wait-for" => wait(argument, sink).map(|wait| Action::Wait(Box::new(wait))),
        "set" => {
            let keys = Keys::any(argument, "set", sink)?;
            for entry in keys.entries() {
                identifier(&entry.key, entry.key_span, "an output", sink);
            }
            Some(Action::Set(keys.entries().to_vec()))
        }
        "assert" => match &argument.node {
            Node::List(items) => Some(Action::Assert(checks(items, sink))),
            _ => {
                wrong_type(argument, "assert", "a list of checks", sink);
                None
            }
        },
        "approve" => {
            let keys = Keys::of(argument, "approve", &["message"], sink)?;
            let message = keys.require("message", "write what the person is asked", sink)?;
            Some(Action::Approve(message.clone()))
        }
        "runbook" => uses(entry, sink),
        "group" => {
            let keys = Keys::of(argument, "group", &["steps"], sink)?;
            let steps = step::read_all(keys.steps(sink)?, Where::Run, kinds, sink);
            Some(Action::Group(steps))
        }
        name if kinds.get(name).is_some_and(|kind| kind.expansion().is_some()) => {
            let keys = Keys::any(argument, "the arguments", sink)?;
            let kind = Spanned { value: entry.key.clone(), span: entry.key_span };
            let with = keys.entries().to_vec();
            Some(Action::Uses(Uses { kind, path: None, with, with_connections: Vec::new(), loaded: None }))
        }
        _ => Some(Action::Call(call(entry, &entry.key))),
    }
}

fn call(entry: &Entry, kind: &str) -> Call {
    Call {
        kind: Spanned { value: kind.to_owned(), span: entry.key_span },
        arguments: entry.value.clone(),
        connection: None,
        planned: None,
        version: 0,
        parameters: &[],
        later: false,
    }
}

fn uses(entry: &Entry, sink: &mut Sink) -> Option<Action> {
    let keys = Keys::of(&entry.value, "runbook", &["uses", "with", "with-connections"], sink)?;
    keys.require("uses", "name the file: `uses: ./other.yaml`", sink);
    Some(Action::Uses(Uses {
        kind: Spanned { value: entry.key.clone(), span: entry.key_span },
        path: keys.text("uses", sink),
        with: keys.map("with", sink).unwrap_or_default().to_vec(),
        with_connections: keys.map("with-connections", sink).unwrap_or_default().to_vec(),
        loaded: None,
    }))
}

fn wait(argument: &Argument, sink: &mut Sink) -> Option<Wait> {
    const KEYS: [&str; 8] = ["until", "waiter", "fail-when", "observe", "else", "every", "stable-for", "connection"];
    let keys = Keys::any(argument, "wait-for", sink)?;
    let mut source: Option<(&Entry, &str)> = None;
    for entry in keys.entries().iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
        match (SOURCES.into_iter().find(|(key, _)| *key == entry.key), source) {
            (Some((_, kind)), None) => source = Some((entry, kind)),
            (Some(_), Some((first, _))) => {
                let message = format!("`wait-for` looks both at `{}` and at `{}`", first.key, entry.key);
                let diagnostic = Diagnostic::error(code::KIND_SEVERAL, entry.key_span, message)
                    .help("wait for each of them in a step of its own")
                    .related(first.key_span, "it already looks here");
                sink.push(diagnostic);
            }
            (None, _) => {
                let known: Vec<&str> = SOURCES.into_iter().map(|(key, _)| key).chain(KEYS).collect();
                sink.push(unknown_key(entry, "wait-for", &known));
            }
        }
    }
    let Some((entry, kind)) = source else {
        let help = "add one of `aws-call`, `k8s`, `http`, `tcp`, `dns`";
        let span = keys.entries().first().map_or(argument.span, |entry| entry.key_span);
        sink.push(Diagnostic::error(code::KIND_NONE, span, "`wait-for` does not say what it looks at").help(help));
        return None;
    };
    let mut source = call(entry, kind);
    source.connection = keys.get("connection").cloned();
    let until = until(keys, &entry.key, &mut source, sink)?;
    Some(Wait {
        source,
        until,
        fail_when: fail_when(keys, sink),
        observe: keys.get("observe").cloned(),
        otherwise: keys.sentence("else", sink),
        every: keys.timespan("every", sink),
        stable_for: keys.timespan("stable-for", sink),
    })
}

/// `until:` or `waiter:`. What the source itself has to judge becomes an entry of its arguments.
fn until(keys: Keys<'_>, source_key: &str, source: &mut Call, sink: &mut Sink) -> Option<Until> {
    let entry = |key: &str| keys.entries().iter().find(|entry| entry.key == key && !entry.value.is_null());
    match (entry("until"), entry("waiter")) {
        (Some(until), Some(waiter)) => {
            let diagnostic =
                Diagnostic::error(code::KEYS_TOGETHER, waiter.key_span, "`waiter` and `until` exclude each other")
                    .help("keep one of them")
                    .related(until.key_span, "`until` stands here");
            sink.push(diagnostic);
            None
        }
        (Some(until), None) if until.value.as_text() == Some("ready") => {
            if source_key != "k8s" {
                wrong_value(&until.value, "until", "an expression: only `k8s` knows `ready`", sink);
                return None;
            }
            let flag = Node::Plain { value: Value::Bool(true), text: "true".into() };
            add(source, "ready", until, Argument { node: flag, span: until.value.span });
            Some(Until::Source)
        }
        (Some(until), None) => Some(Until::True(condition(&until.value, "until", sink)?)),
        (None, Some(waiter)) => {
            keys.text("waiter", sink)?;
            if source_key != "aws-call" {
                let message = format!("`{source_key}` has no waiters");
                let help = "waiters belong to `aws-call`; write `until: ${{ … }}`";
                sink.push(Diagnostic::error(code::KEYS_TOGETHER, waiter.key_span, message).help(help));
                return None;
            }
            add(source, "waiter", waiter, waiter.value.clone());
            Some(Until::Source)
        }
        (None, None) => {
            let help = "write `until: ${{ … }}`, `until: ready` for `k8s`, or `waiter:` for `aws-call`";
            keys.require("until", help, sink);
            None
        }
    }
}

fn add(source: &mut Call, key: &str, written: &Entry, value: Argument) {
    if let Node::Map(entries) = &mut source.arguments.node {
        entries.retain(|entry| entry.key != key);
        entries.push(Entry { key: key.to_owned(), key_span: written.key_span, value });
    }
}

fn fail_when(keys: Keys<'_>, sink: &mut Sink) -> Vec<(Argument, Option<Argument>)> {
    let Some(argument) = keys.get("fail-when") else { return Vec::new() };
    let Node::List(items) = &argument.node else {
        return condition(argument, "fail-when", sink).map(|when| (when, None)).into_iter().collect();
    };
    items
        .iter()
        .filter_map(|item| {
            let keys = Keys::of(item, "fail-when", &["when", "say"], sink)?;
            let when = keys.require("when", "write the condition: `when: ${{ … }}`", sink)?;
            let say = keys.sentence("say", sink);
            Some((condition(when, "when", sink)?, say))
        })
        .collect()
}
