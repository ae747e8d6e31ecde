//! `runbook kinds`.

use clap::Args;
use clap_complete::ArgValueCandidates;
use runbook_model::diagnostic::did_you_mean;
use serde::Serialize;

use crate::catalogue::{Entry, all, wanted};
use crate::exit::Exit;
use crate::output::{Data, Form, OutputOption};
use crate::stop::Stop;
use crate::text::{in_rows, padded, page_in_rows, width};
use crate::{completion, talk, terminal};

/// List the kinds of steps, or tell all about one
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  runbook kinds\n  runbook kinds k8s-apply\n  \
                             runbook kinds -o json | jq -r '.[] | select(.effect == \"reads\") | .name'")]
pub(crate) struct Kinds {
    /// The kind
    #[arg(add = ArgValueCandidates::new(completion::kinds))]
    kind: Option<String>,
    #[command(flatten)]
    output: OutputOption,
}

/// The pages of `docs/kinds`: kind, and text.
static PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/kinds.rs"));

/// A kind as scripts read it.
#[derive(Serialize)]
struct Line {
    name: &'static str,
    summary: &'static str,
    effect: &'static str,
    place: &'static str,
    carried_out: bool,
    note: Option<&'static str>,
    /// Null where it takes no named arguments, or none are known.
    arguments: Option<Vec<Argument>>,
}

#[derive(Serialize)]
struct Argument {
    name: String,
    takes: String,
    required: bool,
    expression: bool,
    about: String,
}

impl Kinds {
    pub(crate) fn run(self) -> Result<Exit, Stop> {
        let mut chosen = all();
        if let Some(asked) = &self.kind {
            if !chosen.iter().any(|entry| entry.name == asked) {
                let stop = Stop::usage(format!("there is no step kind `{asked}`"));
                return Err(match did_you_mean(asked, chosen.iter().map(|entry| entry.name)) {
                    Some(near) => stop.help(format!("did you mean `{near}`?")),
                    None => stop.help("`runbook kinds` lists them all"),
                });
            }
            chosen.retain(|entry| entry.name == asked);
        }
        let mut data = Data::default();
        let columns = terminal::stdout_columns();
        match (self.output.form, &self.kind) {
            (Form::Human, None) => data.text(list(&chosen, columns))?,
            (Form::Human, Some(_)) => {
                chosen.iter().try_for_each(|entry| data.text(page_in_rows(&page(entry), columns)))?;
            }
            (Form::Json, Some(_)) => chosen.into_iter().map(line).try_for_each(|line| data.document(&line))?,
            (form, _) => data.list(&chosen.into_iter().map(line).collect::<Vec<_>>(), form)?,
        }
        Ok(Exit::Done)
    }
}

fn line(entry: Entry) -> Line {
    let argument = |argument: crate::catalogue::Argued| Argument {
        takes: wanted(argument.takes),
        name: argument.name,
        required: argument.required,
        expression: !argument.fixed,
        about: argument.about,
    };
    Line {
        name: entry.name,
        summary: entry.summary,
        effect: entry.effect,
        place: entry.place,
        carried_out: entry.later.is_none(),
        note: entry.later,
        arguments: entry.arguments.map(|arguments| arguments.into_iter().map(argument).collect()),
    }
}

/// One line for each kind.
fn list(entries: &[Entry], columns: Option<usize>) -> String {
    let column = entries.iter().map(|entry| width(entry.name)).max().unwrap_or_default();
    let effects = entries.iter().map(|entry| width(entry.effect)).max().unwrap_or_default();
    let line = |entry: &Entry| {
        let later = if entry.later.is_some() { talk::doubtful("  not in this version") } else { String::new() };
        let (name, effect) = (talk::bold(padded(entry.name, column)), padded(entry.effect, effects));
        let line = format!("{name}  {}  {}{later}", talk::dim(effect), entry.summary);
        format!("{}\n", in_rows(&line, columns, column + effects + 4))
    };
    entries.iter().map(line).collect()
}

/// All that is known of a kind: its page where there is one, else what can be said in short.
fn page(entry: &Entry) -> String {
    let note = entry.later.map(|note| format!("\n{}: {note}\n", talk::doubtful("note"))).unwrap_or_default();
    if let Some((_, text)) = PAGES.iter().find(|(name, _)| *name == entry.name) {
        return format!("{text}{note}");
    }
    let arguments = entry.arguments.as_deref().unwrap_or_default();
    let column = arguments.iter().map(|argument| width(&argument.name)).max().unwrap_or_default();
    let rows: String = arguments
        .iter()
        .map(|argument| {
            let required = if argument.required { ", required" } else { "" };
            let name = talk::bold(padded(&argument.name, column));
            format!(
                "  {name}  {} {}\n",
                argument.about,
                talk::dim(format_args!("({}{required})", wanted(argument.takes)))
            )
        })
        .collect();
    let head = format!(
        "{}: {}\n\nstands as: {}\neffect: {}\n",
        talk::bold(entry.name),
        entry.summary,
        entry.place,
        entry.effect
    );
    if rows.is_empty() { format!("{head}{note}") } else { format!("{head}\ntakes:\n{rows}{note}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_belongs_to_a_kind() {
        for (name, text) in PAGES {
            assert!(all().iter().any(|entry| entry.name == *name), "{name}");
            assert!(text.starts_with("# "), "{name}");
        }
    }

    #[test]
    fn the_list_has_a_line_for_each_kind() {
        let plain = anstream::adapter::strip_str(&list(&all(), None)).to_string();
        assert_eq!(plain.lines().count(), all().len());
        assert!(plain.contains("aws-call") && plain.contains("by the operation"), "{plain}");
    }

    #[test]
    fn a_kind_without_a_page_tells_what_it_takes() {
        let all = all();
        let wait = all.iter().find(|entry| entry.name == "approve").unwrap();
        let plain = anstream::adapter::strip_str(&page(wait)).to_string();
        assert!(plain.contains("message  what the person is asked (text, required)"), "{plain}");
    }
}
