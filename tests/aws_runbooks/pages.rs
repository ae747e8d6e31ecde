//! Pages of the documentation that a reader carries out against the test cloud.

use runbook_harness::page::follow;
use runbook_harness::{Cloud, project};

pub(crate) fn tutorial(cloud: &Cloud) {
    follow(env!("CARGO_BIN_EXE_runbook"), &project::root().join("docs/tutorial.md"), Some(cloud));
}
