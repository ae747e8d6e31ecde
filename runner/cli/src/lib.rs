//! The command line: arguments in, exit code out.
//!
//! This crate decides how people and scripts meet the program, and it alone wires the other crates: it reads arguments,
//! environment, home folder and files, and hands them what they need. It must not decide anything about a run.

mod account;
mod arguments;
mod blame;
mod carrying;
mod catalogue;
mod complaints;
mod completion;
mod consent;
mod doctor;
mod document;
mod edited;
mod ending;
mod exit;
mod expiry;
mod files;
mod graph;
mod index;
mod inputs;
mod later;
mod markup;
mod output;
mod person;
mod portrait;
mod prompt;
mod recording;
#[cfg(test)]
mod reference;
mod report;
mod runs;
mod schema;
mod shell;
mod state;
mod stop;
mod table;
mod talk;
mod terminal;
mod text;
mod trace;
mod verb;
mod word;

use std::process::ExitCode;

use crate::exit::Exit;
use crate::stop::Stop;

/// Does what the arguments of this process ask for.
#[must_use]
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(bug));
    let exit = std::panic::catch_unwind(|| {
        run().unwrap_or_else(|stop| {
            stop.tell();
            stop.exit
        })
    });
    exit.unwrap_or(Exit::Bug).into()
}

fn run() -> Result<Exit, Stop> {
    if completion::answered(std::env::args_os()) {
        return Ok(Exit::Done);
    }
    let arguments = arguments::parse(std::env::args_os())?;
    arguments.global.color.choose();
    arguments.verb.run(&arguments.global)
}

/// What is said of a bug. What a run had recorded before is safe, and the person should know.
fn bug(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
    let words = panic.payload_as_str().unwrap_or("no words");
    Stop::new(Exit::Bug, format!("this is a bug in runbook {}: {words}{place}", env!("CARGO_PKG_VERSION")))
        .help(format!("report it at {}/issues; what a run recorded is kept", env!("CARGO_PKG_REPOSITORY")))
        .tell();
}
