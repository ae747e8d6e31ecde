//! The real outside: AWS sessions, Kubernetes clients, files.
//!
//! This crate decides how the ports of `runbook_steps` reach what is really there: how requests are signed and sent, which
//! credentials they carry, what a failure on the way means for an effect. It must not know kinds, plans or journals, and it
//! never tries anything twice.

mod aws;
mod http;
