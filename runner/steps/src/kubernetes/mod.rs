//! Kubernetes, as far as it is the same for all kinds: objects, refusals, readiness, what is secret.
//!
//! These files decide what objects and answers mean. Only [`rollout`] asks a server, through the port.

pub mod blocking;
pub mod events;
pub(crate) mod field_manager;
pub mod former;
pub mod manifest;
pub mod object;
pub mod readiness;
pub mod refusal;
pub mod rollout;
pub mod secrecy;
