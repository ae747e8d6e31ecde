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
/// (at most a third of the length, and at least one edit is always allowed), or one that differs only in case or `-`/`_`.
#[must_use]
pub fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let length = wrong.chars().count();
    let most = (length / 3).max(1);
    names
        .into_iter()
        // Nobody means anything by a name of a megabyte, and comparing costs the product of the lengths.
        .filter(|name| length <= 200 && name.chars().count().abs_diff(length) <= most.max(length / 2))
        .filter_map(|name| {
            let distance = if plain(name) == plain(wrong) { 0 } else { edit_distance(wrong, name) };
            (distance <= most).then_some((distance, name))
        })
        .min()
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(rows[i - 2][j - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
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
