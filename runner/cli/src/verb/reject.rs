//! `runbook reject`.

use clap::Args;
use runbook_engine::event::Word;

use crate::arguments::Global;
use crate::exit::Exit;
use crate::stop::Stop;
use crate::word;

/// Refuse a step that waits for an approval
///
/// The step fails, and with it the run. The first answer counts; whoever comes later is told.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook reject eks-karmada-7k3m9q go_live")]
pub(crate) struct Reject {
    #[command(flatten)]
    step: word::StepArguments,
}

impl Reject {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Stop> {
        self.step.give(Word::Reject, global)
    }
}
