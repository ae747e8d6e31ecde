//! Complaints: what is wrong, where, and what helps.
//!
//! This file decides what a complaint holds and in which order complaints are told. It must not know how they
//! are drawn (that is the command line's) nor which ones exist (each crate raises its own; the list is `docs/diagnostics`).

use crate::source::Span;

/// A complaint about a runbook, an input or a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code, such as `RB0203`; never reused for something else.
    pub code: &'static str,
    /// Does it stop the runbook from being used?
    pub severity: Severity,
    /// The place to underline. `None` for what has no text, such as an input given on the command line.
    pub span: Option<Span>,
    /// One clause: what is wrong. Lower case, no full stop, literals in backticks.
    pub message: String,
    /// What stands beside the underline, if it adds anything.
    pub label: Option<String>,
    /// One sentence: what to do.
    pub help: Option<String>,
    /// Further places that belong to it, each with a few words.
    pub related: Vec<(Span, String)>,
}

/// How bad a complaint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing runs.
    Error,
    /// It runs; somebody should look.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Diagnostic {
    /// An error at a place.
    #[must_use]
    pub fn error(code: &'static str, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            span: span.into(),
            message: message.into(),
            label: None,
            help: None,
            related: Vec::new(),
        }
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(code: &'static str, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// With the sentence that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With words beside the underline.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With another place that belongs to it.
    #[must_use]
    pub fn related(mut self, span: Span, words: impl Into<String>) -> Self {
        self.related.push((span, words.into()));
        self
    }
}

/// Puts complaints into the order in which they are told: errors before warnings, then by place; without doubles.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| (a.severity, a.span, a.code, &a.message).cmp(&(b.severity, b.span, b.code, &b.message)));
    diagnostics.dedup();
}

/// The name that was probably meant: the nearest by edit distance, if it is near enough to be worth saying
/// (at most a third of the length; one edit is always allowed, but for a single letter, which would be another one), or one
/// that differs only in case or `-`/`_`.
#[must_use]
pub fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong: Vec<char> = wrong.chars().collect();
    // Nobody means anything by a name of a megabyte, and comparing costs the product of the lengths.
    if wrong.len() > 200 {
        return None;
    }
    let most = if wrong.len() == 1 { 0 } else { (wrong.len() / 3).max(1) };
    let mut nearest: Option<(usize, &str)> = None;
    let mut rows = [Vec::new(), Vec::new(), Vec::new()];
    for name in names {
        let distance = if same_but_for_form(&wrong, name) {
            0
        } else if name.chars().count().abs_diff(wrong.len()) > most {
            continue;
        } else {
            edit_distance(&wrong, name, &mut rows)
        };
        if distance <= most && nearest.is_none_or(|known| (distance, name) < known) {
            nearest = Some((distance, name));
        }
    }
    nearest.map(|(_, name)| name)
}

/// Do two names differ only in case, or in how their words are put together?
fn same_but_for_form(a: &[char], b: &str) -> bool {
    fn plain(c: &char) -> bool {
        !matches!(c, '-' | '_' | ' ')
    }
    let a = a.iter().copied().filter(plain).flat_map(char::to_lowercase);
    a.eq(b.chars().filter(plain).flat_map(char::to_lowercase))
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. `rows` are the last
/// three rows of the table, kept from word to word.
fn edit_distance(a: &[char], b: &str, rows: &mut [Vec<usize>; 3]) -> usize {
    let [before, last, row] = rows;
    last.clear();
    last.extend(0..=b.chars().count());
    for (i, x) in a.iter().enumerate() {
        row.clear();
        row.push(i + 1);
        let mut left = None;
        for (j, y) in b.chars().enumerate() {
            let replaced = last[j] + usize::from(*x != y);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && left == Some(*x) && a[i - 1] == y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
            left = Some(y);
        }
        std::mem::swap(before, last);
        std::mem::swap(last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let names = ["connection", "for-each", "when", "needs"];
        assert_eq!(did_you_mean("conection", names), Some("connection"));
        assert_eq!(did_you_mean("for_each", names), Some("for-each"));
        assert_eq!(did_you_mean("wehn", names), Some("when"));
        assert_eq!(did_you_mean("Needs", names), Some("needs"));
        assert_eq!(did_you_mean("timeout", names), None);
        assert_eq!(did_you_mean("", names), None);
        assert_eq!((did_you_mean("x", ["a", "b"]), did_you_mean("A", ["a", "b"])), (None, Some("a")));
        assert_eq!(did_you_mean(&"needs".repeat(50), names), None);
        assert_eq!(did_you_mean("größn", ["größe", "grosse"]), Some("größe"));
    }

    #[test]
    fn errors_come_first_and_doubles_go() {
        let span = |start| Some(Span { start, end: start + 1, ..Span::default() });
        let mut all = vec![
            Diagnostic::warning("RB0001", span(0), "w"),
            Diagnostic::error("RB0002", span(9), "b"),
            Diagnostic::error("RB0002", span(3), "a"),
            Diagnostic::error("RB0002", span(3), "a"),
        ];
        sort(&mut all);
        let told: Vec<&str> = all.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(told, ["a", "b", "w"]);
    }
}
