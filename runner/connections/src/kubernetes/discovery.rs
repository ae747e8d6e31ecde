//! Which kinds a server serves.
//!
//! This file decides how a kind becomes a resource, and what is remembered: what a server serves, never what it does not, for
//! definitions come while a run goes on. It must not know objects.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use runbook_model::diagnostic::did_you_mean;
use runbook_model::failure::{Failure, FailureClass};
use runbook_model::value::Value;
use runbook_steps::kubernetes::object::Object;
use runbook_steps::ports::{ApplyRefused, Resource};

use super::cluster::{Cluster, Question};
use super::path;

/// What a server was found to serve, by group and version.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<String, Vec<Resource>>>);

impl Known {
    fn find(&self, api_version: &str, kind: &str) -> Option<Resource> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(api_version)?.iter().find(|resource| resource.kind == kind).cloned()
    }

    fn learn(&self, api_version: &str, resources: Vec<Resource>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(api_version.to_owned(), resources);
    }
}

/// How the server serves a kind.
///
/// # Errors
/// `missing` if it does not.
pub(super) async fn discover(cluster: &Cluster, api_version: &str, kind: &str) -> Result<Resource, ApplyRefused> {
    if let Some(resource) = cluster.known.find(api_version, kind) {
        return Ok(resource);
    }
    let answer = cluster.ask(Question::read(path::group_version(api_version))).await.map_err(|refused| {
        if refused.failure.class == FailureClass::Missing {
            unknown(format!("the cluster does not serve `{api_version}`"))
                .help("look at `kubectl api-versions`; what defines it may not be installed yet")
                .into()
        } else {
            refused
        }
    })?;
    let resources = resources(&answer.object, api_version);
    let found = resources.iter().find(|resource| resource.kind == kind).cloned();
    let failure = || {
        let failure = unknown(format!("the cluster serves no kind `{kind}` in `{api_version}`"));
        match did_you_mean(kind, resources.iter().map(|resource| resource.kind.as_str())) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help("look at `kubectl api-resources`; what defines it may not be installed yet"),
        }
    };
    let outcome = found.ok_or_else(|| failure().into());
    cluster.known.learn(api_version, resources);
    outcome
}

fn unknown(message: String) -> Failure {
    Failure::new(FailureClass::Missing, message).code("NotServed")
}

/// Reads an `APIResourceList`, without subresources.
fn resources(list: &Value, api_version: &str) -> Vec<Resource> {
    let entries = Object(list).items(&["resources"]).iter().map(Object);
    entries
        .filter_map(|entry| {
            let plural = entry.text(&["name"]).filter(|name| !name.contains('/'))?;
            Some(Resource {
                api_version: api_version.to_owned(),
                kind: entry.text(&["kind"])?.to_owned(),
                plural: plural.to_owned(),
                namespaced: entry.at(&["namespaced"]).and_then(Value::as_bool).unwrap_or(false),
            })
        })
        .collect()
}
