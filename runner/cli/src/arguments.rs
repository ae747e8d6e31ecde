//! The tree of verbs and options, and what is said to a command line that does not fit it.
//!
//! This file decides what holds for all verbs. It must not know what a verb does: each stands in a file of its own.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::{ArgAction, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::exit::{Exit, TABLE};
use crate::later;
use crate::stop::Stop;
use crate::talk::Colour;
use crate::verb;

/// Plans, carries out and resumes versioned YAML runbooks
///
/// A runbook is a YAML file of steps: calls of AWS and Kubernetes, waits, checks, approvals. `runbook exec` carries it out and records
/// every step before and after its effect, so that `runbook resume` goes on after a failure, an interruption or a crash.
#[derive(Parser)]
#[command(name = "runbook", version, subcommand_required = true, arg_required_else_help = true, max_term_width = 120)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What holds for all verbs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Talk on stderr")]
pub(crate) struct Global {
    /// When to colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, display_order = 900)]
    pub(crate) color: Colour,
    /// Say only what went wrong
    #[arg(short, long, global = true, display_order = 901)]
    pub(crate) quiet: bool,
    /// Say more: -v tells what is done, -vv how, -vvv all
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet", display_order = 902)]
    pub(crate) verbose: u8,
}

/// The verbs of this version.
#[derive(Subcommand)]
pub(crate) enum Verb {
    Exec(verb::exec::Exec),
    Resume(verb::resume::Resume),
    Runs(verb::runs::Runs),
    Show(verb::show::Show),
    Events(verb::events::Events),
    Report(verb::report::Report),
    Approve(verb::approve::Approve),
    Reject(verb::reject::Reject),
    Resolve(verb::resolve::Resolve),
    Cancel(verb::cancel::Cancel),
    Lint(verb::lint::Lint),
    Explain(verb::explain::Explain),
    Graph(verb::graph::Graph),
    Kinds(verb::kinds::Kinds),
    Schema(verb::schema::Schema),
    Doctor(verb::doctor::Doctor),
    EksToken(verb::eks_token::EksToken),
    Completions(verb::completions::Completions),
    Man(verb::man::Man),
}

impl Verb {
    /// Does it.
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Stop> {
        match self {
            Self::Exec(verb) => verb.run(global),
            Self::Resume(verb) => verb.run(global),
            Self::Runs(verb) => verb.run(),
            Self::Show(verb) => verb.run(),
            Self::Events(verb) => verb.run(),
            Self::Report(verb) => verb.run(),
            Self::Approve(verb) => verb.run(global),
            Self::Reject(verb) => verb.run(global),
            Self::Resolve(verb) => verb.run(global),
            Self::Cancel(verb) => verb.run(global),
            Self::Lint(verb) => verb.run(global.quiet),
            Self::Explain(verb) => verb.run(),
            Self::Graph(verb) => verb.run(),
            Self::Kinds(verb) => verb.run(),
            Self::Schema(verb) => verb.run(),
            Self::Doctor(verb) => verb.run(),
            Self::EksToken(verb) => verb.run(),
            Self::Completions(verb) => verb.run(),
            Self::Man(verb) => verb.run(global.quiet),
        }
    }
}

/// The whole tree, with the words that later versions will know hidden in it.
pub(crate) fn command() -> Command {
    Arguments::command().after_long_help(after_help()).subcommands(later::verbs())
}

/// What the command line asks for.
///
/// # Errors
/// An exit code, where all was said: help, the version, or what does not fit; or the stop that names a later version.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, Stop> {
    let matches = command().try_get_matches_from(words).map_err(told)?;
    if let Some((verb, _)) = matches.subcommand()
        && later::VERBS.contains(&verb)
    {
        return Err(later::not_yet(verb));
    }
    Arguments::from_arg_matches(&matches).map_err(told)
}

/// Lets clap say it, on the stream it belongs to.
#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn told(error: clap::Error) -> Stop {
    // A closed stdout or stderr is no reason to say more.
    let _nobody_to_tell = error.print();
    Stop::told(if error.use_stderr() { Exit::Usage } else { Exit::Done })
}

fn after_help() -> String {
    let mut text = String::from(
        "RUN is a run id such as eks-karmada-7k3m9q, or the beginning of one. STEP is the path of a step: `vpc`, \
         `join[ekseucl01]` for one item of a for-each, `join[ekseucl01]/wait` inside a nested runbook.\n\nExit codes:\n",
    );
    for (_, code, words) in TABLE {
        let _infallible = writeln!(text, "  {code:>3}  {words}");
    }
    text.push_str(
        "\nEnvironment:\n  \
         RUNBOOK_STATE         folder of the journals (else ~/.local/state/runbook)\n  \
         RUNBOOK_INPUT_<NAME>  an input, its name in capitals\n  \
         RUNBOOK_LOG           what is logged, such as `info` or `runbook_driver=trace`\n\n\
         NO_COLOR, CLICOLOR_FORCE, AWS_* and KUBECONFIG mean what they mean everywhere.",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_sound() {
        command().debug_assert();
    }
}
