//! The terminal: whether there is one, how large it is, which characters it takes.
//!
//! This file decides that from the descriptors and the environment. It must not write anything.

use std::io::IsTerminal;

/// Columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// What a terminal without a size is taken for; the size of the VT100.
const UNKNOWN: Size = Size { columns: 80, rows: 24 };

/// The size of the terminal behind stderr, at this moment.
pub(crate) fn size() -> Size {
    of(&std::io::stderr())
}

fn of(terminal: &impl std::os::fd::AsFd) -> Size {
    match rustix::termios::tcgetwinsize(terminal) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            Size { columns: usize::from(size.ws_col), rows: usize::from(size.ws_row) }
        }
        _ => UNKNOWN,
    }
}

/// The columns of the terminal behind stderr, if there is one.
pub(crate) fn stderr_columns() -> Option<usize> {
    std::io::stderr().is_terminal().then(|| size().columns)
}

/// The columns of the terminal behind stdout, if there is one.
pub(crate) fn stdout_columns() -> Option<usize> {
    let stdout = std::io::stdout();
    stdout.is_terminal().then(|| of(&stdout).columns)
}

/// May a person be asked something? Only if what they read and what they type are both a terminal.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Can lines on stderr be drawn over?
pub(crate) fn can_redraw() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Does the locale take characters outside ASCII? The first of these variables that says something decides, as in
/// every C library; without any the locale is `C`, which does not.
pub(crate) fn takes_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    locale.is_some_and(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
