//! `runbook graph`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use runbook_language::check;

use crate::complaints::draw;
use crate::exit::Exit;
use crate::files::Folder;
use crate::graph::{Level, dot, mermaid, svg};
use crate::output::Data;
use crate::stop::Stop;

/// Draw a runbook: its steps, what waits for what, what stands inside what
///
/// Arrows that follow from others are left out. A step that runs once per item of a list has a double frame.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook graph eks-karmada.yaml -o svg > eks-karmada.svg\n  \
                             runbook graph eks-karmada.yaml -o dot | dot -Tpdf > eks-karmada.pdf")]
pub(crate) struct Graph {
    /// The runbook
    file: PathBuf,
    /// The language of the picture
    #[arg(short, long, value_enum, value_name = "FORM", default_value_t)]
    output: Language,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Language {
    /// For Markdown on code hosts
    #[default]
    Mermaid,
    /// For Graphviz
    Dot,
    /// A picture, for browsers
    Svg,
}

impl Graph {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let folder = Folder::of(&self.file);
        let checked = check(&folder, folder.entry(), &runbook_steps::kinds());
        let Some(plan) = checked.draft().filter(|_| !checked.has_errors()) else {
            draw(&checked.diagnostics, &checked.sources);
            return Err(Stop::told(Exit::Invalid));
        };
        let level = Level::of(plan);
        Data::default().text(match self.output {
            Language::Mermaid => mermaid::text(&level),
            Language::Dot => dot::text(&plan.runbook.name, &level),
            Language::Svg => svg::document(&plan.runbook.title, &level),
        })?;
        Ok(Exit::Done)
    }
}
