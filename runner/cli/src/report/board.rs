//! What is going on in a run at this moment, as far as people watch it.
//!
//! This file decides what is remembered of a running step for display, and how far the whole is. It must not know where
//! that is shown. How steps stand for scripts, and after the fact, is the engine's to say.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use runbook_engine::event::{EndPart, Event, ParkReason, Stamped};
use runbook_model::argument::{Node, Part};
use runbook_model::id::RunId;
use runbook_model::path::StepPath;
use runbook_model::plan::{Action, Body, Plan, Step, Until};
use runbook_model::time::Timestamp;

use super::story;
use crate::text::width;

/// The steps that go on, and how many are done.
#[derive(Debug)]
pub(crate) struct Board {
    run: RunId,
    plan: Plan,
    /// When this process took the run up.
    since: Timestamp,
    live: IndexMap<StepPath, Live>,
    /// How many items each listed `for-each` has.
    items: BTreeMap<StepPath, usize>,
    /// What is done, each with how many steps that was.
    done: BTreeMap<StepPath, usize>,
    total: usize,
    /// The columns of the widest path, as far as is known.
    widest: usize,
}

/// A step that goes on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Live {
    /// Since when.
    pub(crate) since: Timestamp,
    /// What it is at.
    pub(crate) doing: Doing,
    /// What was seen last.
    pub(crate) seen: Option<String>,
    /// When its time is up.
    pub(crate) deadline: Option<Timestamp>,
}

/// What a step that goes on is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// A call is under way; which try it is.
    Call(u32),
    /// It looks again and again; how often it did, and when it does next.
    Wait(u32, Timestamp),
    /// It tries again later: how many tries failed, and when the next one comes.
    Retry(u32, Timestamp),
    /// It waits for a person or for time.
    Parked(ParkReason),
}

impl Board {
    /// The board of a run whose first event this is.
    pub(crate) fn new(run: RunId, plan: Plan, now: Timestamp) -> Self {
        let (total, widest) = (leaves(&plan.body), widest(&plan.body));
        let (live, items, done) = (IndexMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { run, plan, since: now, live, items, done, total, widest }
    }

    /// The run.
    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    /// When this process took it up.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    /// How many steps are done, and how many there are as far as is known.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.done.values().sum(), self.total)
    }

    /// The steps that go on, in the order in which they began.
    pub(crate) fn live(&self) -> &IndexMap<StepPath, Live> {
        &self.live
    }

    /// How many items the outermost `for-each` around a step has; 1 if there is none.
    pub(crate) fn siblings(&self, path: &StepPath) -> usize {
        let segments = path.segments();
        let outermost = segments.iter().position(|segment| segment.key.is_some());
        let whole = outermost.and_then(|at| {
            let mut whole = path.clone();
            for _ in at + 1..segments.len() {
                whole = whole.parent()?;
            }
            Some(whole.whole())
        });
        whole.and_then(|whole| self.items.get(&whole).copied()).unwrap_or(1)
    }

    /// The columns of the widest path, as far as is known.
    pub(crate) fn widest(&self) -> usize {
        self.widest
    }

    /// The author's title of a step. What is computed in it is left out: the key of an item stands in its path anyway.
    pub(crate) fn title(&self, path: &StepPath) -> Option<String> {
        let step = self.step(path)?;
        match &step.title.node {
            Node::Mixed(parts) => {
                Some(parts.iter().map(|part| if let Part::Text(text) = part { text } else { "..." }).collect())
            }
            _ => step.title.as_text().filter(|title| *title != step.id).map(str::to_owned),
        }
    }

    /// The step of the plan behind a path.
    pub(crate) fn step(&self, path: &StepPath) -> Option<&Step> {
        let (mut body, mut steps) = (Some(&self.plan.body), self.plan.body.steps.as_slice());
        let mut found = None;
        for segment in path.segments() {
            let known = steps.iter().find(|step| step.id == segment.id);
            // Steps that stand aside of a runbook's own have a word before their ids.
            steps = match (known, found, body) {
                (Some(step), ..) => {
                    (found, body) = (Some(step), step.action.body());
                    body.map_or(&[], |body| body.steps.as_slice())
                }
                (None, Some(step), None) if segment.id == "adjust" => &step.adjust,
                (None, _, Some(body)) if segment.id == EndPart::WhenFailed.folder() => &body.when_failed,
                (None, _, Some(body)) if segment.id == EndPart::Finally.folder() => &body.finally,
                _ => return None,
            };
        }
        found
    }

    /// What a wait waits for, in the author's own words.
    pub(crate) fn wanted(&self, path: &StepPath) -> Option<String> {
        match &self.step(path)?.action {
            Action::Wait(wait) => match &wait.until {
                Until::True { that } => {
                    let mut source = None;
                    that.expressions(&mut |expression| source = Some(expression.source.clone()));
                    source
                }
                Until::Source => Some("ready".to_owned()),
            },
            _ => None,
        }
    }

    /// Takes an event in.
    pub(crate) fn apply(&mut self, stamped: &Stamped) {
        let now = stamped.time;
        match &stamped.event {
            Event::RunHeld { .. } => {
                self.since = now;
                self.live.clear();
            }
            Event::PlanChanged(changed) => self.replan(changed.plan.clone()),
            // Nobody knows before that there is a failure; what stands in `finally` always runs and is counted from the start.
            Event::EndReached { step, part: EndPart::WhenFailed, .. } => {
                let body = match step {
                    None => Some(&self.plan.body),
                    Some(step) => self.step(step).and_then(|step| step.action.body()),
                };
                self.total += body.map_or(0, |body| weights(&body.when_failed));
            }
            Event::ItemsListed { step, items } => {
                let weight = self.step(step).map_or(1, weight);
                let before = self.items.insert(step.clone(), items.len()).unwrap_or(1);
                self.total = (self.total + items.len() * weight).saturating_sub(before * weight);
                let inside = self.step(step).map_or(0, below);
                let key = items.iter().map(|item| width(&item.key)).max().unwrap_or_default();
                self.widest = self.widest.max(width(&step.to_string()) + "[]".len() + key + inside);
            }
            Event::StepBegun { step, deadline } => {
                self.done.remove(step);
                self.change(step, now, |live| {
                    live.doing = Doing::Call(1);
                    live.deadline = *deadline;
                });
            }
            Event::StepStarted { step, attempt, deadline, .. } => {
                self.change(step, now, |live| {
                    live.doing = Doing::Call(*attempt);
                    live.deadline = deadline.or(live.deadline);
                });
            }
            Event::StepGoing { step, observed, next, .. } => {
                self.change(step, now, |live| {
                    live.doing = Doing::Wait(0, *next);
                    live.seen.clone_from(observed);
                });
            }
            Event::StepLooked { step, look, observed, failure, next, .. } => {
                self.change(step, now, |live| {
                    live.doing = Doing::Wait(*look, *next);
                    live.seen = observed.clone().or_else(|| failure.as_ref().map(ToString::to_string));
                });
            }
            Event::AttemptFailed { step, attempt, failure, retry_at: Some(at) } => {
                self.change(step, now, |live| {
                    live.doing = Doing::Retry(*attempt, *at);
                    live.seen = Some(story::classed(failure));
                });
            }
            Event::StepParked { step, reason, message } => {
                self.change(step, now, |live| {
                    live.doing = Doing::Parked(*reason);
                    live.seen = Some(message.clone());
                });
            }
            Event::StepSucceeded { step, .. } | Event::StepSkipped { step, .. } | Event::StepKept { step } => {
                self.end(step, true);
            }
            Event::StepFailed { step, .. } => self.end(step, false),
            Event::StepReopened { step, .. } => {
                self.live.shift_remove(step);
                self.done.retain(|done, _| !done.is_within(step));
            }
            _ => {}
        }
    }

    /// The runbook was edited: what it still has keeps its counts.
    fn replan(&mut self, plan: Plan) {
        (self.total, self.widest, self.plan) = (leaves(&plan.body), widest(&plan.body), plan);
        let (items, done) = (std::mem::take(&mut self.items), std::mem::take(&mut self.done));
        for (path, count) in items {
            if let Some(step) = self.step(&path).filter(|step| step.for_each.is_some()) {
                self.total = (self.total + count * weight(step)).saturating_sub(weight(step));
                self.items.insert(path, count);
            }
        }
        self.done = done.into_iter().filter(|(path, _)| self.step(path).is_some()).collect();
    }

    fn change(&mut self, step: &StepPath, now: Timestamp, change: impl FnOnce(&mut Live)) {
        let live = self.live.entry(step.clone()).or_insert_with(|| Live {
            since: now,
            doing: Doing::Call(1),
            seen: None,
            deadline: None,
        });
        change(live);
    }

    fn end(&mut self, step: &StepPath, done: bool) {
        self.live.shift_remove(step);
        let contains = self.step(step).is_some_and(|found| found.action.body().is_some());
        // What ran inside a container has been counted; one that ended without counts for all that did not run.
        let inside = || self.done.range(step..).next().is_some_and(|(path, _)| path.is_within(step));
        if done && !self.items.contains_key(step) && !(contains && inside()) {
            let weight = self.step(step).map_or(1, weight);
            self.done.insert(step.clone(), weight);
        }
    }
}

/// How many steps a step stands for: those inside it, or itself.
fn weight(step: &Step) -> usize {
    step.action.body().map_or(1, leaves).max(1)
}

fn leaves(body: &Body) -> usize {
    weights(&body.steps) + weights(&body.finally)
}

fn weights(steps: &[Step]) -> usize {
    steps.iter().map(weight).sum()
}

fn widest(body: &Body) -> usize {
    // Ids are ASCII.
    body.steps.iter().map(|step| step.id.len() + below(step)).max().unwrap_or_default()
}

/// The columns that paths inside a step have behind its own.
fn below(step: &Step) -> usize {
    step.action.body().map_or(0, |body| 1 + widest(body))
}

#[cfg(test)]
mod tests {
    use runbook_engine::event::EndStatus;
    use runbook_model::kind::Origin;

    use super::super::sample::{at, begun, listed, looked, path, plan, run, succeeded};
    use super::*;

    fn board(events: &[Stamped]) -> Board {
        let mut board = Board::new(run(), plan(), at(0));
        events.iter().for_each(|event| board.apply(event));
        board
    }

    #[test]
    fn steps_are_counted_by_what_stands_inside_and_items_when_they_are_known() {
        assert_eq!(board(&[]).progress(), (0, 4));
        let keys = ["a", "b", "c"].map(str::to_owned);
        let mut events = vec![listed("join", 1, &keys), succeeded("join[a]/register", 2, Origin::Created)];
        assert_eq!(board(&events).progress(), (1, 8));
        assert_eq!(board(&events).siblings(&path("join[a]/register")), 3);
        assert_eq!(board(&events).siblings(&path("vpc")), 1);
        events.push(succeeded("join[a]/wait", 3, Origin::Unchanged));
        events.push(succeeded("join[a]", 3, Origin::Unchanged));
        assert_eq!(board(&events).progress(), (2, 8));
        let skipped = |step: &str| Event::StepSkipped { step: path(step), reason: "no".into(), failure: None };
        events.push(Stamped { time: at(4), event: skipped("join[b]") });
        assert_eq!(board(&events).progress(), (4, 8));
    }

    #[test]
    fn steps_at_the_end_are_counted_and_those_of_a_failure_when_there_is_one() {
        let mut plan = plan();
        plan.body.finally = vec![plan.body.steps[0].clone()];
        plan.body.when_failed = plan.body.steps[..2].to_vec();
        let mut board = Board::new(run(), plan, at(0));
        assert_eq!(board.progress(), (0, 5));
        let reached =
            Event::EndReached { step: None, part: EndPart::WhenFailed, status: EndStatus::Failed, because: None };
        board.apply(&Stamped { time: at(1), event: reached });
        board.apply(&succeeded("when_failed/vpc", 2, Origin::Unchanged));
        board.apply(&succeeded("finally/vpc", 3, Origin::Unchanged));
        assert_eq!(board.progress(), (2, 7));
    }

    #[test]
    fn a_step_that_is_open_again_is_not_done_any_more() {
        let mut events = vec![succeeded("vpc", 1, Origin::Unchanged)];
        assert_eq!(board(&events).progress(), (1, 4));
        let reopened = Event::StepReopened {
            step: path("vpc"),
            generation: 2,
            deadline: None,
            afresh: false,
            reason: "asked".into(),
        };
        events.push(Stamped { time: at(2), event: reopened });
        assert_eq!(board(&events).progress(), (0, 4));
    }

    #[test]
    fn a_wait_remembers_when_it_began_what_it_saw_and_when_it_gives_up() {
        let board =
            board(&[begun("active", 1, Some(61)), looked("active", 2, 1, "CREATING"), looked("active", 5, 2, "UP")]);
        let expected =
            Live { since: at(1), doing: Doing::Wait(2, at(20)), seen: Some("UP".into()), deadline: Some(at(61)) };
        assert_eq!(board.live()[&path("active")], expected);
        assert_eq!(board.wanted(&path("active")).as_deref(), Some(r#"result.status == "ACTIVE""#));
    }
}
