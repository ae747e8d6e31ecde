//! A run in this process: the state, what the process knows besides, and the turns they take.
//!
//! This file decides in which order a turn is taken: what reached the run is taken in, decisions are made and recorded until
//! there is none left, and only then is anything done outside. It must not decide what any decision is, and it does
//! nothing itself: whoever drives it appends the records first and carries the commands out after.

use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;

use crate::command::Command;
use crate::decide::decide;
use crate::evaluate::Sight;
use crate::event::{Event, Stamped, Word};
use crate::input::Input;
use crate::process::{Process, is_awaited};
use crate::state::{IllegalEvent, State};

/// A run that this process drives, or looks at.
pub struct Engine {
    state: State,
    process: Process,
}

/// What one turn asks for, in this order.
#[derive(Debug, Default)]
pub struct Turn {
    /// To be appended to the journal, all at once, before any command is carried out. The engine's own state has them
    /// already: if the journal refuses them, the engine must be thrown away.
    pub records: Vec<Stamped>,
    /// To be carried out: never a [`Command::Record`].
    pub commands: Vec<Command>,
}

impl Engine {
    /// An engine over a state, in a process that knows nothing yet.
    #[must_use]
    pub fn new(mut state: State) -> Self {
        let mut process = Process::default();
        process.review_all(&mut state, Timestamp::default());
        Self { state, process }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn into_state(self) -> State {
        self.state
    }

    pub(crate) fn sight(&self) -> Sight<'_> {
        Sight { state: &self.state, process: &self.process }
    }

    /// Takes in what reached the run, and decides nothing yet: for those who only look at it.
    pub fn take_in(&mut self, input: Input) {
        self.process.absorb(&self.state, input);
    }

    /// What a person said of a step that waits for that, if it is not recorded yet.
    pub(crate) fn said_of(&self, step: &StepPath) -> Option<Word> {
        self.process.words.iter().find(|said| said.step == *step && is_awaited(&self.state, said)).map(|said| said.word)
    }

    /// Takes in what reached the run, and makes every decision that follows.
    ///
    /// # Errors
    /// A decision that does not fit the state: a bug of this program. Nothing of the turn may be written.
    pub fn turn(&mut self, inputs: impl IntoIterator<Item = Input>, now: Timestamp) -> Result<Turn, IllegalEvent> {
        let mut turn = Turn::default();
        for input in inputs {
            self.process.absorb(&self.state, input);
        }
        loop {
            self.process.review(&mut self.state, now);
            debug_assert!(self.process.is_right(&self.state, now), "the agenda or the counts are wrong");
            let commands = decide(&self.state, &self.process, now);
            if commands.is_empty() {
                return Ok(turn);
            }
            for command in commands {
                match command {
                    Command::Record(event) => turn.records.push(self.record(event, now)?),
                    other => {
                        if self.process.issued(&self.state, &other, now) {
                            turn.commands.push(other);
                        }
                    }
                }
            }
        }
    }

    fn record(&mut self, event: Event, now: Timestamp) -> Result<Stamped, IllegalEvent> {
        let stamped = Stamped { time: now, event };
        self.state.apply(&stamped)?;
        self.process.settled(&self.state, &stamped.event);
        Ok(stamped)
    }
}
