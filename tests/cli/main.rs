//! The program as people and scripts meet it: the real binary, its whole output, its exit codes.
//!
//! Snapshots are reviewed with `cargo insta review`. Nothing here reaches a network.

mod authoring;
mod doctor;
mod ends;
mod exec;
mod first_use;
mod lint;
mod machine;
mod parked;
mod people;
mod report;
mod resume;
mod sandbox;
mod screen;
mod screens;
mod service;
mod signals;
mod streams;
mod tree;
mod trouble;
