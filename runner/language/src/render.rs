//! Complaints as people read them, and as programs do.
//!
//! This file decides how a complaint is drawn in its source and which fields its JSON has (`docs/cli.md`). It must not
//! know what is complained of.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};
use runbook_model::diagnostic::{Diagnostic, Severity};
use runbook_model::source::{Source, Sources, Span};
use serde_json::{Value as Json, json};

/// Lines that are drawn; longer ones are only named.
const MOST_LINE_BYTES: usize = 4096;
/// Two places of one file are drawn together if no more lies between them.
const MOST_WINDOW_BYTES: usize = 2048;

/// How complaints are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// With terminal colours?
    pub colour: bool,
    /// The width of the terminal, in columns.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 140 }
    }
}

/// The complaints as text, each drawn in its source, with a line between them and one behind the last.
#[must_use]
pub fn text(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width);
    let mut out = String::new();
    for diagnostic in diagnostics {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(clean(&diagnostic.message)).id(diagnostic.code);
        let mut group = Group::with_title(title).elements(places(diagnostic, sources));
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(clean(help)));
        }
        let _ = writeln!(out, "{}\n", renderer.render(&[group]));
    }
    out
}

/// Text of an author without what would move a terminal's cursor.
fn clean(text: &str) -> String {
    normalize_untrusted_str(text)
}

fn places<'s>(diagnostic: &Diagnostic, sources: &'s Sources) -> Vec<Element<'s>> {
    let mut windows: Vec<Window> = Vec::new();
    let primary = diagnostic.span.map(|span| (span, diagnostic.label.clone(), true));
    let related = diagnostic.related.iter().map(|(span, words)| (*span, Some(words.clone()), false));
    for (span, words, primary) in primary.into_iter().chain(related) {
        let mark = Mark { span, words, primary };
        let lines = lines(sources.get(span.source), span);
        let near = windows.iter_mut().find(|window| {
            let (start, end) = (window.lines.start.min(lines.start), window.lines.end.max(lines.end));
            window.marks[0].span.source == span.source && end - start <= MOST_WINDOW_BYTES
        });
        match near {
            Some(window) => {
                window.lines = window.lines.start.min(lines.start)..window.lines.end.max(lines.end);
                window.marks.push(mark);
            }
            None => windows.push(Window { lines, marks: vec![mark] }),
        }
    }
    windows.into_iter().map(|window| window.element(sources)).collect()
}

/// Some lines of a source with what is marked in them.
struct Window {
    lines: Range<usize>,
    marks: Vec<Mark>,
}

struct Mark {
    span: Span,
    words: Option<String>,
    primary: bool,
}

impl Window {
    fn element(self, sources: &Sources) -> Element<'_> {
        let first = self.marks[0].span;
        let source = sources.get(first.source);
        let text = &source.text[self.lines.clone()];
        if text.is_empty() || text.lines().any(|line| line.len() > MOST_LINE_BYTES) {
            let (line, column) = source.line_column(first.start);
            let origin = Origin::path(source.name.as_str()).line(line as usize).char_column(column as usize);
            return origin.into();
        }
        let (line, _) = source.line_column(u32::try_from(self.lines.start).unwrap_or(u32::MAX));
        let marks = self.marks.into_iter().map(|mark| {
            let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let inside = |at: u32| (at as usize).clamp(self.lines.start, self.lines.end) - self.lines.start;
            let range = on_characters(text, inside(mark.span.start)..inside(mark.span.end));
            kind.span(range).label(mark.words.map(|words| clean(&words)))
        });
        Snippet::source(text).path(source.name.as_str()).line_start(line as usize).annotations(marks).into()
    }
}

/// A range whose ends lie between characters.
fn on_characters(text: &str, range: Range<usize>) -> Range<usize> {
    let start = (0..=range.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = (range.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    start..end.max(start)
}

/// The lines that a span lies in; of a long one the first.
fn lines(source: &Source, span: Span) -> Range<usize> {
    let text = source.text.as_str();
    let range = on_characters(text, (span.start as usize).min(text.len())..(span.end as usize).min(text.len()));
    let start = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end_of = |at: usize| text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let end = end_of(range.end.max(range.start));
    if end - start > MOST_WINDOW_BYTES { start..end_of(range.start) } else { start..end }
}

/// The complaints as `lint -o json` gives them.
#[must_use]
pub fn json(diagnostics: &[Diagnostic], sources: &Sources) -> Json {
    diagnostics
        .iter()
        .map(|diagnostic| {
            let place = diagnostic.span.map(|span| (sources.place(span), sources.end(span)));
            json!({
                "code": diagnostic.code,
                "severity": diagnostic.severity.as_str(),
                "file": place.as_ref().map(|(start, _)| &start.file),
                "line": place.as_ref().map(|(start, _)| start.line),
                "column": place.as_ref().map(|(start, _)| start.column),
                "end_line": place.as_ref().map(|(_, end)| end.0),
                "end_column": place.as_ref().map(|(_, end)| end.1),
                "message": diagnostic.message,
                "help": diagnostic.help,
            })
        })
        .collect()
}
