//! When what the steps made ends: certificates above all.
//!
//! This file decides which ends a run tells of, from its steps' output `expires`, and from when on they are a matter of concern.
//! It must not know what it is that ends, nor how the words look.

use std::collections::BTreeMap;

use runbook_engine::view::StepView;
use runbook_model::duration::Duration;
use runbook_model::path::StepPath;
use runbook_model::time::Timestamp;
use runbook_model::value::Value;

use crate::report::story::span;

/// From when on before an end people should see to it; certificates are made anew by then (`renew-before` of `pki`).
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

/// What ends, where a step names it, and when.
type End<'a> = (Option<&'a str>, Timestamp);

/// What a step made that ends on one day.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// The step whose output says so.
    pub(crate) step: StepPath,
    /// The names of what ends; none if the step made one thing.
    names: Vec<String>,
    /// The first of these ends.
    at: Timestamp,
}

/// All ends that the steps tell of, the next one first. What a step only passes on from steps inside it is told once.
pub(crate) fn expiries(steps: &[StepView]) -> Vec<Expiry> {
    let tells: Vec<(&StepPath, Vec<End<'_>>)> =
        steps.iter().map(|step| (&step.path, ends(step))).filter(|(_, ends)| !ends.is_empty()).collect();
    let mut expiries = Vec::new();
    for (path, ends) in &tells {
        if tells.iter().any(|(other, _)| other != path && other.is_within(path)) {
            continue;
        }
        // What is made in one go does not end in the same second.
        let mut days: BTreeMap<String, Expiry> = BTreeMap::new();
        for (name, at) in ends {
            let new = || Expiry { step: (*path).clone(), names: Vec::new(), at: *at };
            let day = days.entry(day(*at)).or_insert_with(new);
            day.names.extend(name.map(str::to_owned));
            day.at = day.at.min(*at);
        }
        expiries.extend(days.into_values());
    }
    expiries.sort_by(|one, other| (one.at, &one.step).cmp(&(other.at, &other.step)));
    expiries
}

impl Expiry {
    /// Whether people should do something about it.
    pub(crate) fn is_near(&self, now: Timestamp) -> bool {
        self.at <= now.plus(SOON)
    }

    /// What ends, when, and what helps if that is near.
    pub(crate) fn words(&self, now: Timestamp) -> String {
        let what = match &self.names[..] {
            [] => String::new(),
            names => format!("{} ", names.join(", ")),
        };
        let (at, verb) = (self.at, if self.names.len() > 1 { "end" } else { "ends" });
        if self.at <= now {
            format!("{what}ended on {at}, {} ago; make it anew: carry out the runbook once more", span(now.since(at)))
        } else if self.is_near(now) {
            format!("{what}{verb} on {at}, in {}; carry out the runbook once more before that", span(at.since(now)))
        } else {
            format!("{what}{verb} on {at}, in {}", span(at.since(now)))
        }
    }
}

/// What a step says in its output `expires`, or in the `expires` of its whole answer: one time, or a time for each name.
fn ends(step: &StepView) -> Vec<End<'_>> {
    let told = step.outputs.as_ref();
    let told = told.and_then(|outputs| outputs.get("expires").or_else(|| outputs.get("result")?.get("expires")));
    let at = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
    match told {
        Some(Value::Map(named)) => {
            named.iter().filter_map(|(name, value)| Some((Some(name.as_str()), at(value)?))).collect()
        }
        Some(value) => at(value).map(|at| (None, at)).into_iter().collect(),
        None => Vec::new(),
    }
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take_while(|letter| *letter != 'T').collect()
}

#[cfg(test)]
mod tests {
    use runbook_engine::view::StepStatus;
    use runbook_model::value::Map;

    use super::*;

    fn step(path: &str, outputs: Value) -> StepView {
        StepView {
            path: path.parse().unwrap(),
            kind: "pki".into(),
            title: String::new(),
            status: StepStatus::Succeeded,
            attempts: 1,
            generation: 1,
            started_at: None,
            finished_at: None,
            deadline: None,
            reason: None,
            parked: None,
            observed: None,
            failure: None,
            origin: None,
            warnings: Vec::new(),
            outputs: Some(outputs),
        }
    }

    fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map>())
    }

    #[test]
    fn what_ends_is_told_by_day_and_once_and_the_next_end_first() {
        let ends = map([
            ("apiserver", Value::from("2027-01-02T10:00:03.000Z")),
            ("ca", Value::from("2036-01-01T10:00:00.000Z")),
            ("karmada", Value::from("2027-01-02T10:00:02.000Z")),
            ("none", Value::Null),
        ]);
        let steps = [
            step("init", map([("expires", ends.clone())])),
            step("init/certificates", map([("expires", ends)])),
            step("agent", map([("result", map([("expires", Value::from("2026-12-01T00:00:00.000Z"))]))])),
            step("other", map([("expires", Value::from("never"))])),
        ];
        let now: Timestamp = "2026-12-03T10:00:02.000Z".parse().unwrap();
        let told: Vec<(String, bool, String)> = expiries(&steps)
            .iter()
            .map(|expiry| (expiry.step.to_string(), expiry.is_near(now), expiry.words(now)))
            .collect();
        let line = |step: &str, near, words: &str| (step.to_owned(), near, words.to_owned());
        assert_eq!(
            told,
            [
                line(
                    "agent",
                    true,
                    "ended on 2026-12-01T00:00:00.000Z, 2d10h ago; make it anew: carry out the runbook once more"
                ),
                line(
                    "init/certificates",
                    true,
                    "apiserver, karmada end on 2027-01-02T10:00:02.000Z, in 30d0h; carry out the runbook once more before that"
                ),
                line("init/certificates", false, "ca ends on 2036-01-01T10:00:00.000Z, in 3315d23h"),
            ]
        );
        assert!(!expiries(&steps)[1].is_near("2026-12-03T10:00:01.999Z".parse().unwrap()));
    }
}
