//! The picture as SVG: readable on light and dark ground, without fonts or scripts from elsewhere.
//!
//! This file decides colours, sizes and words of boxes. It must not decide where they stand.

use std::fmt::Write as _;

use super::layout::{Extent, place};
use super::{Level, Node};
use crate::markup::escaped;
use crate::text::{cut, width};

/// How a step is coloured; the name is a class of the style.
pub(crate) type Colouring<'a> = &'a dyn Fn(&str) -> &'static str;

/// The style of the picture; a page that holds several needs it once.
pub(crate) const STYLE: &str = "\
.g{--ink:#1f2328;--soft:#59636e;--line:#8c959f;--box:#ffffff;--in:#f6f8fa;--good:#1a7f37;--bad:#d1242f;--doubt:#9a6700;--now:#0969da;\
font:13px system-ui,sans-serif;fill:var(--ink)}\
@media(prefers-color-scheme:dark){.g{--ink:#e6edf3;--soft:#9198a1;--line:#656c76;--box:#161b22;--in:#0d1117;--good:#3fb950;--bad:#f85149;\
--doubt:#d29922;--now:#4493f8}}\
@media print{.g{--ink:#000;--soft:#444;--line:#666;--box:#fff;--in:#fff;--good:#1a7f37;--bad:#d1242f;--doubt:#9a6700;--now:#0969da}}\
.g rect{fill:var(--box);stroke:var(--line)}.g .c>rect{fill:var(--in)}.g .k{font-size:11px;fill:var(--soft)}\
.g path{fill:none;stroke:var(--line)}.g .h{fill:var(--line);stroke:none}\
.g .good>rect{stroke:var(--good);stroke-width:1.6}.g .bad>rect{stroke:var(--bad);stroke-width:2.4}\
.g .doubt>rect{stroke:var(--doubt);stroke-width:2.4}.g .now>rect{stroke:var(--now);stroke-width:2}\
.g .skip>rect{stroke-dasharray:4 3}.g .skip>text{fill:var(--soft)}";

/// The widest text of a box, in columns.
const COLUMNS: usize = 36;
/// About the width of a column at 13 pixels, on the generous side: fonts differ.
const COLUMN: f64 = 7.3;
const LINE: f64 = 16.0;
const PADDING: f64 = 10.0;
/// How far the second frame of a `for-each` sticks out.
const BEHIND: f64 = 4.0;

/// The whole picture as a document of its own.
pub(crate) fn document(title: &str, level: &Level) -> String {
    let (body, size) = drawn(level, &|_| "");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"g\" viewBox=\"-8 -8 {w} {h}\" width=\"{w}\" height=\"{h}\" \
         role=\"img\"><title>{}</title><style>{STYLE}</style>\n{body}</svg>\n",
        escaped(title),
        w = number(size.width + 16.0),
        h = number(size.height + 16.0),
    )
}

/// The picture as a part of an HTML page that has [`STYLE`]. Wider than `most` pixels it shrinks.
pub(crate) fn part(title: &str, level: &Level, colouring: Colouring<'_>) -> String {
    let (body, size) = drawn(level, colouring);
    let (w, h) = (number(size.width + 16.0), number(size.height + 16.0));
    format!(
        "<svg class=\"g\" viewBox=\"-8 -8 {w} {h}\" style=\"width:{w}px\" role=\"img\" aria-label=\"{}\">\n{body}</svg>\n",
        escaped(title)
    )
}

fn drawn(level: &Level, colouring: Colouring<'_>) -> (String, Extent) {
    let inner: Vec<(String, Extent)> = level.nodes.iter().map(|node| inside(node, colouring)).collect();
    let extents: Vec<Extent> = inner.iter().map(|(_, extent)| *extent).collect();
    let placed = place(&extents, &level.edges);
    let mut out = String::new();
    for way in &placed.ways {
        arrow(&mut out, way);
    }
    for ((node, (body, extent)), (x, y)) in level.nodes.iter().zip(&inner).zip(&placed.corners) {
        framed(&mut out, node, body, *extent, (*x, *y), colouring(&node.path));
    }
    (out, Extent { width: placed.width, height: placed.height })
}

/// What stands in a box, and how large the box is.
fn inside(node: &Node, colouring: Colouring<'_>) -> (String, Extent) {
    let (title, second) = words(node);
    #[expect(clippy::cast_precision_loss, reason = "at most COLUMNS")]
    let words = width(&title).max(width(&second)) as f64 * COLUMN;
    let own = Extent { width: words + 2.0 * PADDING, height: 2.0 * LINE + PADDING };
    let Some(level) = node.inside.as_ref().filter(|level| !level.nodes.is_empty()) else {
        return (String::new(), own);
    };
    let (body, extent) = drawn(level, colouring);
    let width = own.width.max(extent.width + 2.0 * PADDING);
    let left = (width - extent.width) / 2.0;
    let body = format!("<g transform=\"translate({} {})\">{body}</g>", number(left), number(own.height + 2.0));
    (body, Extent { width, height: own.height + extent.height + PADDING + 2.0 })
}

fn words(node: &Node) -> (String, String) {
    let title = crate::text::printable(&node.title).into_owned();
    (cut(&title, COLUMNS, true).into_owned(), cut(&node.second_line(), COLUMNS, true).into_owned())
}

fn framed(out: &mut String, node: &Node, body: &str, extent: Extent, (x, y): (f64, f64), colour: &str) {
    let (title, second) = words(node);
    let cluster = if body.is_empty() { "" } else { "c " };
    let (w, h) = (number(extent.width), number(extent.height));
    let _infallible = write!(
        out,
        "<g class=\"{cluster}{colour}\" transform=\"translate({} {})\"><title>{}: {}</title>",
        number(x),
        number(y),
        escaped(&node.path),
        escaped(&node.title)
    );
    if node.each {
        let _infallible = write!(out, "<rect x=\"{BEHIND}\" y=\"-{BEHIND}\" width=\"{w}\" height=\"{h}\" rx=\"6\"/>");
    }
    let _infallible = writeln!(
        out,
        "<rect width=\"{w}\" height=\"{h}\" rx=\"6\"/><text x=\"{PADDING}\" y=\"{LINE}\">{}</text>\
         <text class=\"k\" x=\"{PADDING}\" y=\"{}\">{}</text>{body}</g>",
        escaped(&title),
        2.0 * LINE,
        escaped(&second)
    );
}

/// A line through the points, straight where it leads through a layer and bent between, with a head.
fn arrow(out: &mut String, way: &[(f64, f64)]) {
    let Some(((x, y), rest)) = way.split_first() else { return };
    let mut path = format!("M{} {}", number(*x), number(*y));
    let (mut from, mut end) = ((*x, *y), (*x, *y));
    for (at, (x, y)) in rest.iter().enumerate() {
        // The last piece ends where the head begins.
        let y = if at + 1 == rest.len() { y - 5.0 } else { *y };
        let middle = f64::midpoint(from.1, y);
        let _infallible = if (from.0 - x).abs() < 0.5 {
            write!(path, "L{} {}", number(*x), number(y))
        } else {
            write!(path, "C{} {m} {} {m} {} {}", number(from.0), number(*x), number(*x), number(y), m = number(middle))
        };
        from = (*x, y);
        end = from;
    }
    let (x, y) = end;
    let _infallible =
        writeln!(out, "<path d=\"{path}\"/><path class=\"h\" d=\"M{} {y}h8l-4 6z\"/>", number(x - 4.0), y = number(y));
}

/// A length with one digit behind the point at most.
fn number(length: f64) -> String {
    let rounded = (length * 10.0).round() / 10.0;
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}
