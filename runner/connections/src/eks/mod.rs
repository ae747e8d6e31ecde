//! What EKS adds to Kubernetes: tokens that are signed here, and the form in which kubectl takes them.
//!
//! These files decide what a token is, how long it is used and how it is handed to other programs. They must not know
//! Kubernetes clients.

pub(crate) mod credential;
pub(crate) mod token;
