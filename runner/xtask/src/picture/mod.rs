//! `cargo xtask picture`: records the demonstration at a terminal and draws `docs/run.svg` of it.
//!
//! This file decides what is typed, when, and which part of the recording is shown. It must not know how rows are drawn
//! (`drawing`).

mod drawing;

use std::fs;
use std::num::NonZeroU16;
use std::ops::Range;
use std::path::Path;

use runbook_harness::Terminal;
use vt100::Screen;

use crate::demo::Outside;
use drawing::Line;

/// As many as can still be read on a page of GitHub.
const COLUMNS: u16 = 120;
/// Enough for the whole run, so that nothing scrolls away.
const ROWS: u16 = 120;

/// The part of the guide whose waits are long enough to be interrupted, and that fits on a page.
const EXEC: &str = "runbook exec runbooks/eks-cluster.yaml -i vpc_name=Karmada_VPC";

const TITLE: &str = "A run of eks-cluster at a terminal: interrupted with Ctrl-C while it waits for the control plane, \
                     then resumed with the command it named, to its end.";

/// Makes the picture.
///
/// # Errors
/// As [`Outside::start`], or the picture cannot be written.
pub(crate) fn run(root: &Path) -> Result<String, String> {
    let outside = Outside::start(root)?;
    let mut shell = outside.command("bash");
    shell.args(["--norc", "--noprofile"]).env("PS1", "$ ").env("LANG", "C.UTF-8");
    let mut terminal = Terminal::start(&shell, COLUMNS, ROWS);
    terminal.wait_for("$ ").type_in(&format!("{EXEC}\n")).wait_for(" 6s  CREATING");
    let waiting = screen(&terminal.written());
    terminal.type_in("\u{3}").wait_for("go on with:").wait_for("\n$ ");
    let shown = terminal.shown();
    let next = shown.lines().map(str::trim).rfind(|line| line.starts_with("runbook resume "));
    let next = next.ok_or_else(|| format!("nothing says how to go on:\n{shown}"))?;
    terminal.type_in(&format!("{next}\n")).wait_for("node_group: karmada-parent-ng\n$ ");
    let ended = screen(&terminal.written());
    let path = root.join("docs/run.svg");
    fs::write(&path, drawn(&waiting, &ended)?).map_err(|error| format!("`{}`: {error}", path.display()))?;
    Ok(format!("{} shows the run now", path.display()))
}

/// What is on the screen after these bytes.
fn screen(written: &str) -> Screen {
    let size = |size| NonZeroU16::new(size).expect("a screen has rows and columns");
    let mut terminal = vt100::Parser::new(size(ROWS), size(COLUMNS), 0);
    terminal.process(written.as_bytes());
    terminal.screen().clone()
}

/// The beginning and the end of both halves.
fn drawn(waiting: &Screen, ended: &Screen) -> Result<String, String> {
    let (first, second) = (texts(waiting), texts(ended));
    let interrupted = second.iter().position(|row| row.contains("Ctrl-C:"));
    let interrupted =
        interrupted.ok_or_else(|| format!("nothing says that Ctrl-C was heard:\n{}", second.join("\n")))?;
    let mut lines = Vec::new();
    excerpt(&mut lines, waiting, 0..first.len(), 3, 18);
    excerpt(&mut lines, ended, interrupted..second.len(), 11, 14);
    Ok(drawing::svg(&lines, COLUMNS, TITLE))
}

/// Some rows at the beginning and at the end, and a word about those between them.
fn excerpt<'a>(lines: &mut Vec<Line<'a>>, screen: &'a Screen, rows: Range<usize>, head: usize, tail: usize) {
    let row = |row| Line::Row(screen, u16::try_from(row).expect("a screen has few rows"));
    let mut begin = rows.start + head;
    // A line that did not fit is shown to its end.
    while begin > 0 && u16::try_from(begin - 1).is_ok_and(|row| screen.row_wrapped(row)) {
        begin += 1;
    }
    let between = begin..rows.end.saturating_sub(tail);
    if between.is_empty() {
        return lines.extend(rows.map(row));
    }
    lines.extend((rows.start..between.start).map(row));
    lines.push(Line::Left(format!("⋯ {} lines", between.len())));
    lines.extend((between.end..rows.end).map(row));
}

/// The rows of a screen down to the last one that says anything.
fn texts(screen: &Screen) -> Vec<String> {
    let mut rows: Vec<String> = screen.rows(0, COLUMNS).collect();
    let empty = rows.iter().rev().take_while(|row| ["", "$"].contains(&row.trim())).count();
    rows.truncate(rows.len() - empty);
    rows
}
