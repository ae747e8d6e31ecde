//! The picture in the language of Graphviz.
//!
//! This file decides ids and escapes. It must not know what the steps are.

use std::fmt::Write as _;

use super::{Level, Node};
use crate::text::printable;

/// The whole picture.
pub(crate) fn text(name: &str, level: &Level) -> String {
    let mut out = format!(
        "digraph {} {{\n  compound=true;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  \
         edge [arrowsize=0.7];\n",
        quoted(name)
    );
    write(&mut out, level, 1);
    out.push_str("}\n");
    out
}

fn write(out: &mut String, level: &Level, depth: usize) {
    let indent = "  ".repeat(depth);
    for node in &level.nodes {
        let words = quoted(&format!("{}\n{}", printable(&node.title), printable(&node.second_line())));
        match &node.inside {
            Some(inside) => {
                let _infallible = writeln!(out, "{indent}subgraph {} {{", quoted(&cluster(node)));
                let style = if node.each { "rounded,bold" } else { "rounded" };
                let _infallible = writeln!(out, "{indent}  label={words}; style=\"{style}\"; fontname=\"sans-serif\";");
                if inside.nodes.is_empty() {
                    let _infallible = writeln!(out, "{indent}  {} [style=invis];", quoted(&node.path));
                }
                write(out, inside, depth + 1);
                let _infallible = writeln!(out, "{indent}}}");
            }
            None => {
                let bold = if node.each { ", peripheries=2" } else { "" };
                let _infallible = writeln!(out, "{indent}{} [label={words}{bold}];", quoted(&node.path));
            }
        }
    }
    for (from, to) in &level.edges {
        let (from, to) = (&level.nodes[*from], &level.nodes[*to]);
        let mut more: Vec<String> = Vec::new();
        if from.inside.is_some() {
            more.push(format!("ltail={}", quoted(&cluster(from))));
        }
        if to.inside.is_some() {
            more.push(format!("lhead={}", quoted(&cluster(to))));
        }
        let more = if more.is_empty() { String::new() } else { format!(" [{}]", more.join(", ")) };
        let _infallible = writeln!(out, "{indent}{} -> {}{more};", quoted(last(from)), quoted(first(to)));
    }
}

fn cluster(node: &Node) -> String {
    format!("cluster_{}", node.path)
}

/// Arrows lead from box to box; what goes into or out of a cluster is cut off at its border.
fn first(node: &Node) -> &str {
    node.inside.as_ref().and_then(|inside| inside.nodes.first()).map_or(&node.path, first)
}

fn last(node: &Node) -> &str {
    node.inside.as_ref().and_then(|inside| inside.nodes.last()).map_or(&node.path, last)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
