//! Progress as lines, for logs and for programs that read along: `time [step] …`.
//!
//! This file decides what becomes a line, and that no wait is silent for longer than half a minute, so that a CI
//! system does not take it for dead. It must not know where the lines go.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use runbook_model::duration::Duration;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;

use super::board::{Board, Doing, Live};
use super::story::{self, Told, Tone, span};
use crate::text::{printable, printable_lines};

/// How long a step may be silent.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);

/// More steps of one `for-each` than this share a heartbeat.
const TOGETHER: usize = 4;

/// What was said last of each step that goes on.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// When something was said of it.
    spoken: BTreeMap<StepPath, Timestamp>,
    /// What was said of its looks.
    seen: BTreeMap<StepPath, String>,
}

impl Plain {
    /// The lines of an event. `board` has taken it in already.
    pub(super) fn event(&mut self, board: &Board, time: Timestamp, told: &Told) -> Vec<String> {
        let Some(step) = &told.step else { return lines(time, told) };
        if told.tone == Tone::Minor {
            return Vec::new();
        }
        match board.live().get(step) {
            Some(live) => {
                // Looks that see the same again are left to the heartbeat.
                if let Doing::Wait(..) = live.doing {
                    let seen = live.seen.clone().unwrap_or_default();
                    if self.seen.insert(step.clone(), seen.clone()) == Some(seen) {
                        return Vec::new();
                    }
                }
                self.spoken.insert(step.clone(), time);
            }
            None => {
                self.seen.remove(step);
                self.spoken.remove(step);
            }
        }
        lines(time, told)
    }

    /// The lines of steps that have been silent for too long.
    pub(super) fn heartbeat(&mut self, board: &Board, now: Timestamp) -> Vec<String> {
        let mut silent: BTreeMap<String, Vec<(&StepPath, &Live)>> = BTreeMap::new();
        for (path, live) in board.live() {
            let last = self.spoken.get(path).copied().unwrap_or(live.since);
            if now.since(last) >= HEARTBEAT {
                silent.entry(pattern(path)).or_default().push((path, live));
            }
        }
        let mut lines = Vec::new();
        for (pattern, steps) in silent {
            for (path, _) in &steps {
                self.spoken.insert((*path).clone(), now);
            }
            if steps.len() > TOGETHER {
                lines.push(line(now, Some(&pattern), &together(&steps, now)));
            } else {
                lines.extend(steps.iter().map(|(path, live)| line(now, Some(&path.to_string()), &state(live, now))));
            }
        }
        lines
    }
}

/// What all items of a `for-each` have in common: the path without their keys.
pub(super) fn pattern(path: &StepPath) -> String {
    let segments = path.segments().iter();
    segments.map(|s| if s.key.is_some() { format!("{}[*]", s.id) } else { s.id.clone() }).collect::<Vec<_>>().join("/")
}

/// What a step is at, since when, and until when: without its path.
pub(super) fn state(live: &Live, now: Timestamp) -> String {
    let mut words = match (&live.doing, &live.seen) {
        (Doing::Call(1), _) => "running".to_owned(),
        (Doing::Call(attempt), _) => format!("running, try {attempt}"),
        (Doing::Wait(..), Some(seen)) => format!("waiting, saw {seen}"),
        (Doing::Wait(..), None) => "waiting".to_owned(),
        (Doing::Retry(attempt, at), seen) => {
            let why = seen.as_deref().unwrap_or_default();
            format!("{}; again in {}", story::failed_try(*attempt, why), span(at.since(now)))
        }
        (Doing::Parked(reason), seen) => story::waits(*reason, seen.as_deref().unwrap_or_default()),
    };
    let _infallible = write!(words, ", since {}", span(now.since(live.since)));
    if let Some(deadline) = live.deadline {
        let _infallible = write!(words, ", gives up in {}", span(deadline.since(now)));
    }
    words
}

/// What many items of one `for-each` are at.
pub(super) fn together(steps: &[(&StepPath, &Live)], now: Timestamp) -> String {
    let waiting = steps.iter().filter(|(_, live)| !matches!(live.doing, Doing::Call(_))).count();
    let longest = steps.iter().map(|(_, live)| now.since(live.since)).max().unwrap_or_default();
    let running = steps.len() - waiting;
    format!("{running} running, {waiting} waiting, the longest since {}", span(longest))
}

fn lines(time: Timestamp, told: &Told) -> Vec<String> {
    let step = told.step.as_ref().map(ToString::to_string);
    let mark = match told.tone {
        Tone::Bad if told.step.is_some() => "failed: ",
        _ => "",
    };
    let first = line(time, step.as_deref(), &format!("{mark}{}", told.words));
    let details = told.details.iter().flat_map(|detail| printable_lines(detail));
    std::iter::once(first).chain(details.map(|detail| line(time, step.as_deref(), &format!("  {detail}")))).collect()
}

fn line(time: Timestamp, step: Option<&str>, words: &str) -> String {
    let seconds = time.as_millis().div_euclid(1000) * 1000;
    // Logs are compared and sorted by their times: whole seconds, always as many characters.
    let time = Timestamp::from_millis(seconds).to_string().replace(".000Z", "Z");
    let step = step.map(|step| format!("[{step}] ")).unwrap_or_default();
    format!("{time} {step}{}", printable(words))
}

#[cfg(test)]
mod tests {
    use runbook_model::kind::Origin;

    use super::super::sample::{at, begun, listed, looked, plan, run, succeeded};
    use super::*;

    /// All lines of the events, and of the heartbeats at these seconds behind them.
    fn told(events: &[runbook_engine::event::Stamped], heartbeats: &[i64]) -> Vec<String> {
        let (mut board, mut plain) = (Board::new(run(), plan(), at(0)), Plain::default());
        let mut lines = Vec::new();
        for stamped in events {
            board.apply(stamped);
            lines.extend(plain.event(&board, stamped.time, &story::told(&stamped.event, stamped.time)));
        }
        for seconds in heartbeats {
            lines.extend(plain.heartbeat(&board, at(*seconds)));
        }
        lines
    }

    #[test]
    fn a_wait_tells_what_changes_and_beats_every_half_minute() {
        let events = [
            begun("active", 0, Some(600)),
            looked("active", 1, 1, "CREATING"),
            looked("active", 2, 2, "CREATING"),
            looked("active", 4, 3, "UPDATING"),
        ];
        assert_eq!(
            told(&events, &[20, 34, 50, 64]),
            [
                "2026-11-22T10:00:00Z [active] begins",
                "2026-11-22T10:00:01Z [active] CREATING (look 1)",
                "2026-11-22T10:00:04Z [active] UPDATING (look 3)",
                "2026-11-22T10:00:34Z [active] waiting, saw UPDATING, since 34s, gives up in 9m26s",
                "2026-11-22T10:01:04Z [active] waiting, saw UPDATING, since 1m04s, gives up in 8m56s",
            ]
        );
    }

    #[test]
    fn what_has_ended_is_silent() {
        let events = [begun("vpc", 0, None), succeeded("vpc", 1, Origin::Created)];
        assert_eq!(
            told(&events, &[40, 80]),
            ["2026-11-22T10:00:00Z [vpc] begins", "2026-11-22T10:00:01Z [vpc] created"]
        );
    }

    #[test]
    fn many_items_share_a_heartbeat() {
        let keys: Vec<String> = (0..6).map(|i| format!("m{i}")).collect();
        let mut events = vec![listed("join", 0, &keys)];
        events.extend(keys.iter().map(|key| begun(&format!("join[{key}]/wait"), 1, None)));
        events.push(looked("join[m0]/wait", 2, 1, "not yet"));
        let lines = told(&events, &[40]);
        assert_eq!(
            lines.last().unwrap(),
            "2026-11-22T10:00:40Z [join[*]/wait] 5 running, 1 waiting, the longest since 39s"
        );
        assert_eq!(lines.len(), events.len() + 1);
    }
}
