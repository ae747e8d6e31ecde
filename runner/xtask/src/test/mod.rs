//! `cargo xtask test`: installs what the tests need and runs them all, cheapest first, until one fails.
//!
//! This file decides the stages, their order and their budgets, and says what cannot run here. It must not know how a
//! tool is installed (`tools`) or which test belongs to which stage (`targets`).

mod shell;
mod stages;
mod targets;
mod tools;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use stages::Bench;

/// A stage: its name, the minutes it may take on 2 cores with nothing built or downloaded before, and what it does.
type Stage = (&'static str, u64, fn(&mut Bench) -> Result<(), String>);

const STAGES: [Stage; 8] = [
    ("tools", 4, stages::tools),
    ("format", 1, stages::format),
    ("build", 14, stages::build),
    ("unit", 3, stages::unit),
    ("bench", 4, stages::bench),
    ("conformance", 6, stages::conformance),
    ("cloud", 5, stages::cloud),
    ("clusters", 24, stages::clusters),
];

/// Runs the named stages, or all, and says what they took. The tools of a stage come with it.
///
/// # Errors
/// A name is no stage, or a stage failed.
pub(crate) fn run(root: &Path, names: &[String]) -> Result<String, String> {
    if let Some(unknown) = names.iter().find(|name| STAGES.iter().all(|(known, ..)| known != name)) {
        let known = STAGES.map(|(name, ..)| name).join(" ");
        return Err(match unknown.as_str() {
            "--help" => format!("usage: cargo xtask test [STAGE…]\n\nstages, in this order: {known}"),
            _ => format!("there is no stage `{unknown}`; there are: {known}"),
        });
    }
    let chosen = |name: &str| names.is_empty() || names.iter().any(|chosen| chosen == name);
    let mut bench = Bench::new(root, chosen("clusters"));
    let mut took = String::new();
    for (name, minutes, stage) in STAGES.into_iter().filter(|(name, ..)| *name == "tools" || chosen(name)) {
        shell::say(&format!("=== {name}"));
        let begin = Instant::now();
        let done = stage(&mut bench);
        let elapsed = begin.elapsed();
        let over = if elapsed > Duration::from_secs(60 * minutes) { ", which is more than it may" } else { "" };
        let _infallible = write!(took, "\n{name:12} {} of {minutes} min{over}", clock(elapsed));
        if let Err(why) = done {
            return Err(format!("{took}\n\n`{name}` failed: {why}\n`cargo xtask test {name}` runs it again"));
        }
    }
    for note in &bench.cannot_run {
        let _infallible = write!(took, "\ncannot run here: {note}");
    }
    Ok(took)
}

fn clock(elapsed: Duration) -> String {
    format!("{:3}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}
