//! Every screen at 80 and 120 columns, with and without colours; and that a narrow window or a poor one loses nothing.
//!
//! This file decides how a screen is taken and what is the same in all of its pictures. The scenes are told beside it.

mod authors;
mod endings;
mod live;
mod looks;

use std::fmt::Write as _;

use regex_lite::Regex;
use runbook_harness::Terminal;

use crate::sandbox::{Sandbox, run_ids};

/// The windows that pictures are taken in.
const WINDOWS: [u16; 2] = [80, 120];

/// How a screen is looked at.
#[derive(Clone, Copy)]
struct Look {
    columns: u16,
    coloured: bool,
}

impl Look {
    /// Starts the program at a terminal of this look.
    fn at(self, sandbox: &Sandbox, arguments: &[&str]) -> Terminal {
        let mut command = sandbox.home.command(arguments);
        if !self.coloured {
            command.env("NO_COLOR", "1");
        }
        Terminal::start(&command, self.columns, 30)
    }

    /// What the program wrote until it ended with this code.
    fn ended(self, sandbox: &Sandbox, arguments: &[&str], code: i32) -> Picture {
        let mut terminal = self.at(sandbox, arguments);
        terminal.expect(code);
        Picture::of_end(sandbox, &terminal)
    }
}

/// A screen with and without its styles, what differs from run to run replaced by what is as wide.
struct Picture {
    plain: String,
    styled: String,
    /// What was written, not folded.
    text: String,
}

impl Picture {
    /// Of a program that has ended: all that it wrote.
    fn of_end(sandbox: &Sandbox, terminal: &Terminal) -> Self {
        let text = still(&terminal.written(), sandbox);
        Self { plain: terminal.rows_of(&text, false), styled: terminal.rows_of(&text, true), text }
    }

    /// Of a program that goes on.
    fn now(sandbox: &Sandbox, terminal: &Terminal) -> Self {
        let rows = |styled| still(&terminal.rows(styled), sandbox);
        Self { plain: rows(false), styled: rows(true), text: String::new() }
    }
}

/// A scene and its name.
type Scene<'a> = (&'a str, &'a dyn Fn(Look) -> Picture);

/// The pictures of the scenes. Colours add nothing but colours: the words and where they stand are the same without.
fn pictures(scenes: &[Scene<'_>]) -> String {
    let mut all = String::new();
    for (name, scene) in scenes {
        let mut before = None;
        let _infallible = writeln!(all, "=== {name}");
        for columns in WINDOWS {
            let (grey, coloured) = (scene(Look { columns, coloured: false }), scene(Look { columns, coloured: true }));
            assert_eq!(grey.plain, coloured.plain, "{name}, {columns} columns: with and without colours");
            assert_eq!(grey.plain, grey.styled, "{name}: nothing is styled without colours");
            if before.as_ref() == Some(&grey.plain) {
                let _infallible = writeln!(all, "--- the same at {columns} columns");
            } else {
                let _infallible = writeln!(all, "--- {columns} columns\n{}", grey.plain);
            }
            if columns == WINDOWS[1] {
                let _infallible = writeln!(all, "--- in colours\n{}", coloured.styled);
            }
            before = Some(grey.plain);
        }
    }
    all
}

/// Twenty columns fold what is written, and nothing of it is lost.
fn narrow(scenes: &[Scene<'_>]) {
    for (name, scene) in scenes {
        let [narrow, wide] = [20, 120].map(|columns| scene(Look { columns, coloured: false }));
        let words = |picture: &Picture| picture.text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&narrow), words(&wide), "{name}");
        assert!(narrow.plain.lines().count() >= wide.plain.lines().count(), "{name}:\n{}", narrow.plain);
    }
}

/// The text with what differs from run to run replaced by what is as wide as it may be.
fn still(text: &str, sandbox: &Sandbox) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut text = text.replace(&format!("@{host}"), "@[host]").replace(&format!("on {host}"), "on [host]");
    for (folder, name) in sandbox.folders() {
        text = text.replace(&*folder.to_string_lossy(), name);
    }
    text = run_ids().replace_all(&text, "$1-000000").into_owned();
    for (pattern, name) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "2026-01-01T00:00:00.000Z"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-01-01T00:00:00Z"),
        (r"\bprocess \d+", "process [pid]"),
        (r"\b127\.0\.0\.1:\d+", "[address]"),
        ("[⠋⠙⠸⠴⠦⠇]", "⠋"),
        // The end of a line is cut where the times before it let it be.
        ("· look [0-9][^\r\n\u{1b}<]*", "· look [n]"),
        // The columns of a list of runs are as wide as the times in them.
        (r"STARTED +TOOK", "STARTED  TOOK"),
        (r" {2,}\d+(\.\d)?s ago {2,}", "  [s] ago  "),
        (r" {2,}\d+(\.\d)?s ago", "  [s] ago"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    // A time in a column takes the spaces in front of it as well.
    let spans = Regex::new(r"( *)(\+?)\b(\d+(?:\.\d)?s|\d+m\d\ds)\b").unwrap();
    let span = |found: &regex_lite::Captures<'_>| {
        let (spaces, name) = (found[1].len(), format!("{}[s]", &found[2]));
        if spaces < 2 { format!("{}{name}", &found[1]) } else { format!("{name:>0$}", found[0].len().max(5)) }
    };
    spans.replace_all(&text, span).into_owned()
}

#[test]
fn what_is_shown_while_a_run_goes_on() {
    insta::assert_snapshot!("live", pictures(&live::SCENES));
}

#[test]
fn how_a_run_ends() {
    insta::assert_snapshot!("endings", pictures(&endings::SCENES));
}

#[test]
fn how_runs_are_looked_at() {
    insta::assert_snapshot!("looks", pictures(&looks::SCENES));
}

#[test]
fn what_authors_see() {
    insta::assert_snapshot!("authors", pictures(&authors::SCENES));
}

#[test]
fn twenty_columns_lose_nothing() {
    narrow(&looks::SCENES);
    narrow(&authors::LISTS);
}

#[test]
fn a_poor_locale_gets_nothing_beside_ascii() {
    let sandbox = looks::sandbox().with("LC_ALL", "C");
    let run = looks::parked(&sandbox);
    for arguments in
        [&["show", &run][..], &["events", &run], &["resume", &run, "--plan"], &["runs"], &["reject", &run, "x"]]
    {
        let outcome = sandbox.run(arguments);
        assert!(outcome.stdout().is_ascii() && outcome.stderr().is_ascii(), "{outcome}");
    }
}
