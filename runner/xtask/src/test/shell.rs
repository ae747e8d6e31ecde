//! Running a command and telling which.
//!
//! This file decides how commands are shown and how their failure reads. It must not know what they are for.

use std::process::{Command, Stdio};

/// Tells people something, between the output of the commands.
pub(super) fn say(text: &str) {
    eprintln!("{text}");
}

/// Runs a command; its output is the caller's.
pub(super) fn run(command: &mut Command) -> Result<(), String> {
    let shown = shown(command);
    say(&format!("$ {shown}"));
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` ended with {status}")),
        Err(error) => Err(format!("`{shown}` could not be started: {error}")),
    }
}

/// What a command writes to standard output.
pub(super) fn output(command: &mut Command) -> Result<String, String> {
    let shown = shown(command);
    let done = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let done = done.map_err(|error| format!("`{shown}` could not be started: {error}"))?;
    if !done.status.success() {
        return Err(format!("`{shown}` ended with {}", done.status));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// True if the command can be run and ends well; nothing is shown.
pub(super) fn works(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|done| done.status.success())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
