//! Data: what scripts read on stdout, and nothing else there.
//!
//! This file decides the forms of `-o` and what a closed stdout means. It must not know what the data says.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::exit::Exit;
use crate::stop::Stop;

/// The form of the data on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    #[default]
    Human,
    /// One JSON document
    Json,
    /// One JSON value a line
    Ndjson,
}

/// `-o`.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OutputOption {
    /// The form of the data on stdout
    #[arg(short = 'o', long = "output", value_enum, value_name = "FORM", default_value_t)]
    pub(crate) form: Form,
}

/// Stdout. Once whoever reads it has gone away, everything that follows is dropped: a run does not fail because
/// `head` has seen enough.
#[derive(Debug, Default)]
pub(crate) struct Data {
    closed: bool,
}

impl Data {
    /// Writes text, with styles for where colours are wanted.
    pub(crate) fn text(&mut self, text: impl fmt::Display) -> Result<(), Stop> {
        self.write(|out| write!(out, "{text}"))
    }

    /// Writes a value as one document.
    pub(crate) fn document(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        let json = serde_json::to_string_pretty(value).expect("JSON of our own values has text keys");
        self.write(|out| writeln!(out, "{json}"))
    }

    /// Writes a value as one line.
    pub(crate) fn line(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        let json = serde_json::to_string(value).expect("JSON of our own values has text keys");
        self.write(|out| writeln!(out, "{json}"))
    }

    /// Writes values as one document (a list) or a line each.
    pub(crate) fn list<T: Serialize>(&mut self, values: &[T], form: Form) -> Result<(), Stop> {
        match form {
            Form::Ndjson => values.iter().try_for_each(|value| self.line(value)),
            Form::Json | Form::Human => self.document(&values),
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Stop> {
        if self.closed {
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        match write(&mut out).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(error) => Err(Stop::new(Exit::Failed, format!("failed to write to stdout: {error}"))),
        }
    }
}
