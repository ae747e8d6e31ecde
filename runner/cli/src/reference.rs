//! The page `docs/cli.md`: what stands below its mark is the help of every verb.
//!
//! This file decides the form of that part, as a test: `UPDATE_DOCS=1 cargo test -p runbook-cli` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use clap::Command;

use crate::arguments::command;

const MARK: &str = "<!-- Below this line the page is written by `UPDATE_DOCS=1 cargo test -p runbook-cli`. -->\n";

fn generated() -> String {
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

#[test]
fn the_page_agrees_with_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, below) = page.split_once(MARK).expect("the page has its mark");
    let generated = generated();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{MARK}{generated}")).unwrap();
    } else {
        assert_eq!(below, generated, "run the command in the mark of docs/cli.md");
    }
}
