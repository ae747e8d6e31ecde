//! Decides: events in, commands out. Events, commands, state, the resume table.
//!
//! This crate decides what happens next in a run, as pure functions of plan and events. It must not do I/O, read a clock
//! or draw a random number, and it never sees YAML.

mod agenda;
pub mod command;
mod decide;
mod engine;
mod evaluate;
pub mod event;
pub mod input;
mod outline;
mod process;
mod reads;
pub mod resume;
mod retry;
mod state;
pub mod stored;
pub mod view;

pub use engine::{Engine, Turn};
pub use state::{Ended, Hold, IllegalEvent, State};
