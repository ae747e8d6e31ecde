//! The exit codes: one table that the program, its help and `docs/cli.md` share.
//!
//! This file decides which number stands for what. It must not know when a verb ends how.

use std::process::ExitCode;

/// How the program ends. The numbers are an interface: scripts decide upon them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// What was asked is done.
    Done,
    /// The run failed, or what was asked did.
    Failed,
    /// The command line cannot be understood.
    Usage,
    /// The runbook or an input is invalid; nothing ran.
    Invalid,
    /// The run waits for a person.
    Parked,
    /// A deadline passed.
    TimedOut,
    /// Another process holds the run.
    Held,
    /// The environment is not usable.
    Environment,
    /// Going on would be wrong without a person's decision.
    Refused,
    /// A bug in this program.
    Bug,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

/// Every code that this version uses, with the words of the help.
pub(crate) const TABLE: [(Exit, u8, &str); 12] = [
    (Exit::Done, 0, "done"),
    (Exit::Failed, 1, "the run, or what was asked, failed"),
    (Exit::Usage, 2, "usage: the command line cannot be understood"),
    (Exit::Invalid, 3, "the runbook or an input is invalid; nothing ran"),
    (Exit::Parked, 4, "parked: the run waits for a person (approval, outcome unknown, login expired)"),
    (Exit::TimedOut, 5, "timed out: a deadline passed"),
    (Exit::Held, 6, "another process holds the run"),
    (Exit::Environment, 8, "the environment is not usable (no state folder, unreadable configuration)"),
    (Exit::Refused, 9, "refused (another account than before, an unfinished run of the same, a changed plan)"),
    (Exit::Bug, 70, "a bug in runbook"),
    (Exit::Interrupted, 130, "interrupted by Ctrl-C; `runbook resume` goes on"),
    (Exit::Terminated, 143, "terminated by SIGTERM; `runbook resume` goes on"),
];

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        TABLE.iter().find(|(exit, ..)| *exit == self).map_or(70, |(_, code, _)| *code)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_that_scripts_know() {
        let known = [
            (Exit::Done, 0),
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::Invalid, 3),
            (Exit::Parked, 4),
            (Exit::TimedOut, 5),
            (Exit::Held, 6),
            (Exit::Environment, 8),
            (Exit::Refused, 9),
            (Exit::Bug, 70),
            (Exit::Interrupted, 130),
            (Exit::Terminated, 143),
        ];
        assert_eq!(known.map(|(exit, _)| exit.code()), known.map(|(_, code)| code));
    }
}
