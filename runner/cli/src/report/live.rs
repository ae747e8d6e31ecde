//! Progress as a terminal shows it: lines that stay, and a block of what goes on.
//!
//! This file decides what stands in them, as a pure function of the board, the time and the size of the window. It must
//! not write to the terminal; `screen` does.

use std::borrow::Cow;

use indexmap::IndexMap;
use runbook_model::duration::Duration;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;

use super::board::{Board, Doing, Live};
use super::plain::{pattern, together};
use super::story::{self, Told, Tone, span};
use crate::talk::{bad, bold, dim, doubtful, good};
use crate::terminal::Size;
use crate::text::{folded, in_rows, padded, printable, printable_lines};

/// Steps of a `for-each` with more items than this scroll up one by one only if something is wrong with them.
const MANY: usize = 20;
/// More live steps of one `for-each` than this share a line.
const TOGETHER: usize = 3;
/// The widest column of paths. The middle of longer ones is left out, but for what somebody has to do something about: its
/// path is asked for.
const WIDEST: usize = 30;

/// How a terminal is drawn on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Does it take characters outside ASCII?
    pub(super) unicode: bool,
    /// Are colours wanted?
    pub(super) coloured: bool,
}

impl Style {
    /// The line with its styles, or without them.
    pub(super) fn painted(self, line: &str) -> Cow<'_, str> {
        if self.coloured { Cow::Borrowed(line) } else { Cow::Owned(anstream::adapter::strip_str(line).to_string()) }
    }

    fn symbol(self, tone: Tone) -> String {
        let (fancy, plain) = match tone {
            Tone::Good => ("✔", "+"),
            Tone::Bad => ("✘", "x"),
            Tone::Doubtful => ("!", "!"),
            Tone::Skipped => ("○", "o"),
            Tone::Going | Tone::Minor | Tone::Plain => ("·", "-"),
        };
        coloured(tone, if self.unicode { fancy } else { plain })
    }

    fn spinner(self, now: Timestamp) -> char {
        let frames: &[char] =
            if self.unicode { &['⠋', '⠙', '⠸', '⠴', '⠦', '⠇'] } else { &['|', '/', '-', '\\'] };
        let frame = now.as_millis().div_euclid(200).rem_euclid(frames.len() as i64);
        frames[usize::try_from(frame).unwrap_or_default()]
    }

    /// The text as a column of that width.
    fn fitted(self, text: &str, column: usize) -> String {
        padded(&folded(text, column, self.unicode), column)
    }

    fn dot(self) -> &'static str {
        if self.unicode { " · " } else { " - " }
    }
}

fn coloured(tone: Tone, text: &str) -> String {
    match tone {
        Tone::Good => good(text),
        Tone::Bad => bad(text),
        Tone::Doubtful => doubtful(text),
        Tone::Skipped | Tone::Going | Tone::Minor => dim(text),
        Tone::Plain => text.to_owned(),
    }
}

/// The lines that an event leaves for good. `before` is what the board knew of the step before the event.
pub(super) fn permanent(
    style: Style,
    board: &Board,
    before: Option<&Live>,
    time: Timestamp,
    told: &Told,
    columns: usize,
) -> Vec<String> {
    if matches!(told.tone, Tone::Going | Tone::Minor) {
        return Vec::new();
    }
    let rows = |line: &str, hanging: usize| {
        // A command is copied, and stays whole.
        let columns = Some(columns).filter(|_| !line.trim_start().starts_with("runbook "));
        in_rows(line, columns, hanging).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let details = told.details.iter().flat_map(|detail| printable_lines(detail));
    let details = details.flat_map(|line| rows(&format!("    {line}"), 6));
    let Some(step) = &told.step else {
        let first = format!("{} {}", style.symbol(told.tone), coloured_words(told));
        return rows(&first, 2).into_iter().chain(details).collect();
    };
    let went_well = matches!(told.tone, Tone::Good | Tone::Skipped);
    if went_well && told.details.is_empty() && is_one_of_many(board, step) {
        return Vec::new();
    }
    let elapsed = before.map_or_else(String::new, |live| span(time.since(live.since)));
    let title = board.title(step).filter(|_| went_well);
    let title = title.map(|title| format!("  {}", dim(printable(&title)))).unwrap_or_default();
    let words = if told.words == "done" { String::new() } else { coloured_words(told) };
    let path = step.to_string();
    let column = column(board, columns);
    let path = if went_well { style.fitted(&path, column) } else { padded(&path, column) };
    let first = format!("{} {path} {elapsed:>6}  {words}{title}", style.symbol(told.tone));
    // The words begin behind the symbol, the path and the time.
    rows(first.trim_end(), column + 11).into_iter().chain(details).collect()
}

/// Does the step stand in a `for-each` of so many items that its success is not worth a line?
fn is_one_of_many(board: &Board, step: &StepPath) -> bool {
    step.segments().iter().any(|segment| segment.key.is_some()) && board.siblings(step) > MANY
}

fn coloured_words(told: &Told) -> String {
    let words = printable(&told.words);
    match told.tone {
        Tone::Bad | Tone::Doubtful => coloured(told.tone, &words),
        _ => words.into_owned(),
    }
}

/// The block: what goes on, and how far the whole is.
pub(super) fn block(style: Style, board: &Board, now: Timestamp, size: Size) -> Vec<String> {
    // One row for how far the whole is, and the block never takes more than half of the window.
    let room = (size.rows / 2).saturating_sub(1).clamp(1, 16);
    let rows = rows(board);
    let shown = if rows.len() > room { room - 1 } else { rows.len() };
    // Only what is shown is put into words: a thousand steps cost no more than a few.
    let mut lines: Vec<String> = rows[..shown].iter().map(|row| row.drawn(style, board, now, size)).collect();
    if rows.len() > shown {
        lines.push(dim(format_args!("  and {} more", rows.len() - shown)));
    }
    lines.push(footer(style, board, now));
    lines
}

/// A line of the block.
enum Row<'a> {
    /// What several of the next ones stand inside of.
    Heading(String),
    /// A step; `inside` if its heading stands above it.
    One { path: &'a StepPath, live: &'a Live, inside: bool },
    /// Many items of one `for-each`, under the name they share.
    Many { pattern: String, steps: Vec<(&'a StepPath, &'a Live)>, inside: bool },
}

/// What goes on as a tree: steps inside the same step stand together below it, and what began first stands first.
fn rows(board: &Board) -> Vec<Row<'_>> {
    let mut groups: IndexMap<String, Vec<(&StepPath, &Live)>> = IndexMap::new();
    for (path, live) in board.live() {
        groups.entry(pattern(path)).or_default().push((path, live));
    }
    let mut trees: IndexMap<String, Vec<Row<'_>>> = IndexMap::new();
    for (pattern, steps) in groups {
        if steps.len() > TOGETHER {
            let around =
                pattern.rsplit_once('/').map_or_else(|| format!("={pattern}"), |(around, _)| around.to_owned());
            trees.entry(around).or_default().push(Row::Many { pattern, steps, inside: false });
        } else {
            for (path, live) in steps {
                // A step of the outermost runbook stands alone; no path begins like this.
                let around = path.parent().map_or_else(|| format!("={path}"), |around| around.to_string());
                trees.entry(around).or_default().push(Row::One { path, live, inside: false });
            }
        }
    }
    let mut rows = Vec::new();
    for (around, mut tree) in trees {
        if tree.len() > 1 && !around.starts_with('=') {
            for row in &mut tree {
                if let Row::One { inside, .. } | Row::Many { inside, .. } = row {
                    *inside = true;
                }
            }
            rows.push(Row::Heading(around));
        }
        rows.append(&mut tree);
    }
    rows
}

impl Row<'_> {
    fn drawn(&self, style: Style, board: &Board, now: Timestamp, size: Size) -> String {
        let column = column(board, size.columns);
        match self {
            Self::Heading(around) => format!("  {}", dim(printable(around))),
            Self::One { path, live, inside } => live_line(style, board, path, live, *inside, now, size),
            Self::Many { pattern, steps, inside } => {
                let name = pattern.rsplit('/').next().filter(|_| *inside).map(|name| format!("  {name}"));
                let name = style.fitted(&name.unwrap_or_else(|| pattern.clone()), column);
                format!("{} {name} {:>6}  {}", style.spinner(now), "", together(steps, now))
            }
        }
    }
}

/// The name of a step in its line: below its heading only what distinguishes it.
fn name(path: &StepPath, inside: bool) -> String {
    if !inside {
        return path.to_string();
    }
    let whole = path.to_string();
    let around = path.parent().map_or(0, |around| around.to_string().len() + 1);
    format!("  {}", &whole[around..])
}

fn live_line(
    style: Style,
    board: &Board,
    path: &StepPath,
    live: &Live,
    inside: bool,
    now: Timestamp,
    size: Size,
) -> String {
    let elapsed = span(now.since(live.since));
    let mut parts: Vec<String> = Vec::new();
    let seen = live.seen.as_deref().map(|seen| printable(seen).into_owned());
    match live.doing {
        Doing::Call(attempt) => {
            if attempt > 1 {
                parts.push(format!("try {attempt}"));
            }
            parts.extend(board.title(path).map(|title| printable(&title).into_owned()));
        }
        Doing::Wait(look, next) => {
            parts.push(seen.unwrap_or_else(|| "not yet".to_owned()));
            parts.extend(board.wanted(path).map(|wanted| format!("wants {}", printable(&wanted))));
            if look > 0 {
                parts.push(format!("look {look}, next in {}", span(next.since(now))));
            }
        }
        Doing::Retry(attempt, at) => {
            let what = if attempt == 0 { "looks again".to_owned() } else { format!("try {}", attempt + 1) };
            parts.push(format!("{what} in {}", span(at.since(now))));
            parts.extend(seen);
        }
        Doing::Parked(reason) => parts.push(story::waits(reason, &seen.unwrap_or_default())),
    }
    if let Some(deadline) = live.deadline {
        parts.insert(1.min(parts.len()), format!("gives up in {}", span(deadline.since(now))));
    }
    let path = style.fitted(&name(path, inside), column(board, size.columns));
    let mark = match live.doing {
        Doing::Parked(_) => style.symbol(Tone::Doubtful),
        _ => style.spinner(now).to_string(),
    };
    format!("{mark} {} {elapsed:>6}  {}", bold(path), parts.join(style.dot()))
}

fn footer(style: Style, board: &Board, now: Timestamp) -> String {
    let (done, total) = board.progress();
    let elapsed: Duration = now.since(board.since());
    let parts = [
        format!("[{done}/{total}] {}", span(elapsed)),
        board.run().to_string(),
        "Ctrl-C stops, resume goes on".to_owned(),
    ];
    dim(parts.join(style.dot()))
}

/// The width of the column of paths: that of the widest path of the plan, within bounds and a third of the window.
fn column(board: &Board, columns: usize) -> usize {
    board.widest().min(WIDEST).min(columns / 3)
}

#[cfg(test)]
mod tests {
    use runbook_engine::event::{Event, ParkReason, Stamped};
    use runbook_model::failure::{Failure, FailureClass};
    use runbook_model::kind::Origin;

    use super::super::sample::{at, begun, listed, looked, path, plan, run, started, succeeded};
    use super::*;

    const PLAIN: Style = Style { unicode: false, coloured: false };
    const WIDE: Size = Size { columns: 100, rows: 24 };

    /// The lines that stay, and the block at this second.
    fn shown(events: &[Stamped], seconds: i64, size: Size) -> (Vec<String>, Vec<String>) {
        let mut board = Board::new(run(), plan(), at(0));
        let mut lines = Vec::new();
        for stamped in events {
            let told = story::told(&stamped.event, stamped.time);
            let before = told.step.as_ref().and_then(|step| board.live().get(step).cloned());
            board.apply(stamped);
            lines.extend(permanent(PLAIN, &board, before.as_ref(), stamped.time, &told, size.columns));
        }
        let plain = |lines: Vec<String>| lines.iter().map(|line| PLAIN.painted(line).into_owned()).collect();
        (plain(lines), plain(block(PLAIN, &board, at(seconds), size)))
    }

    #[test]
    fn finished_steps_stay_and_live_ones_say_what_they_wait_for() {
        let parked = Event::StepParked { step: path("join"), reason: ParkReason::Approval, message: "go?".into() };
        let events = [
            started("vpc", 0, 1),
            succeeded("vpc", 2, Origin::Adopted),
            begun("active", 2, Some(600)),
            looked("active", 5, 3, "CREATING"),
            Stamped { time: at(6), event: parked },
        ];
        let (lines, block) = shown(&events, 8, WIDE);
        assert_eq!(
            lines,
            [
                "+ vpc               2s  was there already  Find the VPC",
                "! join                  waits for an approval: go?"
            ]
        );
        assert_eq!(
            block,
            [
                "| active            6s  CREATING - gives up in 9m52s - wants result.status == \"ACTIVE\" - look 3, next in 12s",
                "! join              2s  waits for an approval: go?",
                "[1/4] 8s - demo-7k3m9q - Ctrl-C stops, resume goes on",
            ]
        );
    }

    #[test]
    fn long_paths_lose_their_middle_unless_somebody_has_to_act() {
        let long = "join[karmada-member-in-europe]/register";
        let failure = Failure::new(FailureClass::Denied, "no");
        let failed = |step: &str| Stamped { time: at(3), event: Event::StepFailed { step: path(step), failure } };
        let events = [
            listed("join", 0, &["karmada-member-in-europe".to_owned()]),
            started("vpc", 0, 1),
            succeeded("vpc", 2, Origin::Adopted),
            begun(long, 0, None),
            succeeded(&long.replace("register", "wait"), 2, Origin::Adopted),
            failed("join[karmada-member-in-europe]/verify"),
            begun("join[karmada-member-in-europe]", 0, None),
        ];
        let (lines, block) = shown(&events, 4, Size { columns: 48, rows: 24 });
        assert_eq!(
            lines,
            [
                "+ vpc                  2s  was there already",
                "  Find the VPC",
                "+ join[ka~pe]/wait         was there already",
                "  Wait",
                "x join[karmada-member-in-europe]/verify",
                "  denied: no",
            ]
        );
        assert_eq!(
            block,
            [
                "| join[ka~register     4s  Register",
                "| join[ka~-europe]     4s  Join",
                "[2/4] 4s - demo-7k3m9q - Ctrl-C stops, resume goes on",
            ]
        );
    }

    #[test]
    fn items_of_a_long_list_share_a_line_and_only_failures_of_them_stay() {
        let keys: Vec<String> = (0..200).map(|i| format!("m{i}")).collect();
        let mut events = vec![listed("join", 0, &keys)];
        events.extend(keys.iter().map(|key| begun(&format!("join[{key}]/register"), 1, None)));
        events.push(succeeded("join[m0]/register", 2, Origin::Created));
        let failure = Failure::new(FailureClass::Denied, "no").help("ask");
        events.push(Stamped { time: at(3), event: Event::StepFailed { step: path("join[m1]/register"), failure } });
        let (lines, block) = shown(&events, 4, WIDE);
        assert_eq!(lines, ["x join[m1]/register       2s  denied: no", "    help: ask"]);
        assert_eq!(
            block,
            [
                "| join[*]/register            198 running, 0 waiting, the longest since 3s",
                "[1/402] 4s - demo-7k3m9q - Ctrl-C stops, resume goes on"
            ]
        );
    }

    #[test]
    fn steps_inside_the_same_step_stand_below_it() {
        let keys = ["a", "b"].map(str::to_owned);
        let live = ["join[a]/register", "join[a]/wait", "vpc", "join[b]/wait"];
        let events: Vec<Stamped> =
            [listed("join", 0, &keys)].into_iter().chain(live.map(|step| begun(step, 0, None))).collect();
        let (_, block) = shown(&events, 8, WIDE);
        let names: Vec<&str> =
            block.iter().map(|line| line.split(" 8s").next().unwrap_or_default().trim_end()).collect();
        let expected = ["  join[a]", "|   register", "|   wait", "| join[b]/wait", "| vpc", "[0/6]"];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_frame_of_a_thousand_steps_takes_no_time() {
        let keys: Vec<String> = (0..500).map(|i| format!("m{i}")).collect();
        let mut events = vec![listed("join", 0, &keys)];
        events.extend(keys.iter().map(|key| begun(&format!("join[{key}]/register"), 1, None)));
        events.extend((0..500).map(|i| begun(&format!("other{i}"), 1, None)));
        let mut board = Board::new(run(), plan(), at(0));
        events.iter().for_each(|stamped| board.apply(stamped));
        let begun = std::time::Instant::now();
        let frames = 20u32;
        for _ in 0..frames {
            assert!(block(PLAIN, &board, at(4), WIDE).len() > 2);
        }
        // A millisecond where the program is optimised; without that it takes many times as long.
        let most = if cfg!(debug_assertions) { 50_000 } else { 1_000 };
        let took = begun.elapsed().as_micros() / u128::from(frames);
        assert!(took <= most, "{took} µs");
    }

    #[test]
    fn a_low_window_names_how_many_it_cannot_show() {
        let events: Vec<Stamped> =
            ["vpc", "active", "join[a]/wait", "join[b]/register"].map(|step| begun(step, 0, None)).into();
        let (_, block) = shown(&events, 1, Size { columns: 20, rows: 6 });
        assert_eq!(block.len(), 3);
        assert_eq!(block[1], "  and 3 more");
    }
}
