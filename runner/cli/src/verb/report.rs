//! `runbook report`.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;

use crate::account::{Account, html, markdown};
use crate::exit::Exit;
use crate::output::Data;
use crate::recording::Recording;
use crate::stop::Stop;
use crate::{completion, person, runs, state, word};

/// Write down a run in one file, for people who were not there
///
/// The picture of its steps, when each of them ran and what it gave, what was changed, who approved, what failed and how to go on. Secrets
/// are withheld. The HTML needs nothing beside it: it can be mailed, printed, and read in light and dark.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook report eks-karmada-7k3m9q -o html --file report.html\n  \
                             runbook report eks-k -o markdown | gh issue comment 12 --body-file -")]
pub(crate) struct Report {
    /// The run
    #[arg(add = ArgValueCandidates::new(completion::run_ids))]
    run: String,
    /// The form
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t)]
    output: Language,
    /// Where to write it, instead of stdout; a file that is there is replaced
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Language {
    /// For browsers
    #[default]
    Html,
    /// For tickets and pull requests
    Markdown,
}

impl Report {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let store = state::store()?;
        let recording = Recording::read(&store, &runs::find(&store, &self.run)?)?;
        let answered = word::answered(&store, &recording)?;
        let account = Account::new(&recording, &answered, person::now());
        let page = match self.output {
            Language::Html => html::page(&account),
            Language::Markdown => markdown::page(&account),
        };
        match &self.file {
            Some(file) => write(file, &page)?,
            None => Data::default().text(page)?,
        }
        Ok(Exit::Done)
    }
}

/// For its owner's eyes until they decide otherwise: inputs and answers may be nobody else's business.
fn write(file: &Path, page: &str) -> Result<(), Stop> {
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(page.as_bytes()));
    written.map_err(|error| Stop::new(Exit::Failed, format!("failed to write {}: {error}", file.display())))
}
