//! The state of a run: what all events so far add up to.
//!
//! This file decides what is remembered of a run as a whole and how it is asked about. It changes in [`State::apply`]
//! alone. It must not know what this process is doing at the moment; that is `crate::process`, and no journal holds it.

mod adjust;
mod apply;
pub(crate) mod edited;
pub(crate) mod ends;
mod illegal;
pub(crate) mod node;
mod open;
pub(crate) mod tally;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;
use runbook_model::connection::Identity;
use runbook_model::digest::{Digest, RunKey};
use runbook_model::id::RunId;
use runbook_model::path::StepPath;
use runbook_model::plan::{Plan, Step};
use runbook_model::time::Timestamp;
use runbook_model::value::{Map, Value};
use runbook_template::Evaluator;

pub use illegal::IllegalEvent;

use crate::event::{Because, EndStatus, Event, Person, RunCreated, Stamped, StopReason};
use crate::outline::{self, Outline};
use edited::Past;
use node::{BodyId, Node, NodeId, OpenBody, Phase};

/// What all events of a run add up to.
pub struct State {
    pub(crate) run: Run,
    pub(crate) outline: Outline,
    /// Evaluates the expressions of this plan.
    pub(crate) evaluator: Evaluator,
    nodes: Vec<Node>,
    bodies: Vec<OpenBody>,
    paths: BTreeMap<StepPath, NodeId>,
    pub(crate) hold: Option<Hold>,
    /// How often the run was held.
    pub(crate) holds: u32,
    /// Who was met under which label.
    pub(crate) met: BTreeMap<String, Met>,
    pub(crate) stopping: Option<StopReason>,
    pub(crate) cancelled: bool,
    pub(crate) ended: Option<Ended>,
    /// How many steps wait for a person or a resume for another reason than an approval.
    pub(crate) parked_for_good: u32,
    /// What was done under paths that the plan no longer has, after it was edited.
    pub(crate) past: BTreeMap<StepPath, Past>,
    /// Finished instances that are looked at again before the run goes on.
    pub(crate) to_verify: BTreeSet<NodeId>,
    /// Instances that changed since somebody last asked; see `crate::agenda`.
    pub(crate) touched: Vec<NodeId>,
}

/// What a run rests on, besides its plan.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) plan_digest: Digest,
    pub(crate) package: IndexMap<String, String>,
    pub(crate) inputs_digest: Digest,
    pub(crate) key: RunKey,
    pub(crate) labels: IndexMap<String, String>,
    pub(crate) allow_command: bool,
    pub(crate) by: Person,
    pub(crate) version: String,
    pub(crate) created_at: Timestamp,
}

/// Who holds the run, if nobody has let go of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Who.
    pub by: Person,
    /// The process.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
    /// What the plan asks for and that process does not carry out.
    pub warnings: Vec<String>,
}

/// Who was met at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) identity: Identity,
    /// Which holder saw it last.
    pub(crate) hold: u32,
}

/// How a run stands that nobody holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// How.
    pub status: EndStatus,
    /// When.
    pub at: Timestamp,
    /// What the runbook gave back.
    pub outputs: Option<Value>,
    /// What decided it.
    pub because: Option<Because>,
}

impl State {
    /// The state after the first event, which made the run at `time`.
    #[must_use]
    pub fn new(created: RunCreated, time: Timestamp) -> Self {
        let evaluator = Evaluator::new(&created.plan.templates);
        let run = Run {
            id: created.run,
            plan_digest: created.plan_digest,
            package: created.package,
            inputs_digest: created.inputs_digest,
            key: created.key,
            labels: created.labels,
            allow_command: created.allow_command,
            by: created.by,
            version: created.version,
            created_at: time,
        };
        let mut state = Self {
            run,
            outline: Outline::new(created.plan),
            evaluator,
            nodes: Vec::new(),
            bodies: Vec::new(),
            paths: BTreeMap::new(),
            hold: None,
            holds: 0,
            met: BTreeMap::new(),
            stopping: None,
            cancelled: false,
            ended: None,
            parked_for_good: 0,
            past: BTreeMap::new(),
            to_verify: BTreeSet::new(),
            touched: Vec::new(),
        };
        state.open_body(outline::ROOT, None, Arc::new(created.inputs.0));
        state
    }

    /// The state after all events of a journal.
    ///
    /// # Errors
    /// There are none, the first is not `run-created`, or one does not fit what came before it.
    pub fn replay(events: impl IntoIterator<Item = Stamped>) -> Result<Self, IllegalEvent> {
        let mut events = events.into_iter();
        let mut state = match events.next() {
            Some(Stamped { time, event: Event::RunCreated(created) }) => Self::new(*created, time),
            Some(other) => return Err(IllegalEvent::run(&other.event, "nothing was created before it")),
            None => return Err(IllegalEvent::empty()),
        };
        for event in events {
            state.apply(&event)?;
        }
        Ok(state)
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run.id
    }

    /// The plan it carries out.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        self.outline.plan()
    }

    /// The digest of the plan.
    #[must_use]
    pub fn plan_digest(&self) -> &Digest {
        &self.run.plan_digest
    }

    /// The texts it rests on, by path relative to the package.
    #[must_use]
    pub fn package(&self) -> &IndexMap<String, String> {
        &self.run.package
    }

    /// The inputs; secret ones may be withheld.
    #[must_use]
    pub fn inputs(&self) -> &Value {
        &self.root().inputs
    }

    /// The key of the run, under which secrets enter its digests.
    #[must_use]
    pub fn key(&self) -> &RunKey {
        &self.run.key
    }

    /// The digest of the inputs; see [`RunCreated::inputs_digest`].
    #[must_use]
    pub fn inputs_digest(&self) -> &Digest {
        &self.run.inputs_digest
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &IndexMap<String, String> {
        &self.run.labels
    }

    /// Did the operator allow `command` steps?
    #[must_use]
    pub fn allows_command(&self) -> bool {
        self.run.allow_command
    }

    /// Who made it, and with which version of the program.
    #[must_use]
    pub fn made_by(&self) -> (&Person, &str) {
        (&self.run.by, &self.run.version)
    }

    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.run.created_at
    }

    /// Who took it up last, and what that process said it leaves out.
    #[must_use]
    pub fn held(&self) -> Option<&Hold> {
        self.hold.as_ref()
    }

    /// How it stands, if its last holder let go of it.
    #[must_use]
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// Was it given up for good? While what belongs to its end is not done, it can be taken up for just that.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.cancelled && self.ended.as_ref().is_some_and(|ended| ended.status == EndStatus::Cancelled)
    }

    /// Why nothing new starts, if that is so.
    #[must_use]
    pub fn stopping(&self) -> Option<StopReason> {
        self.stopping
    }

    /// Who was met so far, by the label of the connection.
    pub fn identities(&self) -> impl Iterator<Item = (&str, &Identity)> {
        self.met.iter().map(|(label, met)| (label.as_str(), &met.identity))
    }

    /// Is there such a step, or item, by now? What stands inside something that has not begun is not known yet.
    #[must_use]
    pub fn knows(&self, step: &StepPath) -> bool {
        self.find(step).is_some_and(|id| self.is_reachable(id))
    }

    /// The secret inputs that the journal withholds. Whoever goes on with the run has to give them again.
    #[must_use]
    pub fn withheld_inputs(&self) -> Vec<&str> {
        let inputs = self.body(BodyId(0)).inputs.as_map();
        let withheld = inputs.into_iter().flatten().filter(|(_, value)| value.unavailable().is_some());
        withheld.map(|(name, _)| name.as_str()).collect()
    }

    /// Are these the secret inputs that the run rests on? The journal has none of them, but a digest of all inputs under the
    /// key of the run.
    #[must_use]
    pub fn rests_on(&self, secrets: &Map) -> bool {
        let mut inputs = self.inputs().as_map().cloned().unwrap_or_default();
        inputs.extend(secrets.iter().map(|(name, value)| (name.clone(), value.clone())));
        Digest::of_value(&Value::Map(inputs), self.key()) == *self.inputs_digest()
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub(crate) fn body(&self, id: BodyId) -> &OpenBody {
        &self.bodies[id.0 as usize]
    }

    pub(crate) fn root(&self) -> &OpenBody {
        self.body(BodyId(0))
    }

    pub(crate) fn root_id(&self) -> BodyId {
        BodyId(0)
    }

    /// The step of the plan that an instance carries out.
    pub(crate) fn step(&self, id: NodeId) -> &Step {
        let node = self.node(id);
        self.outline.step(node.layout, node.index)
    }

    pub(crate) fn find(&self, path: &StepPath) -> Option<NodeId> {
        self.paths.get(path).copied()
    }

    /// All instances that were ever made, in the order in which they were.
    pub(crate) fn node_ids(&self) -> impl ExactSizeIterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// The nested runbook that a body is part of: itself, or what is around a group.
    pub(crate) fn runbook_around(&self, body: BodyId) -> BodyId {
        self.surroundings(body).map_or(body, |(_, around)| self.runbook_around(around))
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    fn body_mut(&mut self, id: BodyId) -> &mut OpenBody {
        &mut self.bodies[id.0 as usize]
    }

    /// When the time of an instance is up, its own or that of something around it, and whose time that is.
    pub(crate) fn deadline(&self, id: NodeId) -> Option<(Timestamp, NodeId)> {
        let node = self.node(id);
        let own = node.work.deadline.map(|deadline| (deadline, id));
        let around = self.around(id).and_then(|owner| self.deadline(owner));
        match (own, around) {
            (Some(own), Some(around)) => Some(if around.0 < own.0 { around } else { own }),
            (own, around) => own.or(around),
        }
    }

    /// The instance directly around this one: its loop, or what its body belongs to.
    pub(crate) fn around(&self, id: NodeId) -> Option<NodeId> {
        let node = self.node(id);
        node.item().map(|item| item.of).or(self.body(node.body).owner)
    }

    /// Is everything around an instance still what it was made for: no loop dropped it, nothing around it begins anew?
    pub(crate) fn is_reachable(&self, id: NodeId) -> bool {
        let node = self.node(id);
        let dropped = node.item().is_some_and(|item| {
            self.node(item.of).items().and_then(|items| items.nodes.get(item.position as usize)) != Some(&id)
        });
        if dropped {
            return false;
        }
        self.around(id).is_none_or(|owner| self.node(owner).phase != Phase::Pending && self.is_reachable(owner))
    }
}
