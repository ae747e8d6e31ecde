//! Ports nobody listens on.

use std::net::{Ipv4Addr, TcpListener};

/// A port of the loopback address that is free now. Somebody may take it before it is used, so prefer servers that
/// take port 0 themselves.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback address has a free port");
    listener.local_addr().expect("a listener has an address").port()
}
