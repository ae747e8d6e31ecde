//! `runbook show`.

use clap::Args;
use clap_complete::ArgValueCandidates;

use crate::document::Document;
use crate::exit::Exit;
use crate::output::{Data, Form, OutputOption};
use crate::portrait::portrait;
use crate::recording::Recording;
use crate::stop::Stop;
use crate::{completion, person, runs, state, terminal, word};

/// Show a run and how each of its steps stands
///
/// Works beside the process that holds the run.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  runbook show eks-karmada-7k3m9q\n  runbook show eks-k -o json | jq '.outputs'"
)]
pub(crate) struct Show {
    /// The run
    #[arg(add = ArgValueCandidates::new(completion::run_ids))]
    run: String,
    #[command(flatten)]
    output: OutputOption,
}

impl Show {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let store = state::store()?;
        let recording = Recording::read(&store, &runs::find(&store, &self.run)?)?;
        let answered = word::answered(&store, &recording)?;
        let mut data = Data::default();
        match self.output.form {
            Form::Human => data.text(portrait(&recording, &answered, person::now(), terminal::stdout_columns()))?,
            Form::Json => data.document(&Document::new(&recording, &answered))?,
            Form::Ndjson => data.line(&Document::new(&recording, &answered))?,
        }
        Ok(Exit::Done)
    }
}
