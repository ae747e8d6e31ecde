//! The nouns every crate shares: ids, values, secrets, spans, diagnostics, the plan, failures.
//!
//! This crate decides what these things are and how they are written down. It must not know how they
//! come about: it reads no file, no clock and no environment, and it runs nothing.

pub mod answer;
pub mod argument;
pub mod code;
pub mod connection;
pub mod diagnostic;
pub mod digest;
pub mod duration;
pub mod failure;
pub mod id;
pub mod input;
pub mod kind;
pub mod known_secrets;
pub mod path;
pub mod plan;
pub mod record;
pub mod shape;
pub mod source;
pub mod time;
pub mod value;
