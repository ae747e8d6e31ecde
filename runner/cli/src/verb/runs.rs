//! `runbook runs`.

use clap::Args;
use indexmap::IndexMap;
use runbook_model::time::Timestamp;
use serde::Serialize;

use crate::document::Runbook;
use crate::exit::Exit;
use crate::output::{Data, Form, OutputOption};
use crate::report::story::span;
use crate::runs::{Summary, summaries};
use crate::stop::Stop;
use crate::table::aligned;
use crate::text::printable;
use crate::{person, state, talk};

/// List the runs, the newest first
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  runbook runs\n  runbook runs -o json | jq -r '.[] | select(.status == \"parked\") | .run'"
)]
pub(crate) struct Runs {
    #[command(flatten)]
    output: OutputOption,
}

/// A run as scripts read it; see `docs/cli.md`.
#[derive(Serialize)]
struct Entry<'a> {
    run: &'a str,
    runbook: Runbook,
    status: &'a str,
    started_at: Timestamp,
    finished_at: Option<Timestamp>,
    labels: &'a IndexMap<String, String>,
}

impl Runs {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let (summaries, unreadable) = summaries(&state::store()?)?;
        let mut data = Data::default();
        match self.output.form {
            Form::Human if summaries.is_empty() && unreadable.is_empty() => talk::note("there are no runs yet"),
            Form::Human if summaries.is_empty() => {}
            Form::Human => data.text(table(&summaries, person::now()))?,
            form => data.list(&summaries.iter().map(entry).collect::<Vec<_>>(), form)?,
        }
        for stop in unreadable {
            talk::warn(&stop.message);
        }
        Ok(Exit::Done)
    }
}

fn entry(summary: &Summary) -> Entry<'_> {
    Entry {
        run: summary.run.as_str(),
        runbook: (&summary.glance.runbook).into(),
        status: summary.status().as_str(),
        started_at: summary.glance.started_at,
        finished_at: summary.finished_at(),
        labels: &summary.glance.labels,
    }
}

fn table(summaries: &[Summary], now: Timestamp) -> String {
    let row = |summary: &Summary| {
        let labels =
            summary.glance.labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
        let took = summary.finished_at().map(|end| span(end.since(summary.glance.started_at))).unwrap_or_default();
        vec![
            summary.run.to_string(),
            summary.status().as_str().to_owned(),
            summary.glance.runbook.version.clone(),
            format!("{} ago", span(now.since(summary.glance.started_at))),
            took,
            printable(&labels).into_owned(),
        ]
    };
    let head = ["RUN", "STATUS", "VERSION", "STARTED", "TOOK", "LABELS"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(summaries.iter().map(row)).collect();
    aligned(&rows).iter().map(|line| format!("{line}\n")).collect()
}
