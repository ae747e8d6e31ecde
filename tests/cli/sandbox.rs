//! A home and a working folder for the program, and its output with what differs from run to run replaced.
//!
//! This file decides what a snapshot holds. It must not know what is tested.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex_lite::Regex;
use runbook_harness::{Finished, Home, Started};
use serde_json::Value as Json;

/// No program of these tests takes so long; only one that hangs is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home, and a working folder with the files of a test.
pub(crate) struct Sandbox {
    pub(crate) home: Home,
    work: tempfile::TempDir,
}

/// What a program left behind.
pub(crate) struct Outcome {
    arguments: Vec<String>,
    finished: Finished,
    /// Folders, and the names that stand for them in snapshots.
    folders: [(PathBuf, &'static str); 3],
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        let home = Home::new(env!("CARGO_BIN_EXE_runbook"))
            .in_directory(work.path())
            .with("USER", "ann")
            .with("LANG", "C.UTF-8");
        Self { home, work }
    }

    /// With an environment variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.home = self.home.with(name, value);
        self
    }

    /// The working folder.
    pub(crate) fn work(&self) -> &Path {
        self.work.path()
    }

    /// Writes a file below the working folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> &Self {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.outcome(arguments, self.home.start(arguments))
    }

    /// Waits for the end of a program that was started with these arguments.
    pub(crate) fn outcome(&self, arguments: &[&str], started: Started) -> Outcome {
        Outcome {
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            finished: started.wait(PATIENCE),
            folders: self.folders(),
        }
    }

    /// Folders, and the names that stand for them in snapshots.
    pub(crate) fn folders(&self) -> [(PathBuf, &'static str); 3] {
        [(self.work().to_owned(), "[work]"), (self.home.state(), "[state]"), (self.home.path(), "[home]")]
    }
}

impl Outcome {
    pub(crate) fn stdout(&self) -> &str {
        &self.finished.stdout
    }

    pub(crate) fn stderr(&self) -> &str {
        &self.finished.stderr
    }

    /// Itself, if the exit code is this one.
    #[track_caller]
    pub(crate) fn expect(mut self, code: i32) -> Self {
        self.finished = self.finished.expect(code);
        self
    }

    /// Stdout as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        self.finished.json()
    }

    /// Stdout as one JSON value a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Json> {
        self.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The run that stderr names last.
    #[track_caller]
    pub(crate) fn run_id(&self) -> String {
        let found = run_ids().find_iter(self.stderr()).last().unwrap_or_else(|| panic!("no run is named in {self}"));
        found.as_str().to_owned()
    }

    /// Stderr with what differs from run to run replaced.
    pub(crate) fn stderr_steady(&self) -> String {
        steady(self.stderr())
    }

    /// The last line of stderr, where the command that goes on stands.
    pub(crate) fn last_line(&self) -> &str {
        self.stderr().trim_end().lines().last().unwrap_or_default().trim()
    }
}

/// The runbooks of these tests. Only by their names can the id of a run be told from other words.
const NAMES: &str = "demo|wrong|fragile|sealed|gated|branches|calling|waiting|sending|ends|adjusting";

/// The ids of the runs of [`NAMES`].
pub(crate) fn run_ids() -> Regex {
    Regex::new(&format!(r"\b({NAMES})-[0-9a-hjkmnp-tv-z]{{6}}\b")).unwrap()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.finished.status.code().map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
        let arguments = self.arguments.join(" ");
        let text =
            format!("$ runbook {arguments}\nexit {code}\n--- stdout\n{}--- stderr\n{}", self.stdout(), self.stderr());
        let text =
            self.folders.iter().fold(text, |text, (folder, name)| text.replace(&*folder.to_string_lossy(), name));
        f.write_str(&steady(&text))
    }
}

/// The text with what differs from run to run replaced by names.
pub(crate) fn steady(text: &str) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut text = text.replace(&format!("@{host}"), "@[host]").replace(&format!("on {host}"), "on [host]");
    for (pattern, name) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
        (r"\bprocess \d+", "process [pid]"),
        (r#""pid": ?\d+"#, r#""pid": [pid]"#),
        (r"\b127\.0\.0\.1:\d+", "[address]"),
        (r"sha256:[0-9a-f]{64}", "sha256:[digest]"),
        (r"\b\d+ looks\b", "[n] looks"),
        // In a column of times, the spaces in front tell how long the time is.
        (r" +\+(\d+(\.\d)?s|\d+m\d\ds)", " +[s]"),
        (r" {2,}\d+(\.\d)?s\b", "  [s]"),
        (r"\b\d+(\.\d)?s\b", "[s]"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    run_ids().replace_all(&text, "${1}-[run]").into_owned()
}
