//! Questions to a person at a terminal.
//!
//! This file decides how a question looks and that a secret is not shown while it is typed. It must not know what
//! is asked for, nor be called where there is no terminal.

use std::io::{self, BufRead};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::exit::Exit;
use crate::stop::Stop;
use crate::talk;
use crate::text::printable;

/// Asks for a line. `about` stands behind the name where there is something to say.
///
/// # Errors
/// The end of the input (Ctrl-D), which means that the person gave up; or a terminal that cannot be read.
pub(crate) fn ask(name: &str, about: Option<&str>, secret: bool) -> Result<String, Stop> {
    let about =
        about.map(|about| format!(" {}", talk::dim(format_args!("({})", printable(about))))).unwrap_or_default();
    let failed = |error: io::Error| Stop::environment(format!("failed to read the terminal: {error}"));
    // Before the question is there, so that not even the fastest answer is shown.
    let _hidden = if secret { Some(Hidden::begin().map_err(failed)?) } else { None };
    talk::say(&format!("{}{about}: ", talk::bold(name)));
    let mut text = String::new();
    match io::stdin().lock().read_line(&mut text) {
        Ok(0) => {
            talk::say("\n");
            Err(Stop::new(Exit::Invalid, format!("`{name}` was not given")))
        }
        Ok(_) => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
        Err(error) => Err(failed(error)),
    }
}

/// While it lives, the terminal does not show what is typed, but for the end of the line.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that has gone away needs no more care.
        let _gone = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
