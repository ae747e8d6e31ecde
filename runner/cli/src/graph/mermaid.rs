//! The picture as Mermaid, which code hosts draw in Markdown.
//!
//! This file decides ids and escapes. It must not know what the steps are.

use std::fmt::Write as _;

use super::{Level, Node};
use crate::text::printable;

/// The whole picture.
pub(crate) fn text(level: &Level) -> String {
    let mut out = String::from("flowchart TB\n");
    write(&mut out, level, 1);
    out
}

fn write(out: &mut String, level: &Level, depth: usize) {
    let indent = "  ".repeat(depth);
    for node in &level.nodes {
        let words = format!("{}<br/>{}", escaped(&node.title), escaped(&node.second_line()));
        match &node.inside {
            Some(inside) => {
                let _infallible = writeln!(out, "{indent}subgraph {}[\"{words}\"]", id(node));
                write(out, inside, depth + 1);
                let _infallible = writeln!(out, "{indent}end");
            }
            None => {
                let (open, close) = match node.kind.as_str() {
                    "wait-for" => ("([", "])"),
                    "approve" => ("{{", "}}"),
                    _ if node.each => ("[[", "]]"),
                    _ => ("[", "]"),
                };
                let _infallible = writeln!(out, "{indent}{}{open}\"{words}\"{close}", id(node));
            }
        }
    }
    for (from, to) in &level.edges {
        let _infallible = writeln!(out, "{indent}{} --> {}", id(&level.nodes[*from]), id(&level.nodes[*to]));
    }
}

/// An id that is no word of Mermaid's, such as `end`.
fn id(node: &Node) -> String {
    format!("s_{}", node.path.replace('/', "__"))
}

fn escaped(text: &str) -> String {
    let text = printable(text);
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' | '"' | '<' | '>' | '#' | ';' | '`' | '[' | ']' | '{' | '}' | '(' | ')' | '|' | '\\' => {
                let _infallible = write!(out, "#{};", u32::from(c));
            }
            c => out.push(c),
        }
        out
    })
}
