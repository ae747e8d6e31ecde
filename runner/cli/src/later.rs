//! Words of the command line that this version does not know yet, so that whoever uses them is told just that.
//!
//! This file decides which words these are. A word leaves it in the commit that makes it work.

use clap::{Arg, ArgAction, Command};

use crate::stop::Stop;

/// The verbs.
pub(crate) const VERBS: &[&str] = &["undo", "plan", "rehearse", "test", "aws", "iam", "preflight"];

/// The verbs, hidden in the help, each taking whatever stands behind it.
pub(crate) fn verbs() -> Vec<Command> {
    let rest =
        Arg::new("rest").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true).action(ArgAction::Append);
    VERBS
        .iter()
        .map(|&verb| {
            let about = format!("This version of runbook does not have `{verb}` yet");
            Command::new(verb).about(about).hide(true).disable_help_flag(true).arg(rest.clone())
        })
        .collect()
}

/// The stop of somebody who asked for it.
pub(crate) fn not_yet(words: &str) -> Stop {
    Stop::usage(format!("this version of runbook does not have `{words}` yet"))
}
