//! Connections: their forms, and where they lead.
//!
//! This file decides which maps are connections and whether a call's connection leads where the call wants to go. It must
//! not open any.

use std::cell::RefCell;
use std::collections::BTreeMap;

use runbook_model::argument::{Argument, Entry, Node};
use runbook_model::code;
use runbook_model::connection::AwsConnection;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::kind::{Reaches, Takes};
use runbook_model::source::Span;
use runbook_template::syntax::{Expr, ExprKind};

use super::sight::{Level, Notes, Sight};
use super::unit::Unit;
use crate::written::{Call, meant};

/// The connection that AWS steps use and that needs no declaration.
pub(super) const DEFAULT: &str = "aws";

/// Where a connection leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// To an AWS account.
    Aws,
    /// To an EKS cluster, found through AWS.
    Eks,
    /// To another Kubernetes cluster.
    Kubernetes,
    /// Known only when expressions are evaluated.
    Unknown,
}

/// The key that tells the form, and the keys that may stand beside it.
const FORMS: [(&str, &[&str], Sort); 6] = [
    ("eks", &["aws"], Sort::Eks),
    ("aws", &[], Sort::Aws),
    ("kubeconfig", &["context"], Sort::Kubernetes),
    ("karmada", &["namespace", "endpoint"], Sort::Kubernetes),
    ("bootstrap", &["token", "ca-cert-hash"], Sort::Kubernetes),
    ("from", &AwsConnection::KEYS, Sort::Aws),
];

/// Checks the declared connections of a runbook.
pub(super) fn declared(unit: &Unit<'_>, level: &Level<'_>) {
    let notes = RefCell::default();
    let sight = unit.sight(level, &notes);
    for (name, (span, definition)) in &unit.runbook.connections {
        sight.argument(definition);
        form(&sight, definition);
        cycle(unit, name, *span);
    }
}

/// Complains of a connection that rests on itself.
fn cycle(unit: &Unit<'_>, name: &str, span: Span) {
    let mut way = vec![name];
    let mut next = unit.connection(name).and_then(rests_on);
    while let Some(other) = next {
        if other == name {
            // `aws: {from: aws, …}` changes the default chain and rests on it, not on itself.
            if way.len() == 1 && name == DEFAULT {
                return;
            }
            if way.iter().any(|other| *other < name) {
                // Told once, under the first of its names.
                return;
            }
            let shown: Vec<String> = way.iter().chain([&name]).map(|name| format!("`{name}`")).collect();
            let message = format!("the connection `{name}` rests on itself: {}", shown.join(" → "));
            let help = "let one of them be complete in itself";
            unit.library.complain(Diagnostic::error(code::CONNECTION_CYCLE, span, message).help(help));
            return;
        }
        if way.contains(&other) {
            return;
        }
        way.push(other);
        next = unit.connection(other).and_then(rests_on);
    }
}

/// The name of the connection that a definition rests on.
fn rests_on(definition: &Argument) -> Option<&str> {
    match &definition.node {
        Node::Text(name) => Some(name),
        Node::Map(entries) => {
            let entry = |key: &str| entries.iter().find(|entry| entry.key == key && !entry.value.is_null());
            match (entry("from").or_else(|| entry("karmada")), entry("eks"), entry("aws")) {
                (Some(found), _, _) | (None, Some(_), Some(found)) => rests_on(&found.value),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Judges the form of a connection: a name, a map, or an expression that yields either.
pub(super) fn form(sight: &Sight<'_>, argument: &Argument) -> Sort {
    match &argument.node {
        Node::Text(name) => named(sight, name, argument.span),
        Node::Map(entries) => map(sight, argument, entries),
        Node::Expression(_) | Node::Mixed(_) => Sort::Unknown,
        _ => {
            let message = format!("a connection is {}, not a name or a map", argument.type_name());
            sight.complain(Diagnostic::error(code::CONNECTION_FORM, argument.span, message).help(forms()));
            Sort::Unknown
        }
    }
}

fn forms() -> String {
    "write the name of a connection, or `{aws: {…}}`, `{eks: NAME, aws: …}`, `{kubeconfig: PATH, context: NAME}`, \
     `{karmada: …, namespace: …}`, `{bootstrap: URL, token: …, ca-cert-hash: …}` or `{from: …, region: …}`"
        .to_owned()
}

fn named(sight: &Sight<'_>, name: &str, span: Span) -> Sort {
    let unit = sight.unit;
    match unit.connection(name) {
        Some(definition) => sort(unit, definition, 0),
        None if name == DEFAULT => Sort::Aws,
        None if unit.runbook.unread.connections => Sort::Unknown,
        None => {
            let known = unit.runbook.connections.keys().map(String::as_str).chain([DEFAULT]);
            let help = meant(name, known, "declare it under `connections:`");
            let message = format!("there is no connection `{name}`");
            sight.complain(Diagnostic::error(code::CONNECTION_UNKNOWN, span, message).help(help));
            Sort::Unknown
        }
    }
}

/// Where a definition leads, without complaints.
fn sort(unit: &Unit<'_>, definition: &Argument, depth: usize) -> Sort {
    match &definition.node {
        Node::Text(name) if depth < 16 => match unit.connection(name) {
            Some(definition) => sort(unit, definition, depth + 1),
            None if name == DEFAULT => Sort::Aws,
            None => Sort::Unknown,
        },
        Node::Map(entries) => of_map(entries).map_or(Sort::Unknown, |(_, _, sort)| sort),
        _ => Sort::Unknown,
    }
}

/// The form of a map, as far as literal entries decide it.
fn of_map(entries: &[Entry]) -> Option<(&'static str, &'static [&'static str], Sort)> {
    let there = |key: &str| entries.iter().any(|entry| entry.key == key && !entry.value.is_null());
    // An expression may turn out to be null, and then the entry is not there.
    let open =
        |key: &str| entries.iter().any(|entry| entry.key == key && matches!(entry.value.node, Node::Expression(_)));
    let found: Vec<_> = FORMS
        .into_iter()
        .filter(|(key, _, _)| there(key) || (*key == "kubeconfig" && there("context")))
        .filter(|(key, _, _)| !(*key == "aws" && there("eks")))
        .collect();
    match found.as_slice() {
        [only] if only.0 == "eks" && open("eks") && there("aws") && found.len() == 1 => Some(*only),
        [only] => Some(*only),
        _ => None,
    }
}

fn map(sight: &Sight<'_>, argument: &Argument, entries: &[Entry]) -> Sort {
    let open = entries.iter().filter(|entry| matches!(entry.value.node, Node::Expression(_))).count();
    let Some((key, beside, sort)) = of_map(entries) else {
        let telling: Vec<&Entry> =
            entries.iter().filter(|e| FORMS.iter().any(|(key, _, _)| *key == e.key) && !e.value.is_null()).collect();
        if open > 0 && telling.len() > 1 {
            // Which of the forms it is shows when nulls are left out.
            return Sort::Unknown;
        }
        let (span, message) = match telling.as_slice() {
            [_, second, ..] => {
                (second.key_span, format!("`{}` and `{}` are two connections", telling[0].key, second.key))
            }
            _ => {
                let span = entries.first().map_or(argument.span, |entry| entry.key_span);
                (span, "this map is no connection".to_owned())
            }
        };
        sight.complain(Diagnostic::error(code::CONNECTION_FORM, span, message).help(forms()));
        return Sort::Unknown;
    };
    let known: Vec<&str> = std::iter::once(key).chain(beside.iter().copied()).collect();
    for entry in entries {
        if !known.contains(&entry.key.as_str()) && !entry.value.is_null() {
            unknown(sight, entry, &format!("a connection of the form `{key}`"), &known);
        }
    }
    let get = |key: &str| entries.iter().find(|entry| entry.key == key && !entry.value.is_null());
    for key in ["from", "karmada"] {
        if let Some(entry) = get(key) {
            inner(sight, entry, key == "from");
        }
    }
    if let Some(entry) = get("aws") {
        if key == "eks" {
            inner(sight, entry, true);
        } else {
            aws(sight, &entry.value);
        }
    }
    for entry in entries {
        let is_list = entry.key == "context" && entry.value.as_list().is_some();
        let is_own = ["from", "karmada", "aws"].contains(&entry.key.as_str());
        if !is_own && !is_list && known.contains(&entry.key.as_str()) {
            text(sight, entry);
        }
    }
    sort
}

/// A connection inside a connection.
fn inner(sight: &Sight<'_>, entry: &Entry, wants_aws: bool) {
    let sort = form(sight, &entry.value);
    let fits = match sort {
        Sort::Unknown => true,
        Sort::Aws => wants_aws,
        Sort::Eks | Sort::Kubernetes => !wants_aws,
    };
    if !fits {
        let wanted = if wants_aws { "an AWS account" } else { "a cluster" };
        let message = format!("the connection under `{}` does not lead to {wanted}", entry.key);
        let help = format!("name a connection to {wanted}");
        sight.complain(Diagnostic::error(code::CONNECTION_SORT, entry.value.span, message).help(help));
    }
}

/// The map under `aws:`.
fn aws(sight: &Sight<'_>, argument: &Argument) {
    match &argument.node {
        Node::Map(entries) => {
            for entry in entries {
                if AwsConnection::KEYS.contains(&entry.key.as_str()) {
                    text(sight, entry);
                } else {
                    unknown(sight, entry, "an AWS connection", &AwsConnection::KEYS);
                }
            }
        }
        Node::Expression(_) => {}
        _ => {
            let message = format!("`aws` is {}, not a map", argument.type_name());
            let help = "write `{aws: {region: …}}`, or `{aws: {}}` for what the AWS configuration says";
            sight.complain(Diagnostic::error(code::CONNECTION_FORM, argument.span, message).help(help));
        }
    }
}

fn text(sight: &Sight<'_>, entry: &Entry) {
    if matches!(entry.value.node, Node::List(_) | Node::Map(_)) {
        let message = format!("`{}` is {}, not text", entry.key, entry.value.type_name());
        sight.complain(Diagnostic::error(code::CONNECTION_FORM, entry.value.span, message).help("write text"));
    }
}

fn unknown(sight: &Sight<'_>, entry: &Entry, what: &str, known: &[&str]) {
    let listed: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
    let message = format!("{what} has no key `{}`", entry.key);
    let help = meant(&entry.key, known.iter().copied(), &format!("it takes {}", listed.join(", ")));
    sight.complain(Diagnostic::error(code::CONNECTION_FORM, entry.key_span, message).help(help));
}

/// Notes what a used connection mentions, and what those it rests on mention: the step waits for all of it.
pub(super) fn mention(sight: &Sight<'_>, argument: &Argument, notes: &RefCell<Notes>) {
    let mut seen: Vec<String> = Vec::new();
    let mut next = Some(argument);
    while let Some(current) = next {
        current.expressions(&mut |expression| {
            // One that cannot be read was complained about where the connection is declared.
            if let Ok(parsed) = sight.unit.library.parsed(&expression.source).as_ref() {
                parsed.root.walk(&mut |part| note(sight, part, notes));
            }
        });
        next = rests_on(current).filter(|name| !seen.iter().any(|known| known == name)).and_then(|name| {
            seen.push(name.to_owned());
            sight.unit.connection(name)
        });
    }
}

fn note(sight: &Sight<'_>, part: &Expr, notes: &RefCell<Notes>) {
    if let ExprKind::Member { base, name, .. } = &part.kind
        && matches!(&base.kind, ExprKind::Name(root) if root == "steps")
        && let Some((depth, _, _)) = sight.level.find(name)
    {
        notes.borrow_mut().steps.push((depth, name.clone()));
    }
}

/// Judges the connection of a call: `own` if it names one, else `inherited`. What comes back is what the plan says of the
/// call: its own, or the default for AWS where nobody says anything; what is inherited need not be said again.
pub(super) fn of_call(
    sight: &Sight<'_>,
    own: Option<&Argument>,
    inherited: Option<&Argument>,
    reaches: Reaches,
    what: Span,
    kind: &str,
) -> Option<Argument> {
    let chosen = own.or(inherited);
    if let Some(own) = own {
        sight.argument(own);
        form(sight, own);
    }
    if let (Some(chosen), Some(notes)) = (chosen, sight.notes) {
        mention(sight, chosen, notes);
    }
    match (reaches, chosen) {
        (Reaches::Kubernetes, None) => {
            let help = "add `connection:` with the name of a cluster's connection";
            let message = format!("`{kind}` needs a connection to a cluster");
            sight.complain(Diagnostic::error(code::CONNECTION_ABSENT, what, message).help(help));
        }
        (Reaches::Aws, None) => {
            let name = Argument { node: Node::Text(DEFAULT.into()), span: what };
            if let (Some(definition), Some(notes)) = (sight.unit.connection(DEFAULT), sight.notes) {
                mention(sight, definition, notes);
            }
            return Some(name);
        }
        (_, Some(chosen)) => leads(sight, chosen, reaches, &format!("`{kind}`")),
        (Reaches::Nothing, None) => {}
    }
    own.cloned()
}

/// Complains of a connection that leads elsewhere than what uses it wants to go.
fn leads(sight: &Sight<'_>, chosen: &Argument, reaches: Reaches, user: &str) {
    let (message, help) = match (reaches, sort(sight.unit, chosen, 0)) {
        (Reaches::Kubernetes, Sort::Aws) => (
            format!("{user} needs a connection to a cluster, this one leads to an AWS account"),
            "name a connection of the form `{eks: …}`, `{kubeconfig: …}` or `{karmada: …}`",
        ),
        (Reaches::Aws, Sort::Kubernetes) => (
            format!("{user} needs a connection to AWS, this one leads to a cluster"),
            "name an AWS connection; `aws` is always there",
        ),
        _ => return,
    };
    sight.complain(Diagnostic::error(code::CONNECTION_SORT, chosen.span, message).help(help));
}

/// The arguments of a call without those that name further connections, and these, judged.
pub(super) fn taken_out(sight: &Sight<'_>, call: &Call) -> (Argument, BTreeMap<String, Argument>) {
    let mut arguments = call.arguments.clone();
    let mut named = BTreeMap::new();
    if let Node::Map(entries) = &mut arguments.node {
        for parameter in call.parameters {
            let (key, Takes::Connection(reaches)) = (parameter.name, parameter.takes) else { continue };
            let Some(at) = entries.iter().position(|entry| entry.key == key) else { continue };
            let connection = entries.remove(at).value;
            if connection.is_null() {
                continue;
            }
            form(sight, &connection);
            leads(sight, &connection, reaches, &format!("`{key}` of `{}`", call.kind.value));
            if let Some(notes) = sight.notes {
                mention(sight, &connection, notes);
            }
            named.insert(key.to_owned(), connection);
        }
    }
    (arguments, named)
}
