//! `runbook lint`.

use std::path::{Path, PathBuf};

use clap::Args;
use runbook_language::{Checked, check, render};
use serde_json::Value as Json;

use crate::complaints::{counted, draw};
use crate::exit::Exit;
use crate::files::Folder;
use crate::output::{Data, Form, OutputOption};
use crate::stop::Stop;
use crate::talk;

/// Check runbooks without running anything
///
/// Reads the files, everything they use and the templates these reach, and nothing else: no network, no credentials. Ends with 0 if
/// there are warnings only.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook lint runbooks/*.yaml\n  \
                             runbook lint eks-cluster.yaml -o json | jq -r '.[] | \"\\(.file):\\(.line): \\(.message)\"'")]
pub(crate) struct Lint {
    /// The runbooks
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputOption,
}

impl Lint {
    pub(crate) fn run(self, quiet: bool) -> Result<Exit, Stop> {
        let kinds = runbook_steps::kinds();
        let all: Vec<(&PathBuf, Checked)> = self.files.iter().map(|file| (file, checked(file, &kinds))).collect();
        if self.output.form == Form::Human {
            for (_, checked) in &all {
                draw(&checked.diagnostics, &checked.sources);
            }
            let count = counted(all.iter().flat_map(|(_, checked)| &checked.diagnostics));
            let files = if all.len() == 1 { "1 file".to_owned() } else { format!("{} files", all.len()) };
            if !quiet {
                talk::say(&format!(
                    "{files}: {}\n",
                    if count.is_empty() { talk::good("no complaints") } else { count }
                ));
            }
        } else {
            let complaints: Vec<Json> = all.iter().flat_map(|(file, checked)| placed(file, checked)).collect();
            Data::default().list(&complaints, self.output.form)?;
        }
        Ok(if all.iter().any(|(_, checked)| checked.has_errors()) { Exit::Invalid } else { Exit::Done })
    }
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
