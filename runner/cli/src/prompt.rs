//! Questions to a person at a terminal.
//!
//! This file decides how a question looks and that a secret is not shown while it is typed. It must not know what
//! is asked for, nor be called where there is no terminal.

use std::io::{self, BufRead};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot::channel;

use crate::carrying;
use crate::exit::Exit;
use crate::stop::Stop;
use crate::talk;
use crate::text::printable;

/// Asks for a line. `about` stands behind the name where there is something to say.
///
/// # Errors
/// The end of the input (Ctrl-D) or Ctrl-C, which mean that the person gave up; SIGTERM; a terminal that cannot be read.
pub(crate) fn ask(name: &str, about: Option<&str>, secret: bool) -> Result<String, Stop> {
    let about =
        about.map(|about| format!(" {}", talk::dim(format_args!("({})", printable(about))))).unwrap_or_default();
    let failed = |error: io::Error| Stop::environment(format!("failed to read the terminal: {error}"));
    // Before the question is there, so that not even the fastest answer is shown.
    let _hidden = if secret { Some(Hidden::begin().map_err(failed)?) } else { None };
    talk::say(&format!("{}{about}: ", talk::bold(name)));
    match heard()?.map_err(failed)? {
        Some(text) => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
        None => {
            talk::say("\n");
            Err(Stop::new(Exit::Invalid, format!("`{name}` was not given")))
        }
    }
}

/// The line that a person types, or none at the end of the input. Signals are heard meanwhile: left to end the process, they
/// would leave a terminal behind that shows nothing of what is typed.
fn heard() -> Result<io::Result<Option<String>>, Stop> {
    carrying::runtime()?.block_on(async {
        let failed = |error| Stop::environment(format!("failed to listen to signals: {error}"));
        let mut interrupts = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminations = signal(SignalKind::terminate()).map_err(failed)?;
        let (sender, line) = channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            let read = io::stdin().lock().read_line(&mut text);
            // After a signal nobody waits for the line any more.
            let _unheard = sender.send(read.map(|length| (length > 0).then_some(text)));
        });
        let exit = tokio::select! {
            line = line => return Ok(line.unwrap_or(Ok(None))),
            _ = interrupts.recv() => Exit::Interrupted,
            _ = terminations.recv() => Exit::Terminated,
        };
        talk::say("\n");
        Err(Stop::new(exit, "nothing was answered, and nothing ran"))
    })
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
