//! The picture of a runbook: its steps, what waits for what, and what stands inside what.
//!
//! This file decides which arrows are worth drawing: those that do not follow from others. It must not know how a picture is
//! written down; `mermaid`, `dot` and `svg` do.

pub(crate) mod dot;
mod layout;
pub(crate) mod mermaid;
pub(crate) mod svg;

use std::collections::BTreeMap;

use runbook_model::argument::{Argument, Node as Written, Part};
use runbook_model::plan::{Body, Plan, Step};

/// The steps of one runbook or group.
#[derive(Debug, Default)]
pub(crate) struct Level {
    /// In the order written.
    pub(crate) nodes: Vec<Node>,
    /// From the one that is waited for to the one that waits, as places in `nodes`.
    pub(crate) edges: Vec<(usize, usize)>,
}

/// A step.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its path, without the keys of items.
    pub(crate) path: String,
    /// One line for people.
    pub(crate) title: String,
    /// Its kind.
    pub(crate) kind: String,
    /// Does it run once per item of a list?
    pub(crate) each: bool,
    /// May it be skipped by its `when`?
    pub(crate) conditional: bool,
    /// What runs inside it.
    pub(crate) inside: Option<Level>,
}

impl Node {
    /// The kind and what is special about the step, for the second line of a box.
    pub(crate) fn second_line(&self) -> String {
        let each = if self.each { ", for each" } else { "" };
        let when = if self.conditional { ", when" } else { "" };
        format!("{}{each}{when}", self.kind)
    }
}

impl Level {
    /// The picture of a plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        level(&plan.body, "")
    }

    /// How many boxes it has, at every depth.
    pub(crate) fn size(&self) -> usize {
        self.nodes.iter().map(|node| 1 + node.inside.as_ref().map_or(0, Self::size)).sum()
    }

    /// Without what stands inside its steps.
    pub(crate) fn closed(mut self) -> Self {
        for node in &mut self.nodes {
            node.inside = None;
        }
        self
    }
}

fn level(body: &Body, around: &str) -> Level {
    let node = |step: &Step| {
        let path = if around.is_empty() { step.id.clone() } else { format!("{around}/{}", step.id) };
        Node {
            inside: step.action.body().map(|body| level(body, &path)),
            title: title(&step.title).unwrap_or_else(|| step.id.clone()),
            kind: step.action.kind().to_owned(),
            each: step.for_each.is_some(),
            conditional: step.when.is_some(),
            path,
        }
    };
    Level { nodes: body.steps.iter().map(node).collect(), edges: edges(&body.steps) }
}

/// The author's title; what is computed in it is left out.
fn title(written: &Argument) -> Option<String> {
    match &written.node {
        Written::Mixed(parts) => {
            Some(parts.iter().map(|part| if let Part::Text(text) = part { text.as_str() } else { "…" }).collect())
        }
        _ => written.as_text().map(str::to_owned),
    }
}

/// What waits for what, without what follows from the rest. Needs of a step around lead out of the level and are drawn
/// from the box around.
fn edges(steps: &[Step]) -> Vec<(usize, usize)> {
    let places: BTreeMap<&str, usize> = steps.iter().enumerate().map(|(at, step)| (step.id.as_str(), at)).collect();
    let needs: Vec<Vec<usize>> = steps
        .iter()
        .map(|step| {
            let mut needs: Vec<usize> = step.needs.iter().filter_map(|id| places.get(id.as_str()).copied()).collect();
            needs.sort_unstable();
            needs.dedup();
            needs
        })
        .collect();
    let ranks = ranks(&needs);
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by_key(|at| ranks[*at]);
    // What each step comes after, at any distance, as bits.
    let words = steps.len().div_ceil(64);
    let mut before: Vec<Vec<u64>> = vec![Vec::new(); steps.len()];
    let mut edges = Vec::new();
    for at in order {
        let mut reached = vec![0u64; words];
        // The nearest first: what they come after need not be drawn again.
        let mut nearest = needs[at].clone();
        nearest.sort_by_key(|need| std::cmp::Reverse((ranks[*need], *need)));
        for need in nearest {
            if reached[need / 64] >> (need % 64) & 1 == 0 {
                edges.push((need, at));
            }
            reached.iter_mut().zip(&before[need]).for_each(|(mine, theirs)| *mine |= theirs);
            reached[need / 64] |= 1 << (need % 64);
        }
        before[at] = reached;
    }
    edges.sort_unstable();
    edges
}

/// How far each is from those that need nothing. A plan has no circles; should one come in, it ends.
fn ranks(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut ranks = vec![0; needs.len()];
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (at, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|need| needed_by[*need].push(at));
    }
    let mut ready: Vec<usize> = (0..needs.len()).filter(|at| waiting[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        for next in &needed_by[at] {
            ranks[*next] = ranks[*next].max(ranks[at] + 1);
            waiting[*next] -= 1;
            if waiting[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    ranks
}

#[cfg(test)]
pub(crate) mod tests;
