//! `runbook lint`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use runbook_language::{Checked, check, render};
use serde_json::Value as Json;

use crate::complaints::{counted, draw, github, sarif};
use crate::exit::Exit;
use crate::files::Folder;
use crate::output::{Data, Form};
use crate::stop::Stop;
use crate::talk;

/// Check runbooks without running anything
///
/// Reads the files, everything they use and the templates these reach, and nothing else: no network, no credentials. Ends with 0 if
/// there are warnings only.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook lint runbooks/*.yaml\n  \
                             runbook lint eks-cluster.yaml -o json | jq -r '.[] | \"\\(.file):\\(.line): \\(.message)\"'\n  \
                             runbook lint runbooks/*.yaml -o sarif > runbook.sarif")]
pub(crate) struct Lint {
    /// The runbooks
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The form of the data on stdout
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t)]
    output: LintForm,
}

/// How complaints are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LintForm {
    /// For people
    #[default]
    Human,
    /// One JSON document
    Json,
    /// One JSON value a line
    Ndjson,
    /// Annotations of GitHub Actions
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

impl Lint {
    pub(crate) fn run(self, quiet: bool) -> Result<Exit, Stop> {
        let kinds = runbook_steps::kinds();
        let all: Vec<(&PathBuf, Checked)> = self.files.iter().map(|file| (file, checked(file, &kinds))).collect();
        if self.output == LintForm::Human {
            tell(&all, quiet);
        } else {
            let complaints: Vec<Json> = all.iter().flat_map(|(file, checked)| placed(file, checked)).collect();
            let mut data = Data::default();
            match self.output {
                LintForm::Github => data.text(github::commands(&complaints))?,
                LintForm::Sarif => data.document(&sarif::log(&complaints))?,
                LintForm::Ndjson => data.list(&complaints, Form::Ndjson)?,
                LintForm::Json | LintForm::Human => data.list(&complaints, Form::Json)?,
            }
        }
        Ok(if all.iter().any(|(_, checked)| checked.has_errors()) { Exit::Invalid } else { Exit::Done })
    }
}

fn tell(all: &[(&PathBuf, Checked)], quiet: bool) {
    for (_, checked) in all {
        draw(&checked.diagnostics, &checked.sources);
    }
    if quiet {
        return;
    }
    let count = counted(all.iter().flat_map(|(_, checked)| &checked.diagnostics));
    let files = if all.len() == 1 { "1 file".to_owned() } else { format!("{} files", all.len()) };
    talk::say(&format!("{files}: {}\n", if count.is_empty() { talk::good("no complaints") } else { count }));
}

fn checked(file: &Path, kinds: &runbook_steps::Registry) -> Checked {
    let folder = Folder::of(file);
    check(&folder, folder.entry(), kinds)
}

/// The complaints about a file as scripts read them. One without a place (the file cannot be read at all) is put at its
/// beginning, so that scripts need not care.
fn placed(file: &Path, checked: &Checked) -> Vec<Json> {
    let Json::Array(mut complaints) = render::json(&checked.diagnostics, &checked.sources) else { return Vec::new() };
    for complaint in complaints.iter_mut().filter(|complaint| complaint["file"].is_null()) {
        complaint["file"] = file.to_string_lossy().into();
        for place in ["line", "column", "end_line", "end_column"] {
            complaint[place] = 1.into();
        }
    }
    complaints
}
