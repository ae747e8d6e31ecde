//! `runbook completions`.

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::completion;
use crate::exit::Exit;
use crate::output::Data;
use crate::stop::Stop;

/// Print what makes a shell complete the words of this program
///
/// The shell asks the program itself, so that the ids of runs and the paths of their steps are completed as well.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  runbook completions bash > ~/.local/share/bash-completion/completions/runbook\n  \
                             runbook completions zsh > \"${fpath[1]}/_runbook\"\n  \
                             runbook completions fish > ~/.config/fish/completions/runbook.fish"
)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_parser = PossibleValuesParser::new(completion::SHELLS))]
    shell: String,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let script = completion::registration(&self.shell)
            .map_err(|error| Stop::new(Exit::Failed, format!("no completions for `{}`: {error}", self.shell)))?;
        Data::default().text(script)?;
        Ok(Exit::Done)
    }
}
