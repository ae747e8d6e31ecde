//! Evaluation of what an author wrote, where a step stands at this moment.
//!
//! This file decides what comes of an argument, a condition, a sentence or a duration, and tells apart what cannot be
//! evaluated at all from what needs a look outside first. What can be seen from where is in `scope`, doors are in
//! `connect`, what the journal withheld in `recover`. It must not decide what happens next.

pub(crate) mod answer;
mod connect;
mod recover;
mod scope;

use std::sync::Arc;

use indexmap::IndexMap;
use runbook_model::argument::Argument;
use runbook_model::connection::Connection;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::{Unavailable, Value};
use runbook_template::{Name, Scope, Trouble};

use crate::process::Process;
use crate::state::State;
use crate::state::node::NodeId;

pub(crate) use recover::rereading;
pub(crate) use scope::{Moment, Standpoint};

/// A state and what this process knows besides: all that an evaluation, and a decision, may look at.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) state: &'a State,
    pub(crate) process: &'a Process,
}

/// Why something has no value now.
#[derive(Clone, Debug)]
pub(crate) enum Hindrance {
    /// It never will have one.
    Failure(Box<Failure>),
    /// Somebody has to look outside first.
    Need(Need),
}

/// What has to be looked up before something can be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Who is at the other end.
    Identity(Box<Connection>),
    /// What a finished step gave, which the journal withheld.
    Reread(NodeId),
}

impl From<Failure> for Hindrance {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

/// What an evaluation gives.
pub(crate) type Evaluated<T> = Result<T, Hindrance>;

/// A place to evaluate from, with the names that can be seen there.
pub(crate) struct View<'a> {
    pub(crate) sight: Sight<'a>,
    pub(crate) at: Standpoint,
    scope: Scope,
    seen: scope::Seen,
    /// How many connections led here.
    depth: u8,
}

impl<'a> Sight<'a> {
    /// What a step sees before it has an answer.
    pub(crate) fn of(self, id: NodeId) -> View<'a> {
        self.view(Standpoint::of(self.state, id), Moment::Before)
    }

    pub(crate) fn view(self, at: Standpoint, moment: Moment<'_>) -> View<'a> {
        let (scope, seen) = scope::build(self, at, moment);
        View { sight: self, at, scope, seen, depth: 0 }
    }

    /// The title of an instance, with secrets hidden; its id where the title cannot be told.
    pub(crate) fn title(self, id: NodeId) -> String {
        let step = self.state.step(id);
        self.of(id).text(&step.title).unwrap_or_else(|_| step.id.clone())
    }
}

impl View<'_> {
    /// Lets an item be seen that is not listed yet.
    pub(crate) fn see_item(&mut self, item: Value, key: Option<String>, index: usize) {
        self.scope.insert("item", Name::Value(item));
        self.scope.insert("key", Name::Value(key.map_or(Value::Null, Value::String)));
        self.scope.insert("index", Name::Value(i64::try_from(index).unwrap_or(i64::MAX).into()));
    }

    /// The value of an argument.
    pub(crate) fn value(&self, argument: &Argument) -> Evaluated<Value> {
        self.ask(|scope| self.sight.state.evaluator.argument(argument, scope))
    }

    /// The value of an argument; what is not to be had now stays a gap that says why.
    pub(crate) fn value_or_gap(&self, argument: &Argument) -> Evaluated<Value> {
        self.ask(|scope| match self.sight.state.evaluator.argument(argument, scope) {
            Err(Trouble { unavailable: Some((why, _)), .. }) => Ok(Value::Unavailable(why)),
            outcome => outcome,
        })
    }

    /// Is a condition true?
    pub(crate) fn truth(&self, condition: &Argument) -> Evaluated<bool> {
        self.ask(|scope| self.sight.state.evaluator.truth(condition, scope))
    }

    /// A sentence for people; one that a secret entered says only that.
    pub(crate) fn text(&self, sentence: &Argument) -> Evaluated<String> {
        let text = self.ask(|scope| self.sight.state.evaluator.text(sentence, scope))?;
        Ok(text.redacted().as_str().unwrap_or_default().to_owned())
    }

    /// A duration; `what` names it in an error.
    pub(crate) fn duration(&self, argument: &Argument, what: &str) -> Evaluated<Duration> {
        let value = self.value(argument)?;
        value.as_str().unwrap_or_default().parse().map_err(|_| {
            let shown = value.redacted();
            let failure =
                Failure::new(FailureClass::Invalid, format!("`{what}` is `{shown}`, which is not a duration"));
            failure.help("write durations as `90s`, `30m` or `1h30m`").into()
        })
    }

    /// Evaluates, and looks up on the way what it turns out to need. Connections are asked for by name while an expression
    /// is evaluated; those not known yet are made known, and it is evaluated once more.
    fn ask<T>(&self, evaluate: impl Fn(&Scope) -> Result<T, Trouble>) -> Evaluated<T> {
        let mut prepared = IndexMap::new();
        let mut scope = self.scope.clone();
        loop {
            self.seen.clear();
            let outcome = evaluate(&scope);
            let unknown = self.seen.unknown_connections(&prepared);
            if unknown.is_empty() {
                return outcome.map_err(|trouble| self.hindrance(&trouble));
            }
            for name in unknown {
                let members = self.connection_members(&name)?;
                prepared.insert(name, Arc::new(members));
            }
            scope = self.seen.with_connections(&self.scope, &prepared);
        }
    }

    /// What a trouble means: a withheld value can perhaps be had again, all else fails the step.
    fn hindrance(&self, trouble: &Trouble) -> Hindrance {
        if let Some((Unavailable::Withheld, name)) = &trouble.unavailable
            && let Some(hindrance) = self.seen.withheld(name)
        {
            return hindrance;
        }
        let place = match (&trouble.file, trouble.line) {
            (None, line) if line > 0 => {
                format!("{}:{line}:{}: ", self.at.file(self.sight.state), trouble.column)
            }
            _ => String::new(),
        };
        let why = match &trouble.unavailable {
            Some((Unavailable::TooLarge, name)) => {
                format!("`{name}` is larger than a journal keeps (256 KiB); keep what is needed of it with `outputs:`")
            }
            Some((Unavailable::Lost, name)) => {
                format!("`{name}` is not known: the answer was lost, and a person said that the effect is there")
            }
            _ => trouble.to_string(),
        };
        let mut failure = Failure::new(FailureClass::Invalid, format!("{place}{why}"));
        failure.help.clone_from(&trouble.help);
        if let Some((Unavailable::Lost, _)) = &trouble.unavailable {
            // A plain resume would end here again.
            let run = self.sight.state.run();
            failure = failure.help(format!(
                "write the value into the runbook and go on with `runbook resume {run} --with FILE`, or do the step again with `--from`"
            ));
        }
        failure.into()
    }
}
