//! `runbook events`.

use clap::Args;
use clap_complete::ArgValueCandidates;
use runbook_engine::stored;

use crate::exit::Exit;
use crate::output::{Data, Form, OutputOption};
use crate::report::story;
use crate::stop::Stop;
use crate::text::{in_rows, printable, printable_lines};
use crate::{completion, recording, runs, state, talk, terminal};

/// Read the journal of a run, event by event
///
/// With `-o ndjson` these are the lines that `exec -o ndjson` printed while it ran.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook events eks-karmada-7k3m9q\n  \
                             runbook events eks-k -o ndjson | jq -c 'select(.event == \"attempt-failed\")'")]
pub(crate) struct Events {
    /// The run
    #[arg(add = ArgValueCandidates::new(completion::run_ids))]
    run: String,
    #[command(flatten)]
    output: OutputOption,
}

impl Events {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let store = state::store()?;
        let run = runs::find(&store, &self.run)?;
        let events = recording::events(&store, &run)?;
        let mut data = Data::default();
        if self.output.form == Form::Human {
            let columns = terminal::stdout_columns();
            for (number, stamped) in &events {
                let told = story::told(&stamped.event, stamped.time);
                let step = told.step.map(|step| format!("{} ", talk::bold(step))).unwrap_or_default();
                let first = format!("{number:>5} {} {step}{}", talk::dim(stamped.time), printable(&told.words));
                // The words begin behind the number and the time.
                data.text(format_args!("{}\n", in_rows(&first, columns, 31)))?;
                for line in told.details.iter().flat_map(|detail| printable_lines(detail)) {
                    data.text(format_args!("{}\n", in_rows(&format!("      {line}"), columns, 8)))?;
                }
            }
        } else {
            let lines: Vec<_> = events.iter().map(|(number, event)| stored::line(*number, &run, event)).collect();
            data.list(&lines, self.output.form)?;
        }
        Ok(Exit::Done)
    }
}
