//! What people and programs see while a run goes on.
//!
//! This file decides who is told in which form, and when: a thread of its own, so that neither a slow terminal nor a
//! program that does not read on holds up a run. It must not know what the words are.

mod board;
mod live;
mod plain;
#[cfg(test)]
mod sample;
mod screen;
pub(crate) mod story;

use std::io::Stderr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use runbook_engine::event::{Event, ParkReason, Stamped, StopReason};
use runbook_engine::stored;
use runbook_model::id::RunId;

use self::board::{Board, Doing};
use self::live::Style;
use self::plain::Plain;
use self::screen::Screen;
use self::story::{Told, Tone};
use crate::arguments::Global;
use crate::output::{Data, Form};
use crate::person::now;
use crate::stop::Stop;
use crate::terminal::Size;
use crate::{shell, talk, terminal, trace};

/// The pause between two pictures while nothing happens; also the least pause between two pictures is half of it, so
/// that a terminal sees at most ten a second.
const FRAME: Duration = Duration::from_millis(200);

/// How people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Not at all.
    Quiet,
    /// In lines.
    Lines,
    /// In a block that is drawn over itself.
    Live,
}

/// The one who tells, until it is finished.
#[derive(Debug)]
pub(crate) struct Reporter {
    events: Sender<(u64, Stamped)>,
    thread: JoinHandle<Result<(), Stop>>,
}

impl Reporter {
    /// Starts to tell about a run, in the manner that the options and the terminal suggest; with `-o ndjson` every
    /// event is data as well. `history` is what happened before and needs no telling.
    pub(crate) fn start(run: &RunId, history: &[Stamped], global: &Global, form: Form) -> Self {
        let manner = if global.quiet {
            Manner::Quiet
        } else if terminal::can_redraw() && !trace::goes_to_stderr(global) {
            Manner::Live
        } else {
            Manner::Lines
        };
        let (events, received) = channel();
        let mut teller = Teller::new(run.clone(), manner, form);
        history.iter().for_each(|event| teller.remember(event));
        teller.fresh = history.is_empty();
        let thread = std::thread::spawn(move || {
            teller.listen(&received);
            teller.close()
        });
        Self { events, thread }
    }

    /// Tells an event, which got this number in the journal.
    pub(crate) fn event(&self, number: u64, event: &Stamped) {
        // The thread ends only when this value is finished or it panicked, which `finish` finds out.
        let _not_listening = self.events.send((number, event.clone()));
    }

    /// Waits until all has been told.
    ///
    /// # Errors
    /// The data could not be written.
    pub(crate) fn finish(self) -> Result<(), Stop> {
        drop(self.events);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// The thread's own.
struct Teller {
    run: RunId,
    manner: Manner,
    style: Style,
    board: Option<Board>,
    plain: Plain,
    screen: Screen<Stderr>,
    /// Lines that the next picture puts above the block.
    permanent: Vec<String>,
    ndjson: bool,
    /// Was the run made by this process, and not yet taken up?
    fresh: bool,
    data: Data,
    trouble: Option<Stop>,
}

impl Teller {
    fn new(run: RunId, manner: Manner, form: Form) -> Self {
        Self {
            run,
            manner,
            style: Style { unicode: terminal::takes_unicode(), coloured: talk::stderr_is_coloured() },
            board: None,
            plain: Plain::default(),
            screen: Screen::new(std::io::stderr()),
            permanent: Vec::new(),
            ndjson: form == Form::Ndjson,
            fresh: true,
            data: Data::default(),
            trouble: None,
        }
    }

    /// Until nobody can send any more. While events come thick and fast, pictures are still half a [`FRAME`] apart.
    fn listen(&mut self, events: &Receiver<(u64, Stamped)>) {
        let (mut drawn, mut pause) = (Instant::now(), FRAME);
        loop {
            let left = (drawn + pause).saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.tick();
                (drawn, pause) = (Instant::now(), FRAME);
                continue;
            }
            match events.recv_timeout(left) {
                Ok((number, event)) => {
                    self.take(number, &event);
                    pause = FRAME / 2;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn remember(&mut self, stamped: &Stamped) {
        if let Event::RunCreated(created) = &stamped.event {
            self.board = Some(Board::new(created.run.clone(), created.plan.clone(), stamped.time));
        }
        if let Some(board) = &mut self.board {
            board.apply(stamped);
        }
    }

    fn take(&mut self, number: u64, stamped: &Stamped) {
        if self.ndjson && self.trouble.is_none() {
            self.trouble = self.data.line(&stored::line(number, &self.run, stamped)).err();
        }
        let mut told = story::told(&stamped.event, stamped.time);
        match &stamped.event {
            // Whoever makes a run takes it up: only what it leaves out is news.
            Event::RunHeld { warnings, .. } if self.fresh => {
                self.fresh = false;
                if warnings.is_empty() {
                    return self.remember(stamped);
                }
                told = Told { tone: Tone::Doubtful, words: "not all of the runbook is carried out".into(), ..told };
            }
            // Other branches may go on for long: whoever is asked should not have to wait for the end to see how to answer.
            Event::StepParked { step, reason: ParkReason::Approval, .. } => {
                told.details.push(shell::command(["runbook", "approve", self.run.as_str(), &step.to_string()]));
            }
            // Only where something else goes on is it news that nothing new starts.
            Event::RunStopping { reason: StopReason::Failed | StopReason::Parked } if self.is_idle() => {
                return self.remember(stamped);
            }
            // The end is told by whoever started the reporter, with what goes on.
            Event::RunEnded { .. } => return self.remember(stamped),
            _ => {}
        }
        let live =
            self.board.as_ref().zip(told.step.as_ref()).and_then(|(board, step)| board.live().get(step).cloned());
        self.remember(stamped);
        let Some(board) = &self.board else { return };
        match self.manner {
            Manner::Quiet => {}
            Manner::Lines => {
                for line in self.plain.event(board, stamped.time, &told) {
                    talk::say(&format!("{line}\n"));
                }
            }
            Manner::Live => {
                let columns = terminal::size().columns;
                self.permanent.extend(live::permanent(self.style, board, live.as_ref(), stamped.time, &told, columns));
            }
        }
    }

    /// Does nothing go on but what waits for people?
    fn is_idle(&self) -> bool {
        self.board.as_ref().is_none_or(|board| board.live().values().all(|live| matches!(live.doing, Doing::Parked(_))))
    }

    fn tick(&mut self) {
        let Some(board) = &self.board else { return };
        match self.manner {
            Manner::Quiet => {}
            Manner::Lines => {
                for line in self.plain.heartbeat(board, now()) {
                    talk::say(&format!("{line}\n"));
                }
            }
            Manner::Live => {
                let size = terminal::size();
                let block = live::block(self.style, board, now(), size);
                self.draw(&block, size);
            }
        }
    }

    fn draw(&mut self, block: &[String], size: Size) {
        let permanent = std::mem::take(&mut self.permanent);
        // A terminal that has gone away is no reason to stop.
        let _gone = self.screen.draw(&permanent, block, size, self.style);
    }

    fn close(mut self) -> Result<(), Stop> {
        if self.manner == Manner::Live {
            self.draw(&[], terminal::size());
        }
        self.trouble.map_or(Ok(()), Err)
    }
}
