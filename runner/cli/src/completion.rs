//! Completion of words that a person types: what may stand in each place, and how shells ask for it.
//!
//! This file decides which runs, steps and names are offered. It must not fail: a shell that asks while a person types gets
//! what is there, or nothing. Verbs and options come from the tree of arguments itself.

use std::ffi::OsString;
use std::io;

use clap_complete::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};
use runbook_journal::{SqliteStore, Store};
use runbook_model::code;
use runbook_model::id::RunId;

use crate::recording::Recording;
use crate::{arguments, catalogue, runs, state};

/// The shells that there is a script for.
pub(crate) const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// Set by the scripts when a shell asks. Not `COMPLETE`, which other programs use and a person may have exported.
const ASKED: &str = "RUNBOOK_COMPLETE";

/// The script that makes a shell ask.
pub(crate) fn registration(shell: &str) -> io::Result<String> {
    let shells = Shells::builtins();
    let completer = shells.completer(shell).ok_or_else(|| io::Error::other("this shell is not known"))?;
    let mut script = Vec::new();
    completer.write_registration(ASKED, "runbook", "runbook", "runbook", &mut script)?;
    String::from_utf8(script).map_err(io::Error::other)
}

/// Answers a shell, if one asks. True if it did.
pub(crate) fn answered(words: impl IntoIterator<Item = OsString>) -> bool {
    if std::env::var_os(ASKED).is_none() {
        return false;
    }
    let folder = std::env::current_dir().ok();
    // A shell that cannot be answered gets no candidates; words about it would only garble the line that is typed.
    CompleteEnv::with_factory(arguments::command).var(ASKED).try_complete(words, folder.as_deref()).unwrap_or(true)
}

/// The runs that there are, the newest first.
pub(crate) fn run_ids() -> Vec<CompletionCandidate> {
    let summaries = state::store().and_then(|store| runs::summaries(&store)).map(|(summaries, _)| summaries);
    let candidate = |summary: runs::Summary| {
        CompletionCandidate::new(summary.run.as_str()).help(Some(summary.status().as_str().into()))
    };
    summaries.unwrap_or_default().into_iter().map(candidate).collect()
}

/// The steps of the run that stands on the line already.
pub(crate) fn step_paths() -> Vec<CompletionCandidate> {
    let Ok(store) = state::store() else { return Vec::new() };
    let Some(recording) = named_run(&store).and_then(|run| Recording::read(&store, &run).ok()) else {
        return Vec::new();
    };
    let candidate = |step: runbook_engine::view::StepView| {
        CompletionCandidate::new(step.path.to_string()).help(Some(step.status.as_str().into()))
    };
    recording.steps().into_iter().map(candidate).collect()
}

/// The first word of the line that is a run, or the beginning of only one.
fn named_run(store: &SqliteStore) -> Option<RunId> {
    let all: Vec<RunId> = store.list().ok()?.into_iter().map(|listed| listed.run).collect();
    std::env::args().skip_while(|word| word != "--").skip(3).find_map(|word| {
        let mut found = all.iter().filter(|run| !word.is_empty() && run.as_str().starts_with(&word));
        found.next().filter(|_| found.next().is_none()).cloned()
    })
}

/// The codes of complaints.
pub(crate) fn codes() -> Vec<CompletionCandidate> {
    code::ALL.iter().map(|(code, title)| CompletionCandidate::new(*code).help(Some((*title).into()))).collect()
}

/// The kinds of steps.
pub(crate) fn kinds() -> Vec<CompletionCandidate> {
    let candidate = |kind: catalogue::Entry| CompletionCandidate::new(kind.name).help(Some(kind.summary.into()));
    catalogue::all().into_iter().map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_a_script_that_asks_the_program() {
        for shell in SHELLS {
            let script = registration(shell).unwrap();
            assert!(script.contains(ASKED) && script.contains("runbook"), "{shell}: {script}");
        }
        assert!(registration("csh").is_err());
    }
}
