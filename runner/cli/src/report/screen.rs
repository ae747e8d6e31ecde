//! The live block at the lower end of a terminal: permanent lines go above it, it is drawn over itself.
//!
//! This file decides the control sequences. It must not know what the lines say. It never clears the screen and never
//! leaves the main one, so that what scrolled up stays to be read.

use std::io::{self, Write};

use super::live::Style;
use crate::terminal::Size;
use crate::text;

/// A terminal with a live block.
pub(super) struct Screen<W: Write> {
    out: W,
    /// The columns that each line of the block took when it was drawn.
    drawn: Vec<usize>,
}

impl<W: Write> Screen<W> {
    /// Nothing is drawn yet.
    pub(super) fn new(out: W) -> Self {
        Self { out, drawn: Vec::new() }
    }

    /// Puts `permanent` lines above the block and draws the block anew, both in one write, so that no terminal shows
    /// half of it. Lines hold styles but no other control characters.
    pub(super) fn draw(&mut self, permanent: &[String], block: &[String], size: Size, style: Style) -> io::Result<()> {
        let mut frame = self.erased(size);
        for line in permanent {
            frame.push_str(&style.painted(line));
            frame.push_str("\r\n");
        }
        // One column stays free: a terminal that has written its last column is not agreed on where the cursor is.
        let columns = size.columns.saturating_sub(1).max(1);
        // One row stays free as well: the cursor cannot be moved up out of the window.
        let room = size.rows.saturating_sub(1).max(1);
        for (i, line) in block.iter().take(room).enumerate() {
            let line = cut_styled(&style.painted(line), columns, style.unicode);
            if i > 0 {
                frame.push_str("\r\n");
            }
            self.drawn.push(styled_width(&line));
            frame.push_str(&line);
        }
        self.out.write_all(frame.as_bytes())?;
        self.out.flush()
    }

    /// The sequence that takes the block away and leaves the cursor where it began. Terminals fold a line that has
    /// become too long for a narrowed window, so its rows are counted for the window of now.
    fn erased(&mut self, size: Size) -> String {
        let rows: usize = self.drawn.drain(..).map(|width| width.div_ceil(size.columns.max(1)).max(1)).sum();
        match rows {
            0 => String::new(),
            1 => "\r\u{1b}[J".to_owned(),
            rows => format!("\r\u{1b}[{}A\u{1b}[J", rows - 1),
        }
    }
}

/// The columns of a line with styles.
pub(super) fn styled_width(line: &str) -> usize {
    text::width(&anstream::adapter::strip_str(line).to_string())
}

/// A line with styles, cut to the columns; every style that was on is switched off at the cut.
fn cut_styled(line: &str, columns: usize, unicode: bool) -> String {
    if styled_width(line) <= columns {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut left = columns.saturating_sub(1);
    let mut rest = line;
    while let Some(escape) = rest.find('\u{1b}') {
        let (plain, tail) = rest.split_at(escape);
        if text::width(plain) > left {
            break;
        }
        left -= text::width(plain);
        out.push_str(plain);
        let end = tail.find('m').map_or(tail.len(), |at| at + 1);
        out.push_str(&tail[..end]);
        rest = &tail[end..];
    }
    let plain = rest.split('\u{1b}').next().unwrap_or_default();
    out.push_str(&text::cut(plain, left + 1, unicode));
    if out.contains('\u{1b}') {
        out.push_str("\u{1b}[0m");
    }
    out
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    const STYLE: Style = Style { unicode: true, coloured: true };

    fn terminal(bytes: &[u8], size: Size) -> vt100::Parser {
        let number = |n: usize| NonZeroU16::new(u16::try_from(n).unwrap()).unwrap();
        let mut terminal = vt100::Parser::new(number(size.rows), number(size.columns), 100);
        terminal.process(bytes);
        terminal
    }

    /// What a terminal of that size shows after these bytes, line by line, without the empty end.
    fn shown(bytes: &[u8], size: Size) -> Vec<String> {
        terminal(bytes, size).screen().contents().lines().map(|line| line.trim_end().to_owned()).collect()
    }

    fn lines<const N: usize>(lines: [&str; N]) -> Vec<String> {
        lines.map(str::to_owned).to_vec()
    }

    #[test]
    fn the_block_is_drawn_over_itself_and_what_is_permanent_stays_above() {
        let size = Size { columns: 30, rows: 10 };
        let mut bytes = Vec::new();
        let mut screen = Screen::new(&mut bytes);
        screen.draw(&lines(["first"]), &lines(["a: 1", "b: 1", "[0/2]"]), size, STYLE).unwrap();
        screen.draw(&[], &lines(["a: 2", "b: 2", "[0/2]"]), size, STYLE).unwrap();
        screen.draw(&lines(["a done"]), &lines(["b: 3", "[1/2]"]), size, STYLE).unwrap();
        assert_eq!(shown(&bytes, size), ["first", "a done", "b: 3", "[1/2]"]);

        let mut screen = Screen::new(&mut bytes);
        screen.drawn = vec![4, 5];
        screen.draw(&lines(["b done"]), &[], size, STYLE).unwrap();
        assert_eq!(shown(&bytes, size), ["first", "a done", "b done"]);
    }

    #[test]
    fn lines_are_cut_to_the_window_with_their_styles_closed() {
        let size = Size { columns: 8, rows: 4 };
        let mut bytes = Vec::new();
        let red = "\u{1b}[31mlong red words\u{1b}[0m and more".to_owned();
        Screen::new(&mut bytes).draw(&[], &[red, "名前名前名前".to_owned()], size, STYLE).unwrap();
        assert_eq!(shown(&bytes, size), ["long r…", "名前名…"]);
        let terminal = terminal(&bytes, size);
        let colour = |row, column| terminal.screen().cell(row, column).unwrap().fgcolor();
        assert_eq!(colour(0, 0), vt100::Color::Idx(1));
        assert_eq!(colour(1, 0), vt100::Color::Default);
    }

    #[test]
    fn a_block_higher_than_the_window_is_cut_and_a_tiny_window_is_no_reason_to_panic() {
        let many: Vec<String> = (0..50).map(|i| format!("line {i}")).collect();
        for (columns, rows) in [(20, 5), (1, 1), (2, 2), (3, 1)] {
            let size = Size { columns, rows };
            let mut bytes = Vec::new();
            let mut screen = Screen::new(&mut bytes);
            screen.draw(&[], &many, size, STYLE).unwrap();
            screen.draw(&lines(["kept"]), &many, size, STYLE).unwrap();
            screen.draw(&[], &[], size, STYLE).unwrap();
        }
        let size = Size { columns: 20, rows: 5 };
        let mut bytes = Vec::new();
        let mut screen = Screen::new(&mut bytes);
        screen.draw(&lines(["kept"]), &many, size, STYLE).unwrap();
        screen.draw(&[], &many, size, STYLE).unwrap();
        assert_eq!(shown(&bytes, size), ["kept", "line 0", "line 1", "line 2", "line 3"]);
    }
}
