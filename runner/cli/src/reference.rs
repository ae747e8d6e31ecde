//! The pages of `docs` that the program knows by itself: the help of every verb, the index of kinds, the index of complaints.
//!
//! This file decides the form of what stands below their mark, as a test: `UPDATE_DOCS=1 cargo test -p runbook-cli` writes
//! it anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Command;
use runbook_model::code;

use crate::arguments::command;
use crate::catalogue::{Entry, all, wanted};

const MARK: &str = "<!-- Below this line the page is written by `UPDATE_DOCS=1 cargo test -p runbook-cli`. -->\n";

fn verbs() -> String {
    let mut root = command().term_width(100).disable_help_subcommand(true);
    root.build();
    let mut page = String::new();
    help(&mut page, "runbook", &mut root.clone());
    for verb in root.get_subcommands_mut().filter(|verb| !verb.is_hide_set()) {
        let name = format!("runbook {}", verb.get_name());
        help(&mut page, &name, verb);
    }
    page
}

fn help(page: &mut String, name: &str, command: &mut Command) {
    let text = command.render_long_help().to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let _infallible = write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
}

fn docs(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page)
}

/// Every kind, and what those take that have no page of their own.
fn kinds() -> String {
    let mut page = "\n| kind | effect | stands as | |\n| --- | --- | --- | --- |\n".to_owned();
    let mut sections = String::new();
    for entry in all() {
        let Entry { name, summary, effect, place, .. } = &entry;
        let own = docs(&format!("kinds/{name}.md")).exists();
        let link = if own { format!("{name}.md") } else { format!("#{name}") };
        let _infallible = writeln!(page, "| [`{name}`]({link}) | {effect} | {place} | {summary} |");
        if !own {
            sections += &section(&entry);
        }
    }
    page + &sections
}

fn section(entry: &Entry) -> String {
    let mut text = format!("\n## `{}`\n\n{}.\n", entry.name, entry.summary);
    if let Some(arguments) = &entry.arguments {
        text += "\n| key | takes | |\n| --- | --- | --- |\n";
        for argument in arguments {
            let required = if argument.required { ", required" } else { "" };
            let takes = wanted(argument.takes);
            let _infallible = writeln!(text, "| `{}` | {takes}{required} | {} |", argument.name, argument.about);
        }
    }
    text
}

/// Every code with its title, under what its first digits stand for.
fn diagnostics() -> String {
    const SUBJECTS: [(&str, &str); 10] = [
        ("RB0100", "Text and YAML"),
        ("RB0200", "Structure"),
        ("RB0300", "Names and references"),
        ("RB0400", "Expressions and templates"),
        ("RB0500", "Inputs"),
        ("RB0600", "AWS calls"),
        ("RB0640", "Arguments of the other kinds"),
        ("RB0700", "Connections"),
        ("RB0800", "Packages and limits"),
        ("RB0900", "Refusals at run time"),
    ];
    let subject = |code: &str| SUBJECTS.iter().rev().find(|(first, _)| code >= *first).map(|(_, subject)| *subject);
    let (mut page, mut before) = (String::new(), None);
    for (code, title) in code::ALL {
        let of = subject(code);
        if of != before {
            let _infallible = writeln!(page, "\n## {}\n\n| code | |\n| --- | --- |", of.unwrap_or("Others"));
            before = of;
        }
        let _infallible = writeln!(page, "| [{code}]({code}.md) | {title} |");
    }
    page
}

#[track_caller]
fn agrees(page: &str, generated: &str) {
    let path = docs(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, below) = text.split_once(MARK).expect("the page has its mark");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{MARK}{generated}")).unwrap();
    } else {
        assert_eq!(below, generated, "run the command in the mark of docs/{page}");
    }
}

#[test]
fn the_page_of_the_verbs_agrees_with_the_program() {
    agrees("cli.md", &verbs());
}

#[test]
fn the_index_of_the_kinds_agrees_with_the_program() {
    agrees("kinds/README.md", &kinds());
}

#[test]
fn the_index_of_the_complaints_agrees_with_the_program() {
    agrees("diagnostics/README.md", &diagnostics());
}

#[test]
fn the_page_of_a_kind_tells_of_everything_that_it_takes() {
    for entry in all() {
        // Those without a page are told of in the index.
        let Ok(page) = std::fs::read_to_string(docs(&format!("kinds/{}.md", entry.name))) else { continue };
        for argument in entry.arguments.iter().flatten() {
            let told =
                [format!("`{}`", argument.name), format!("{}:", argument.name)].iter().any(|it| page.contains(it));
            assert!(told, "docs/kinds/{}.md does not tell of `{}`", entry.name, argument.name);
        }
    }
}
