//! `runbook resolve`.

use clap::Args;
use runbook_engine::event::Word;

use crate::arguments::Global;
use crate::exit::Exit;
use crate::stop::Stop;
use crate::word;

/// Say what became of a step whose outcome is unknown
///
/// The answer to a call was lost, and nothing can tell whether it took effect. Look at the other side, then say so.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook resolve eks-karmada-7k3m9q reserve_address --done\n  \
                             runbook resolve eks-karmada-7k3m9q reserve_address --retry")]
pub(crate) struct Resolve {
    #[command(flatten)]
    step: word::StepArguments,
    #[command(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Outcome {
    /// It took effect: the step counts as done
    #[arg(long)]
    done: bool,
    /// It did not take effect: the step does it again
    #[arg(long)]
    retry: bool,
}

impl Resolve {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Stop> {
        self.step.give(if self.outcome.done { Word::Done } else { Word::Retry }, global)
    }
}
