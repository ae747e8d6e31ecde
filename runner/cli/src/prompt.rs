//! Questions to a person at a terminal.
//!
//! This file decides how a question looks and that a secret is not shown while it is typed. It must not know what
//! is asked for, nor be called where there is no terminal.

use std::io::{self, BufRead};

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
    talk::say(&format!("{}{about}: ", talk::bold(name)));
    let typed = if secret { rpassword::read_password() } else { line() };
    match typed {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            talk::say("\n");
            Err(Stop::new(Exit::Invalid, format!("`{name}` was not given")))
        }
        Err(error) => Err(Stop::environment(format!("failed to read the terminal: {error}"))),
    }
}

fn line() -> io::Result<String> {
    let mut text = String::new();
    if io::stdin().lock().read_line(&mut text)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
