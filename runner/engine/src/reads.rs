//! What the expressions of a step read, as far as an edited plan may change it.
//!
//! This file decides which inputs and steps each part of a step mentions: the list it goes over, what it does, what it makes
//! of its answer. It must not evaluate anything, nor know how far a run has come.

use std::collections::BTreeSet;

use runbook_model::argument::Argument;
use runbook_model::plan::{Action, Body, Step, Until};
use runbook_template::syntax::{Expr, ExprKind, parse};

use crate::outline::{call, checks};

/// Names that are read, or that came out otherwise than before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Inputs.
    pub(crate) inputs: BTreeSet<String>,
    /// Steps, by id.
    pub(crate) steps: BTreeSet<String>,
    /// All inputs, because which one is known only when it is evaluated.
    pub(crate) any_input: bool,
    /// All steps, for the same reason.
    pub(crate) any_step: bool,
    /// The item of the loop around it.
    pub(crate) item: bool,
    /// The place of that item in its list.
    pub(crate) index: bool,
    /// All that a call may rest on and that no name stands for: the doors of a nested runbook.
    pub(crate) doors: bool,
}

impl Names {
    /// Is any of these among those?
    pub(crate) fn meet(&self, others: &Self) -> bool {
        let inputs = (self.any_input && !others.inputs.is_empty()) || !self.inputs.is_disjoint(&others.inputs);
        let steps = (self.any_step && !others.steps.is_empty()) || !self.steps.is_disjoint(&others.steps);
        inputs || steps || (self.item && others.item) || (self.index && others.index) || (self.doors && others.doors)
    }

    /// These and those.
    pub(crate) fn join(&mut self, others: &Self) {
        self.inputs.extend(others.inputs.iter().cloned());
        self.steps.extend(others.steps.iter().cloned());
        self.any_input |= others.any_input;
        self.any_step |= others.any_step;
        self.item |= others.item;
        self.index |= others.index;
        self.doors |= others.doors;
    }

    fn note(&mut self, argument: &Argument) {
        argument.expressions(&mut |expression| {
            // What does not parse was refused by the checker, and fails where it is evaluated.
            if let Ok(parsed) = parse(&expression.source) {
                self.walk(&parsed.root);
            }
        });
    }

    fn walk(&mut self, expr: &Expr) {
        let of = |base: &Expr, name: &str| matches!(&base.kind, ExprKind::Name(of) if of == name);
        match &expr.kind {
            ExprKind::Member { base, name, .. } if of(base, "steps") => {
                self.steps.insert(name.clone());
            }
            ExprKind::Member { base, name, .. } if of(base, "inputs") => {
                self.inputs.insert(name.clone());
            }
            ExprKind::Item { base, index } if of(base, "steps") && index.as_text().is_some() => {
                self.steps.extend(index.as_text().map(str::to_owned));
            }
            ExprKind::Item { base, index } if of(base, "inputs") && index.as_text().is_some() => {
                self.inputs.extend(index.as_text().map(str::to_owned));
            }
            ExprKind::Name(name) => match name.as_str() {
                "steps" => self.any_step = true,
                "inputs" => self.any_input = true,
                "item" => self.item = true,
                "index" => self.index = true,
                _ => {}
            },
            _ => expr.children(&mut |child| self.walk(child)),
        }
    }
}

fn of(visit: impl FnOnce(&mut dyn FnMut(&Argument))) -> Names {
    let mut names = Names::default();
    visit(&mut |argument| names.note(argument));
    names
}

/// What the list of a `for-each` rests on.
pub(crate) fn list(step: &Step) -> Names {
    of(|visit| {
        step.when.iter().filter(|_| !step.when_per_item).for_each(&mut *visit);
        if let Some(each) = &step.for_each {
            visit(&each.over);
            each.key.iter().for_each(visit);
        }
    })
}

/// What a step, or one item of it, does outside. Steps inside it speak for themselves.
pub(crate) fn act(step: &Step) -> Names {
    let mut names = of(|visit| {
        step.when.iter().filter(|_| step.when_per_item || step.for_each.is_none()).for_each(&mut *visit);
        step.connection.iter().for_each(&mut *visit);
        if let Some(probe) = &step.probe {
            call(&probe.call, &mut *visit);
            probe.present_when.iter().for_each(&mut *visit);
            checks(&probe.matches, &mut *visit);
        }
        match &step.action {
            Action::Call(done) => call(done, visit),
            Action::Wait(wait) => {
                call(&wait.source, &mut *visit);
                if let Until::True { that } = &wait.until {
                    visit(that);
                }
                wait.fail_when.iter().for_each(|fail| visit(&fail.when));
            }
            Action::Set { values } => values.values().for_each(visit),
            Action::Assert { checks: all } => checks(all, visit),
            Action::Approve { message } => visit(message),
            Action::Run(nested) => nested.with.values().chain(nested.with_connections.values()).for_each(visit),
            Action::Group { .. } => {}
        }
    });
    names.doors = matches!(step.action, Action::Call(_) | Action::Wait(_) | Action::Run(_));
    names
}

/// What it makes of the answer.
pub(crate) fn keep(step: &Step) -> Names {
    of(|visit| {
        checks(&step.check, &mut *visit);
        let probe = step.probe.iter().flat_map(|probe| &probe.outputs);
        step.outputs.iter().chain(probe).flat_map(|outputs| outputs.values()).for_each(visit);
    })
}

/// What a body gives back.
pub(crate) fn give(body: &Body) -> Names {
    of(|visit| body.outputs.values().for_each(visit))
}

/// The doors that a runbook declares.
pub(crate) fn doors(body: &Body) -> Names {
    of(|visit| body.connections.values().for_each(visit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Names {
        let mut names = Names::default();
        names.walk(&parse(source).unwrap().root);
        names
    }

    #[test]
    fn what_is_read_by_name_is_known_by_name() {
        let read = names("steps.a.x ~ steps['b'].y ~ inputs.c[item.d] ~ merge(inputs['e'], index)");
        assert_eq!(read.steps, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        assert_eq!(read.inputs, BTreeSet::from(["c".to_owned(), "e".to_owned()]));
        assert!(!read.any_step && !read.any_input && read.index);
    }

    #[test]
    fn what_is_read_by_a_computed_name_may_be_anything() {
        let changed = Names { steps: BTreeSet::from(["z".to_owned()]), ..Names::default() };
        assert!(names("steps[inputs.which].x").meet(&changed));
        assert!(names("steps | length").meet(&changed));
        assert!(!names("steps.y.z").meet(&changed));
        assert!(!names("steps[inputs.which].x").meet(&Names::default()));
    }
}
