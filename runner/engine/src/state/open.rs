//! Making instances: opening a body, listing a loop, beginning again.
//!
//! This file decides which instances there are and that a path keeps its instance, with its generation, for as long as
//! the run lives. It must not decide when anything is opened.

use std::sync::Arc;

use runbook_model::value::{Unavailable, Value};

use super::State;
use super::node::{BodyId, Container, Inner, ItemRole, Items, Node, NodeId, OpenBody, Phase, Role, Work, empty};
use super::tally::{Tally, Weight};
use crate::event::Item;
use crate::outline::LayoutId;

impl State {
    /// Makes or renews the instances of a body.
    pub(super) fn open_body(&mut self, layout: LayoutId, owner: Option<NodeId>, inputs: Arc<Value>) -> BodyId {
        let known = owner.and_then(|owner| self.inner_body(owner));
        let body = known.unwrap_or_else(|| self.make_body(layout, owner, None));
        let open = self.body_mut(body);
        open.withheld = inputs.unavailable() == Some(Unavailable::Withheld);
        open.inputs = inputs;
        if let Some(owner) = owner {
            self.node_mut(owner).inner = Inner::Body(body);
        }
        for child in self.children(Container::Body(body)) {
            self.recount(child);
        }
        body
    }

    pub(super) fn make_body(&mut self, layout: LayoutId, owner: Option<NodeId>, end_of: Option<BodyId>) -> BodyId {
        let id = BodyId(u32::try_from(self.bodies.len()).unwrap_or(u32::MAX));
        self.bodies.push(OpenBody {
            layout,
            owner,
            end_of,
            ends: Vec::new(),
            inputs: empty(),
            withheld: false,
            nodes: Vec::new(),
            tally: Tally::default(),
        });
        self.make_steps(id);
        id
    }

    fn make_steps(&mut self, body: BodyId) {
        let (layout, owner) = (self.body(body).layout, self.body(body).owner);
        let steps: Vec<(u32, String, bool)> = (0..)
            .zip(&self.outline.body(layout).steps)
            .map(|(index, step)| (index, step.id.clone(), step.for_each.is_some()))
            .collect();
        for (index, id, repeats) in steps {
            let path = self.outline.path(layout, owner.map(|owner| &self.node(owner).path), &id);
            let role = if repeats { Role::Loop } else { Role::Single };
            let node = self.make(Node {
                path,
                layout,
                index,
                body,
                role,
                phase: Phase::Pending,
                weight: Weight::Idle,
                needs_left: 0,
                blockers: 0,
                released: true,
                inner: Inner::Nothing,
                work: Work::default(),
                end: None,
                renewal: None,
            });
            self.body_mut(body).nodes.push(node);
        }
    }

    /// The items of a loop are known. An item that was there before keeps its instance by its key, and is judged anew.
    pub(super) fn list_items(&mut self, whole: NodeId, items: &[Item]) {
        let changed = self.node_mut(whole).renewal.take().unwrap_or_default().changed;
        let known = |item: &Item| {
            let id = self.find(&self.node(whole).path.item(&item.key))?;
            let role = self.node(id).item()?;
            Some((id, role.position, role.value.clone()))
        };
        let before: Vec<_> = items.iter().filter_map(known).collect();
        self.make_items(whole, items);
        self.review_items(&before, &changed);
        for id in self.children(Container::Loop(whole)) {
            self.settle(id);
        }
        self.refill(whole);
    }

    /// Makes or renews the instances of a loop's items.
    pub(super) fn make_items(&mut self, whole: NodeId, items: &[Item]) -> Vec<NodeId> {
        let (layout, index, body) = (self.node(whole).layout, self.node(whole).index, self.node(whole).body);
        self.node_mut(whole).inner = Inner::Loop(Box::default());
        let mut nodes = Vec::with_capacity(items.len());
        for (position, item) in (0..).zip(items) {
            let path = self.node(whole).path.item(&item.key);
            let role = Role::Item(Box::new(ItemRole {
                of: whole,
                key: item.key.clone(),
                position,
                value: Arc::new(item.value.0.clone()),
            }));
            let known = self.find(&path);
            let id = known.unwrap_or_else(|| {
                self.make(Node {
                    path,
                    layout,
                    index,
                    body,
                    role: Role::Single,
                    phase: Phase::Pending,
                    weight: Weight::Idle,
                    needs_left: 0,
                    blockers: 0,
                    released: false,
                    inner: Inner::Nothing,
                    work: Work::default(),
                    end: None,
                    renewal: None,
                })
            });
            let node = self.node_mut(id);
            node.role = role;
            // The counts begin anew with the list.
            node.weight = Weight::Idle;
            nodes.push(id);
        }
        self.node_mut(whole).inner = Inner::Loop(Box::new(Items { nodes: nodes.clone(), ..Items::default() }));
        nodes
    }

    fn make(&mut self, mut node: Node) -> NodeId {
        if let Some(past) = self.past.remove(&node.path) {
            node.work = past.into_work();
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.paths.insert(node.path.clone(), id);
        self.nodes.push(node);
        id
    }

    /// Puts an instance back to its very beginning, with everything inside it. What it did outside is not forgotten: the
    /// generation rises, so that the next call is a new one.
    pub(super) fn reset(&mut self, id: NodeId) {
        let inside = match &self.node(id).inner {
            Inner::Nothing => Vec::new(),
            Inner::Body(body) => self.members(Container::Body(*body)),
            Inner::Loop(_) => self.children(Container::Loop(id)),
        };
        if let Some(body) = self.inner_body(id) {
            self.leave_end(body);
        }
        for child in inside {
            self.reset(child);
        }
        if let Some((whole, position, going)) = self.node(id).item().map(|item| {
            let node = self.node(id);
            (item.of, item.position as usize, node.released && !node.phase.is_ended())
        }) {
            self.items_going(whole, -i32::from(going), position);
        }
        let node = self.node_mut(id);
        node.work = std::mem::take(&mut node.work).anew();
        (node.end, node.renewal) = (None, None);
        node.released = node.item().is_none();
        self.set_phase(id, Phase::Pending);
    }
}
