//! Where expressions stand in a text.
//!
//! This file decides what `${{` and `}}` enclose: quotes and brackets inside are followed, `$${{` is a literal `${{`. It
//! must not know what an expression means.

use std::ops::Range;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Text as it stands; [`unescaped`] undoes `$${{`.
    Text(Range<usize>),
    /// An expression: what stands between `${{` and `}}`, and with them.
    Expression {
        /// Without the braces.
        inner: Range<usize>,
        /// With them.
        outer: Range<usize>,
    },
}

/// A `${{` that is never closed, by its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclosed(pub(super) usize);

const OPEN: &str = "${{";

/// Splits a text into its parts.
pub(super) fn split(text: &str) -> Result<Vec<Segment>, Unclosed> {
    let bytes = text.as_bytes();
    let mut segments = Vec::new();
    let (mut from, mut done) = (0, 0);
    while let Some(start) = text[from..].find(OPEN).map(|found| found + from) {
        if start > 0 && bytes[start - 1] == b'$' {
            from = start + OPEN.len();
            continue;
        }
        let end = end_of(bytes, start + OPEN.len()).ok_or(Unclosed(start))?;
        if done < start {
            segments.push(Segment::Text(done..start));
        }
        segments.push(Segment::Expression { inner: start + OPEN.len()..end, outer: start..end + 2 });
        done = end + 2;
        from = done;
    }
    if done < text.len() {
        segments.push(Segment::Text(done..text.len()));
    }
    Ok(segments)
}

/// The offset of the `}}` that closes an expression which begins at `from`.
fn end_of(bytes: &[u8], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut at = from;
    loop {
        let byte = *bytes.get(at)?;
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'{' | b'(' | b'[') => depth += 1,
            (None, b'}') if depth == 0 && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            (None, b'}' | b')' | b']') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
        at += 1;
    }
}

/// A text with every `$${{` as the `${{` it stands for.
pub(super) fn unescaped(text: &str) -> String {
    text.replace("$${{", OPEN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> Vec<String> {
        split(text)
            .unwrap()
            .iter()
            .map(|segment| match segment {
                Segment::Text(range) => format!("'{}'", unescaped(&text[range.clone()])),
                Segment::Expression { inner, .. } => text[inner.clone()].trim().to_owned(),
            })
            .collect()
    }

    #[test]
    fn quotes_and_brackets_are_followed() {
        assert_eq!(parts("${{ a }}"), ["a"]);
        assert_eq!(parts("x ${{ a }} y ${{b}}"), ["'x '", "a", "' y '", "b"]);
        assert_eq!(parts("${{ {'a': {'b': 1}} }}"), ["{'a': {'b': 1}}"]);
        assert_eq!(parts("${{ '}}' ~ \"}}\" }}"), ["'}}' ~ \"}}\""]);
        assert_eq!(parts("${{ 'it\\'s }}' }}"), ["'it\\'s }}'"]);
        assert_eq!(parts("$${{ a }} ${{ b }}"), ["'${{ a }} '", "b"]);
        assert_eq!(parts("{{ a }} $x ${y}"), ["'{{ a }} $x ${y}'"]);
        assert_eq!(parts(""), [""; 0]);
        assert_eq!(split("a ${{ 'x "), Err(Unclosed(2)));
        assert_eq!(split("${{ a }"), Err(Unclosed(0)));
    }

    proptest! {
        #[test]
        fn the_parts_make_up_the_text(text in "(\\$|\\{|\\}|'|\"|\\[|\\]|[a-z ]|\\\\|é){0,24}") {
            if let Ok(segments) = split(&text) {
                let mut at = 0;
                for segment in segments {
                    let range = match segment { Segment::Text(range) | Segment::Expression { outer: range, .. } => range };
                    prop_assert_eq!(range.start, at);
                    at = range.end;
                }
                prop_assert_eq!(at, text.len());
            }
        }
    }
}
