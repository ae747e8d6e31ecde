//! Why a verb stops before it has done what was asked, and how that is told.
//!
//! This file decides the order of the words: what is wrong, what belongs to it, what helps, and last the one command
//! that goes on. It must not know any verb.

use std::fmt::Write as _;

use runbook_model::id::RunId;

use crate::exit::Exit;
use crate::shell;
use crate::text::{in_rows, printable, printable_lines, width};
use crate::{talk, terminal};

/// Why a verb stops.
#[derive(Debug)]
pub(crate) struct Stop {
    /// The exit code.
    pub(crate) exit: Exit,
    /// One clause: what is wrong. Empty where everything was said already, such as by drawn diagnostics.
    pub(crate) message: String,
    /// What belongs to it, one line each.
    pub(crate) details: Vec<String>,
    /// What to do.
    pub(crate) help: Option<String>,
    /// The command that goes on: the last line of all.
    pub(crate) next: Option<String>,
}

impl Stop {
    /// A stop with one clause.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new(), help: None, next: None }
    }

    /// A stop whose reason was told already.
    pub(crate) fn told(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// The command line cannot be understood.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The environment is not usable.
    pub(crate) fn environment(message: impl Into<String>) -> Self {
        Self::new(Exit::Environment, message)
    }

    /// With a line that belongs to it.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// With what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With the command that goes on, as words that are quoted for a shell where they have to be.
    pub(crate) fn next<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.next = Some(shell::command(words));
        self
    }

    /// With `runbook resume RUN` as the command that goes on.
    pub(crate) fn resume(self, run: &RunId) -> Self {
        self.next(["runbook", "resume", run.as_str()])
    }

    /// Tells it on stderr.
    pub(crate) fn tell(&self) {
        talk::say(&self.drawn(terminal::stderr_columns()));
    }

    /// What stands in front: not every stop is an error.
    fn heading(&self) -> String {
        match self.exit {
            Exit::Parked => talk::doubtful("parked"),
            Exit::TimedOut => talk::doubtful("timed out"),
            Exit::Interrupted | Exit::Terminated => talk::doubtful("stopped"),
            _ => talk::bad("error"),
        }
    }

    /// The text, with the styles of a terminal in it, for a window of so many columns.
    fn drawn(&self, columns: Option<usize>) -> String {
        let mut out = String::new();
        let indented = |line: &str, hanging: usize| in_rows(&format!("  {line}"), columns, hanging);
        if !self.message.is_empty() {
            let mut lines = printable_lines(&self.message);
            let first = lines.next().unwrap_or_default();
            let _infallible = writeln!(out, "{}", in_rows(&format!("{}: {first}", self.heading()), columns, 2));
            for line in lines {
                let _infallible = writeln!(out, "{}", indented(&line, 4));
            }
        }
        for line in self.details.iter().flat_map(|detail| printable_lines(detail)) {
            // What stands before two spaces is the step: further rows stand below the words.
            let hanging = line.trim_start().split_once("  ").map_or(4, |(step, _)| 4 + width(step));
            let _infallible = writeln!(out, "{}", indented(&line, hanging));
        }
        if let Some(help) = &self.help {
            let help = format!("{}: {}", talk::good("help"), printable(help));
            let _infallible = writeln!(out, "{}", in_rows(&help, columns, 6));
        }
        out.push_str(&next_lines(self.next.as_deref()));
        out
    }
}

/// The lines that end a stop: the command stands alone on the last one, ready to be copied.
pub(crate) fn next_lines(next: Option<&str>) -> String {
    next.map_or_else(String::new, |command| format!("{}\n  {}\n", talk::good("go on with:"), printable(command)))
}

/// `error` and its causes as one clause, each cause once.
pub(crate) fn because(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !message.contains(&words) {
            message.push_str(": ");
            message.push_str(&words);
        }
        source = cause.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_goes_on_is_the_last_line_alone() {
        let stop = Stop::new(Exit::Refused, "there is an unfinished run")
            .detail("started 2 h ago")
            .help("go on with it, or make another with `--new`")
            .next(["runbook", "approve", "demo-7k3m9q", "join[a b]/wait"]);
        let plain = anstream::adapter::strip_str(&stop.drawn(None)).to_string();
        assert_eq!(
            plain,
            "error: there is an unfinished run\n  started 2 h ago\nhelp: go on with it, or make another with `--new`\n\
             go on with:\n  runbook approve demo-7k3m9q 'join[a b]/wait'\n"
        );
    }

    #[test]
    fn nothing_in_a_message_reaches_the_terminal_raw() {
        let stop = Stop::new(Exit::Failed, "the service said \u{1b}[2Jgone\nand \u{9b}1m more");
        let plain = stop.drawn(None);
        assert!(!anstream::adapter::strip_str(&plain).to_string().contains(['\u{1b}', '\u{9b}']), "{plain:?}");
        assert!(plain.contains("\\u{1b}[2Jgone"), "{plain:?}");
    }
}
