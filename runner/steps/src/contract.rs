//! The contract of a step kind at run time: what it is called with, what it answers, how it is asked.
//!
//! This file decides the questions between the driver and a kind. It must not know any SDK, file or clock: what a kind
//! reaches, it reaches through [`Outside`].

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use runbook_model::connection::Connection;
use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::id::{RunId, Token};
use runbook_model::kind::Kind;
use runbook_model::path::StepPath;
use runbook_model::value::Value;

use crate::ports::Outside;

pub use runbook_model::answer::{Answer, Look, Progress};

/// A future that a kind or a port returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One call of a kind, with everything evaluated.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The run.
    pub run: RunId,
    /// The name of the runbook the step was written in (of the innermost one); part of a field manager's name.
    pub runbook: String,
    /// The step.
    pub path: StepPath,
    /// The arguments, as [`Kind::plan`] left them, evaluated.
    pub arguments: Value,
    /// The connection; present if the call reaches AWS or Kubernetes.
    pub connection: Option<Connection>,
    /// The further connections, by the argument that names them ([`runbook_model::kind::Takes::Connection`]).
    pub connections: BTreeMap<String, Connection>,
    /// What makes repeating it harmless where the service supports that.
    pub token: Token,
    /// How long it may take before it has to answer something; under a minute.
    pub limit: Duration,
    /// Set when the call is a look of a wait: a source that can watch may hold its answer back until something has changed.
    pub look: Option<Look>,
}

impl Invocation {
    /// The connection of a kind that cannot do without.
    ///
    /// # Errors
    /// `invalid` if there is none, which the checker reports long before.
    pub fn connection(&self) -> Result<&Connection, Failure> {
        self.connection.as_ref().ok_or_else(|| {
            Failure::new(FailureClass::Invalid, "the step has no connection").help("add `connection:` to the step")
        })
    }

    /// The connection that an argument names.
    ///
    /// # Errors
    /// `invalid` if it names none.
    pub fn named_connection(&self, argument: &str) -> Result<&Connection, Failure> {
        self.connections.get(argument).ok_or_else(|| {
            Failure::new(FailureClass::Invalid, format!("`{argument}` names no connection"))
                .help(format!("write the name of a connection behind `{argument}`"))
        })
    }
}

/// A step kind that acts. Each of its calls is bounded by [`Invocation::limit`]; long waits are the engine's timers.
pub trait StepKind: Kind {
    /// Does it, once. Never retries: the engine alone decides that.
    ///
    /// # Errors
    /// Why it did not succeed; [`Failure::in_doubt`] if it may have taken effect.
    fn start<'a>(
        &'a self,
        invocation: &'a Invocation,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>>;

    /// Asks about something that goes on. A kind that never answers [`Progress::Going`] need not say more.
    ///
    /// # Errors
    /// As [`StepKind::start`].
    fn poll<'a>(
        &'a self,
        invocation: &'a Invocation,
        ticket: &'a Value,
        outside: &'a dyn Outside,
    ) -> Pending<'a, Result<Progress, Failure>> {
        let _ = ticket;
        self.start(invocation, outside)
    }
}
