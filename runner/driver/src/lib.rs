//! Carries out what the engine decides: appends its records, makes its calls, wakes it in time, hears people and signals.
//!
//! This crate decides in which order that happens, how long a call may hang, and what stops everything at once. It must not
//! decide about steps (the engine does), know kinds by name, or print.

pub mod clock;
mod drive;
mod error;
mod flight;
pub mod observer;
mod run;
pub mod word;

pub use drive::{Signal, World};
pub use error::{Broken, Unopened};
pub use run::{Run, read};
