//! What a run leaves, and how two ways to the same end are compared.
//!
//! This file decides what counts as the same end: the same objects made with the same parameters, each once, and no step
//! done twice. Ids that the cloud draws at random are no part of it.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use runbook_harness::{Call, Identity};
use serde_json::Value;

use crate::stage::{CLUSTER, World};

/// The traces of a run that is over.
#[derive(Debug)]
pub(crate) struct Traces {
    /// What exists in the cloud, by kind.
    left: BTreeMap<String, Vec<String>>,
    /// The calls that changed something, by what they asked for.
    pub(crate) changes: BTreeMap<String, Vec<Call>>,
    /// The objects of the cluster that a runbook makes.
    objects: BTreeMap<String, Identity>,
    outputs: Value,
    events: Vec<Value>,
}

impl Traces {
    /// What the newest run has left, with all calls since the world was made.
    pub(crate) fn of(world: &World<'_>) -> Self {
        let run = world.run().expect("there is a run");
        let shown = world.home.run(["show", &run, "-o", "json"]).expect(0).json();
        assert_eq!(shown["status"], "succeeded", "{shown:#}");
        Self {
            left: world.cloud.leftovers(),
            changes: changes(&world.cloud.calls()),
            objects: world.rig.identities(CLUSTER, &["storageclasses", "persistentvolumes", "namespaces"]),
            outputs: shown["outputs"].clone(),
            events: world.events(),
        }
    }

    /// Fails unless this is the end of an undisturbed run, and nothing was done twice on the way there.
    pub(crate) fn are_those_of(&self, undisturbed: &Self) {
        let left = |traces: &Self| {
            let sorted = |ids: &Vec<String>| {
                let mut ids: Vec<String> = ids.iter().map(|id| without_ids(id)).collect();
                ids.sort_unstable();
                ids
            };
            traces.left.iter().map(|(kind, ids)| (kind.clone(), sorted(ids))).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(left(self), left(undisturbed), "what exists in the cloud");
        assert_eq!(without_ids(&self.outputs.to_string()), without_ids(&undisturbed.outputs.to_string()));
        let asked = |traces: &Self| traces.changes.keys().cloned().collect::<BTreeSet<_>>();
        let (here, there) = (asked(self), asked(undisturbed));
        let (more, less) = (here.difference(&there), there.difference(&here));
        let other: Vec<String> = more.map(|one| format!("+ {one}")).chain(less.map(|one| format!("- {one}"))).collect();
        assert!(other.is_empty(), "something else was asked of the cloud:\n{}", other.join("\n"));
        let generations = |traces: &Self| {
            traces
                .objects
                .iter()
                .map(|(name, identity)| (name.clone(), identity.generation))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(generations(self), generations(undisturbed), "the objects of the cluster");
        self.make_nothing_twice();
        self.repeat_no_finished_step();
    }

    /// Fails unless the very same objects are there as before.
    pub(crate) fn leave_all_as_it_was(&self, before: &Self) {
        assert_eq!(self.left, before.left, "what exists in the cloud");
        assert_eq!(self.objects, before.objects, "the objects of the cluster");
        assert_eq!(self.outputs, before.outputs);
    }

    /// Fails if a call that makes something made it twice. A repetition with the same token gets the first one's answer.
    pub(crate) fn make_nothing_twice(&self) {
        for (asked, calls) in self.changes.iter().filter(|(asked, _)| asked.contains(" Create")) {
            let tokens: BTreeSet<_> = calls.iter().map(|call| call.client_token.as_deref()).collect();
            let made = if tokens == BTreeSet::from([None]) { calls.len() } else { tokens.len() };
            assert_eq!(made, 1, "made more than once: {asked}\n{calls:#?}");
        }
    }

    /// Fails if a step was begun again after it was done, or two processes wrote the journal.
    pub(crate) fn repeat_no_finished_step(&self) {
        let mut done = BTreeSet::new();
        for (event, seq) in self.events.iter().zip(1_u64..) {
            assert_eq!(event["seq"].as_u64(), Some(seq), "the journal has a gap");
            let Some(step) = event["step"].as_str() else { continue };
            assert!(!done.contains(step), "`{step}` was done already: {event}");
            if event["event"] == "step-succeeded" {
                done.insert(step);
            }
        }
    }

    /// How often a process took the run up.
    pub(crate) fn holders(&self) -> usize {
        self.events.iter().filter(|event| event["event"] == "run-held").count()
    }
}

/// The calls of the program that changed something, whether or not their reply arrived, by what they asked for. What a
/// test itself does with `Cloud::aws` is none of them.
pub(crate) fn changes(calls: &[Call]) -> BTreeMap<String, Vec<Call>> {
    let mut changes: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    let of_program = |call: &&Call| !call.user_agent.contains("aws-cli");
    for call in calls.iter().filter(of_program).filter(|call| !reads(&call.operation) && took_effect(call)) {
        let mut params = call.params.clone();
        if let Some(params) = params.as_object_mut() {
            params.retain(|name, _| !["clientRequestToken", "ClientToken"].contains(&name.as_str()));
        }
        let asked = format!("{} {} {}", call.service, call.operation, without_ids(&params.to_string()));
        changes.entry(asked).or_default().push(call.clone());
    }
    changes
}

fn reads(operation: &str) -> bool {
    ["Describe", "Get", "List", "Simulate"].iter().any(|verb| operation.starts_with(verb))
}

/// The log has no status of a call whose reply was dropped.
fn took_effect(call: &Call) -> bool {
    call.succeeded() || call.fault.as_deref() == Some("drop-after")
}

/// A text with `*` in the place of ids that the cloud draws at random.
pub(crate) fn without_ids(text: &str) -> String {
    let ids = Regex::new(r"\b((?:subnet|vpc|sg|lt|vol|eni)-)[0-9a-f]{8,}|(/id/)[0-9A-F]{32}").expect("it compiles");
    ids.replace_all(text, "$1$2*").into_owned()
}
