//! A runbook as it was written: the keys read, with their places, and nothing concluded yet.
//!
//! This folder decides which keys stand where and of which type their values are. It must not know what names refer to:
//! that is checked in `check`.

mod actions;
mod declarations;
mod keys;
mod retry;
mod runbook;
mod step;

use std::rc::Rc;

use indexmap::IndexMap;
use runbook_model::argument::{Argument, Entry};
use runbook_model::duration::Duration;
use runbook_model::input::InputDeclaration;
use runbook_model::kind::{Parameter, Planned};
use runbook_model::plan::OnFailure;
use runbook_model::source::Span;

use crate::check::Loaded;

pub(crate) use declarations::{clause, place_of};
pub(crate) use keys::meant;
pub(crate) use runbook::read;

/// Something with its place.
#[derive(Clone, Debug)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A runbook's file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runbook {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) labels: IndexMap<String, String>,
    pub(crate) owner: Option<String>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) inputs: IndexMap<String, (Span, InputDeclaration)>,
    pub(crate) connections: IndexMap<String, (Span, Argument)>,
    pub(crate) defaults: Defaults,
    pub(crate) steps: Vec<Step>,
    pub(crate) outputs: Vec<Entry>,
    pub(crate) when_failed: Vec<Step>,
    pub(crate) finally: Vec<Step>,
    /// Parts that could not be read; names that are missing from them are not complained about.
    pub(crate) unread: Unread,
}

/// Which parts of a runbook could not be read as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unread {
    pub(crate) inputs: bool,
    pub(crate) connections: bool,
    pub(crate) steps: bool,
}

/// What steps have unless they say otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) retry: Option<RetryKeys>,
    pub(crate) timeout: Option<Argument>,
}

/// A step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The first line of it.
    pub(crate) span: Span,
    /// Empty where an id is needed and none is written.
    pub(crate) id: Spanned<String>,
    pub(crate) title: Option<Argument>,
    pub(crate) needs: Option<Vec<Spanned<String>>>,
    pub(crate) when: Option<Argument>,
    pub(crate) for_each: Option<Argument>,
    pub(crate) key: Option<Argument>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) connection: Option<Argument>,
    pub(crate) retry: Option<RetryKeys>,
    pub(crate) timeout: Option<Argument>,
    pub(crate) accept: Vec<Spanned<String>>,
    pub(crate) check: Vec<Check>,
    pub(crate) outputs: Option<Vec<Entry>>,
    pub(crate) secret: Vec<Spanned<String>>,
    pub(crate) probe: Option<Probe>,
    pub(crate) adjust: Vec<Self>,
    pub(crate) verify: Option<Verify>,
    pub(crate) undo: Undo,
    pub(crate) on_failure: OnFailure,
    /// `None` if there is none, several, or one that nobody knows.
    pub(crate) action: Option<Action>,
    /// The keys it has besides `id` and its kind, with their places.
    pub(crate) keys: Vec<Spanned<String>>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Call(Call),
    Wait(Box<Wait>),
    Set(Vec<Entry>),
    Assert(Vec<Check>),
    Approve(Argument),
    Uses(Uses),
    Group(Vec<Step>),
}

/// A call of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) kind: Spanned<String>,
    pub(crate) arguments: Argument,
    /// Its own connection, in a look.
    pub(crate) connection: Option<Argument>,
    /// What the kind says of it, once it was asked, and the kind's version.
    pub(crate) planned: Option<Planned>,
    pub(crate) version: u32,
    /// What the kind takes.
    pub(crate) parameters: &'static [Parameter],
    /// Is it of a kind that this version does not carry out? Then nothing is known of its outputs.
    pub(crate) later: bool,
}

/// A `wait-for`.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    pub(crate) source: Call,
    pub(crate) until: Until,
    pub(crate) fail_when: Vec<(Argument, Option<Argument>)>,
    pub(crate) observe: Option<Argument>,
    pub(crate) otherwise: Option<Argument>,
    pub(crate) every: Option<Argument>,
    pub(crate) stable_for: Option<Argument>,
}

/// When a wait is over.
#[derive(Clone, Debug)]
pub(crate) enum Until {
    True(Argument),
    /// The source says so; its arguments hold `ready` or `waiter`.
    Source,
}

/// A nested runbook, or a kind that stands for one.
#[derive(Clone, Debug)]
pub(crate) struct Uses {
    /// `runbook`, or the kind that expands.
    pub(crate) kind: Spanned<String>,
    pub(crate) path: Option<Spanned<String>>,
    pub(crate) with: Vec<Entry>,
    pub(crate) with_connections: Vec<Entry>,
    /// The runbook itself, once it was read.
    pub(crate) loaded: Option<Rc<Loaded>>,
}

/// Something that must hold.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) span: Span,
    pub(crate) that: Argument,
    pub(crate) otherwise: Option<Argument>,
    pub(crate) warns: bool,
}

/// A look that tells whether a step's effect is there.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) span: Span,
    pub(crate) call: Call,
    pub(crate) present_when: Option<Argument>,
    pub(crate) matches: Vec<Check>,
    pub(crate) outputs: Option<Vec<Entry>>,
    pub(crate) settle: Option<Duration>,
}

/// A look at a finished step.
#[derive(Clone, Debug)]
pub(crate) struct Verify {
    pub(crate) call: Call,
    pub(crate) check: Vec<Check>,
}

/// How a step is taken back.
#[derive(Clone, Debug, Default)]
pub(crate) enum Undo {
    #[default]
    Unsaid,
    Steps(Vec<Step>),
    Never(String),
}

/// The keys of a `retry`, those that are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct RetryKeys {
    pub(crate) attempts: Option<u32>,
    pub(crate) within: Option<Duration>,
    pub(crate) delay: Option<Duration>,
    pub(crate) max_delay: Option<Duration>,
    pub(crate) factor: Option<f64>,
    pub(crate) jitter: Option<bool>,
    pub(crate) errors: Option<Vec<Spanned<String>>>,
    pub(crate) when: Option<Argument>,
}
