//! Pages of the documentation that a reader carries out against the test cloud.

use runbook_harness::page::follow;
use runbook_harness::{Cloud, project};

fn read(page: &str, cloud: &Cloud) {
    follow(env!("CARGO_BIN_EXE_runbook"), &project::root().join("docs").join(page), Some(cloud));
}

pub(crate) fn tutorial(cloud: &Cloud) {
    read("tutorial.md", cloud);
}

pub(crate) fn probes(cloud: &Cloud) {
    read("howto/write-a-probe.md", cloud);
}

pub(crate) fn adopting(cloud: &Cloud) {
    read("howto/adopt.md", cloud);
}
