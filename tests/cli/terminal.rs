//! A terminal of its own for the program, and what a person would see and type there.
//!
//! This file decides how long a screen is waited for and what it shows. It must not know what is tested.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty, open};

use crate::sandbox::Sandbox;

/// How long a screen may take to appear. Much longer than any does: only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program at a terminal.
pub(crate) struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    written: Arc<Mutex<Vec<u8>>>,
}

fn size(columns: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    (NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap())
}

impl Terminal {
    /// Starts the program at a terminal of this size.
    pub(crate) fn start(sandbox: &Sandbox, columns: u16, rows: u16, arguments: &[&str]) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        let mut command = sandbox.home.command(arguments);
        if command.get_envs().all(|(name, _)| name != "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let child = Command::from(inherited(&command)).spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let (sender, output) = channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (reader, copy) = (Arc::clone(&pty), Arc::clone(&written));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading from a terminal that nobody has open any more is an error on Linux, and the end.
            while let Ok(read @ 1..) = (&*reader).read(&mut buffer) {
                copy.lock().unwrap().extend_from_slice(&buffer[..read]);
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let (rows, columns) = size(columns, rows);
        Self { pty, child, output, screen: vt100::Parser::new(rows, columns, 1000), written }
    }

    /// Waits until the screen holds this text.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        while !self.shown().contains(text) {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(reason) => panic!("{reason:?}: `{text}` is not on the screen:\n{}", self.shown()),
            }
        }
        self
    }

    /// Types text.
    pub(crate) fn type_in(&mut self, text: &str) -> &mut Self {
        (&*self.pty).write_all(text.as_bytes()).unwrap();
        self
    }

    /// Makes the window another size.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        let (rows, columns) = size(columns, rows);
        self.screen.screen_mut().set_size(rows, columns);
        self
    }

    /// What is on the screen now.
    pub(crate) fn shown(&self) -> String {
        self.screen.screen().contents()
    }

    /// Everything that was written so far, with all control sequences.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    /// Waits for the end of the program, which has to be this one.
    #[track_caller]
    pub(crate) fn expect(&mut self, code: i32) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(RecvTimeoutError::Disconnected) => break self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => panic!("the program does not end:\n{}", self.shown()),
            }
        };
        assert_eq!(status.code(), Some(code), "{}", self.shown());
    }
}

/// The command with its streams left for the terminal to take.
fn inherited(command: &std::process::Command) -> std::process::Command {
    let mut fresh = std::process::Command::new(command.get_program());
    fresh.args(command.get_args()).env_clear();
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
