//! Decides: events in, commands out. Events, commands, state, the resume table.
//!
//! This crate decides what happens next in a run, as pure functions of plan and events. It must not do I/O, read a clock
//! or draw a random number, and it never sees YAML.

pub mod event;
pub mod stored;
