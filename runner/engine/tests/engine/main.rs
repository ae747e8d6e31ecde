//! The engine as a whole: inputs go in, records and commands come out.
//!
//! These tests drive `Engine::turn` by hand and read the lines that a run leaves, in the style of
//! given, when, then.

mod author;
mod calls;
mod doors;
mod edited;
mod ends;
mod flow;
mod format;
mod going;
mod people;
mod random;
mod resumes;
mod scene;
mod secrets;
mod shape;
mod waits;
