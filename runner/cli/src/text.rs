//! Text on its way to a terminal: nothing in it may command the terminal, and it has a width.
//!
//! This file decides how characters that do something become characters that show something. It must not know what
//! the text is about, nor write it anywhere.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// True for what moves the cursor, rings, colours, or turns the direction of reading (so that a line reads as
/// something else than it is).
fn commands_the_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text as one line: line breaks and tabs become spaces, other control characters are shown as `\u{1b}`.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(commands_the_terminal) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.trim_end_matches(['\n', '\r']).chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if commands_the_terminal(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The lines of a text, each printable.
pub(crate) fn printable_lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.trim_end().lines().map(printable)
}

/// Columns that a printable text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `columns` columns; what is cut off is shown by `…` (or `~` where the locale has no such
/// character).
pub(crate) fn cut(text: &str, columns: usize, unicode: bool) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        out.push(c);
    }
    if columns > 0 {
        out.push(if unicode { '…' } else { '~' });
    }
    Cow::Owned(out)
}

/// The text in at most `columns` columns, its middle left out where it is longer: names that belong together begin alike, and
/// what they are stands at their end.
pub(crate) fn folded(text: &str, columns: usize, unicode: bool) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let head = cut(text, columns.div_ceil(2), unicode);
    let room = columns - width(&head);
    let mut from = text.len();
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        from = at;
    }
    Cow::Owned(format!("{head}{}", &text[from..]))
}

/// The text filled up with spaces to `columns` columns.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_do_something_are_shown_instead() {
        assert_eq!(printable("a\u{1b}[31mb\u{7}\u{9b}c\u{7f}"), "a\\u{1b}[31mb\\u{7}\\u{9b}c\\u{7f}");
        assert_eq!(printable("two\nlines\tand a tab\n"), "two lines and a tab");
        assert_eq!(printable("abc\u{202e}cba"), "abc\\u{202e}cba");
        assert!(matches!(printable("größe 名前 👍"), Cow::Borrowed(_)));
    }

    #[test]
    fn cutting_counts_columns_not_characters() {
        assert_eq!(cut("名前はここ", 5, true), "名前…");
        assert_eq!(cut("abcdef", 4, false), "abc~");
        assert_eq!(cut("abc", 3, true), "abc");
        assert_eq!(cut("abc", 0, true), "");
        for columns in 0..12 {
            assert!(width(&cut("a名b前c", columns, true)) <= columns);
        }
        assert_eq!(padded("名", 4), "名  ");
    }

    #[test]
    fn folding_keeps_both_ends() {
        assert_eq!(folded("join[ekseucl01]/wait", 20, true), "join[ekseucl01]/wait");
        assert_eq!(folded("join[ekseucl01]/wait", 11, true), "join[…/wait");
        assert_eq!(folded("join[ekseucl01]/wait", 10, false), "join~/wait");
        assert_eq!(folded("名前はここに", 7, true), "名…こに");
        for columns in 0..12 {
            assert!(width(&folded("a名b前cdefgh", columns, true)) <= columns, "{columns}");
        }
    }
}
