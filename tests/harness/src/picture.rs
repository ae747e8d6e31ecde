//! What a terminal shows, row by row as it is folded there, with or without its styles.
//!
//! This file decides how styles are written down. It must not know what is shown.

use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// The sixteen colours that every terminal has, in their order.
const COLOURS: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "grey",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// The rows of a screen as they stand there, without their styles.
pub(crate) fn plain(screen: &Screen) -> String {
    rows(screen, |_| String::new())
}

/// The same with styles in front of what has them: `<bold red>error</>`.
pub(crate) fn styled(screen: &Screen) -> String {
    rows(screen, style)
}

fn rows(screen: &Screen, style: impl Fn(&Cell) -> String) -> String {
    let (height, width) = screen.size();
    let mut out = String::new();
    for row in 0..height.get() {
        let (mut line, mut open) = (String::new(), String::new());
        let cells = (0..width.get()).filter_map(|column| screen.cell(row, column));
        for cell in cells.filter(|cell| !cell.is_wide_continuation()) {
            // What is empty has no style that could be seen.
            let style = if cell.has_contents() { style(cell) } else { String::new() };
            if style != open {
                line.push_str(if open.is_empty() { "" } else { "</>" });
                let _infallible = if style.is_empty() { Ok(()) } else { write!(line, "<{style}>") };
                open = style;
            }
            line.push_str(if cell.has_contents() { cell.contents() } else { " " });
        }
        line.push_str(if open.is_empty() { "" } else { "</>" });
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn style(cell: &Cell) -> String {
    let colour = match cell.fgcolor() {
        Color::Idx(colour) => COLOURS.get(usize::from(colour)).copied().unwrap_or("other"),
        Color::Rgb(..) => "other",
        Color::Default => "",
    };
    let marks = [(cell.bold(), "bold"), (cell.dim(), "dim"), (cell.underline(), "underlined"), (true, colour)];
    let marks: Vec<&str> =
        marks.into_iter().filter(|(on, mark)| *on && !mark.is_empty()).map(|(_, mark)| mark).collect();
    marks.join(" ")
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    #[test]
    fn rows_are_folded_as_the_terminal_does_and_styles_are_named() {
        let size = |n| NonZeroU16::new(n).unwrap();
        let mut terminal = vt100::Parser::new(size(4), size(8), 0);
        terminal.process("\u{1b}[1;31merror\u{1b}[0m: gone\r\n\u{1b}[2m 名 \u{1b}[0m.".as_bytes());
        assert_eq!(plain(terminal.screen()), "error: g\none\n 名 .\n");
        assert_eq!(styled(terminal.screen()), "<bold red>error</>: g\none\n<dim> 名 </>.\n");
    }
}
