//! Going on by an edited plan: what was done stands where it is still wanted, and everything else has its turn again.
//!
//! This file decides that by content. A finished instance stands if what it does is defined as it was and nothing that it
//! reads may have come out otherwise; a change spreads along what steps read, never along mere order. A call that changed
//! something and reads what is made anew is not simply repeated: when its turn comes it is asked whether it would do the same
//! again (`Event::StepKept`). What has not ended begins once more and keeps what is known of its effect, so that the resume
//! table decides about doubt. What is inside a nested runbook is judged twice: when the plan changes, and once more when its
//! inputs, or the items of a loop, are known anew. It must not evaluate anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use runbook_model::argument::Argument;
use runbook_model::digest::Digest;
use runbook_model::kind::Effect;
use runbook_model::path::StepPath;
use runbook_model::plan::{Action, Body, Step};
use runbook_model::record;
use runbook_model::value::{Unavailable, Value};
use runbook_template::Evaluator;
use serde_json::{Value as J, json};

use super::State;
use super::node::{BodyId, Container, End, Ending, Inner, Mark, Node, NodeId, Phase, Renewal, Work};
use crate::event::{Because, EndPart, EndStatus, Item, ParkReason, PlanChanged};
use crate::outline::{self, Outline};
use crate::reads::{self, Names};

/// What was done under a path by an earlier plan.
#[derive(Debug)]
pub(crate) struct Past {
    /// What it did; see [`definition`].
    definition: Digest,
    inside: Inside,
    phase: Phase,
    pub(crate) work: Work,
    pub(crate) end: Option<Box<End>>,
    renewal: Option<Box<Renewal>>,
}

#[derive(Debug)]
enum Inside {
    Nothing,
    Body(Box<Opened>),
    Loop(Vec<Item>),
}

impl Past {
    /// Did something happen to it, and not only to steps inside it?
    pub(crate) fn happened(&self) -> bool {
        matches!(self.inside, Inside::Nothing) && (self.work.began_at.is_some() || self.work.attempts > 0)
    }

    /// Does nobody know whether its effect is there?
    pub(crate) fn is_in_doubt(&self) -> bool {
        is_doubtful(self.work.mark)
    }

    /// What goes on of it when its path comes back: doubt stays, and the next call is a new one.
    pub(super) fn into_work(mut self) -> Work {
        if !self.is_in_doubt() {
            return self.work.anew();
        }
        if self.work.mark == Mark::Going {
            self.work.mark = Mark::Answered;
        }
        self.work.rest();
        self.work
    }
}

/// May the effect be there, although the step has not succeeded?
fn is_doubtful(mark: Mark) -> bool {
    matches!(mark, Mark::Doubt | Mark::Answered | Mark::Going)
}

/// A body that was open.
#[derive(Debug)]
struct Opened {
    inputs: Arc<Value>,
    /// The definition of what is given back.
    outputs: Digest,
    /// The ends that were reached.
    ends: Vec<(EndPart, EndStatus, Option<Because>)>,
}

/// What an instance does: of a loop as a whole its list alone.
fn definition(node: &Node, step: &Step) -> Digest {
    let written = |argument: Option<&Argument>| argument.map_or(J::Null, Argument::definition);
    match &step.for_each {
        Some(each) if node.is_loop() => Digest::of_json(&json!({
            "over": each.over.definition(),
            "key": written(each.key.as_ref()),
            "when": written(step.when.as_ref().filter(|_| !step.when_per_item)),
        })),
        _ if node.item().is_some() => step.item_definition.unwrap_or(step.definition),
        _ => step.definition,
    }
}

fn given_back(body: &Body) -> Digest {
    let outputs = body.outputs.iter().map(|(name, output)| (name.clone(), output.definition()));
    Digest::of_json(&J::Object(outputs.collect()))
}

/// Are these certainly the same? Secrets cannot be compared, because the journal does not keep them.
fn is_same(one: &Value, other: &Value) -> bool {
    let secret = |value: &Value| value.holds_secret() || value.unavailable() == Some(Unavailable::Withheld);
    !secret(one) && !secret(other) && record::encode(one) == record::encode(other)
}

/// The names under which two maps differ.
fn differing(before: &Value, after: &Value) -> Names {
    let names = [before, after].into_iter().flat_map(|map| map.as_map().into_iter().flatten().map(|(name, _)| name));
    let other = |name: &&String| match (before.get(name), after.get(name)) {
        (Some(before), Some(after)) => !is_same(before, after),
        _ => true,
    };
    Names { inputs: names.filter(other).cloned().collect(), ..Names::default() }
}

impl State {
    /// Puts an edited plan into the place of the one before.
    pub(super) fn change_plan(&mut self, changed: &PlanChanged) {
        let mut pasts = std::mem::take(&mut self.past);
        pasts.extend(self.node_ids().map(|id| (self.node(id).path.clone(), self.past_of(id))));
        let mut news = Names::default();
        // Secret inputs make the digest too: if it is the same, so are they.
        if changed.inputs_digest != self.run.inputs_digest {
            news = differing(&self.root().inputs, &changed.inputs.0);
        }
        self.run.plan_digest = changed.plan_digest;
        self.run.inputs_digest = changed.inputs_digest;
        self.run.package.clone_from(&changed.package);
        self.evaluator = Evaluator::new(&changed.plan.templates);
        self.outline = Outline::new(changed.plan.clone());
        (self.nodes, self.bodies, self.paths) = (Vec::new(), Vec::new(), BTreeMap::new());
        (self.parked_for_good, self.touched) = (0, Vec::new());
        self.to_verify.clear();
        let root = self.open_body(outline::ROOT, None, Arc::new(changed.inputs.0.clone()));
        self.rebuild_body(root, &news, &mut pasts);
        self.recount_inside(Container::Body(root));
        self.past = pasts;
        self.touched = self.node_ids().collect();
    }

    fn past_of(&mut self, id: NodeId) -> Past {
        let inside = match &self.node(id).inner {
            Inner::Nothing => Inside::Nothing,
            Inner::Body(body) => {
                let open = self.body(*body);
                let reached = open.ends.iter().filter(|ending| ending.reached);
                Inside::Body(Box::new(Opened {
                    inputs: open.inputs.clone(),
                    outputs: given_back(self.outline.body(open.layout)),
                    ends: reached.map(|ending| (ending.part, ending.status, ending.because.clone())).collect(),
                }))
            }
            Inner::Loop(items) => {
                let item = |id: &NodeId| {
                    let role = self.node(*id).item()?;
                    Some(Item { key: role.key.clone(), value: role.value.as_ref().clone().into() })
                };
                Inside::Loop(items.nodes.iter().filter_map(item).collect())
            }
        };
        let definition = definition(self.node(id), self.step(id));
        let node = self.node_mut(id);
        let mut work = std::mem::take(&mut node.work);
        if work.mark == Mark::Started {
            work.mark = Mark::Doubt;
        }
        Past { definition, inside, phase: node.phase, work, end: node.end.take(), renewal: node.renewal.take() }
    }

    /// Gives the instances of a body back what was done under their paths. Says whether anything inside has its turn again.
    fn rebuild_body(&mut self, body: BodyId, news: &Names, pasts: &mut BTreeMap<StepPath, Past>) -> bool {
        self.each_in_order(body, news, &mut |state, id, news| state.rebuild(id, news, pasts))
    }

    /// Visits the instances of a body, those first that others wait for, with the names that came out otherwise: those given
    /// and the steps of which the visit said so. Says whether it said so of any.
    fn each_in_order(
        &mut self,
        body: BodyId,
        news: &Names,
        visit: &mut dyn FnMut(&mut Self, NodeId, &Names) -> bool,
    ) -> bool {
        let around = self.runbook_around(body);
        let doors = reads::doors(self.outline.body(self.body(around).layout));
        let mut news = news.clone();
        let mut any = false;
        for id in self.in_order_of_needs(body) {
            news.doors = news.doors || doors.meet(&news);
            if visit(self, id, &news) {
                any = true;
                let step = self.step(id).id.clone();
                news.steps.insert(step);
            }
        }
        any
    }

    fn in_order_of_needs(&self, body: BodyId) -> Vec<NodeId> {
        let open = self.body(body);
        let layout = self.outline.layout(open.layout);
        let mut waits: Vec<usize> = vec![0; open.nodes.len()];
        for dependent in layout.dependents.iter().flatten() {
            waits[dependent.index as usize] += 1;
        }
        let mut order: Vec<usize> = (0..waits.len()).filter(|at| waits[*at] == 0).collect();
        let mut next = 0;
        while let Some(at) = order.get(next).copied() {
            next += 1;
            for dependent in &layout.dependents[at] {
                let index = dependent.index as usize;
                waits[index] -= 1;
                if waits[index] == 0 {
                    order.push(index);
                }
            }
        }
        // A checked plan has no steps that wait for each other; none is forgotten all the same.
        order.extend((0..waits.len()).filter(|at| waits[*at] > 0));
        order.into_iter().map(|at| open.nodes[at]).collect()
    }

    fn rebuild(&mut self, id: NodeId, news: &Names, pasts: &mut BTreeMap<StepPath, Past>) -> bool {
        let Some(past) = pasts.remove(&self.node(id).path) else { return true };
        let same = past.definition == definition(self.node(id), self.step(id));
        let node = self.node(id);
        let layout = self.outline.layout(node.layout).inner[node.index as usize];
        let mut inside = false;
        match past.inside {
            Inside::Loop(items) if node.is_loop() => {
                let news = without_item(news);
                for item in self.make_items(id, &items) {
                    inside |= self.rebuild(item, &news, pasts);
                }
            }
            // The steps of an `adjust` are made anew when they are needed.
            Inside::Body(opened)
                if !node.is_loop()
                    && self.step(id).action.body().is_some()
                    && let Some(layout) = layout =>
            {
                let inner = self.news_inside(id, news, !same);
                let body = self.open_body(layout, Some(id), opened.inputs);
                inside = self.rebuild_body(body, &inner, pasts);
                inside |= self.gives_anew(id, news) || opened.outputs != given_back(self.outline.body(layout));
                for (part, status, because) in opened.ends {
                    let known = self.outline.layout(layout).ends.iter().find(|(known, _)| *known == part).copied();
                    if let Some((_, layout)) = known {
                        let end = self.make_body(layout, Some(id), Some(body));
                        self.body_mut(body).ends.push(Ending { part, body: end, reached: true, status, because });
                        inside |= self.rebuild_body(end, &Names::default(), pasts);
                    }
                }
            }
            Inside::Nothing | Inside::Loop(_) | Inside::Body(_) => {}
        }
        let node = self.node_mut(id);
        // Whatever had not ended, its turn comes again.
        node.phase = if past.phase.is_ended() { past.phase } else { Phase::Pending };
        (node.work, node.end, node.renewal) = (past.work, past.end, past.renewal);
        let again = self.judge(id, same, inside, news);
        if again && let Some(body) = self.inner_body(id) {
            // Its end is reached once more.
            self.body_mut(body).ends.iter_mut().for_each(|ending| ending.reached = false);
        }
        again
    }

    /// What came out otherwise, as the steps inside an instance see it.
    fn news_inside(&self, id: NodeId, news: &Names, other_doors: bool) -> Names {
        match self.step(id).action {
            Action::Group { .. } => news.clone(),
            _ => Names { doors: news.doors || other_doors, ..Names::default() },
        }
    }

    /// Does what a group gives back read what came out otherwise? A nested runbook sees only what is inside it.
    fn gives_anew(&self, id: NodeId, news: &Names) -> bool {
        match &self.step(id).action {
            Action::Group { body } => reads::give(body).meet(news),
            _ => false,
        }
    }

    /// Judges an instance with what is known of it: it stands, or its turn comes again. `inside` says whether anything
    /// inside it has its turn again. Says whether those who read it have to be judged too.
    fn judge(&mut self, id: NodeId, same: bool, inside: bool, news: &Names) -> bool {
        let (node, step) = (self.node(id), self.step(id));
        let (acts, keeps) =
            if node.is_loop() { (reads::list(step), Names::default()) } else { (reads::act(step), reads::keep(step)) };
        let (acts, keeps) = (acts.meet(news), keeps.meet(news));
        let finished = matches!(node.phase, Phase::Succeeded | Phase::Skipped);
        if finished && same && !acts && !keeps && !inside {
            return false;
        }
        let changes = !node.is_loop() && matches!(&step.action, Action::Call(call) if call.effect != Effect::Reads);
        let container = !matches!(node.inner, Inner::Nothing);
        let why = match (same, acts || keeps) {
            _ if container => "it goes on with what is inside it",
            (false, _) => "what it does has changed",
            (true, true) => "something that it reads has changed or is read anew",
            (true, false) => "it did not succeed",
        };
        if matches!(node.phase, Phase::Parked(reason) if reason != ParkReason::Approval) {
            self.parked_for_good -= 1;
        }
        let node = self.node_mut(id);
        let happened = finished || node.work.began_at.is_some() || node.renewal.is_some();
        let mut renewal = node.renewal.take().unwrap_or_default();
        renewal.why = why;
        let by_call = node.phase == Phase::Succeeded
            && node.work.intent.as_ref().is_some_and(|intent| intent.generation == node.work.generation);
        let doubtful = is_doubtful(node.work.mark);
        if container {
            node.end = None;
        } else if finished && same && changes && by_call {
            if keeps {
                // It did what it does, and what was kept of its answer is not what is wanted of it now.
                node.work.mark = Mark::Answered;
            } else {
                renewal.why = "something that it reads has changed; it runs only if it would do something else now";
                renewal.outcome = node.end.take();
            }
        } else if finished || !(same || changes && doubtful) {
            node.work = std::mem::take(&mut node.work).anew();
            renewal.outcome = None;
        } else if !same || acts || keeps {
            // Its effect happened by what was wanted before, and so did what was kept of its answer.
            let unfit = (!same || keeps) && renewal.outcome.take().is_some();
            if unfit || node.work.mark == Mark::Going {
                node.work.mark = Mark::Answered;
            }
        }
        node.work.rest();
        node.end = None;
        node.released = node.item().is_none();
        node.phase = Phase::Pending;
        node.renewal = happened.then_some(renewal);
        true
    }

    /// Judges what is inside an instance once more, now that its inputs are known anew.
    pub(super) fn review_body(&mut self, id: NodeId, body: BodyId, before: &Value, changed: &Names) {
        let inputs = differing(before, &self.body(body).inputs);
        let mut news = self.news_inside(id, changed, false);
        news.join(&inputs);
        self.each_in_order(body, &news, &mut Self::review);
        self.recount_inside(Container::Body(body));
    }

    /// Judges the items of a loop once more, now that its list is known anew. `before` holds where each of them stood with
    /// which value, if it was there.
    pub(super) fn review_items(&mut self, before: &[(NodeId, u32, Arc<Value>)], changed: &Names) {
        for (id, position, value) in before {
            let Some(item) = self.node(*id).item() else { continue };
            let mut news = without_item(changed);
            (news.item, news.index) = (!is_same(value, &item.value), *position != item.position);
            self.review(*id, &news);
        }
    }

    fn review(&mut self, id: NodeId, news: &Names) -> bool {
        let node = self.node(id);
        let waits = node.phase == Phase::Pending;
        let mut inside = false;
        match node.inner {
            // It is judged when it is opened.
            Inner::Body(_) | Inner::Loop(_) if waits => {
                self.node_mut(id).renewal.get_or_insert_default().changed.join(news);
                return true;
            }
            Inner::Nothing if waits && node.renewal.is_none() => return true,
            Inner::Nothing => {}
            Inner::Body(body) => {
                let inner = self.news_inside(id, news, false);
                inside = self.each_in_order(body, &inner, &mut Self::review) || self.gives_anew(id, news);
            }
            Inner::Loop(_) => {
                let news = without_item(news);
                for item in self.children(Container::Loop(id)) {
                    inside |= self.review(item, &news);
                }
            }
        }
        self.judge(id, true, inside, news)
    }

    /// Counts everything inside a container anew.
    pub(super) fn recount_inside(&mut self, container: Container) {
        for child in self.members(container) {
            match self.node(child).inner {
                Inner::Nothing => {}
                Inner::Body(body) => self.recount_inside(Container::Body(body)),
                Inner::Loop(_) => self.recount_inside(Container::Loop(child)),
            }
            if self.node(child).item().is_some() {
                self.settle(child);
            } else {
                self.recount(child);
            }
        }
    }
}

/// The items of another loop are other items.
fn without_item(news: &Names) -> Names {
    Names { item: false, index: false, ..news.clone() }
}

impl Work {
    /// What is left of it when an instance begins anew: the next call is a new one.
    pub(super) fn anew(self) -> Self {
        let generation = if self.generation > 0 { self.generation + 1 } else { 0 };
        Self { generation, attempts: self.attempts, intent: self.intent, ..Self::default() }
    }

    /// Forgets all that belongs to a turn, and nothing of what is known of the effect.
    fn rest(&mut self) {
        (self.failures, self.tried_since, self.pause, self.next) = (0, None, None, None);
        (self.deadline, self.absent, self.last, self.holds_since) = (None, None, None, None);
        self.taken = false;
    }
}
