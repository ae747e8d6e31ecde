//! The account as Markdown, for tickets and pull requests.
//!
//! This file decides the layout. It must not decide which facts are told.

use std::fmt::Write as _;

use runbook_model::value::Value;

use super::{Account, account_of, standing, titled};
use crate::document::shown;
use crate::graph::{Level, mermaid};
use crate::markup::{code, markdown};
use crate::report::story::{self, span};
use crate::table::one_line;

/// Code hosts draw no larger ones.
const LARGEST_PICTURE: usize = 200;

/// The whole text.
pub(crate) fn page(account: &Account<'_>) -> String {
    let (recording, state) = (account.recording, account.recording.engine.state());
    let runbook = &state.plan().runbook;
    let (begin, end) = account.times();
    let mut out = format!("# {}\n\n", markdown(&runbook.title));
    let _infallible = write!(
        out,
        "**{}**: run {} of {} {}, made {begin} by {}, last seen {end}, after {}.\n\n",
        account.status.as_str(),
        code(recording.run.as_str()),
        markdown(&runbook.name),
        markdown(&runbook.version),
        markdown(&story::name(&recording.created().by)),
        span(end.since(begin)),
    );
    if let Some(next) = &account.next {
        let _infallible = write!(out, "## How to go on\n\n{}\n\n", code(next));
    }
    trouble(&mut out, account);
    changes(&mut out, account);
    ends(&mut out, account);
    values(&mut out, "Inputs", Some(&recording.created().inputs.0));
    values(&mut out, "Outputs", state.ended().and_then(|ended| ended.outputs.as_ref()));
    out.push_str("## What people and processes did\n\n");
    for (time, words) in &account.course {
        let _infallible = writeln!(out, "- {time} {}", markdown(words));
    }
    let level = Level::of(state.plan());
    if level.size() <= LARGEST_PICTURE {
        let _infallible =
            write!(out, "\n## The steps and what waits for what\n\n```mermaid\n{}```\n", mermaid::text(&level));
    }
    out.push_str("\n## Every step\n\n| step | how it stands | took | what it gave |\n| --- | --- | --- | --- |\n");
    for step in &account.steps {
        let took = match (step.started_at, step.finished_at) {
            (Some(start), Some(end)) => span(end.since(start)),
            _ => String::new(),
        };
        let answer = account.answer(step);
        let answer = if answer.is_empty() { answer } else { code(&answer) };
        let path = code(&step.path.to_string());
        let _infallible = writeln!(out, "| {path} | {} | {took} | {answer} |", markdown(&standing(step)));
    }
    out
}

fn trouble(out: &mut String, account: &Account<'_>) {
    let mut steps = account.trouble().peekable();
    if steps.peek().is_none() {
        return;
    }
    out.push_str("## What holds it up\n\n");
    for step in steps {
        let path = code(&step.path.to_string());
        let account = account_of(step);
        let mut lines = account.lines();
        let first = lines.next().unwrap_or_default();
        let title = titled(step).map(|title| format!(" {}", markdown(title))).unwrap_or_default();
        let _infallible = writeln!(out, "- {path}{title}: {}", markdown(first));
        for line in lines {
            let _infallible = writeln!(out, "  - {}", markdown(line));
        }
        for detail in step.failure.iter().flat_map(story::failure_details) {
            let _infallible = writeln!(out, "  - {}", markdown(&detail));
        }
    }
    out.push('\n');
}

fn changes(out: &mut String, account: &Account<'_>) {
    out.push_str("## What it changed\n\n");
    let mut any = false;
    for (step, origin) in account.changes() {
        any = true;
        let _infallible = writeln!(out, "- {} {origin}", code(&step.path.to_string()));
    }
    out.push_str(if any { "\n" } else { "Nothing outside.\n\n" });
}

fn ends(out: &mut String, account: &Account<'_>) {
    if account.ends.is_empty() {
        return;
    }
    out.push_str("## What ends some day\n\n");
    for (step, words, near) in &account.ends {
        let words = markdown(words);
        let words = if *near { format!("**{words}**") } else { words };
        let _infallible = writeln!(out, "- {} {words}", code(&step.to_string()));
    }
    out.push('\n');
}

fn values(out: &mut String, title: &str, map: Option<&Value>) {
    let Some(map) = map.and_then(Value::as_map).filter(|map| !map.is_empty()) else { return };
    let _infallible = write!(out, "## {title}\n\n");
    for (key, value) in map {
        let _infallible = writeln!(out, "- {}: {}", markdown(key), code(&one_line(&shown(value))));
    }
    out.push('\n');
}
