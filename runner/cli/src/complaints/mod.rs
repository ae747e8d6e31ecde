//! Complaints on their way to a person: drawn in their source, on stderr. `github` and `sarif` tell them to machines.
//!
//! This file decides colour and width. It must not know what is complained of; the language draws.

pub(crate) mod github;
pub(crate) mod sarif;

use runbook_language::render::{self, Style};
use runbook_model::diagnostic::{Diagnostic, Severity};
use runbook_model::source::Sources;

use crate::{talk, terminal};

/// Draws complaints, and says how many there are if there are several.
pub(crate) fn draw(diagnostics: &[Diagnostic], sources: &Sources) {
    if diagnostics.is_empty() {
        return;
    }
    let style = Style { colour: talk::stderr_is_coloured(), width: terminal::size().columns.max(40) };
    talk::say(&render::text(diagnostics, sources, style));
}

/// `2 errors and 1 warning`; nothing if there are none.
pub(crate) fn counted<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic>) -> String {
    let (mut errors, mut warnings) = (0, 0);
    for diagnostic in diagnostics {
        match diagnostic.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
        }
    }
    let words = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        many => Some(format!("{many} {word}s")),
    };
    [words(errors, "error"), words(warnings, "warning")].into_iter().flatten().collect::<Vec<_>>().join(" and ")
}
