//! The verbs, one file each.

pub(crate) mod approve;
pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod eks_token;
pub(crate) mod events;
pub(crate) mod exec;
pub(crate) mod explain;
pub(crate) mod graph;
pub(crate) mod kinds;
pub(crate) mod lint;
pub(crate) mod man;
pub(crate) mod reject;
pub(crate) mod report;
pub(crate) mod resolve;
pub(crate) mod resume;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod show;
