//! A step instance: how far one step, one item of a `for-each` or a loop as a whole has come.
//!
//! This file decides what is remembered of an instance. It must not decide which events change it (`super::apply`) nor
//! what happens next (`crate::decide`).

use std::sync::Arc;

use runbook_model::digest::Digest;
use runbook_model::failure::Failure;
use runbook_model::kind::Origin;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;
use runbook_model::value::{Map, Value};

use super::tally::{Tally, Weight};
use crate::event::{Because, EndPart, EndStatus, ParkReason};
use crate::outline::LayoutId;
use crate::reads::Names;

/// An instance; an index into the state's nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(super) u32);

/// An opened body; an index into the state's bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BodyId(pub(super) u32);

/// What an instance stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// A body.
    Body(BodyId),
    /// A loop, whose item it is.
    Loop(NodeId),
}

/// A body that is open, or was.
#[derive(Debug)]
pub(crate) struct OpenBody {
    pub(crate) layout: LayoutId,
    /// The instance it belongs to; `None` for the outermost.
    pub(crate) owner: Option<NodeId>,
    /// The runbook to whose end it belongs.
    pub(crate) end_of: Option<BodyId>,
    /// What runs at its own end, as far as that was ever reached.
    pub(crate) ends: Vec<Ending>,
    /// Its inputs; a map. Of a group empty, because it sees those around it.
    pub(crate) inputs: Arc<Value>,
    /// Is a secret among them that the journal did not keep?
    pub(crate) withheld: bool,
    /// One instance per step, in the order of the plan.
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) tally: Tally,
}

/// The steps at the end of a runbook.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) part: EndPart,
    pub(crate) body: BodyId,
    /// Is the end still reached? A resume that goes on with the runbook's own steps leaves it.
    pub(crate) reached: bool,
    /// How the runbook's own steps ended, and what decided that.
    pub(crate) status: EndStatus,
    pub(crate) because: Option<Because>,
}

/// An instance.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) path: StepPath,
    /// Which step of the plan it is.
    pub(crate) layout: LayoutId,
    pub(crate) index: u32,
    /// The body whose names it sees.
    pub(crate) body: BodyId,
    pub(crate) role: Role,
    pub(crate) phase: Phase,
    /// How it counts in its container.
    pub(crate) weight: Weight,
    /// How many of the steps it needs have not ended.
    pub(crate) needs_left: u32,
    /// How many steps it reads the outputs of have failed with `on-failure: continue`.
    pub(crate) blockers: u32,
    /// Of an item: has its loop let it go?
    pub(crate) released: bool,
    pub(crate) inner: Inner,
    pub(crate) work: Work,
    pub(crate) end: Option<Box<End>>,
    /// What an edited plan has left open about it.
    pub(crate) renewal: Option<Box<Renewal>>,
}

/// An instance whose turn comes once more, because the plan was edited.
#[derive(Debug, Default)]
pub(crate) struct Renewal {
    /// Why, for people.
    pub(crate) why: &'static str,
    /// How it had ended. That stands if it would do the same again.
    pub(crate) outcome: Option<Box<End>>,
    /// What the steps inside it read that came out otherwise since they were judged.
    pub(crate) changed: Names,
}

/// What an instance is of its step.
#[derive(Debug)]
pub(crate) enum Role {
    /// The step itself.
    Single,
    /// The whole of a `for-each`.
    Loop,
    /// An item of one.
    Item(Box<ItemRole>),
}

/// An item of a `for-each`.
#[derive(Debug)]
pub(crate) struct ItemRole {
    pub(crate) of: NodeId,
    pub(crate) key: String,
    pub(crate) position: u32,
    pub(crate) value: Arc<Value>,
}

/// What is inside an instance.
#[derive(Debug, Default)]
pub(crate) enum Inner {
    #[default]
    Nothing,
    Body(BodyId),
    Loop(Box<Items>),
}

/// The items of a loop.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) tally: Tally,
    /// No item before this place waits to be let go.
    pub(super) cursor: usize,
    /// How many are let go and have not ended.
    pub(super) going: u32,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing has happened.
    Pending,
    /// A step that reaches outside has begun.
    Active,
    /// A loop is listed, a body is opened.
    Open,
    Parked(ParkReason),
    Succeeded,
    Skipped,
    Failed,
}

impl Phase {
    /// Is there nothing more to do, unless it is opened again?
    pub(crate) fn is_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Skipped | Self::Failed)
    }
}

/// What is known of the effect of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Mark {
    /// It did not happen: never called, or turned away before anything was done.
    #[default]
    Untouched,
    /// The service refused this very call.
    Refused,
    /// It happened, and the answer did not pass the step's own checks.
    Answered,
    /// The intent is recorded and this process awaits the answer.
    Started,
    /// Nobody knows.
    Doubt,
    /// It happened and goes on outside.
    Going,
}

/// The last intent of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Intent {
    pub(crate) generation: u32,
    pub(crate) definition: Digest,
    pub(crate) arguments: Digest,
    /// The label of its connection.
    pub(crate) connection: Option<String>,
    /// When the token of this generation was first sent.
    pub(crate) token_since: Timestamp,
}

/// A probe found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Absent {
    /// Since when that has held without a break.
    pub(crate) since: Timestamp,
    /// When it was seen last.
    pub(crate) last: Timestamp,
    /// Which holder saw it last; another holder looks again.
    pub(crate) hold: u32,
}

/// What an instance has done so far, across its attempts.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// 0 until something rests on it.
    pub(crate) generation: u32,
    pub(crate) attempts: u32,
    pub(crate) looks: u32,
    /// Calls that failed in a row since it began or was opened again.
    pub(crate) failures: u32,
    /// When the first of these calls was made; what `retry.for` counts from.
    pub(crate) tried_since: Option<Timestamp>,
    /// When the first thing happened to it.
    pub(crate) began_at: Option<Timestamp>,
    /// Has its turn come?
    pub(crate) begun: bool,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) intent: Option<Intent>,
    pub(crate) mark: Mark,
    pub(crate) absent: Option<Absent>,
    /// What the last probe found of the author's sentences that say what is not as wanted.
    pub(crate) different: Vec<String>,
    /// How it came about and what it gave, when it had succeeded and is looked at again.
    pub(crate) former: Option<(Origin, Arc<Value>)>,
    /// The service said the name is taken; a probe has to tell by whom.
    pub(crate) taken: bool,
    /// Not before then is a failed call made again.
    pub(crate) pause: Option<Timestamp>,
    /// Not before then is the next look or poll.
    pub(crate) next: Option<Timestamp>,
    pub(crate) ticket: Option<Value>,
    pub(crate) observed: Option<String>,
    pub(crate) holds_since: Option<Timestamp>,
    /// When something was heard of it last: an answer, a failure.
    pub(crate) last: Option<Timestamp>,
    /// The last failure.
    pub(crate) failure: Option<Failure>,
}

/// How it ended, or why it is parked.
#[derive(Debug, Default)]
pub(crate) struct End {
    pub(crate) at: Timestamp,
    /// A map; `None` unless it succeeded.
    pub(crate) outputs: Option<Arc<Value>>,
    /// Is a secret in the outputs that the journal did not keep?
    pub(crate) withheld: bool,
    pub(crate) origin: Option<Origin>,
    /// For people: why it was skipped, what a parked step waits for.
    pub(crate) reason: Option<String>,
    pub(crate) failure: Option<Failure>,
    pub(crate) warnings: Vec<String>,
}

impl Node {
    /// The item it is, if it is one.
    pub(crate) fn item(&self) -> Option<&ItemRole> {
        match &self.role {
            Role::Item(item) => Some(item),
            Role::Single | Role::Loop => None,
        }
    }

    pub(crate) fn container(&self) -> Container {
        self.item().map_or(Container::Body(self.body), |item| Container::Loop(item.of))
    }

    pub(crate) fn is_loop(&self) -> bool {
        matches!(self.role, Role::Loop)
    }

    pub(crate) fn items(&self) -> Option<&Items> {
        match &self.inner {
            Inner::Loop(items) => Some(items),
            Inner::Nothing | Inner::Body(_) => None,
        }
    }

    /// What it kept, if it succeeded and is no loop.
    pub(crate) fn outputs(&self) -> Option<&Arc<Value>> {
        match self.phase {
            Phase::Succeeded => self.end.as_ref()?.outputs.as_ref(),
            _ => None,
        }
    }
}

/// A map without entries.
pub(crate) fn empty() -> Arc<Value> {
    Arc::new(Value::Map(Map::new()))
}
