//! Talk: what people read on stderr, in colour where that is wanted.
//!
//! This file decides the colours (the sixteen that every theme has) and that a closed stderr is no reason to stop.
//! It must not write data: that is `output`'s.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// When to colour. `auto` means on a terminal, unless `NO_COLOR` or `TERM=dumb` speak against it or `CLICOLOR_FORCE`
/// for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

impl Colour {
    /// Makes it the choice of this process.
    pub(crate) fn choose(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Is stderr coloured?
pub(crate) fn stderr_is_coloured() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// Writes to stderr. If nobody reads it any more, that is their choice; what runs goes on.
pub(crate) fn say(text: &str) {
    let _nobody_to_tell = anstream::stderr().lock().write_all(text.as_bytes());
}

/// A line that something is worth knowing.
pub(crate) fn note(text: &str) {
    say(&format!("{}: {}\n", styled("note", strong(AnsiColor::Cyan)), crate::text::printable(text)));
}

/// A line that something should be looked at.
pub(crate) fn warn(text: &str) {
    say(&format!("{}: {}\n", doubtful("warning"), crate::text::printable(text)));
}

fn strong(colour: AnsiColor) -> Style {
    Style::new().bold().fg_color(Some(colour.into()))
}

fn styled(text: impl Display, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// What went wrong.
pub(crate) fn bad(text: impl Display) -> String {
    styled(text, strong(AnsiColor::Red))
}

/// What needs a look or a person.
pub(crate) fn doubtful(text: impl Display) -> String {
    styled(text, strong(AnsiColor::Yellow))
}

/// What went well, or helps.
pub(crate) fn good(text: impl Display) -> String {
    styled(text, strong(AnsiColor::Green))
}

/// What is less important.
pub(crate) fn dim(text: impl Display) -> String {
    styled(text, Style::new().dimmed())
}

/// What stands out without judging.
pub(crate) fn bold(text: impl Display) -> String {
    styled(text, Style::new().bold())
}
