//! No undefined value gets away: every read is put through a function that raises at once.
//!
//! minijinja's strict mode lets undefined values out of lists, maps, arguments of filters and whole results. So the
//! source is rewritten before it is compiled: every read `a.b` becomes `__read(a.b, start, end)` with its own range,
//! except where it stands directly under `default`, `is defined` or `is undefined`. This file decides what is a read.
//! It must not know values.

use std::ops::Range;

use crate::syntax::{Expr, ExprKind, ParsedTemplate};

/// The function that reads are put through. Names with two leading underscores are refused in sources.
pub(crate) const READ: &str = "__read";

/// The function that what a template assigns is put through: loops and long templates nest values by assigning, one in the
/// other, deeper than the stack goes.
pub(crate) const HOLD: &str = "__hold";

/// A source with every read guarded, and the way back.
#[derive(Clone, Debug)]
pub(crate) struct Guarded {
    /// The source for minijinja.
    pub(crate) text: String,
    /// Where text was put in: offset in the original, length; in order.
    insertions: Vec<(usize, usize)>,
}

impl Guarded {
    /// The source with the reads of these expressions guarded.
    pub(crate) fn new<'a>(source: &str, expressions: impl IntoIterator<Item = &'a Expr>) -> Self {
        let mut pieces = Vec::new();
        for expr in expressions {
            collect(expr, false, &mut pieces);
        }
        Self::with(source, pieces)
    }

    /// A template with its reads and what it assigns guarded.
    pub(crate) fn template(source: &str, parsed: &ParsedTemplate) -> Self {
        let mut pieces = Vec::new();
        for range in &parsed.assigned {
            // Two of them, for `a, b` in there is one value.
            pieces.push(Piece { at: range.start, opens: true, text: format!("{HOLD}((") });
        }
        for bound in &parsed.expressions {
            collect(&bound.expr, false, &mut pieces);
        }
        for range in &parsed.assigned {
            pieces.push(Piece { at: range.end, opens: false, text: "))".to_owned() });
        }
        Self::with(source, pieces)
    }

    fn with(source: &str, mut pieces: Vec<Piece>) -> Self {
        // At one offset closing pieces come first, inner before outer; opening ones outer before inner.
        pieces.sort_by_key(|piece| (piece.at, piece.opens));
        let mut guarded = Self { text: String::with_capacity(source.len() * 2), insertions: Vec::new() };
        let mut done = 0;
        for piece in &pieces {
            guarded.text.push_str(&source[done..piece.at]);
            done = piece.at;
            guarded.text.push_str(&piece.text);
            guarded.insertions.push((piece.at, piece.text.len()));
        }
        guarded.text.push_str(&source[done..]);
        guarded
    }

    /// The range in the original source of a range in [`Guarded::text`].
    pub(crate) fn original(&self, range: Range<usize>) -> Range<usize> {
        let start = self.back(range.start);
        start..self.back(range.end).max(start)
    }

    fn back(&self, at: usize) -> usize {
        let mut added = 0;
        for (original, length) in &self.insertions {
            if at < original + added {
                break;
            }
            if at < original + added + length {
                return *original;
            }
            added += length;
        }
        at - added
    }
}

struct Piece {
    at: usize,
    opens: bool,
    text: String,
}

fn collect(expr: &Expr, forgiven: bool, pieces: &mut Vec<Piece>) {
    let guarded = !forgiven && is_read(expr);
    let Range { start, end } = expr.range;
    if guarded {
        pieces.push(Piece { at: start, opens: true, text: format!("{READ}(") });
    }
    let exempt = expr.forgiven().map(std::ptr::from_ref);
    expr.children(&mut |child| collect(child, exempt == Some(std::ptr::from_ref(child)), pieces));
    if guarded {
        // The last one: are the items of a list looked at too?
        pieces.push(Piece { at: end, opens: false, text: format!(",{start},{end},{})", u8::from(maps(expr))) });
    }
}

/// What may yield something undefined: reads, and the filters that answer with an item.
fn is_read(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(name) => name != "self",
        ExprKind::Member { .. } | ExprKind::Item { .. } => true,
        ExprKind::Filter { base: Some(_), name, .. } => {
            matches!(name.as_str(), "first" | "last" | "min" | "max" | "attr") || maps(expr)
        }
        _ => false,
    }
}

/// `map(attribute=…)` yields a list that may hold undefined items.
fn maps(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Filter { name, .. } if name == "map")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;

    fn guarded(source: &str) -> String {
        Guarded::new(source, [&parse(source).unwrap().root]).text
    }

    #[test]
    fn reads_are_guarded_with_their_own_ranges() {
        assert_eq!(guarded("a.b"), "__read(__read(a,0,1,0).b,0,3,0)");
        assert_eq!(guarded("a.b | default(c)"), "__read(a,0,1,0).b | default(__read(c,14,15,0))");
        assert_eq!(guarded("a.f(b)"), "__read(a,0,1,0).f(__read(b,4,5,0))");
        assert_eq!(guarded("(a ~ 'x') | first"), "__read((__read(a,1,2,0) ~ 'x') | first,0,17,0)");
        assert_eq!(guarded("((a))[0].c"), "__read(__read(((__read(a,2,3,0)))[0],0,8,0).c,0,10,0)");
        assert_eq!(guarded("not a is defined"), "not a is defined");
        assert_eq!(guarded("[x | map(attribute='y')]"), "[__read(__read(x,1,2,0) | map(attribute='y'),1,23,1)]");
    }

    #[test]
    fn ranges_come_back() {
        let source = "a.b + c.d";
        let guarded = Guarded::new(source, [&parse(source).unwrap().root]);
        for (at, c) in source.char_indices().filter(|(_, c)| c.is_alphabetic()) {
            let found = guarded.text.char_indices().filter(|(_, found)| *found == c);
            assert!(found.map(|(i, _)| guarded.original(i..i + 1)).any(|range| range == (at..at + 1)), "{c}");
        }
    }
}
