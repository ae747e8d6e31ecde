//! `runbook man`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man as Page;

use crate::exit::Exit;
use crate::output::Data;
use crate::stop::Stop;
use crate::{arguments, talk};

/// Print or write the manual pages
///
/// Without a verb, the page about the whole.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook man exec | man -l -\n  \
                             runbook man --dir ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The verb whose page is printed
    verb: Option<String>,
    /// Write all pages into this folder instead, which is made if it is not there
    #[arg(long, value_name = "FOLDER", conflicts_with = "verb")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, quiet: bool) -> Result<Exit, Stop> {
        let pages = pages();
        if let Some(folder) = &self.dir {
            write(folder, &pages)?;
            if !quiet {
                talk::say(&format!("wrote {} pages into {}\n", pages.len(), folder.display()));
            }
            return Ok(Exit::Done);
        }
        let wanted = self.verb.as_ref().map_or_else(|| "runbook".to_owned(), |verb| format!("runbook-{verb}"));
        let Some((_, text)) = pages.iter().find(|(name, _)| *name == wanted) else {
            let verb = self.verb.unwrap_or_default();
            return Err(Stop::usage(format!("there is no verb `{verb}`")).help("`runbook help` lists all verbs"));
        };
        Data::default().text(text)?;
        Ok(Exit::Done)
    }
}

/// The page of the whole and of every verb: name, and text in roff.
fn pages() -> Vec<(String, String)> {
    let mut root = arguments::command().disable_help_subcommand(true);
    root.build();
    let verbs: Vec<Command> = root.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned().collect();
    let verbs = verbs.into_iter().map(|verb| (format!("runbook-{}", verb.get_name()), page(verb)));
    std::iter::once(("runbook".to_owned(), page(root.clone()))).chain(verbs).collect()
}

fn page(command: Command) -> String {
    let mut text = Vec::new();
    Page::new(command).manual("runbook").render(&mut text).expect("a page is written to memory");
    String::from_utf8_lossy(&text).into_owned()
}

fn write(folder: &Path, pages: &[(String, String)]) -> Result<(), Stop> {
    let failed = |path: &Path, error: std::io::Error| {
        Stop::new(Exit::Failed, format!("failed to write {}: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, text) in pages {
        let path = folder.join(format!("{name}.1"));
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page_with_its_own_name_and_examples() {
        let pages = pages();
        let verbs = arguments::command().get_subcommands().filter(|verb| !verb.is_hide_set()).count();
        assert_eq!(pages.len(), verbs + 1);
        let (_, exec) = pages.iter().find(|(name, _)| name == "runbook-exec").unwrap();
        assert!(exec.contains("runbook\\-exec") && exec.contains("Examples:"), "{exec}");
        assert!(pages.iter().all(|(_, text)| text.starts_with(".ie")), "{}", pages[0].1);
    }

    #[test]
    fn pages_are_written_into_a_folder_that_need_not_exist() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("share/man1");
        write(&folder, &pages()).unwrap();
        assert!(fs::read_to_string(folder.join("runbook.1")).unwrap().contains("runbook\\-exec"));
        let file = folder.join("runbook.1");
        assert_eq!(write(&file, &pages()).unwrap_err().exit, Exit::Failed);
    }
}
