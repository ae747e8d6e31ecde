//! `runbook approve`.

use clap::Args;
use runbook_engine::event::Word;

use crate::arguments::Global;
use crate::exit::Exit;
use crate::stop::Stop;
use crate::word;

/// Let a run go on at a step that waits for an approval
///
/// The word is kept with the run. The process that holds the run goes on within a second; if none does, `runbook resume` goes on. The
/// first answer counts; whoever comes later is told.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  runbook approve eks-karmada-7k3m9q go_live\n  runbook approve eks-k 'join[ekseucl01]/go'"
)]
pub(crate) struct Approve {
    #[command(flatten)]
    step: word::StepArguments,
}

impl Approve {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Stop> {
        self.step.give(Word::Approve, global)
    }
}
