//! How fast the project is, and whether that is fast enough: `cargo xtask bench`.
//!
//! This file decides which measurements there are and when the command fails. It must not know how one is taken.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

mod guide;
mod history;
mod idle;
mod journal;
mod machine;
mod measured;
mod program;
mod steps;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use measured::Measured;
use runbook_harness::project;

/// What a measurement works with.
struct Ground<'a> {
    /// On the disk of the build, not in a temporary folder: that may be in memory, where a sync costs nothing.
    folder: &'a Path,
    /// The program, as it is released.
    program: Option<PathBuf>,
}

type Measurement = (&'static str, fn(&Ground<'_>) -> Vec<Measured>);

const MEASUREMENTS: [Measurement; 9] = [
    ("steps", steps::in_sequence),
    ("load", steps::load),
    ("append", journal::append),
    ("start", program::start),
    ("lint", program::lint),
    ("call", program::call),
    ("waits", program::waits),
    ("runs", history::runs),
    ("report", history::report),
];

/// Only when they are named: they need root and minutes.
const LONG: [Measurement; 1] = [("guide", guide::whole)];

const USAGE: &str = "\
usage: bench [--program FILE] [NAME…]

Measures the named things, or all, and prints a table. It fails when one is worse than its limit.
`--program` names a release build of `runbook`, which these need: start lint call waits runs report guide
The others are: steps load append
`guide` is only measured when it is named: it needs root, real clusters and 6 minutes.
";

fn main() -> ExitCode {
    let (mut program, mut chosen) = (None, Vec::new());
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--program" => program = words.next().map(PathBuf::from),
            name if MEASUREMENTS.iter().chain(&LONG).any(|(known, _)| *known == name) => chosen.push(word),
            _ => {
                eprint!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let target = project::target();
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&target).expect("the build's folder is there");
    let ground = Ground { folder: folder.path(), program };
    let mut all = Vec::new();
    for (name, measure) in MEASUREMENTS.into_iter().chain(LONG) {
        let long = LONG.iter().any(|(long, _)| *long == name);
        if chosen.is_empty() && !long || chosen.iter().any(|chosen| chosen == name) {
            eprintln!("measuring {name}");
            all.extend(measure(&ground));
        }
    }
    println!("{}\n", machine::described(&target));
    println!("{}", measured::table(&all));
    let slow: Vec<String> = all.iter().filter_map(Measured::beyond).collect();
    for line in &slow {
        eprintln!("too slow: {line}");
    }
    if slow.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
