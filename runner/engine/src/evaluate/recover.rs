//! Getting back what a journal withheld.
//!
//! This file decides from where a secret that an earlier process knew can be had again: an input from whoever resumes,
//! an output from looking once more or computing it once more. It must not look itself: it says which step has to be
//! read again. What the journal kept in the clear stays as it was, so that a resumed run computes the same.

use std::sync::Arc;

use runbook_model::failure::{Failure, FailureClass};
use runbook_model::kind::Effect;
use runbook_model::plan::{Action, Call, Step};
use runbook_model::value::{Map, Unavailable, Value};

use super::{Evaluated, Hindrance, Moment, Need, Sight, Standpoint};
use crate::state::node::{BodyId, Inner, NodeId};

/// The call that reads a finished step's answer once more, if there is one: a look, the probe of what it made, or the call
/// itself where it keeps what it gives.
pub(crate) fn rereading(step: &Step) -> Option<&Call> {
    match (&step.action, &step.probe) {
        (Action::Call(call), _) if call.effect == Effect::Reads || call.keeps => Some(call),
        (Action::Call(_), Some(probe)) => Some(&probe.call),
        (Action::Wait(wait), _) => Some(&wait.source),
        _ => None,
    }
}

impl Sight<'_> {
    /// The inputs of a nested runbook whose journal withholds some, and what keeps those away that stay missing.
    pub(super) fn recovered_inputs(self, body: BodyId) -> (Arc<Value>, Vec<(String, Hindrance)>) {
        let open = self.state.body(body);
        let fresh = match open.owner {
            None => Ok(Value::Map(self.process.supplied.clone())),
            Some(owner) => self.inputs_for(owner),
        };
        let mut missing = Vec::new();
        let Some(kept) = open.inputs.as_map() else { return (open.inputs.clone(), missing) };
        let filled = kept.iter().map(|(name, kept)| {
            if kept.unavailable().is_none() {
                return (name.clone(), kept.clone());
            }
            let value = match &fresh {
                Ok(fresh) => fresh.get(name).map_or_else(|| kept.clone(), |fresh| fill(kept, fresh)),
                Err(_) => kept.clone(),
            };
            if value.unavailable().is_some() {
                let why = fresh.as_ref().err().cloned().unwrap_or_else(|| not_given(name));
                missing.push((name.clone(), why));
            }
            (name.clone(), value)
        });
        let filled = Arc::new(Value::Map(filled.collect()));
        (filled, missing)
    }

    /// The item of a `for-each` whose value the journal withholds.
    pub(super) fn recovered_item(self, id: NodeId) -> Evaluated<Value> {
        let lost = || Failure::new(FailureClass::Invalid, "the list that this item came from is another one now");
        let item = self.state.node(id).item().ok_or_else(lost)?;
        let listed = self.list(item.of)?;
        let fresh = listed.into_iter().find(|fresh| fresh.key == item.key).ok_or_else(lost)?;
        Ok(fill(&item.value, &fresh.value.0))
    }

    /// The outputs of a finished step whose journal withholds some.
    pub(super) fn recovered_outputs(self, id: NodeId) -> Evaluated<Value> {
        let node = self.state.node(id);
        let step = self.state.step(id);
        let Some(kept) = node.outputs() else { return Ok(Value::Map(Map::new())) };
        if let Inner::Loop(items) = &node.inner {
            let mut map = Map::new();
            for item in &items.nodes {
                let node = self.state.node(*item);
                let (Some(role), Some(outputs)) = (node.item(), node.outputs()) else { continue };
                let withheld = node.end.as_ref().is_some_and(|end| end.withheld);
                let outputs = if withheld { self.recovered_outputs(*item)? } else { outputs.as_ref().clone() };
                map.insert(role.key.clone(), outputs);
            }
            return Ok(Value::Map(map));
        }
        let fresh = match &step.action {
            Action::Set { values } => self.of(id).named_values(values, &step.secret)?,
            Action::Run(_) | Action::Group { .. } => self.body_outputs(id)?,
            Action::Call(_) | Action::Wait(_) => {
                let Some(result) = self.process.results.get(&id) else {
                    return Err(match rereading(step) {
                        Some(_) => Hindrance::Need(Need::Reread(id)),
                        None => gone(&node.path.to_string()),
                    });
                };
                let outputs = match (&step.action, &step.probe) {
                    (Action::Call(call), Some(probe)) if call.effect != Effect::Reads && !call.keeps => {
                        probe.outputs.as_ref().or(step.outputs.as_ref())
                    }
                    _ => step.outputs.as_ref(),
                };
                let attempt = node.work.attempts.max(node.work.looks);
                let moment = Moment::Answer { result, error: None, attempt };
                self.view(Standpoint::of(self.state, id), moment).outputs(outputs, result, &step.secret)?.0
            }
            Action::Assert { .. } | Action::Approve { .. } => return Ok(kept.as_ref().clone()),
        };
        Ok(fill(kept, &fresh))
    }
}

/// What was kept, with the gaps filled that the journal left.
fn fill(kept: &Value, fresh: &Value) -> Value {
    match (kept, fresh) {
        (Value::Unavailable(Unavailable::Withheld), fresh) => fresh.clone().into_secret(),
        (Value::Map(kept), Value::Map(fresh)) => Value::Map(
            kept.iter()
                .map(|(name, kept)| {
                    let filled = fresh.get(name).map_or_else(|| kept.clone(), |fresh| fill(kept, fresh));
                    (name.clone(), filled)
                })
                .collect(),
        ),
        (Value::List(kept), Value::List(fresh)) if kept.len() == fresh.len() => {
            Value::List(kept.iter().zip(fresh).map(|(kept, fresh)| fill(kept, fresh)).collect())
        }
        (kept, _) => kept.clone(),
    }
}

fn not_given(name: &str) -> Hindrance {
    Failure::new(FailureClass::Invalid, format!("the input `{name}` is a secret, which the journal does not keep"))
        .help(format!("resume and give it again, with `-i {name}=…` or `RUNBOOK_INPUT_{}`", name.to_uppercase()))
        .into()
}

fn gone(path: &str) -> Hindrance {
    Failure::new(
        FailureClass::Invalid,
        format!("a secret output of step `{path}` was not kept by the journal and cannot be read again"),
    )
    .help(format!("`runbook resume --from {path}` runs that step again"))
    .into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn gaps_are_filled_and_what_was_kept_stays() {
        let withheld = Value::Unavailable(Unavailable::Withheld);
        let kept = Value::Map(Map::from_iter([
            ("user".to_owned(), Value::from("ann")),
            ("password".to_owned(), withheld.clone()),
            ("keys".to_owned(), Value::List(vec![withheld.clone(), Value::from(1)])),
        ]));
        let fresh = Value::from(json!({"user": "bob", "password": "hunter2", "keys": ["k", 2], "new": true}));
        let filled = fill(&kept, &fresh);
        assert_eq!(filled.exposed(), json!({"user": "ann", "password": "hunter2", "keys": ["k", 1]}));
        assert_eq!(filled.redacted(), json!({"user": "ann", "password": "(secret)", "keys": ["(secret)", 1]}));
    }

    #[test]
    fn a_list_that_changed_its_length_stays_withheld() {
        let withheld = Value::Unavailable(Unavailable::Withheld);
        let kept = Value::List(vec![withheld.clone()]);
        assert_eq!(fill(&kept, &Value::from(json!(["a", "b"]))), kept);
    }
}
