//! Numbers that lose digits where nobody says which type is wanted.
//!
//! This file decides which written numbers are warned of: `1.30` is the number 1.3 unless text is wanted. It must not know
//! types.

use runbook_model::argument::{Argument, Node};
use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;
use runbook_model::value::Value;

use super::sight::Sight;

/// Warns of every number in a value without a declared type that would not print as it is written.
pub(super) fn warn(sight: &Sight<'_>, argument: &Argument) {
    match &argument.node {
        Node::Plain { value: Value::Number(number), text } if loses(&number.to_string(), text) => {
            let message = format!("`{text}` is the number {number} here");
            let help = format!("write `\"{text}\"` if the text is meant, or `{number}` for the number");
            sight.complain(Diagnostic::warning(code::NUMBER_TEXT, argument.span, message).help(help));
        }
        Node::List(items) => items.iter().for_each(|item| warn(sight, item)),
        Node::Map(entries) => entries.iter().for_each(|entry| warn(sight, &entry.value)),
        Node::Rendered { values, .. } => warn(sight, values),
        _ => {}
    }
}

/// Versions (`1.30`) lose their last digit. Forms that are numbers to everybody (`0x1F`, `1e3`, `+1`) do not count.
fn loses(printed: &str, text: &str) -> bool {
    printed != text && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
