//! The check: whether everything in a runbook means something, and the plan that comes of it.
//!
//! This folder decides what names refer to, what steps wait for, and what is told about mistakes. It must not know how a
//! text is read (`text`, `written`) nor how a plan is carried out.

mod calls;
mod connections;
mod digests;
mod each;
mod infer;
mod library;
mod needs;
mod nested;
mod numbers;
mod reads;
mod shapes;
mod sight;
mod steps;
mod templates;
mod unit;
mod waits;
mod yields;

use std::sync::Arc;

use indexmap::IndexMap;
use runbook_model::diagnostic::{Diagnostic, Severity};
use runbook_model::digest::Digest;
use runbook_model::input::InputDeclaration;
use runbook_model::kind::Kinds;
use runbook_model::plan::{Body, Plan, RunbookIdentity};
use runbook_model::source::Sources;

use crate::files::Files;
pub use library::LARGEST_FILE;
use library::Library;
pub(crate) use unit::Loaded;

/// How many steps act at the same time unless the runbook says otherwise.
const CONCURRENCY: u32 = 8;

/// A checked runbook with everything it uses.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What is wrong, in the order in which it is told.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that were read, to draw the diagnostics in.
    pub sources: Sources,
    /// The files a run rests on: path relative to the package, and text. Nothing else of the package is in it.
    pub package: IndexMap<String, String>,
    pub(crate) plan: Option<Plan>,
    /// Errors for whoever wants to run it: steps that this version does not carry out.
    pub(crate) later: Vec<Diagnostic>,
}

impl Checked {
    /// Is there anything that keeps it from being run?
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.plan.is_none() || self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The declared inputs; none if the runbook could not be read.
    #[must_use]
    pub fn inputs(&self) -> IndexMap<String, InputDeclaration> {
        self.body().map(|body| body.inputs.clone()).unwrap_or_default()
    }

    /// Which runbook it is, with the digest of its package.
    #[must_use]
    pub fn runbook(&self) -> Option<&RunbookIdentity> {
        self.plan.as_ref().map(|plan| &plan.runbook)
    }

    /// The plan as far as it is known without inputs: for pictures of the runbook, not for carrying it out.
    #[must_use]
    pub fn draft(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    fn body(&self) -> Option<&Body> {
        self.plan.as_ref().map(|plan| &plan.body)
    }
}

/// Reads a runbook and everything it uses, and checks it. `entry` is its path inside the package.
#[must_use]
pub fn check(files: &dyn Files, entry: &str, kinds: &dyn Kinds) -> Checked {
    let library = Library::new(files, kinds);
    let loaded = library.runbook(entry);
    library.into_checked(loaded)
}

fn plan(loaded: Loaded, package: &IndexMap<String, String>, templates: IndexMap<String, String>) -> Plan {
    Plan {
        format: runbook_model::plan::FORMAT,
        runbook: RunbookIdentity {
            title: loaded.title.unwrap_or_else(|| loaded.name.clone()),
            name: loaded.name,
            version: loaded.version,
            digest: package_digest(package),
        },
        description: loaded.description,
        labels: loaded.labels,
        owner: loaded.owner,
        concurrency: loaded.concurrency.unwrap_or(CONCURRENCY),
        body: Arc::unwrap_or_clone(loaded.body),
        templates,
    }
}

/// The digest of a package: that of a JSON map from paths to texts, whatever their order.
#[must_use]
pub fn package_digest(package: &IndexMap<String, String>) -> Digest {
    let mut paths: Vec<&String> = package.keys().collect();
    paths.sort();
    let mut text = String::from("{");
    for path in paths {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&quoted(path));
        text.push(':');
        text.push_str(&quoted(&package[path.as_str()]));
    }
    text.push('}');
    Digest::of(text.as_bytes())
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_a_package_is_that_of_its_json() {
        let package: IndexMap<String, String> =
            [("b.yaml", "x: \"ü\"\n"), ("a", "")].map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        assert_eq!(package_digest(&package), Digest::of_json(&serde_json::to_value(&package).unwrap()));
    }
}
