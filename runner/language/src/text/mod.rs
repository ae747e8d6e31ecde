//! From bytes to the spanned tree.
//!
//! This folder decides what is text, what is YAML and what is an expression. It must not know which keys a runbook has.

mod decode;
mod split;
mod tree;

pub(crate) use decode::{MOST_BYTES, decoded, too_large};
pub(crate) use tree::{Reader, literal};
