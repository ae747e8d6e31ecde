//! Text on its way into HTML, SVG and Markdown: nothing in it may become markup or command a terminal.
//!
//! This file decides what is escaped. It must not know what the text is about.

use std::borrow::Cow;

use crate::text::printable;

/// Text for the content and the quoted attributes of HTML and XML, on one line.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    let text = printable(text);
    // What XML 1.0 does not take at all, beside the control characters that are shown already.
    let forbidden = |c: char| matches!(c, '\u{fffe}' | '\u{ffff}');
    if !text.contains(|c: char| matches!(c, '&' | '<' | '>' | '"' | '\'') || forbidden(c)) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if forbidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Text for Markdown outside of code, on one line: every character that means something is escaped.
pub(crate) fn markdown(text: &str) -> String {
    let text = printable(text);
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            // What begins a list or a heading does so at the beginning of a line only.
            '-' | '+' | '=' if out.is_empty() => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Text as code in Markdown, with as many backticks around it as it needs.
pub(crate) fn code(text: &str) -> String {
    let text = printable(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    // A bar would end a cell of a table, also in code.
    format!("{fence}{space}{}{space}{fence}", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(
            escaped("<a href='x'>&\"\u{1b}[2J\u{ffff}"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\\u{1b}[2J\u{fffd}"
        );
        assert_eq!(markdown("# [x](y) <b> |"), "\\# \\[x\\](y) &lt;b&gt; \\|");
        assert_eq!(markdown("- a-b"), "\\- a-b");
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
        assert_eq!(code("plain|x"), "`plain\\|x`");
    }
}
