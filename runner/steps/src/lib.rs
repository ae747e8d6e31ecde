//! The contract of step kinds, their ports, and the kinds, one file each.
//!
//! This crate decides what a kind can do. It must not know an SDK, a file or a clock.

mod arguments;
pub mod aws_call;
pub mod contract;
pub mod k8s_apply;
pub mod k8s_get;
pub mod known_secrets;
pub mod kubernetes;
pub mod later;
pub mod ports;
mod registry;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod written;

pub use registry::{Registry, kinds};
