//! An ordered, fenced log of opaque records, one per run.
//!
//! This crate decides what durable, ordered and held mean, and how a log is kept in memory and in SQLite. It must not
//! know what a record says (it sees a version, a kind and bytes), nor where the state folder is.

pub mod error;
pub mod inbox;
pub mod log;
pub mod memory;
pub mod sqlite;
pub mod store;

pub use error::{AppendError, CreateError, HoldError, StorageError};
pub use inbox::{Entry, Inbox, Posted, Slot};
pub use log::{Journal, Reader, Record};
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;
pub use store::{Ends, Holder, Listed, Mark, Store};
