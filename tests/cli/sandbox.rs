//! A place of its own for the program: home, state, working folder, and an environment that holds nothing else.
//!
//! This file decides what a test's program can see, and which parts of its output differ from run to run and are
//! replaced by names. It must not know what is tested.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex_lite::Regex;
use serde_json::Value as Json;

/// A folder with `home`, `state` and `work`.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What a program left behind.
pub(crate) struct Outcome {
    pub(crate) arguments: Vec<String>,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    folder: PathBuf,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "work", "bin"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, environment: Vec::new() }
    }

    /// With a variable for every program that it starts.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The working folder.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Writes a file below the working folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> &Self {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// The program with arguments, ready to be started: an empty environment but for what is set here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
        command
            .args(arguments)
            .current_dir(self.work())
            .env_clear()
            .env("HOME", self.folder.path().join("home"))
            .env("RUNBOOK_STATE", self.state())
            .env("PATH", self.folder.path().join("bin"))
            .env("USER", "ann")
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).output().unwrap();
        self.outcome(arguments, output)
    }

    /// What a program that was started elsewhere left behind.
    pub(crate) fn outcome(&self, arguments: &[&str], output: std::process::Output) -> Outcome {
        Outcome {
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            folder: self.folder.path().to_owned(),
        }
    }
}

impl Outcome {
    /// Fails unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Stdout as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// The run that stdout or stderr names first.
    #[track_caller]
    pub(crate) fn run_id(&self) -> String {
        let both = format!("{}\n{}", self.stderr, self.stdout);
        let found = run_ids().find(&both).unwrap_or_else(|| panic!("no run is named in {self}"));
        found.as_str().to_owned()
    }

    /// The last line of stderr, where the command that goes on stands.
    pub(crate) fn last_line(&self) -> &str {
        self.stderr.trim_end().lines().last().unwrap_or_default().trim()
    }
}

/// A run id; the names of runbooks in these tests are made of letters and `-`.
fn run_ids() -> Regex {
    Regex::new(r"\b([a-z]+(?:-[a-z]+)*)-[0-9a-hjkmnp-tv-z]{6}\b").unwrap()
}

/// The text with what differs from run to run replaced.
pub(crate) fn steady(text: &str, folder: &Path) -> String {
    let mut text = text.replace(&*folder.to_string_lossy(), "[sandbox]");
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    text = text.replace(&host, "[host]");
    for (pattern, name) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
        (r"\bprocess \d+", "process [pid]"),
        (r#""pid": ?\d+"#, r#""pid": [pid]"#),
        (r"sha256:[0-9a-f]{64}", "sha256:[digest]"),
        (r"\b(\d+\.\d|\d+)s\b", "[s]"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    run_ids().replace_all(&text, |found: &regex_lite::Captures<'_>| {
        // Words of the texts that look like run ids but end in no random part.
        if found[0].bytes().any(|b| b.is_ascii_digit()) { format!("{}-[run]", &found[1]) } else { found[0].to_owned() }
    })
    .into_owned()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!(
            "$ runbook {}\nexit {}\n--- stdout\n{}--- stderr\n{}",
            self.arguments.join(" "),
            self.code.map_or_else(|| "by a signal".to_owned(), |code| code.to_string()),
            self.stdout,
            self.stderr
        );
        f.write_str(&steady(&text, &self.folder))
    }
}
