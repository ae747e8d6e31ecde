//! `for-each`: what is gone through, and how its items are named.
//!
//! This file decides what can be known of the items before the list is, and complains of lists that cannot work. It must
//! not know what a step does with an item.

use std::collections::BTreeMap;

use runbook_model::argument::{Argument, Node};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::shape::Shape;
use runbook_model::source::Span;

use super::numbers;
use super::sight::{Item, Known, Sight};
use crate::written::Step;

/// The most items.
const MOST_ITEMS: usize = 10_000;

/// The item of a `for-each` over this.
pub(super) fn item(over: &Known) -> Item {
    let shape = match over.shape.resolved() {
        Shape::List(item) | Shape::Map(item) => *item,
        _ => Shape::Any,
    };
    Item(Known { shape, sensitive: over.sensitive })
}

/// Checks the `for-each` of a step.
pub(super) fn check(sight: &Sight<'_>, step: &Step, over: &Argument) -> Item {
    let known = sight.argument(over);
    numbers::warn(sight, over);
    let item = item(&known);
    match (&over.node, known.shape.resolved()) {
        (Node::List(items), _) => {
            too_many(sight, over, items.len());
            if step.key.is_none() {
                nameless(sight, items);
                doubles(sight, items);
            }
        }
        (Node::Map(entries), _) => too_many(sight, over, entries.len()),
        (Node::Expression(_), Shape::List(_)) if step.key.is_none() => match item.0.shape.resolved() {
            Shape::Structure(_) | Shape::Map(_) => needs_key(sight, over.span, "a map"),
            Shape::List(_) => needs_key(sight, over.span, "a list"),
            _ => {}
        },
        (Node::Expression(_), shape @ (Shape::Text | Shape::Number | Shape::Boolean)) => {
            wrong(sight, over, &shape.name());
        }
        (Node::Expression(_), _) => {}
        _ => wrong(sight, over, over.type_name()),
    }
    item
}

fn wrong(sight: &Sight<'_>, over: &Argument, is: &str) {
    let message = format!("`for-each` is {is}, not a list or a map");
    let help = "write a list, a map, or an expression that yields one";
    sight.complain(Diagnostic::error(code::TYPE_WRONG, over.span, message).help(help));
}

fn too_many(sight: &Sight<'_>, over: &Argument, count: usize) {
    if count > MOST_ITEMS {
        let message = format!("the list has {count} items, at most {MOST_ITEMS} are allowed");
        sight.complain(Diagnostic::error(code::TOO_MANY_ITEMS, over.span, message).help("split the list"));
    }
}

/// Items that are lists or maps have no name of their own.
fn nameless(sight: &Sight<'_>, items: &[Argument]) {
    if let Some(item) = items.iter().find(|item| matches!(item.node, Node::List(_) | Node::Map(_))) {
        needs_key(sight, item.span, item.type_name());
    }
}

fn needs_key(sight: &Sight<'_>, span: Span, is: &str) {
    let message = format!("an item of `for-each` is {is}, which is no name");
    let help = "add `key:` with a name for each item, such as `key: ${{ item.name }}`";
    sight.complain(Diagnostic::error(code::KEY_MISSING, span, message).help(help));
}

/// Two items of the same name.
fn doubles(sight: &Sight<'_>, items: &[Argument]) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for item in items {
        let Some(name) = item.as_text() else { continue };
        if let Some(first) = seen.get(name) {
            let diagnostic =
                Diagnostic::error(code::NAME_TWICE, item.span, format!("the item `{name}` stands twice in `for-each`"))
                    .help("leave one of them out, or give each a name of its own with `key:`")
                    .related(*first, "it stands here first");
            sight.complain(diagnostic);
        } else {
            seen.insert(name, item.span);
        }
    }
}
