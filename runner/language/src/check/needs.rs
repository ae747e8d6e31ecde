//! What steps wait for.
//!
//! This file decides the needs of a step (those written, the step before it, all it mentions), finds cycles, and warns of
//! steps that run beside others and that nobody waits for. It must not know expressions.

use std::collections::BTreeSet;

use runbook_model::code;
use runbook_model::diagnostic::Diagnostic;

use super::sight::{Level, Role, Sight};
use crate::written::Step;

/// What a step of a level waits for.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    /// Steps of the same level, by place.
    pub(super) own: BTreeSet<usize>,
    /// Steps of levels further out: how many, and the id.
    pub(super) outer: Vec<(usize, String)>,
}

/// The needs that a step writes down or has by its place; what it mentions comes on top.
pub(super) fn written(sight: &Sight<'_>, level: &Level<'_>, at: usize) -> Needs {
    let mut needs = Needs::default();
    let step = &level.steps[at];
    let Some(named) = &step.needs else {
        needs.own.extend(at.checked_sub(1));
        return needs;
    };
    for need in named {
        match level.find(&need.value) {
            Some((0, _, place)) if place == at => {
                let message = format!("the step `{}` needs itself", need.value);
                sight.complain(Diagnostic::error(code::CYCLE, need.span, message).help("leave it out"));
            }
            Some((0, _, place)) => drop(needs.own.insert(place)),
            Some((depth, _, _)) => needs.outer.push((depth, need.value.clone())),
            None if sight.unit.runbook.unread.steps => {}
            None => {
                let message = format!("there is no step `{}`", need.value);
                let help = sight.step_meant(&need.value, "name steps by their `id`");
                sight.complain(Diagnostic::error(code::NEED_UNKNOWN, need.span, message).help(help));
            }
        }
    }
    needs
}

/// Looks at the needs of all steps of a level together.
pub(super) fn judge(sight: &Sight<'_>, level: &Level<'_>, needs: &[BTreeSet<usize>]) {
    let cyclic = cycles(sight, level.steps, needs);
    if level.role == Role::Run && !cyclic {
        unawaited(sight, level.steps, needs);
    }
}

/// Complains of every cycle once.
fn cycles(sight: &Sight<'_>, steps: &[Step], needs: &[BTreeSet<usize>]) -> bool {
    let mut done = vec![false; steps.len()];
    let mut found = false;
    for start in 0..steps.len() {
        // Depth first, on a stack of its own: the way from `start`, each with the needs still to look at.
        let mut way: Vec<(usize, Vec<usize>)> = vec![(start, needs[start].iter().copied().collect())];
        if done[start] {
            continue;
        }
        while let Some((at, open)) = way.last_mut() {
            let Some(next) = open.pop() else {
                done[*at] = true;
                way.pop();
                continue;
            };
            if let Some(from) = way.iter().position(|(step, _)| *step == next) {
                let ids: Vec<usize> = way[from..].iter().map(|(step, _)| *step).collect();
                told(sight, steps, &ids);
                ids.iter().for_each(|step| done[*step] = true);
                found = true;
                break;
            }
            if !done[next] {
                way.push((next, needs[next].iter().copied().collect()));
            }
        }
    }
    found
}

fn told(sight: &Sight<'_>, steps: &[Step], cycle: &[usize]) {
    let first = cycle.iter().enumerate().min_by_key(|(_, step)| **step).map_or(0, |(at, _)| at);
    let in_order: Vec<&Step> = cycle[first..].iter().chain(&cycle[..first]).map(|at| &steps[*at]).collect();
    let shown: Vec<String> = in_order.iter().chain([&in_order[0]]).map(|step| format!("`{}`", step.id.value)).collect();
    let message = format!("these steps wait for each other: {}", shown.join(" → "));
    let mut diagnostic = Diagnostic::error(code::CYCLE, in_order[0].id.span, message).help(
        "a step waits for `needs:`, for the step before it, and for every step it mentions; take one of these away",
    );
    for step in &in_order[1..] {
        diagnostic = diagnostic.related(step.id.span, "this one too");
    }
    sight.complain(diagnostic);
}

/// Warns of a step that waits only for the one before it although that one runs beside others nobody waits for.
fn unawaited(sight: &Sight<'_>, steps: &[Step], needs: &[BTreeSet<usize>]) {
    let mut dependents = vec![Vec::new(); steps.len()];
    for (at, needs) in needs.iter().enumerate() {
        needs.iter().for_each(|need| dependents[*need].push(at));
    }
    let mut told: BTreeSet<usize> = BTreeSet::new();
    for (at, step) in steps.iter().enumerate().skip(2) {
        let before = at - 1;
        // Only a predecessor that was itself put on a branch of its own has siblings.
        if step.needs.is_some() || steps[before].needs.is_none() {
            continue;
        }
        let candidates: Vec<usize> =
            (0..before).filter(|other| dependents[*other].is_empty() && !told.contains(other)).collect();
        if candidates.is_empty() {
            continue;
        }
        // One that waits for the predecessor comes after it, not beside it.
        let later = reached(before, &dependents);
        let lost: Vec<usize> = candidates.into_iter().filter(|other| !later.contains(other)).collect();
        told.extend(&lost);
        let ids: Vec<&str> = lost.iter().map(|other| steps[*other].id.value.as_str()).collect();
        if let [_, ..] = ids.as_slice() {
            warn(sight, step, &steps[before].id.value, &ids);
        }
    }
}

fn warn(sight: &Sight<'_>, step: &Step, before: &str, lost: &[&str]) {
    let shown: Vec<String> = lost.iter().map(|id| format!("`{id}`")).collect();
    let all: Vec<&str> = lost.iter().copied().chain([before]).collect();
    let message = format!(
        "this step waits for `{before}` only, and nobody waits for {}, which {} beside it",
        shown.join(" and "),
        if lost.len() == 1 { "runs" } else { "run" }
    );
    let help = format!("write `needs: [{}]`, or `needs: [{before}]` if that is meant", all.join(", "));
    sight.complain(Diagnostic::warning(code::SIBLING_UNAWAITED, step.id.span, message).help(help));
}

/// All that follows from a step.
fn reached(from: usize, dependents: &[Vec<usize>]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for next in &dependents[at] {
            if found.insert(*next) {
                open.push(*next);
            }
        }
    }
    found
}
