//! The port to the net: web servers, ports and names.
//!
//! This file decides what kinds may ask there. It must not know a client library. Nothing here is asked twice.

use std::net::IpAddr;

use runbook_model::duration::Duration;
use runbook_model::failure::Failure;

use crate::contract::Pending;

/// The net. Every name resolves through the system, so that `/etc/hosts` counts.
pub trait Network: Send + Sync {
    /// Gets a page of a web server, whatever its status says; redirections are not followed.
    ///
    /// # Errors
    /// `unavailable` if there is no connection or no answer, `timeout` if it took too long, `invalid` for a URL or a
    /// certificate that cannot be used.
    fn http<'a>(&'a self, question: &'a HttpQuestion) -> Pending<'a, Result<HttpAnswer, Failure>>;

    /// Opens a connection to a port, and closes it.
    ///
    /// # Errors
    /// `unavailable` if nobody takes it, `timeout` if nobody answers.
    fn tcp<'a>(&'a self, host: &'a str, port: u16, limit: Duration) -> Pending<'a, Result<(), Failure>>;

    /// The addresses of a name, sorted, each once.
    ///
    /// # Errors
    /// `missing` if the name has none, `unavailable` if nobody can say.
    fn dns<'a>(&'a self, name: &'a str, limit: Duration) -> Pending<'a, Result<Vec<IpAddr>, Failure>>;
}

/// What to get.
#[derive(Clone, Debug)]
pub struct HttpQuestion {
    /// The whole URL, `http` or `https`.
    pub url: String,
    /// The certificates to trust as PEM; `None`: those of the machine.
    pub ca: Option<String>,
    /// How long it may take.
    pub limit: Duration,
}

/// What was got.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The first bytes of the body.
    pub body: Vec<u8>,
}
