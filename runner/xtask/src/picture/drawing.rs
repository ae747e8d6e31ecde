//! Rows of a terminal's screen as an SVG picture.
//!
//! This file decides colours, fonts and sizes. The window brings its own dark ground, so that it reads the same on light
//! and dark pages. It must not know what the rows say.

use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// Pixels of a character; every piece of text is told how wide it is, so that another font changes nothing.
const CHARACTER: f64 = 7.8;
const LINE: f64 = 18.0;
const MARGIN: f64 = 16.0;

const GROUND: &str = "#0d1117";
const EDGE: &str = "#444c56";
const TEXT: &str = "#e6edf3";
const FAINT: &str = "#8b949e";
/// The eight colours of a terminal, black to white; the bright ones are taken for the same.
const COLOURS: [&str; 8] = ["#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#e6edf3"];

/// A line of the picture.
pub(super) enum Line<'a> {
    /// A row of a screen.
    Row(&'a Screen, u16),
    /// Words about what is left out.
    Left(String),
}

/// The picture. `title` is what those hear who do not see it.
pub(super) fn svg(lines: &[Line<'_>], columns: u16, title: &str) -> String {
    let (width, height) = (f64::from(columns) * CHARACTER + 2.0 * MARGIN, lines.len() as f64 * LINE + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\">\n<title>{title}</title>\n<rect x=\"0.5\" y=\"0.5\" width=\"{:.0}\" \
         height=\"{:.0}\" rx=\"8\" fill=\"{GROUND}\" stroke=\"{EDGE}\"/>\n<g fill=\"{TEXT}\" font-size=\"13\" \
         font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\">\n",
        width - 1.0,
        height - 1.0,
        title = escaped(title),
    );
    for (number, line) in lines.iter().enumerate() {
        let y = MARGIN + (number as f64 + 0.75) * LINE;
        match line {
            Line::Row(screen, row) => pieces(screen, *row).iter().for_each(|piece| draw(&mut out, piece, y)),
            Line::Left(words) => {
                let style = format!(" fill=\"{FAINT}\" font-style=\"italic\"");
                draw(&mut out, &Piece { column: 0, columns: words.chars().count(), text: words.clone(), style }, y);
            }
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Text of one style.
struct Piece {
    column: u16,
    columns: usize,
    text: String,
    style: String,
}

/// The text of a row, cut where the style changes.
fn pieces(screen: &Screen, row: u16) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (_, columns) = screen.size();
    for column in 0..columns.get() {
        let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation()) else { continue };
        let (style, width) = (style(cell), if cell.is_wide() { 2 } else { 1 });
        let text = if cell.has_contents() { cell.contents() } else { " " };
        match pieces.last_mut() {
            Some(piece) if piece.style == style => {
                piece.text.push_str(text);
                piece.columns += width;
            }
            _ => pieces.push(Piece { column, columns: width, text: text.to_owned(), style }),
        }
    }
    pieces
}

fn draw(out: &mut String, piece: &Piece, y: f64) {
    // Not every viewer keeps spaces at an edge.
    let text = piece.text.trim();
    if text.is_empty() {
        return;
    }
    let before = piece.text.chars().take_while(|character| *character == ' ').count();
    let around = piece.text.chars().count() - text.chars().count();
    let x = MARGIN + (f64::from(piece.column) + before as f64) * CHARACTER;
    let length = (piece.columns - around) as f64 * CHARACTER;
    let (style, text) = (&piece.style, escaped(text));
    let _infallible = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\"{style}>{text}</text>"
    );
}

fn style(cell: &Cell) -> String {
    let mut style = String::new();
    let colour = match cell.fgcolor() {
        Color::Idx(number @ 0..16) => Some(COLOURS[usize::from(number % 8)].to_owned()),
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        // The program uses the sixteen colours that every theme defines.
        Color::Idx(_) | Color::Default => cell.dim().then(|| FAINT.to_owned()),
    };
    if let Some(colour) = colour {
        let _infallible = write!(style, " fill=\"{colour}\"");
    }
    if cell.bold() {
        style.push_str(" font-weight=\"bold\"");
    }
    style
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    #[test]
    fn text_keeps_its_place_and_its_colour() {
        let size = |size| NonZeroU16::new(size).unwrap();
        let mut terminal = vt100::Parser::new(size(2), size(20), 0);
        terminal.process("\u{1b}[32m✔\u{1b}[0m a<b  \u{1b}[2mc\u{1b}[0m".as_bytes());
        let drawn = svg(&[Line::Row(terminal.screen(), 0), Line::Left("⋯ 3 lines".into())], 20, "a run");
        let texts: Vec<&str> = drawn.lines().filter(|line| line.starts_with("<text")).collect();
        assert_eq!(texts.len(), 4, "{drawn}");
        assert!(texts[0].contains("fill=\"#3fb950\">✔<"), "{}", texts[0]);
        assert!(texts[1].contains("x=\"31.6\"") && texts[1].ends_with(">a&lt;b</text>"), "{}", texts[1]);
        assert!(texts[2].contains("x=\"70.6\"") && texts[2].contains(FAINT), "{}", texts[2]);
        assert!(texts[3].contains("y=\"47.5\"") && texts[3].ends_with("⋯ 3 lines</text>"), "{}", texts[3]);
    }
}
