//! What goes wrong while an expression or a template is evaluated, told for people.
//!
//! This file decides what such an error says and that it never quotes a secret. It must not know where the expression
//! stood in a step: whoever evaluates it adds that.

use std::fmt;

use runbook_model::value::Unavailable;

/// Why an expression or a template has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The template it happened in, relative to `templates/`; `None`: in the expression itself.
    pub file: Option<String>,
    /// The line in that file, or in the runbook's; from 1. Zero if it is not known.
    pub line: u32,
    /// The column, in characters from 1. Zero if it is not known.
    pub column: u32,
    /// One clause; never shows a secret.
    pub message: String,
    /// What to do, where that is known.
    pub help: Option<String>,
    /// Set if the reason is a value that is not to be had now, with the name under which it was read.
    pub unavailable: Option<(Unavailable, String)>,
}

impl Trouble {
    /// A trouble whose place is not known yet.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { file: None, line: 0, column: 0, message: message.into(), help: None, unavailable: None }
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a place, unless it has one.
    #[must_use]
    pub(crate) fn at(mut self, line: u32, column: u32) -> Self {
        if self.line == 0 && self.file.is_none() {
            (self.line, self.column) = (line, column);
        }
        self
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) if self.line > 0 => {
                write!(f, "{} (templates/{file}:{}:{})", self.message, self.line, self.column)
            }
            Some(file) => write!(f, "{} (templates/{file})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Trouble {}
