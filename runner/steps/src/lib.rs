//! The contract of step kinds, their ports, and the kinds, one file each.
//!
//! This crate decides what a kind can do. It must not know an SDK, a file or a clock.
//!
//! To add a kind: a file here with a type that is a [`runbook_model::kind::Kind`] (what the checker asks) and a
//! [`contract::StepKind`] (what the driver calls); its name in `registry.rs`; its page in
//! `docs/kinds`. If it needs something outside that no port gives, a method of a port, which `runbook_connections` carries
//! out. Its tests call it with a port that they play themselves.

pub mod archive;
pub mod archives;
mod arguments;
pub mod aws_call;
pub mod certificates;
pub mod command;
pub mod contract;
pub mod file;
pub mod files;
pub mod k8s_apply;
pub mod k8s_certificate;
pub mod k8s_delete;
pub mod k8s_drain;
pub mod k8s_get;
pub mod k8s_release;
pub mod karmada;
pub mod kubeconfig;
pub mod kubernetes;
pub mod network;
pub mod pki;
pub mod ports;
pub mod programs;
mod registry;
pub mod rename_context;
pub mod sources;
#[cfg(test)]
mod test_machine;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod written;

pub use registry::{Registry, kinds};
