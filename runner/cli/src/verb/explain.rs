//! `runbook explain`.

use clap::Args;
use clap_complete::ArgValueCandidates;
use runbook_model::code;
use runbook_model::diagnostic::did_you_mean;

use crate::exit::Exit;
use crate::output::Data;
use crate::stop::Stop;
use crate::text::page_in_rows;
use crate::{completion, talk, terminal};

/// Tell the long story of a complaint
///
/// Without a code, lists all of them.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook explain RB0203\n  runbook explain")]
pub(crate) struct Explain {
    /// The code that stands in front of the complaint
    #[arg(add = ArgValueCandidates::new(completion::codes))]
    code: Option<String>,
}

/// The pages of `docs/diagnostics`: code, and text.
static PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/diagnostics.rs"));

impl Explain {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let mut data = Data::default();
        match self.code {
            None => {
                for (code, title) in code::ALL {
                    data.text(format_args!("{}  {title}\n", talk::bold(code)))?;
                }
            }
            Some(code) => data.text(page_in_rows(page(&code)?, terminal::stdout_columns()))?,
        }
        Ok(Exit::Done)
    }
}

fn page(asked: &str) -> Result<&'static str, Stop> {
    let code = asked.trim().to_ascii_uppercase();
    if let Some((_, text)) = PAGES.iter().find(|(name, _)| *name == code) {
        return Ok(text);
    }
    let stop = Stop::usage(format!("there is no complaint `{asked}`"));
    Err(match did_you_mean(&code, PAGES.iter().map(|(name, _)| *name)) {
        Some(near) => stop.help(format!("did you mean `{near}`?")),
        None => stop.help("`runbook explain` lists all codes"),
    })
}
