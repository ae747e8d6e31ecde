//! Nested runbooks: which file it is, and whether its inputs and connections get what they need.
//!
//! This file decides how `uses`, `with` and `with-connections` are judged. It must not know how a nested runbook is run.

use std::sync::Arc;

use indexmap::IndexMap;
use runbook_model::argument::{Argument, Node};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::kind::{Kind, Reaches};
use runbook_model::plan::Nested;
use runbook_model::source::SourceId;

use super::connections::{self, DEFAULT};
use super::library::{Library, outside};
use super::numbers;
use super::sight::Sight;
use crate::files::{folder, resolved};
use crate::written::{Step, Uses, clause, meant, place_of};

/// The connection of an expansion that stands for the step's own.
const TARGET: &str = "target";

/// Reads the runbook that a step uses.
pub(super) fn load(library: &Library<'_>, source: SourceId, uses: &mut Uses) {
    if let Some(expansion) = library.kinds.get(&uses.kind.value).and_then(Kind::expansion) {
        uses.loaded = library.expansion(&uses.kind.value, &expansion);
        if let Some(loaded) = &uses.loaded {
            let given = std::mem::take(&mut uses.with);
            (uses.with_connections, uses.with) = given
                .into_iter()
                .partition(|entry| entry.key != TARGET && loaded.body.connections.contains_key(&entry.key));
            uses.with.iter_mut().for_each(|entry| entry.key = swapped(&entry.key));
        }
        return;
    }
    let Some(path) = &uses.path else { return };
    let written = path.value.as_str();
    let is_file = written.ends_with(".yaml") || written.ends_with(".yml");
    if !is_file || written.contains("://") {
        let message = format!("`{written}` is not a runbook's file");
        let help =
            "write the path of a file of this package, such as `./other.yaml`; other packages cannot be used yet";
        library.complain(Diagnostic::error(code::USES_FORM, path.span, message).help(help));
        return;
    }
    let own = library.path_of(source);
    match resolved(folder(&own), written) {
        Some(full) => uses.loaded = library.used(&full, path.span),
        None => library.complain(outside(written, Some(path.span))),
    }
}

/// Arguments of kinds are written with hyphens, inputs of runbooks with underscores: the name on the other side.
fn swapped(name: &str) -> String {
    let swap = |letter| match letter {
        '-' => '_',
        '_' => '-',
        other => other,
    };
    name.chars().map(swap).collect()
}

/// Checks what a nested runbook is given and freezes it.
pub(super) fn frozen(sight: &Sight<'_>, step: &Step, uses: &Uses) -> Nested {
    let mut with: IndexMap<String, Argument> =
        uses.with.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
    let mut with_connections: IndexMap<String, Argument> =
        uses.with_connections.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
    for entry in &uses.with {
        sight.argument(&entry.value);
    }
    for entry in &uses.with_connections {
        sight.argument(&entry.value);
        connections::form(sight, &entry.value);
        if let Some(notes) = sight.notes {
            connections::mention(sight, &entry.value, notes);
        }
    }
    let Some(loaded) = &uses.loaded else {
        return Nested { kind: uses.kind.value.clone(), with, with_connections, body: Arc::default() };
    };
    let body = Arc::clone(&loaded.body);
    let expands = uses.path.is_none();
    if let (true, Some(declared)) = (expands, body.connections.get(TARGET)) {
        let own = step.connection.as_ref().or(sight.level.connection);
        // The step's connection leads where the declared one does.
        let reaches = if declared.get("aws").is_some() { Reaches::Aws } else { Reaches::Kubernetes };
        let kind = &uses.kind;
        connections::of_call(sight, None, own, reaches, kind.span, &kind.value);
        with_connections.extend(own.map(|own| (TARGET.to_owned(), own.clone())));
    }
    let shown = |input: &str| if expands { swapped(input) } else { input.to_owned() };
    for entry in &uses.with {
        let Some(declaration) = body.inputs.get(&entry.key) else {
            let key = shown(&entry.key);
            let message = format!("`{}` has no input `{key}`", loaded.name);
            let known: Vec<String> = body.inputs.keys().map(|name| shown(name)).collect();
            let listed: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            let otherwise =
                if listed.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", listed.join(", ")) };
            let help = meant(&key, known.iter().map(String::as_str), &otherwise);
            sight.complain(Diagnostic::error(code::WITH_UNKNOWN, entry.key_span, message).help(help));
            continue;
        };
        let Some(given) = with.get_mut(&entry.key) else { continue };
        declaration.adopt(given);
        numbers::warn(sight, given);
        let Some(value) = given.literal().filter(|value| !value.is_null()) else { continue };
        for misfit in declaration.fit(Some(&value)).err().unwrap_or_default() {
            let message = format!(
                "the input `{}` of `{}` does not take this: {}",
                shown(&entry.key),
                loaded.name,
                clause(&misfit)
            );
            let span = place_of(&entry.value, &misfit.at);
            let help = format!("write what `{}` declares", entry.key);
            sight.complain(Diagnostic::error(code::WITH_UNFIT, span, message).help(help));
        }
    }
    for (name, declaration) in &body.inputs {
        let given = with.get(name).is_some_and(|given| !given.is_null());
        if declaration.is_required() && !given {
            let name = shown(name);
            let message = format!("`{}` needs the input `{name}`", loaded.name);
            let help = if expands { format!("add `{name}:`") } else { format!("add `{name}:` under `with:`") };
            sight.complain(Diagnostic::error(code::WITH_MISSING, uses.kind.span, message).help(help));
        }
    }
    for entry in &uses.with_connections {
        if !body.connections.contains_key(&entry.key) && entry.key != DEFAULT {
            let known: Vec<&str> = body.connections.keys().map(String::as_str).chain([DEFAULT]).collect();
            let listed: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            let message = format!("`{}` has no connection `{}`", loaded.name, entry.key);
            let help = meant(&entry.key, known.iter().copied(), &format!("it has {}", listed.join(", ")));
            sight.complain(Diagnostic::error(code::CONNECTION_REPLACED, entry.key_span, message).help(help));
        }
    }
    with.retain(|_, given| !matches!(&given.node, Node::Plain { value, .. } if value.is_null()));
    Nested { kind: uses.kind.value.clone(), with, with_connections, body }
}
