//! AWS as data: service models, validation, encoding and decoding of any operation.
//!
//! ```text
//! catalog().service("eks")?.operation("CreateCluster")?
//!     .check(&mut params, &mut diagnostics)          planning: the author's text against the model
//!     .endpoint(&parameters, &params)?               where it goes
//!     .encode(&params, &endpoint)?                   an http::Request, signed and sent by somebody else
//!     .decode(&request, &response)?                  data with the API's own names, or a classed failure
//! ```
//!
//! No operation has a function of its own: everything is read from `models/`, packed by `cargo xtask models`.
//! This crate must not do I/O: no clock, no random numbers, no sockets; it compiles for wasm32.

mod catalog;
mod check;
mod class;
mod decode;
mod definition;
mod effect;
mod encode;
mod endpoint;
pub mod http;
mod jmespath;
mod member;
#[path = "../models/index.rs"]
mod models;
mod operation;
pub mod pack;
mod paginator;
mod parameter;
mod percent;
mod result;
mod service;
mod support;
mod timestamp;
mod waiter;

pub use catalog::{Catalog, UnknownService, catalog};
pub use endpoint::{Endpoint, EndpointParameters, Resolved as ResolvedEndpoint, S3Parameters};
pub use models::BOTOCORE;
pub use operation::Operation;
pub use paginator::Paginator;
pub use parameter::Parameter;
pub use service::{Service, UnknownOperation, UnknownWaiter};
pub use waiter::{Judgement, State as WaiterState, Waiter};
