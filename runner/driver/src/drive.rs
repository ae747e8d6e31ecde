//! The loop: a turn of the engine, its records into the journal, its calls on their way, and then whatever comes first.
//!
//! This file decides that nothing is done outside before the records of its turn are durable, that what came back at the
//! same time shares one append, and that a journal which refuses an append ends everything at once. It must not decide
//! about steps.

use std::collections::BTreeMap;

use futures::future::{AbortHandle, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use runbook_engine::command::Command;
use runbook_engine::event::StopReason;
use runbook_engine::input::{Holding, Input};
use runbook_engine::{Ended, Turn};
use runbook_model::duration::Duration;
use runbook_model::id::RunId;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;
use runbook_steps::contract::StepKind;
use runbook_steps::ports::Outside;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::clock::Clock;
use crate::error::Broken;
use crate::flight::{self, Flight};
use crate::observer::Observer;
use crate::run::Run;
use crate::word;

/// How often the inbox is looked into: a person's word is journaled within a second.
const INBOX_PAUSE: Duration = Duration::from_millis(500);

/// What a run needs of the world around it.
pub struct World<'a> {
    /// The kinds by name.
    pub kinds: &'a (dyn Fn(&str) -> Option<&'a dyn StepKind> + Send + Sync),
    /// Everything outside.
    pub outside: &'a dyn Outside,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Whoever watches.
    pub observer: &'a mut dyn Observer,
    /// Signals: the first stops the run, the second lets it go.
    pub signals: UnboundedReceiver<Signal>,
}

/// Somebody wants the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Run {
    /// Carries the run out until it ends, parks, or is stopped. Words that wait in the inbox are heard from the start.
    ///
    /// # Errors
    /// The journal refused an append, the inbox cannot be read, or the engine contradicts itself. Then nothing more was
    /// written, and calls in flight were dropped.
    pub async fn carry_out(mut self, holding: Holding, world: World<'_>) -> Result<Ended, Broken> {
        let World { kinds, outside, clock, observer, mut signals } = world;
        let id = self.engine.state().run().clone();
        let mut air =
            Air { run: id.clone(), kinds, outside, flights: FuturesUnordered::new(), handles: BTreeMap::new() };
        let mut inputs = vec![Input::Hold(Box::new(holding))];
        let mut alarm: Option<Timestamp> = None;
        let mut listened: Option<Timestamp> = None;
        let mut stops = 0_u32;
        loop {
            let now = clock.now();
            if listened.is_none_or(|listened| now.since(listened) >= INBOX_PAUSE) {
                self.listen(&mut inputs)?;
                listened = Some(now);
            }
            let Turn { records, commands } = self.engine.turn(inputs.drain(..), now)?;
            if !records.is_empty() {
                let first = self.append(&records)?;
                for (number, record) in (first..).zip(&records) {
                    tracing::info!(run = %id, number, step = record.event.step().map(tracing::field::display), "{}", record.event.kind());
                    observer.recorded(number, record);
                }
            }
            for command in commands {
                match command {
                    // A turn hands its records over apart.
                    Command::Record(_) => {}
                    Command::WakeAt(at) => alarm = Some(at),
                    Command::Identify { connection, .. } => air.flights.push(flight::identify(connection, outside)),
                    Command::Invoke(call) => {
                        observer.called(&call);
                        air.invoke(*call);
                    }
                    Command::Abandon(step) => {
                        observer.returned(&step);
                        air.abandon(&step);
                    }
                }
            }
            if let Some(ended) = self.engine.state().ended() {
                return Ok(ended.clone());
            }
            // An alarm that this turn was late enough for has done its work.
            alarm = alarm.filter(|alarm| *alarm > now);
            let until = alarm.map_or(INBOX_PAUSE, |alarm| alarm.since(clock.now()).min(INBOX_PAUSE));
            tokio::select! {
                Some(back) = air.flights.next() => {
                    inputs.extend(back);
                    // What came back meanwhile shares the turn, and so the append.
                    while let Some(Some(back)) = air.flights.next().now_or_never() {
                        inputs.extend(back);
                    }
                }
                Some(signal) = signals.recv() => {
                    stops += 1;
                    inputs.push(stop(signal, stops));
                }
                () = clock.sleep(until) => {}
            }
            for input in &inputs {
                if let Input::Answered { step, .. } = input {
                    observer.returned(step);
                    air.handles.remove(step);
                }
            }
        }
    }

    /// Takes what people said.
    fn listen(&mut self, inputs: &mut Vec<Input>) -> Result<(), Broken> {
        for entry in self.inbox.take()? {
            match word::input(&entry) {
                Some(input) => inputs.push(input),
                None => tracing::warn!(slot = ?entry.slot, "a word in the inbox cannot be read and is passed over"),
            }
        }
        Ok(())
    }
}

/// The calls on their way.
struct Air<'a> {
    run: RunId,
    kinds: &'a (dyn Fn(&str) -> Option<&'a dyn StepKind> + Send + Sync),
    outside: &'a dyn Outside,
    flights: FuturesUnordered<Flight<'a>>,
    handles: BTreeMap<StepPath, AbortHandle>,
}

impl Air<'_> {
    fn invoke(&mut self, call: runbook_engine::command::Call) {
        let step = call.step.clone();
        let kind = (self.kinds)(&call.kind);
        let (flight, handle) = flight::invoke(&self.run, call, kind, self.outside);
        self.flights.push(flight);
        self.handles.insert(step, handle);
    }

    fn abandon(&mut self, step: &StepPath) {
        if let Some(handle) = self.handles.remove(step) {
            handle.abort();
        }
    }
}

fn stop(signal: Signal, stops: u32) -> Input {
    match signal {
        _ if stops > 1 => Input::Halt,
        Signal::Interrupt => Input::Stop(StopReason::Interrupted),
        Signal::Terminate => Input::Stop(StopReason::Terminated),
    }
}
