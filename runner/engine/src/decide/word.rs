//! A person's word: an approval, a rejection, an answer about an effect in doubt, giving the run up.
//!
//! This file decides what a word does to the step it was said of. Whether it comes too late is decided where it is taken in
//! (`crate::process`). It must not know how words travel.

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Origin;
use runbook_model::plan::Action;
use runbook_model::value::{Map, Unavailable, Value};

use super::act::origin;
use super::{Decider, record};
use crate::command::Command;
use crate::event::{Event, Word};
use crate::process::is_awaited;
use crate::state::node::NodeId;

impl Decider<'_> {
    /// The next thing a person said, if somebody did.
    pub(super) fn said(self) -> Option<Vec<Command>> {
        if let Some((by, said_at)) = &self.process.cancel {
            return Some(vec![record(Event::CancelAsked { by: by.clone(), said_at: *said_at })]);
        }
        let said = self.process.words.iter().find(|said| is_awaited(self.state, said))?;
        let id = self.state.find(&said.step)?;
        let mut commands = vec![record(Event::WordGiven {
            step: said.step.clone(),
            generation: said.generation,
            word: said.word,
            by: said.by.clone(),
            said_at: said.said_at,
            plan: *self.state.plan_digest(),
        })];
        let who = format!("{} on {}", said.by.user, said.by.host);
        match said.word {
            Word::Approve => {
                commands.push(record(self.done(id, Origin::Unchanged, Value::Map(Map::new()), Vec::new())));
            }
            Word::Reject => {
                let failure = Failure::new(FailureClass::Denied, format!("{who} rejected it"))
                    .help("`runbook resume` asks again");
                commands.extend(self.fail(id, failure));
            }
            Word::Done => commands.push(record(self.done(id, self.origin_of(id), self.lost(id), Vec::new()))),
            Word::Retry => commands.push(record(Event::StepReopened {
                step: said.step.clone(),
                generation: self.state.node(id).work.generation + 1,
                deadline: self.new_deadline(id, self.state.step(id)).ok().flatten(),
                afresh: false,
                reason: format!("{who} said that the effect is not there"),
            })),
        }
        Some(commands)
    }

    fn origin_of(self, id: NodeId) -> Origin {
        match (&self.state.node(id).work.former, &self.state.step(id).action) {
            (Some((origin, _)), _) => *origin,
            (None, Action::Call(call)) => origin(self.state.step(id), call),
            _ => Origin::Unchanged,
        }
    }

    /// The outputs of a step whose answer never came; those it had before, if it had succeeded and was then looked at again.
    fn lost(self, id: NodeId) -> Value {
        if let Some((_, outputs)) = &self.state.node(id).work.former {
            return outputs.as_ref().clone();
        }
        let names = match &self.state.step(id).outputs {
            Some(outputs) => outputs.keys().cloned().collect(),
            None => vec!["result".to_owned()],
        };
        Value::Map(names.into_iter().map(|name| (name, Value::Unavailable(Unavailable::Lost))).collect())
    }
}
