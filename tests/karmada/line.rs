//! A line to an API server that can be cut and mended.
//!
//! This file decides what a caller meets meanwhile: a connection that breaks, and none to be had. It must not know what is
//! said on the line.

use std::io::copy;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The line; whole when it is made.
pub(crate) struct Line {
    here: SocketAddr,
    there: String,
    open: Arc<Mutex<Open>>,
}

/// What is to be closed when the line is cut.
#[derive(Default)]
struct Open {
    is_cut: bool,
    streams: Vec<TcpStream>,
}

impl Line {
    /// A line to an address of the form `host:port`.
    pub(crate) fn to(there: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Self { here: listener.local_addr().unwrap(), there: there.into(), open: Arc::default() };
        line.serve(listener);
        line
    }

    /// Where it begins.
    pub(crate) fn here(&self) -> SocketAddr {
        self.here
    }

    /// Breaks all that is under way, and takes nothing new.
    pub(crate) fn cut(&self) {
        let mut open = self.open.lock().unwrap();
        open.is_cut = true;
        for stream in open.streams.drain(..) {
            // Whoever has hung up already is fine.
            let _gone = stream.shutdown(Shutdown::Both);
        }
        drop(open);
        // Wakes the one that waits for callers, which then goes and takes the port with it.
        let _woken = TcpStream::connect(self.here);
        while TcpStream::connect(self.here).is_ok() {
            thread::yield_now();
        }
    }

    /// Takes callers again, at the same place.
    pub(crate) fn mend(&self) {
        self.open.lock().unwrap().is_cut = false;
        self.serve(TcpListener::bind(self.here).unwrap());
    }

    fn serve(&self, listener: TcpListener) {
        let (there, open) = (self.there.clone(), Arc::clone(&self.open));
        thread::spawn(move || {
            for caller in listener.incoming() {
                let Ok(caller) = caller else { continue };
                let mut open = open.lock().unwrap();
                if open.is_cut {
                    return;
                }
                let Ok(server) = TcpStream::connect(&there) else { continue };
                for (from, to) in [(&caller, &server), (&server, &caller)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ended = copy(&mut from, &mut to);
                        let _gone = to.shutdown(Shutdown::Write);
                    });
                }
                open.streams.extend([caller, server]);
            }
        });
    }
}
