//! The verbs, one file each.

pub(crate) mod eks_token;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod lint;
pub(crate) mod runs;
pub(crate) mod show;
