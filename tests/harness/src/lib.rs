//! The outside that integration tests run against, started and stopped from Rust: the test cloud, the clusters, a home
//! of its own for the program under test.
//!
//! This crate decides how the stand-ins in `tests/cloud` and `tests/cluster` are run and that nothing of them outlives
//! a test. It is a development dependency alone, and so no part of the table in `runner/README.md`; it must not know
//! the product's crates: it sees `runbook` as a program.
//!
//! ```no_run
//! use runbook_harness::{Cloud, CloudOptions, Home};
//!
//! let cloud = Cloud::start(&CloudOptions::default());
//! cloud.seed_vpc("Karmada_VPC", 3);
//! let home = Home::new("target/debug/runbook").with_cloud(&cloud);
//! home.run(["exec", "runbooks/eks-cluster.yaml", "-i", "vpc_name=Karmada_VPC"]).expect(0);
//! assert_eq!(cloud.calls().iter().filter(|call| call.operation == "CreateCluster").count(), 1);
//! ```

mod calls;
mod cloud;
mod group;
mod home;
mod objects;
pub mod page;
mod paused;
mod picture;
mod port;
pub mod project;
mod python;
mod rig;
mod terminal;
mod turns;

pub use calls::{Call, Fault, FaultKind};
pub use cloud::{Cloud, CloudOptions, SeededVpc};
pub use group::Group;
pub use home::{Finished, Home, Started};
pub use objects::Identity;
pub use paused::Paused;
pub use port::free_port;
pub use python::{Python, PythonError};
pub use rig::{Rig, RigOptions, obstacle};
pub use terminal::Terminal;
pub use turns::in_turn;
