//! How a run and its steps stand, for reports and scripts.
//!
//! This file decides the words of `cli.md` for what the state knows: one status per instance, in the order of the plan,
//! items and nested steps included, and what a resume would do with each. It must not decide what happens, nor how anything
//! looks on a screen.

use std::collections::BTreeSet;

use runbook_model::failure::Failure;
use runbook_model::kind::Origin;
use runbook_model::path::StepPath;
use runbook_model::plan::Action;
use runbook_model::time::Timestamp;
use runbook_model::value::Value;
use serde::{Deserialize, Serialize};

use crate::decide::{Again, checkpoint};
use crate::engine::Engine;
use crate::evaluate::Sight;
use crate::event::{EndStatus, Event, ParkReason, PlanChanged, Stamped, Word};
use crate::resume::{self, Decision, Standing};
use crate::state::node::{Container, Inner, Mark, NodeId, Phase};
use crate::state::tally::Weight;
use crate::state::{IllegalEvent, State};

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// Somebody carries it out.
    Running,
    /// Nobody does, and it was let go of in the middle.
    Interrupted,
    /// All is done.
    Succeeded,
    /// A step failed.
    Failed,
    /// It waits for a person.
    Parked,
    /// A deadline passed.
    TimedOut,
    /// A person gave it up.
    Cancelled,
    /// It was taken back.
    Undone,
}

impl RunStatus {
    /// The name that scripts read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Parked => "parked",
            Self::TimedOut => "timed-out",
            Self::Cancelled => "cancelled",
            Self::Undone => "undone",
        }
    }
}

impl From<EndStatus> for RunStatus {
    fn from(status: EndStatus) -> Self {
        match status {
            EndStatus::Succeeded => Self::Succeeded,
            EndStatus::Failed => Self::Failed,
            EndStatus::Parked => Self::Parked,
            EndStatus::TimedOut => Self::TimedOut,
            EndStatus::Cancelled => Self::Cancelled,
            EndStatus::Interrupted => Self::Interrupted,
            EndStatus::Undone => Self::Undone,
        }
    }
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepStatus {
    /// Its turn has not come.
    Pending,
    /// It reads the outputs of a step that failed.
    Blocked,
    /// It does something.
    Running,
    /// It waits for its next look or try.
    Waiting,
    /// It waits for a person or more time.
    Parked,
    /// Nobody knows whether its effect happened.
    InDoubt,
    /// It is done.
    Succeeded,
    /// It did not have to run.
    Skipped,
    /// It failed.
    Failed,
    /// The run was given up before it was done.
    Cancelled,
    /// It was taken back.
    Undone,
}

impl StepStatus {
    /// The name that scripts read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Blocked => "blocked",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Parked => "parked",
            Self::InDoubt => "in-doubt",
            Self::Succeeded => "succeeded",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Undone => "undone",
        }
    }
}

/// One instance of a step.
#[derive(Clone, Debug)]
pub struct StepView {
    /// Its path.
    pub path: StepPath,
    /// Its kind, as authors write it.
    pub kind: String,
    /// Its title, with what is known now filled in.
    pub title: String,
    /// How it stands.
    pub status: StepStatus,
    /// How often its effect was tried; of a wait, how often it looked; of what calls nobody, 1 once its turn has come.
    pub attempts: u32,
    /// The generation that a person's word has to name.
    pub generation: u32,
    /// When the first thing happened to it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When its time is up.
    pub deadline: Option<Timestamp>,
    /// Why it was skipped, or what it waits for.
    pub reason: Option<String>,
    /// What it waits for, if it is parked.
    pub parked: Option<ParkReason>,
    /// What was seen last.
    pub observed: Option<String>,
    /// Why it failed, or why its last try did.
    pub failure: Option<Failure>,
    /// How its success came about.
    pub origin: Option<Origin>,
    /// What people should read, although it succeeded.
    pub warnings: Vec<String>,
    /// What it gave; `None` for a loop, whose items have it.
    pub outputs: Option<Value>,
}

/// A step that was carried out and that the edited plan does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its path.
    pub path: StepPath,
    /// How its success came about, if it succeeded; what was created or changed stays.
    pub origin: Option<Origin>,
    /// Does nobody know whether its effect happened?
    pub in_doubt: bool,
}

/// What a resume would do with one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumption {
    /// Its path.
    pub path: StepPath,
    /// What.
    pub decision: Decision,
    /// Why.
    pub reason: String,
}

impl Engine {
    /// All instances in the order of the plan: loops before their items, nested runbooks before their steps. `held` says
    /// whether a living process holds the run.
    #[must_use]
    pub fn steps(&self, held: bool) -> Vec<StepView> {
        let state = self.state();
        let unread = state.node_ids().filter(|id| state.node(*id).blockers > 0);
        let blocked = spread(state, unread.collect(), false);
        in_order(state).into_iter().map(|id| step(self.sight(), id, &blocked, held)).collect()
    }

    /// How the run stands; `held` as in [`Engine::steps`].
    #[must_use]
    pub fn status(&self, held: bool) -> RunStatus {
        match (self.state().ended(), held) {
            (_, true) => RunStatus::Running,
            (Some(ended), false) => ended.status.into(),
            (None, false) => RunStatus::Interrupted,
        }
    }

    /// The engine as it would be by an edited plan, for telling what a resume would do.
    ///
    /// # Errors
    /// The run was cancelled.
    pub fn edited(self, changed: PlanChanged, now: Timestamp) -> Result<Self, IllegalEvent> {
        let mut state = self.into_state();
        state.apply(&Stamped { time: now, event: Event::PlanChanged(Box::new(changed)) })?;
        Ok(Self::new(state))
    }

    /// What was carried out and is no part of the plan any more.
    pub fn removed(&self) -> impl Iterator<Item = Removed> + '_ {
        let state = self.state();
        let past = state.past.iter().filter(|(path, past)| past.happened() && !state.outline.knows(path));
        past.map(|(path, past)| Removed {
            path: path.clone(),
            origin: past.end.as_ref().and_then(|end| end.origin),
            in_doubt: past.is_in_doubt(),
        })
    }

    /// What a resume at `now` would do, for every instance; `from` is the step that a person wants run again.
    #[must_use]
    pub fn resumption(&self, from: Option<&StepPath>, now: Timestamp) -> Vec<Resumption> {
        let state = self.state();
        let again = Again::new(state, from.and_then(|path| state.find(path)));
        let ids = in_order(state);
        let decided = |held_up: &BTreeSet<NodeId>, id| {
            let said = self.said_of(&state.node(id).path);
            match resumption(state, &again, held_up, id, now) {
                (Decision::Ask, reason) => said.map_or((Decision::Ask, reason), answered),
                other => other,
            }
        };
        let asks = |id: &NodeId| decided(&BTreeSet::new(), *id).0 == Decision::Ask;
        let held_up = spread(state, ids.iter().copied().filter(asks).collect(), true);
        let verified = state.relied_on(&again.runs(state));
        ids.into_iter()
            .map(|id| {
                let (mut decision, mut reason) = decided(&held_up, id);
                if state.is_given_up() && decision != Decision::Reuse {
                    (decision, reason) = (Decision::Blocked, "the run was given up".to_owned());
                } else if decision == Decision::Reuse && verified.contains(&id) {
                    reason += "; its `verify` is asked first, and it is looked at again if that fails";
                } else if decision == Decision::Reuse && state.end_begins_again(id, &again.runs(state)) {
                    (decision, reason) = (Decision::Rerun, "it runs again when the end is reached again".to_owned());
                }
                Resumption { path: state.node(id).path.clone(), decision, reason }
            })
            .collect()
    }
}

/// What becomes of a step that a person has spoken about: the word is heard once somebody holds the run.
fn answered(word: Word) -> (Decision, String) {
    let (decision, reason) = match word {
        Word::Approve => (Decision::Run, "a person approved it"),
        // The run ends there, and only the resume after that asks again.
        Word::Reject => (Decision::Ask, "a person rejected it, and the run fails over that"),
        Word::Done => (Decision::Reuse, "a person said that it took effect"),
        Word::Retry => (Decision::Rerun, "a person said that it did not take effect"),
    };
    (decision, reason.to_owned())
}

fn resumption(
    state: &State,
    again: &Again,
    held_up: &BTreeSet<NodeId>,
    id: NodeId,
    now: Timestamp,
) -> (Decision, String) {
    let node = state.node(id);
    let mut around = Some(id);
    while let Some(at) = around {
        if let Some(why) = again.afresh.get(&at) {
            let decision = if node.phase == Phase::Pending { Decision::Run } else { Decision::Rerun };
            return (decision, (*why).to_owned());
        }
        around = state.around(at);
    }
    let renewal = node.renewal.as_deref().filter(|_| node.phase == Phase::Pending);
    let doubt = matches!(node.work.mark, Mark::Doubt | Mark::Answered | Mark::Going);
    if let Some(renewal) = renewal.filter(|_| !doubt) {
        let container = !matches!(node.inner, Inner::Nothing);
        return (if container { Decision::Run } else { Decision::Rerun }, renewal.why.to_owned());
    }
    let standing = match node.phase {
        _ if again.open.contains(&id) => Standing::Unfinished,
        Phase::Pending if doubt => Standing::Unfinished,
        Phase::Pending => Standing::Never,
        Phase::Active | Phase::Open => Standing::Unfinished,
        Phase::Parked(ParkReason::Approval | ParkReason::Doubt) => Standing::WaitsForPerson,
        Phase::Parked(ParkReason::Credentials | ParkReason::Deadline) | Phase::Failed => Standing::Failed,
        Phase::Succeeded | Phase::Skipped => Standing::Finished,
    };
    let blocked = held_up.contains(&id) && standing == Standing::Never;
    let (decision, reason) = resume::decision(standing, checkpoint(node, state.step(id), now, blocked));
    match (&node.inner, decision) {
        // What is inside it is told apart.
        (Inner::Body(_) | Inner::Loop(_), Decision::Rerun) => {
            (Decision::Run, "it goes on with what is inside it".into())
        }
        _ => (decision, reason.to_owned()),
    }
}

/// The instances that cannot go on because these cannot: those that need them, and so on; with `outwards` also what is
/// around them, which cannot be done without them.
fn spread(state: &State, from: Vec<NodeId>, outwards: bool) -> BTreeSet<NodeId> {
    let mut reached: BTreeSet<NodeId> = from.iter().copied().collect();
    let mut open = from;
    while let Some(id) = open.pop() {
        let waiting = state.needing(id).into_iter().filter(|id| state.node(*id).phase == Phase::Pending);
        for next in waiting.chain(state.around(id).filter(|_| outwards)) {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}

fn in_order(state: &State) -> Vec<NodeId> {
    let mut ids = Vec::new();
    collect(state, Container::Body(state.root_id()), &mut ids);
    ids
}

fn collect(state: &State, container: Container, ids: &mut Vec<NodeId>) {
    for id in state.members(container) {
        ids.push(id);
        match &state.node(id).inner {
            Inner::Nothing => {}
            Inner::Body(body) => collect(state, Container::Body(*body), ids),
            Inner::Loop(_) => collect(state, Container::Loop(id), ids),
        }
    }
}

fn step(sight: Sight<'_>, id: NodeId, blocked: &BTreeSet<NodeId>, held: bool) -> StepView {
    let state = sight.state;
    let (node, step) = (state.node(id), state.step(id));
    let (work, end) = (&node.work, node.end.as_deref());
    let status = status(state, id, blocked, held);
    StepView {
        path: node.path.clone(),
        kind: step.action.kind().to_owned(),
        title: sight.title(id),
        status,
        attempts: match step.action {
            // The look that ended it was recorded as its success.
            Action::Wait(_) if !node.is_loop() => work.looks + u32::from(node.phase == Phase::Succeeded),
            Action::Call(_) if !node.is_loop() => work.attempts,
            // What calls nobody is done in one go.
            _ => u32::from(work.began_at.is_some()),
        },
        generation: work.generation,
        started_at: work.began_at,
        // Where the clock was put back in between, it ends when it began, and not before.
        finished_at: end.filter(|_| node.phase.is_ended()).map(|end| work.began_at.map_or(end.at, |at| end.at.max(at))),
        deadline: work.deadline,
        reason: match status {
            StepStatus::Blocked => Some("it needs what a failed step would have given".to_owned()),
            _ => end.and_then(|end| end.reason.clone()),
        },
        parked: match node.phase {
            Phase::Parked(reason) => Some(reason),
            _ => None,
        },
        observed: work.observed.clone(),
        failure: match end {
            Some(end) => end.failure.clone(),
            None => work.failure.clone(),
        },
        origin: end.and_then(|end| end.origin),
        warnings: end.map(|end| end.warnings.clone()).unwrap_or_default(),
        outputs: node.outputs().filter(|_| !node.is_loop()).map(|outputs| outputs.as_ref().clone()),
    }
}

fn status(state: &State, id: NodeId, blocked: &BTreeSet<NodeId>, held: bool) -> StepStatus {
    let node = state.node(id);
    let cancelled = state.cancelled && state.ended.is_some();
    match node.phase {
        Phase::Succeeded => StepStatus::Succeeded,
        Phase::Skipped => StepStatus::Skipped,
        Phase::Failed => StepStatus::Failed,
        _ if cancelled => StepStatus::Cancelled,
        Phase::Parked(ParkReason::Doubt) => StepStatus::InDoubt,
        Phase::Parked(_) => StepStatus::Parked,
        Phase::Pending if blocked.contains(&id) => StepStatus::Blocked,
        Phase::Pending if node.work.pause.is_some() => StepStatus::Waiting,
        Phase::Pending => StepStatus::Pending,
        // A run that stopped over a failure leaves what is around it open.
        Phase::Open if !held && state.course_inside(id).has_failed => StepStatus::Failed,
        // Nobody goes on with what is inside it; it waits for a resume, or for the same person as that.
        Phase::Open if !held && node.weight == Weight::Parked => StepStatus::Parked,
        Phase::Open if !held => StepStatus::Waiting,
        Phase::Open => StepStatus::Running,
        Phase::Active => match node.work.mark {
            Mark::Doubt => StepStatus::InDoubt,
            Mark::Started if held => StepStatus::Running,
            // Its process is gone: whether the call got through is what the next one finds out.
            Mark::Started => StepStatus::InDoubt,
            Mark::Going => StepStatus::Waiting,
            Mark::Untouched | Mark::Refused | Mark::Answered => {
                let waits = node.work.pause.is_some() || matches!(state.step(id).action, Action::Wait(_));
                if waits || !held { StepStatus::Waiting } else { StepStatus::Running }
            }
        },
    }
}
