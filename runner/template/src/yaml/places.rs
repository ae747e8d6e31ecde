//! From a scalar's text back to the bytes it was written with.
//!
//! This file decides the place of every byte of a scalar by walking its source again beside its text: quotes, escapes,
//! doubled quotes, folded lines, indentation. Where the walk does not meet the text exactly it gives up, so that a wrong
//! place cannot come out. It must not know what the text means.

use std::ops::Range;

use super::Style;

/// For each byte of `text`, and for its end, the byte of `source` it comes from. `range` is the scalar's own. `None` if the
/// walk does not reproduce the text.
#[must_use]
pub fn byte_map(source: &str, range: &Range<usize>, style: Style, text: &str) -> Option<Vec<u32>> {
    let line = source[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    let mut walk = Walk {
        source: source.as_bytes(),
        text,
        style,
        at: range.start,
        end: range.end,
        // A block scalar's range begins at its first character, so that character's column is the indentation.
        indentation: range.start - line,
        map: Vec::with_capacity(text.len() + 1),
    };
    match style {
        Style::Literal | Style::Folded => walk.leading_breaks(),
        Style::Single | Style::Double => walk.at += 1,
        Style::Plain => {}
    }
    while walk.map.len() < text.len() {
        walk.step()?;
    }
    let end = walk.at;
    walk.note(1, end);
    Some(walk.map)
}

struct Walk<'s> {
    source: &'s [u8],
    text: &'s str,
    style: Style,
    at: usize,
    end: usize,
    indentation: usize,
    map: Vec<u32>,
}

impl Walk<'_> {
    fn is_block(&self) -> bool {
        matches!(self.style, Style::Literal | Style::Folded)
    }

    /// The next `count` bytes of the text come from this byte of the source.
    fn note(&mut self, count: usize, at: usize) {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        self.map.extend(std::iter::repeat_n(at, count));
    }

    fn wanted(&self) -> Option<u8> {
        self.text.as_bytes().get(self.map.len()).copied()
    }

    fn is_break(&self, at: usize) -> bool {
        matches!(self.source.get(at), Some(b'\n' | b'\r'))
    }

    /// Blank lines before the first text of a block scalar lie before its range.
    fn leading_breaks(&mut self) {
        let breaks = self.text.bytes().take_while(|byte| *byte == b'\n').count();
        if !self.is_break(self.at) {
            self.note(breaks, self.at);
        }
    }

    /// Meets at least one byte of the text, or a joined line.
    fn step(&mut self) -> Option<()> {
        if self.at >= self.end.max(self.at) && self.at >= self.source.len() {
            return None;
        }
        let mut blank = self.at;
        if !self.is_block() {
            while matches!(self.source.get(blank), Some(b' ' | b'\t')) {
                blank += 1;
            }
        }
        if self.is_break(blank) {
            return self.line_end(blank);
        }
        let byte = *self.source.get(self.at)?;
        match (self.style, byte) {
            (Style::Single, b'\'') => {
                if self.source.get(self.at + 1) != Some(&b'\'') || self.wanted() != Some(b'\'') {
                    return None;
                }
                self.note(1, self.at);
                self.at += 2;
            }
            (Style::Double, b'\\') => return self.escape(),
            _ => {
                if self.wanted() != Some(byte) {
                    return None;
                }
                self.note(1, self.at);
                self.at += 1;
            }
        }
        Some(())
    }

    /// One or more line ends, which fold to a blank or to one line end fewer.
    fn line_end(&mut self, first: usize) -> Option<()> {
        let mut next = first;
        let mut breaks = 0;
        loop {
            if self.source.get(next) == Some(&b'\r') {
                next += 1;
                if self.source.get(next) == Some(&b'\n') {
                    next += 1;
                }
                breaks += 1;
            } else if self.source.get(next) == Some(&b'\n') {
                next += 1;
                breaks += 1;
            } else {
                break;
            }
            let mut text = next;
            let is_indentation = |walk: &Self, at: usize| match walk.source.get(at) {
                Some(b' ') => !walk.is_block() || at - next < walk.indentation,
                Some(b'\t') => !walk.is_block(),
                _ => false,
            };
            while is_indentation(self, text) {
                text += 1;
            }
            next = text;
            if !self.is_break(text) {
                break;
            }
        }
        let most = if self.is_block() { breaks } else { breaks - 1 };
        let kept = self.text.as_bytes()[self.map.len()..].iter().take(most).take_while(|byte| **byte == b'\n').count();
        if kept > 0 {
            self.note(kept, first);
        } else if self.style != Style::Literal && self.wanted() == Some(b' ') {
            self.note(1, first);
        } else {
            return None;
        }
        self.at = next;
        Some(())
    }

    /// An escape of double quotes.
    fn escape(&mut self) -> Option<()> {
        let escaped = *self.source.get(self.at + 1)?;
        if matches!(escaped, b'\n' | b'\r') {
            return self.escaped_line_end(escaped);
        }
        let digits = match escaped {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        // Which character it stands for the parser knows; only its length in the source counts here.
        let character = self.text.get(self.map.len()..)?.chars().next()?;
        self.note(character.len_utf8(), self.at);
        self.at += 2 + digits;
        if digits == 4 && u32::from(character) > 0xffff {
            // Written as two surrogates.
            self.at += 6;
        }
        Some(())
    }

    /// A backslash at the end of a line joins it with the next; blank lines behind it are line ends.
    fn escaped_line_end(&mut self, escaped: u8) -> Option<()> {
        self.at += 2;
        if escaped == b'\r' && self.source.get(self.at) == Some(&b'\n') {
            self.at += 1;
        }
        loop {
            while matches!(self.source.get(self.at), Some(b' ' | b'\t')) {
                self.at += 1;
            }
            if !self.is_break(self.at) {
                return Some(());
            }
            if self.wanted() != Some(b'\n') {
                return None;
            }
            self.note(1, self.at);
            if self.source.get(self.at) == Some(&b'\r') && self.source.get(self.at + 1) == Some(&b'\n') {
                self.at += 1;
            }
            self.at += 1;
        }
    }
}
