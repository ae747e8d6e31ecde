//! A terminal of its own for a program, and what a person would see and type there.
//!
//! This file decides how long a screen is waited for and what it shows. It must not know which program that is.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::blocking::{Pty, open};

use crate::picture;

/// How long a screen may take to appear. Much longer than any does: only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// More rows than anything that is looked at as a whole.
const HIGH: NonZeroU16 = NonZeroU16::new(500).expect("it is not 0");

/// A program at a terminal.
pub struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    written: Arc<Mutex<Vec<u8>>>,
}

/// Why sizes are not 0.
const SOME: &str = "a terminal has rows and columns";

fn size(columns: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    (NonZeroU16::new(rows).expect(SOME), NonZeroU16::new(columns).expect(SOME))
}

impl Terminal {
    /// Starts the command at a terminal of this size, as an `xterm-256color` unless its environment says otherwise. It
    /// sees the variables that the command sets and no others.
    ///
    /// # Panics
    /// There is no terminal to be had, or the program cannot be started.
    #[must_use]
    pub fn start(command: &Command, columns: u16, rows: u16) -> Self {
        let (pty, pts) = open().expect("there is a terminal");
        pty.resize(pty_process::Size::new(rows, columns)).expect("a terminal has any size");
        let child = pty_process::blocking::Command::from(at_terminal(command)).spawn(pts);
        let child = child.unwrap_or_else(|error| panic!("`{command:?}`: {error}"));
        let pty = Arc::new(pty);
        let (sender, output) = channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (reader, copy) = (Arc::clone(&pty), Arc::clone(&written));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading from a terminal that nobody has open any more is an error on Linux, and the end.
            while let Ok(read @ 1..) = (&*reader).read(&mut buffer) {
                copy.lock().expect("no thread panics with it").extend_from_slice(&buffer[..read]);
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let (rows, columns) = size(columns, rows);
        Self { pty, child, output, screen: vt100::Parser::new(rows, columns, 1000), written }
    }

    /// Waits until the screen holds this text.
    ///
    /// # Panics
    /// It does not within a minute; the words hold the screen.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &mut Self {
        self.wait_for_all(&[(1, text)])
    }

    /// Waits until the screen holds each of these texts so many times at once.
    ///
    /// # Panics
    /// It does not within a minute; the words hold the screen.
    #[track_caller]
    pub fn wait_for_all(&mut self, texts: &[(usize, &str)]) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.shown();
            let Some((_, text)) = texts.iter().find(|(times, text)| shown.matches(text).count() < *times) else {
                return self;
            };
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(reason) => panic!("{reason:?}: `{text}` is not on the screen:\n{shown}"),
            }
        }
    }

    /// Types text.
    ///
    /// # Panics
    /// The program has ended.
    pub fn type_in(&mut self, text: &str) -> &mut Self {
        (&*self.pty).write_all(text.as_bytes()).expect("the terminal is open");
        self
    }

    /// Makes the window another size.
    ///
    /// # Panics
    /// A size is 0.
    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.pty.resize(pty_process::Size::new(rows, columns)).expect("a terminal has any size");
        let (rows, columns) = size(columns, rows);
        self.screen.screen_mut().set_size(rows, columns);
        self
    }

    /// What is on the screen now.
    #[must_use]
    pub fn shown(&self) -> String {
        self.screen.screen().contents()
    }

    /// What is on the screen now, row by row, with or without its styles; `picture` says how they are written down.
    #[must_use]
    pub fn rows(&self, styled: bool) -> String {
        if styled { picture::styled(self.screen.screen()) } else { picture::plain(self.screen.screen()) }
    }

    /// The rows of a terminal that has as many columns and shows this text.
    #[must_use]
    pub fn rows_of(&self, text: &str, styled: bool) -> String {
        let (_, columns) = self.screen.screen().size();
        let mut screen = vt100::Parser::new(HIGH, columns, 0);
        screen.process(text.as_bytes());
        if styled { picture::styled(screen.screen()) } else { picture::plain(screen.screen()) }
    }

    /// Everything that was written so far, with all control sequences.
    #[must_use]
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().expect("no thread panics with it")).into_owned()
    }

    /// Waits for the end of the program, which has to be with this code.
    ///
    /// # Panics
    /// It is not; the words hold the screen.
    #[track_caller]
    pub fn expect(&mut self, code: i32) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Disconnected) => break self.child.wait().expect("a child can be waited for"),
                Err(RecvTimeoutError::Timeout) => panic!("the program does not end:\n{}", self.shown()),
            }
        };
        assert_eq!(status.code(), Some(code), "{}", self.shown());
    }
}

/// The command with its streams left for the terminal to take.
fn at_terminal(command: &Command) -> Command {
    let mut fresh = Command::new(command.get_program());
    fresh.args(command.get_args()).env_clear().env("TERM", "xterm-256color");
    fresh.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        fresh.current_dir(folder);
    }
    fresh
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }
}
