//! Texts and places in them.
//!
//! This file decides how a place in a file is held (a byte range) and how it is told (line and column from 1,
//! columns in characters). It must not read files: texts are given to it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which of the loaded texts; an index into [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A byte range of one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

/// A place as it is told: `file:line:column`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file, as the person named it or relative to the package.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One text with its name.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name people know it by.
    pub name: String,
    /// The text.
    pub text: String,
    lines: Vec<u32>,
}

/// All texts of a package that were read, in the order in which they were read.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Keeps a text and gives the id under which spans refer to it.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let text = text.into();
        let lines = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| offset(i + 1)))
            .collect();
        self.0.push(Source { name: name.into(), text, lines });
        SourceId(offset(self.0.len() - 1))
    }

    /// The text behind an id.
    ///
    /// # Panics
    /// If the id is not from this collection, which is a bug.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.0[id.0 as usize]
    }

    /// All texts.
    #[must_use]
    pub fn all(&self) -> &[Source] {
        &self.0
    }

    /// The start of a span as people read it.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let source = self.get(span.source);
        let (line, column) = source.line_column(span.start);
        Place { file: source.name.clone(), line, column }
    }

    /// The end of a span (the position after its last character) as line and column.
    #[must_use]
    pub fn end(&self, span: Span) -> (u32, u32) {
        self.get(span.source).line_column(span.end)
    }
}

impl Source {
    /// Line and column (from 1, in characters) of a byte offset; an offset inside a character counts as its start.
    #[must_use]
    pub fn line_column(&self, at: u32) -> (u32, u32) {
        let line = self.lines.partition_point(|start| *start <= at) - 1;
        let start = self.lines[line] as usize;
        let end = (at as usize).min(self.text.len());
        let column = self.text.as_bytes()[start..end].iter().filter(|b| **b & 0xc0 != 0x80).count();
        let inside = end < self.text.len() && !self.text.is_char_boundary(end);
        (offset(line + 1), offset(column + usize::from(!inside)))
    }
}

impl Span {
    /// The range as the standard library wants it.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// A part of the same text.
    #[must_use]
    pub fn part(self, range: &std::ops::Range<usize>) -> Self {
        Self { source: self.source, start: offset(range.start), end: offset(range.end) }
    }
}

/// A size as it is stored; texts above 4 GiB are refused long before.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", "größe: 1\nb: ü$x\n");
        let text = &sources.get(id).text;
        let at = text.find("$x").unwrap();
        let span = Span { source: id, start: offset(at), end: offset(at + 2) };
        assert_eq!(sources.place(span).to_string(), "a.yaml:2:5");
        assert_eq!(sources.end(span), (2, 7));
        assert_eq!(sources.get(id).line_column(0), (1, 1));
    }
}
