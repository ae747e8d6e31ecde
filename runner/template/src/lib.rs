//! minijinja behind a strict face.
//!
//! This crate decides what expressions and templates mean: what they can see, that nothing undefined gets away, that
//! what is computed from a secret is one, how much work they may do, and how their errors find their place. It also reads
//! and writes YAML, for rendered manifests are YAML. It must not know steps, runs, files or clocks.

mod altered;
mod environment;
mod evaluate;
mod filters;
mod guard;
mod manifest;
pub mod query;
mod scope;
pub mod syntax;
mod trouble;
mod view;
pub mod yaml;

pub use environment::names;
pub use evaluate::Evaluator;
pub use scope::{Lookup, Name, Scope, Shared};
pub use syntax::{Parsed, Problem, parse};
pub use trouble::Trouble;
