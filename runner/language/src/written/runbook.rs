//! The top level of a runbook's file.
//!
//! This file decides its keys and the rules for names. It must not know steps.

use indexmap::IndexMap;
use runbook_model::argument::{Argument, Entry};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::id::{is_identifier, is_label};
use runbook_model::kind::Kinds;
use runbook_model::source::Span;

use super::keys::{Keys, Sink, shortened, text};
use super::{Defaults, Runbook, declarations, retry, step};

const KEYS: [&str; 16] = [
    "apiVersion",
    "name",
    "version",
    "title",
    "description",
    "inputs",
    "connections",
    "steps",
    "outputs",
    "defaults",
    "when-failed",
    "finally",
    "concurrency",
    "requires",
    "labels",
    "owner",
];
/// Known, but not looked at by this version.
const LATER: &str = "cost";

/// The version of the language that this file reads.
const API_VERSION: &str = "runbook/v1";

/// Reads a runbook. `None` if the document is no map.
pub(crate) fn read(document: &Argument, kinds: &dyn Kinds, sink: &mut Sink) -> Option<Runbook> {
    let known: Vec<&str> = KEYS.into_iter().chain([LATER]).collect();
    let keys = Keys::of(document, "a runbook", &known, sink)?;
    keys.require("apiVersion", "write `apiVersion: runbook/v1`", sink);
    if let Some(version) = keys.text("apiVersion", sink)
        && version.value != API_VERSION
    {
        let message = format!("`apiVersion` is `{}`, this version reads `{API_VERSION}`", shortened(&version.value));
        sink.push(Diagnostic::error(code::VALUE_WRONG, version.span, message).help("write `apiVersion: runbook/v1`"));
    }
    keys.require("name", "write the runbook's name, such as `name: eks-cluster`", sink);
    let name = keys.text("name", sink);
    if let Some(name) = &name {
        label(&name.value, name.span, "a runbook", sink);
    }
    keys.require("version", "write the version of this runbook, such as `version: 1.0.0`", sink);
    let version = keys.text("version", sink);
    if let Some(version) = &version
        && !is_semantic_version(&version.value)
    {
        let message = format!("`{}` is no semantic version", shortened(&version.value));
        sink.push(
            Diagnostic::error(code::VALUE_WRONG, version.span, message).help("write three numbers, such as `1.0.0`"),
        );
    }
    if let Some(requires) = keys.get("requires") {
        let message = "this version does not look at `requires`";
        sink.push(
            Diagnostic::warning(code::KIND_LATER, requires.span, message).help("say it in `description` for now"),
        );
    }

    let mut runbook = Runbook {
        name: name.map(|name| name.value).unwrap_or_default(),
        version: version.map(|version| version.value).unwrap_or_default(),
        title: keys.text("title", sink).map(|text| text.value),
        description: keys.text("description", sink).map(|text| text.value),
        labels: labels(keys, sink),
        owner: keys.text("owner", sink).map(|text| text.value),
        concurrency: keys.count("concurrency", sink),
        outputs: outputs(keys, sink).unwrap_or_default(),
        ..Runbook::default()
    };
    match keys.map("inputs", sink) {
        Some(entries) => runbook.inputs = declarations::read(entries, sink),
        None => runbook.unread.inputs = keys.get("inputs").is_some(),
    }
    match keys.map("connections", sink) {
        Some(entries) => runbook.connections = connections(entries, sink),
        None => runbook.unread.connections = keys.get("connections").is_some(),
    }
    if let Some(defaults) = keys.get("defaults")
        && let Some(keys) = Keys::of(defaults, "defaults", &["retry", "timeout"], sink)
    {
        let retry = keys.get("retry").and_then(|argument| retry::read(argument, sink));
        runbook.defaults = Defaults { retry, timeout: keys.timespan("timeout", sink) };
    }
    match keys.steps(sink) {
        Some(steps) => runbook.steps = step::read_all(steps, step::Where::Run, kinds, sink),
        None => runbook.unread.steps = true,
    }
    for (key, place) in [("when-failed", &mut runbook.when_failed), ("finally", &mut runbook.finally)] {
        if let Some(steps) = keys.list(key, sink) {
            *place = step::read_all(steps, step::Where::Aside, kinds, sink);
        }
    }
    Some(runbook)
}

fn labels(keys: Keys<'_>, sink: &mut Sink) -> IndexMap<String, String> {
    let entries = keys.map("labels", sink).unwrap_or_default();
    entries.iter().filter_map(|entry| Some((entry.key.clone(), text(&entry.value, &entry.key, sink)?.value))).collect()
}

fn connections(entries: &[Entry], sink: &mut Sink) -> IndexMap<String, (Span, Argument)> {
    for entry in entries {
        label(&entry.key, entry.key_span, "a connection", sink);
    }
    entries.iter().map(|entry| (entry.key.clone(), (entry.key_span, entry.value.clone()))).collect()
}

/// `outputs:` of a runbook, a step or a probe.
pub(super) fn outputs(keys: Keys<'_>, sink: &mut Sink) -> Option<Vec<Entry>> {
    let entries = keys.map("outputs", sink)?;
    for entry in entries {
        identifier(&entry.key, entry.key_span, "an output", sink);
    }
    Some(entries.to_vec())
}

/// Complains about a name that cannot stand in an expression.
pub(super) fn identifier(name: &str, span: Span, what: &str, sink: &mut Sink) {
    if is_identifier(name) {
        return;
    }
    let near: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let near = near.trim_matches('_').trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    let message = format!("`{}` cannot be the name of {what}", shortened(name));
    let begins = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let help = if begins && is_identifier(near) && near.len() <= 60 {
        format!("write `{near}`: lower-case letters, digits and `_`, so that it can stand in an expression")
    } else {
        "use lower-case letters, digits and `_`, beginning with a letter".to_owned()
    };
    sink.push(Diagnostic::error(code::NAME_INVALID, span, message).help(help));
}

/// Complains about a name that is no DNS label.
fn label(name: &str, span: Span, what: &str, sink: &mut Sink) {
    if is_label(name) {
        return;
    }
    let near: String =
        name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(50).collect();
    let near = near.trim_matches('-');
    let message = format!("`{}` cannot be the name of {what}", shortened(name));
    let help = if is_label(near) {
        format!("write `{near}`: lower-case letters, digits and `-`, at most 50")
    } else {
        "use at most 50 lower-case letters, digits and `-`".to_owned()
    };
    sink.push(Diagnostic::error(code::NAME_INVALID, span, message).help(help));
}

/// `1.0.0`, with a pre-release and build metadata if there are any, as semver.org says.
fn is_semantic_version(text: &str) -> bool {
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let number = |part: &str| {
        !part.is_empty()
            && part.len() <= 18
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let numeric = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(|part| word(part) && (!numeric(part) || number(part))))
        && build.is_none_or(|build| build.split('.').all(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semantic_versions() {
        for version in ["0.1.0", "1.0.0", "1.2.3-rc.1", "1.2.3-0a+b.01", "10.20.30"] {
            assert!(is_semantic_version(version), "{version}");
        }
        for version in ["1", "1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "1.0.0.0", "1.0.x", ""] {
            assert!(!is_semantic_version(version), "{version}");
        }
    }
}
