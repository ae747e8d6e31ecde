//! Objects written in the runbook itself, as far as they are literal.
//!
//! This file decides which objects can be refused before anything runs, and where a scalar is text because Kubernetes
//! takes nothing else there. It must not know what a server would say of the rest.

use runbook_model::argument::{Argument, Node};
use runbook_model::code;

use crate::arguments::{Judge, entries_mut, value_of};

/// Judges `objects:` and gives scalars their source text where text is wanted, so that `version: 1.30` stays `1.30`.
pub(crate) fn judge(judge: &mut Judge<'_>, objects: &mut Argument) {
    match &mut objects.node {
        Node::List(items) => items.iter_mut().for_each(|item| object(judge, item)),
        // What an expression yields is judged when it is known.
        Node::Expression(_) | Node::Rendered { .. } => {}
        _ => {
            let message = format!("`objects` is {}, not a list of objects", objects.type_name());
            judge.complain(
                code::KIND_VALUE,
                objects.span,
                message,
                "write each object below a dash: `- apiVersion: …`",
            );
        }
    }
}

fn object(judge: &mut Judge<'_>, object: &mut Argument) {
    match &object.node {
        Node::Map(_) => {}
        Node::Expression(_) => return,
        _ if object.is_null() => return,
        _ => {
            let message = format!("{} cannot be an object", object.type_name());
            return judge.complain(
                code::MANIFEST,
                object.span,
                message,
                "an object is a map with `apiVersion`, `kind` and `metadata`",
            );
        }
    }
    for key in ["apiVersion", "kind"] {
        if value_of(object, key).is_none() {
            let help = "every object has `apiVersion`, `kind` and `metadata.name`";
            judge.complain(code::MANIFEST, object.span, format!("an object without `{key}`"), help);
        }
    }
    let kind = value_of(object, "kind").and_then(Argument::as_text).unwrap_or_default().to_owned();
    if kind == "List" {
        if let Some(Node::List(items)) = at(object, &["items"]).map(|items| &mut items.node) {
            items.iter_mut().for_each(|item| self::object(judge, item));
        }
        return;
    }
    match value_of(object, "metadata").map(|metadata| (&metadata.node, value_of(metadata, "name"))) {
        Some((Node::Expression(_), _) | (Node::Map(_), Some(_))) => {}
        _ => {
            let help =
                "write `metadata: {name: …}`; `generateName` does not do, for what is applied must be found again";
            judge.complain(code::MANIFEST, object.span, "an object without `metadata.name`".into(), help);
        }
    }
    as_text(object, &kind);
}

/// Where Kubernetes wants text whatever it looks like.
fn as_text(object: &mut Argument, kind: &str) {
    for path in [&["apiVersion"][..], &["kind"], &["metadata", "name"], &["metadata", "namespace"], &["type"]] {
        at(object, path).into_iter().for_each(scalar);
    }
    for path in [&["metadata", "labels"][..], &["metadata", "annotations"]] {
        at(object, path).into_iter().for_each(entries);
    }
    let textual: &[&str] = match kind {
        "ConfigMap" | "Secret" => &["data", "stringData", "binaryData"],
        "StorageClass" => &["parameters"],
        _ => &[],
    };
    for member in textual {
        at(object, &[member]).into_iter().for_each(entries);
    }
    if let Some(spec) = at(object, &["spec"]) {
        below(spec);
    }
}

/// Members of any depth of a `spec` that are text, or maps of text, in every kind that has them.
fn below(value: &mut Argument) {
    match &mut value.node {
        Node::List(items) => items.iter_mut().for_each(below),
        Node::Map(members) => {
            let is_variable = members.iter().any(|entry| entry.key == "name");
            for entry in members {
                match entry.key.as_str() {
                    "labels" | "annotations" | "matchLabels" | "nodeSelector" => entries(&mut entry.value),
                    "args" | "command" => items(&mut entry.value),
                    "value" if is_variable => scalar(&mut entry.value),
                    _ => below(&mut entry.value),
                }
            }
        }
        _ => {}
    }
}

fn scalar(value: &mut Argument) {
    if let Node::Plain { value: plain, text } = &value.node
        && !plain.is_null()
    {
        value.node = Node::Text(text.clone());
    }
}

fn entries(value: &mut Argument) {
    entries_mut(value).into_iter().flatten().for_each(|entry| scalar(&mut entry.value));
}

fn items(value: &mut Argument) {
    if let Node::List(items) = &mut value.node {
        items.iter_mut().for_each(scalar);
    }
}

fn at<'a>(object: &'a mut Argument, path: &[&str]) -> Option<&'a mut Argument> {
    path.iter()
        .try_fold(object, |value, key| entries_mut(value)?.iter_mut().find(|e| e.key == *key).map(|e| &mut e.value))
}
