//! From a checked runbook and its inputs to the plan that is carried out.
//!
//! This file decides what is refused before anything runs: errors of the check, steps that this version does not carry
//! out, and demands on the inputs that they do not fulfil. It must not know where inputs come from.

use indexmap::IndexMap;
use runbook_model::argument::Argument;
use runbook_model::code;
use runbook_model::diagnostic::{self, Diagnostic, Severity};
use runbook_model::plan::{Action, Body, Check, Plan, Step};
use runbook_model::source::Span;
use runbook_model::value::{Map, Value};
use runbook_template::syntax::ExprKind;
use runbook_template::{Evaluator, Name, Scope, parse};

use crate::check::Checked;

/// The plan of a checked runbook. `inputs` are fitted to their types.
///
/// # Errors
/// Everything that keeps it from being run; drawn in the sources of `checked`.
pub fn plan(checked: &Checked, inputs: &IndexMap<String, Value>) -> Result<Plan, Vec<Diagnostic>> {
    let errors = checked.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let mut refused: Vec<Diagnostic> = errors.cloned().collect();
    let Some(plan) = checked.plan.as_ref().filter(|_| refused.is_empty()) else { return Err(refused) };
    refused.extend(checked.later.iter().cloned());
    let mut judge = Judge { plan, inputs, evaluator: None, refused };
    judge.body(&plan.body);
    if judge.refused.is_empty() {
        return Ok(plan.clone());
    }
    diagnostic::sort(&mut judge.refused);
    Err(judge.refused)
}

/// Judges the `assert`s that rest on inputs alone.
struct Judge<'a> {
    plan: &'a Plan,
    inputs: &'a IndexMap<String, Value>,
    /// Made when the first of them is met.
    evaluator: Option<(Evaluator, Scope)>,
    refused: Vec<Diagnostic>,
}

impl Judge<'_> {
    fn body(&mut self, body: &Body) {
        for step in &body.steps {
            match &step.action {
                Action::Assert { checks } if self.runs(step) => {
                    checks.iter().filter(|check| !check.warns).for_each(|check| self.check(check));
                }
                Action::Group { body } if self.runs(step) => self.body(body),
                _ => {}
            }
        }
    }

    /// Is it known that the step runs, once?
    fn runs(&mut self, step: &Step) -> bool {
        step.for_each.is_none()
            && step.when.as_ref().is_none_or(|when| {
                rests_on_inputs(when) && {
                    let (evaluator, scope) = self.evaluator();
                    evaluator.truth(when, scope) == Ok(true)
                }
            })
    }

    fn check(&mut self, check: &Check) {
        if !rests_on_inputs(&check.that) || !check.otherwise.as_ref().is_none_or(rests_on_inputs) {
            return;
        }
        let (evaluator, scope) = self.evaluator();
        let sentence = match evaluator.truth(&check.that, scope) {
            Ok(true) => return,
            Ok(false) => match &check.otherwise {
                None => "the inputs do not fulfil this".to_owned(),
                Some(otherwise) => match evaluator.text(otherwise, scope) {
                    Ok(text) => text.redacted().as_str().unwrap_or_default().trim().to_owned(),
                    Err(trouble) => format!("the inputs do not fulfil this, and its sentence fails: {trouble}"),
                },
            },
            // A secret that is not there now is judged when the step runs.
            Err(trouble) if trouble.unavailable.is_some() => return,
            Err(trouble) => trouble.to_string(),
        };
        let span = place(&check.that);
        self.refused.push(Diagnostic::error(code::ASSERTED, span, sentence).help("give other inputs"));
    }

    fn evaluator(&mut self) -> &(Evaluator, Scope) {
        self.evaluator.get_or_insert_with(|| {
            let mut scope = Scope::new();
            let inputs: Map = self.inputs.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            scope.insert("inputs", Name::Value(Value::Map(inputs)));
            (Evaluator::new(&self.plan.templates), scope)
        })
    }
}

/// Does every expression of it read inputs and nothing else?
fn rests_on_inputs(argument: &Argument) -> bool {
    let mut only = true;
    argument.expressions(&mut |expression| {
        only = only
            && parse(&expression.source).is_ok_and(|parsed| {
                let mut inputs = true;
                parsed.root.walk(&mut |part| {
                    inputs = inputs && !matches!(&part.kind, ExprKind::Name(name) if name != "inputs");
                });
                inputs
            });
    });
    only
}

/// The first expression of an argument, or the whole of it.
fn place(argument: &Argument) -> Span {
    let mut found = None;
    argument.expressions(&mut |expression| {
        found.get_or_insert_with(|| expression.whole());
    });
    found.unwrap_or(argument.span)
}
