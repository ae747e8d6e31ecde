//! The contract of step kinds, their ports, and the kinds, one file each.
//!
//! This crate decides what a kind can do. It must not know an SDK, a file or a clock.

pub mod contract;
pub mod ports;
