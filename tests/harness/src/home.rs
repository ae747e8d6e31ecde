//! A home of its own for the program under test: folders, environment and `PATH` that nothing of the machine leaks into.
//!
//! This file decides how the program is started, watched and killed. It must not know what it prints.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::cloud::Cloud;
use crate::group::Group;

/// How often a started program is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// The folders and the environment of the program under test. Removed when dropped.
pub struct Home {
    program: PathBuf,
    folder: tempfile::TempDir,
    environment: BTreeMap<OsString, OsString>,
    directory: PathBuf,
}

impl Home {
    /// A new home for `program` (in a test of the root package, `env!("CARGO_BIN_EXE_runbook")`). It has an empty `PATH`:
    /// no `aws`, no `kubectl`, no shell.
    ///
    /// # Panics
    /// The folders cannot be made.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let folder =
            tempfile::Builder::new().prefix("runbook-home-").tempdir().expect("a temporary folder can be made");
        let below = |name: &str| folder.path().join(name);
        for name in ["home", "programs", "temporary"] {
            fs::create_dir(below(name)).expect("a folder can be made in a new one");
        }
        let environment = [
            ("HOME", below("home")),
            ("PATH", below("programs")),
            ("TMPDIR", below("temporary")),
            ("RUNBOOK_STATE", below("state")),
        ];
        let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { program: program.into(), environment, directory: crate::project::root().to_owned(), folder }
    }

    /// With `AWS_*` set so that the program talks to this cloud.
    #[must_use]
    pub fn with_cloud(self, cloud: &Cloud) -> Self {
        cloud.environment().into_iter().fold(self, |home, (name, value)| home.with(name, value))
    }

    /// With an environment variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Starting programs in this folder instead of the checkout's root.
    #[must_use]
    pub fn in_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// What `HOME` names.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// What `RUNBOOK_STATE` names.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The only folder in `PATH`; empty at first.
    #[must_use]
    pub fn programs(&self) -> PathBuf {
        self.folder.path().join("programs")
    }

    /// The program with these words, this environment and no other, and nothing to read.
    #[must_use]
    pub fn command<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        self.at_home(Command::new(&self.program), words)
    }

    fn at_home<W: AsRef<OsStr>>(&self, mut command: Command, words: impl IntoIterator<Item = W>) -> Command {
        command.args(words).env_clear().envs(&self.environment).current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    /// Starts the program. Its output goes to files, so that it never waits for a reader.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Started {
        self.started(self.command(words))
    }

    /// The same, as a program that a terminal takes with it: it does not inherit from `nohup`, under which the tests may
    /// run, that closed terminals mean nothing.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start_at_terminal<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Started {
        let mut command = Command::new("/usr/bin/env");
        command.arg("--default-signal=HUP").arg(&self.program);
        self.started(self.at_home(command, words))
    }

    fn started(&self, mut command: Command) -> Started {
        let output = tempfile::tempdir_in(self.folder.path()).expect("a folder can be made");
        let file = |name| File::create(output.path().join(name)).expect("a file can be made in a new folder");
        command.stdout(file("stdout")).stderr(file("stderr"));
        let group = Group::start(&mut command).unwrap_or_else(|error| panic!("`{command:?}`: {error}"));
        Started { command: format!("{command:?}"), group, output }
    }

    /// Runs the program to its end.
    ///
    /// # Panics
    /// It cannot be started, or does not end within 10 minutes.
    #[must_use = "look at how it ended"]
    pub fn run<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Finished {
        self.start(words).wait(Duration::from_secs(600))
    }
}

/// A program that runs; killed with all its children when dropped.
pub struct Started {
    command: String,
    group: Group,
    output: tempfile::TempDir,
}

impl Started {
    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        read(&self.output.path().join("stdout"))
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        read(&self.output.path().join("stderr"))
    }

    /// Waits until `condition` holds; false if the program ended, or the time was up, before it did.
    #[must_use]
    pub fn until(&mut self, limit: Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let begin = Instant::now();
        loop {
            if condition(self) {
                return true;
            }
            if self.group.ended().is_some() || begin.elapsed() > limit {
                return false;
            }
            thread::sleep(LOOK);
        }
    }

    /// As `kill -9` does it: no farewell.
    #[must_use]
    pub fn kill(mut self) -> Finished {
        let status = self.group.kill();
        self.finished(status)
    }

    /// As Ctrl-C does it.
    pub fn interrupt(&self) {
        self.group.signal(Signal::INT);
    }

    /// As `kill` does it.
    pub fn terminate(&self) {
        self.group.signal(Signal::TERM);
    }

    /// As a terminal does it that is closed.
    pub fn hang_up(&self) {
        self.group.signal(Signal::HUP);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It does not end in time; the words hold what it wrote.
    #[must_use]
    pub fn wait(mut self, limit: Duration) -> Finished {
        let ended = self.until(limit, |_| false);
        debug_assert!(!ended, "the condition never holds");
        match self.group.ended() {
            Some(status) => self.finished(status),
            None => {
                let killed = self.group.kill();
                panic!("it ran for more than {} s\n{}", limit.as_secs(), self.finished(killed).report())
            }
        }
    }

    fn finished(&self, status: ExitStatus) -> Finished {
        Finished { command: self.command.clone(), status, stdout: self.stdout(), stderr: self.stderr() }
    }
}

fn read(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Finished {
    command: String,
    /// The status; without a code if a signal ended it.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// Itself, if it ended with this code.
    ///
    /// # Panics
    /// It ended otherwise; the words hold all it wrote.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert!(self.status.code() == Some(code), "it should have ended with {code}\n{}", self.report());
        self
    }

    /// Its standard output as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON: {error}\n{}", self.report()))
    }

    /// Everything about it, for a failed test.
    #[must_use]
    pub fn report(&self) -> String {
        let Self { command, status, stdout, stderr } = self;
        format!("{command}\n{status}\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }
}
