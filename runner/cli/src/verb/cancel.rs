//! `runbook cancel`.

use clap::Args;
use clap_complete::ArgValueCandidates;
use runbook_driver::word::{self, Heard};
use runbook_driver::{Run, Unopened};
use runbook_engine::view::RunStatus;
use runbook_journal::{HoldError, Store};

use crate::arguments::Global;
use crate::carrying::{self, Taken};
use crate::exit::Exit;
use crate::output::Form;
use crate::recording::{self, Recording};
use crate::report::story;
use crate::stop::Stop;
use crate::{completion, person, runs, state, talk, trace};

/// Give a run up
///
/// Nothing new starts, calls in flight end and are recorded, and the run cannot go on any more. What it made stays.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook cancel eks-karmada-7k3m9q")]
pub(crate) struct Cancel {
    /// The run
    #[arg(add = ArgValueCandidates::new(completion::run_ids))]
    run: String,
}

impl Cancel {
    pub(crate) fn run(self, global: &Global) -> Result<Exit, Stop> {
        let store = state::store()?;
        let id = runs::find(&store, &self.run)?;
        let recording = Recording::read(&store, &id)?;
        match recording.status() {
            status @ (RunStatus::Succeeded | RunStatus::Undone) => {
                return Err(Stop::new(Exit::Failed, format!("run {id} is {} already", status.as_str())));
            }
            RunStatus::Cancelled => {
                talk::note(&format!("run {id} is cancelled already"));
                return Ok(Exit::Done);
            }
            _ => {}
        }
        if let Heard::TooLate(Some(note)) = word::cancel(&*store.inbox(&id)?, person::person(), person::now())? {
            talk::note(&format!("{} cancelled run {id} at {}", story::name(&note.by), note.said_at));
        }
        // Whoever holds it hears the word. If nobody does, this process takes it up for just as long as that takes.
        let run = match Run::hold(&store, &id, &person::holder()) {
            Ok(run) => run,
            Err(Unopened::Hold(HoldError::HeldBy(holder))) => {
                if !global.quiet {
                    let who =
                        holder.map_or_else(|| "the process that holds it".to_owned(), |holder| holder.to_string());
                    talk::say(&format!("run {id} is to be cancelled: {who} hears it within a second\n"));
                }
                return Ok(Exit::Done);
            }
            Err(other) => return Err(other.into()),
        };
        let trace = trace::start(global)?;
        let history = recording::events(&store, &id)?.into_iter().map(|(_, stamped)| stamped).collect();
        let taken = Taken { id: id.clone(), run, history, first: None, holding: carrying::holding() };
        let quiet = Global { quiet: true, ..global.clone() };
        let ended = carrying::carry_out(taken, &store, &quiet, Form::Human, &trace);
        match Recording::read(&store, &id)?.status() {
            RunStatus::Cancelled => {
                if !global.quiet {
                    talk::say(&format!("cancelled run {id}\n"));
                }
                Ok(Exit::Done)
            }
            _ => ended,
        }
    }
}
