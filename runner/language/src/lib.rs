//! From text to a plan: YAML, checks, diagnostics.
//!
//! This crate decides what a runbook says: whether it can be read, whether its names mean something, what its steps wait
//! for, and the plan that comes of it. It must not know events, connections that are open, or files: texts are given to it.
//!
//! ```text
//! Files ─► check ─► Checked ─► plan(inputs) ─► Plan
//!                     │            ▲
//!                     └► inputs ─► Offers::fit
//! ```

mod check;
mod files;
mod fit;
mod plan;
pub mod render;
mod text;
mod written;

pub use check::{Checked, LARGEST_FILE, check, package_digest};
pub use files::{Files, Held, ReadError, TEMPLATES};
pub use fit::{Fitted, Offers, Origin};
pub use plan::plan;
