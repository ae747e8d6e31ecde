//! What this machine and its environment lack for carrying out runbooks.
//!
//! This file decides which things are looked at, and that all of it ends within half a minute. It must not change anything
//! for good, nor tell a secret.

mod aws;
mod kubeconfig;
mod state_folder;

use runbook_connections::Connections;
use serde::Serialize;

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) subject: &'static str,
    /// How it is.
    pub(crate) health: Health,
    /// One clause.
    pub(crate) words: String,
    /// What to do, if something has to be done.
    pub(crate) remedy: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Health {
    /// As wanted.
    Ok,
    /// Some runbooks, or later ones, will have trouble.
    Warn,
    /// Runbooks cannot be carried out.
    Fail,
}

impl Finding {
    fn ok(subject: &'static str, words: impl Into<String>) -> Self {
        Self { subject, health: Health::Ok, words: words.into(), remedy: None }
    }

    fn warn(subject: &'static str, words: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { subject, health: Health::Warn, words: words.into(), remedy: Some(remedy.into()) }
    }

    fn fail(subject: &'static str, words: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { subject, health: Health::Fail, words: words.into(), remedy: Some(remedy.into()) }
    }
}

/// Looks at everything.
pub(crate) async fn examine() -> Vec<Finding> {
    let connections = Connections::new();
    let mut findings = state_folder::examine();
    findings.extend(aws::examine(&connections).await);
    findings.push(kubeconfig::judged(connections.contexts(), kubeconfig::is_program));
    findings
}
