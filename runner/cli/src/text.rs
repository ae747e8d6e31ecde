//! Text on its way to a terminal: nothing in it may command the terminal, and it has a width.
//!
//! This file decides how characters that do something become characters that show something. It must not know what
//! the text is about, nor write it anywhere.

use std::borrow::Cow;
use std::fmt::Write as _;

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

/// The line folded between its words into rows of at most `columns`, all but the first indented by `hanging` so that they
/// are seen to belong to it. Words that are longer than a row stay whole, for they are names and commands that are copied.
/// The line may hold styles. Where there are no columns, as in a file, it stays as it is.
pub(crate) fn in_rows(line: &str, columns: Option<usize>, hanging: usize) -> String {
    let Some(columns) = columns.filter(|columns| width(&plain(line)) > *columns) else { return line.to_owned() };
    let hanging = if hanging * 2 > columns { 2 } else { hanging };
    let mut out = String::new();
    let (mut used, mut gap, mut begun) = (0, 0, false);
    for (at, word) in line.split(' ').enumerate() {
        gap += usize::from(at > 0);
        let wide = width(&plain(word));
        if wide == 0 {
            out.push_str(word);
            continue;
        }
        if begun && used + gap + wide > columns {
            let _infallible = write!(out, "\n{}", " ".repeat(hanging));
            (used, gap) = (hanging, 0);
        }
        let _infallible = write!(out, "{}{word}", " ".repeat(gap));
        (used, gap, begun) = (used + gap + wide, 0, true);
    }
    out
}

/// The same for a page of Markdown: code and tables stay as they are.
pub(crate) fn page_in_rows(page: &str, columns: Option<usize>) -> String {
    let mut code = false;
    let mut out = String::new();
    for line in page.lines() {
        let fence = line.starts_with("```");
        code ^= fence;
        let stays = code || fence || line.starts_with('|');
        let hanging = if line.starts_with("- ") { 2 } else { 0 };
        let _infallible = writeln!(out, "{}", in_rows(line, columns.filter(|_| !stays), hanging));
    }
    out
}

fn plain(text: &str) -> Cow<'_, str> {
    if text.contains('\u{1b}') { anstream::adapter::strip_str(text).to_string().into() } else { text.into() }
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
    fn rows_end_between_words_and_what_follows_is_indented() {
        let line = "  flag  check-failed: the flag is down";
        assert_eq!(in_rows(line, Some(26), 8), "  flag  check-failed: the\n        flag is down");
        assert_eq!(in_rows(line, Some(12), 8), "  flag\n  check-failed:\n  the flag\n  is down");
        assert_eq!(in_rows(line, None, 8), line);
        assert_eq!(in_rows("\u{1b}[1mone two\u{1b}[0m three", Some(8), 0), "\u{1b}[1mone two\u{1b}[0m\nthree");
        for columns in 0..40 {
            let rows = in_rows(line, Some(columns), 8);
            assert_eq!(rows.split_whitespace().collect::<Vec<_>>(), line.split_whitespace().collect::<Vec<_>>());
            assert!(rows.lines().all(|row| width(row) <= columns.max(23)), "{columns}: {rows}");
        }
    }

    #[test]
    fn a_page_keeps_its_code_and_tables() {
        let page = "one two three\n```yaml\na: one two three\n```\n| a | table of words |\n- one two three\n";
        let expected = "one two\nthree\n```yaml\na: one two three\n```\n| a | table of words |\n- one two\n  three\n";
        assert_eq!(page_in_rows(page, Some(9)), expected);
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
