//! The port to programs of this machine.
//!
//! This file decides what a kind can ask of a program. It must not start any.

use std::collections::BTreeMap;

use runbook_model::duration::Duration;
use runbook_model::failure::Failure;

use crate::contract::Pending;

/// Programs, each started once and known by a key. They end with this process.
pub trait Programs: Send + Sync {
    /// Starts a program in a process group of its own, with nothing to read. False if what it would create is there.
    ///
    /// # Errors
    /// `denied` if nobody allowed programs or the file is not executable, `missing` if there is none.
    fn start<'a>(&'a self, key: &'a str, program: Program) -> Pending<'a, Result<bool, Failure>>;

    /// Waits for the end of a program, at most for `patience`.
    ///
    /// # Errors
    /// Why the system cannot say.
    fn wait<'a>(&'a self, key: &'a str, patience: Duration) -> Pending<'a, Result<Course, Failure>>;
}

/// What is started.
pub struct Program {
    /// The program and its arguments, never a shell's line. At least one.
    pub argv: Vec<String>,
    /// What its environment has beside this process's own. May be secret, hence no `Debug`.
    pub environment: BTreeMap<String, String>,
    /// Where it runs; `None`: where this process does.
    pub directory: Option<String>,
    /// A file or folder that it makes, and without which it has failed.
    pub creates: Option<String>,
}

/// Where a program stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// It runs.
    Running,
    /// It ended.
    Ended(Ended),
    /// This process did not start it. Another one may have, which is no more.
    Unknown,
}

/// The end of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its status; `None` if a signal ended it.
    pub status: Option<i32>,
    /// The signal.
    pub signal: Option<i32>,
    /// The last 64 KiB of what it printed, and of its complaints.
    pub stdout: String,
    /// See `stdout`.
    pub stderr: String,
    /// Was something of either left out?
    pub truncated: bool,
    /// Is what it was to create there?
    pub created: bool,
}
