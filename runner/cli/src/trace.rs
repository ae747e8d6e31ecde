//! What the program tells about itself: `tracing` to a file beside the run's journal, and to stderr where it is wanted.
//!
//! This file decides who may log what. Whatever a person asks for, only our own crates log in detail: the libraries below
//! would print requests with their credentials. It must not know what is logged.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt as _, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::arguments::Global;
use crate::stop::Stop;

/// What a file keeps while nobody asks for something else.
const FILE_DEFAULT: &str = "info,runbook=debug";

/// The trace of this process. What is logged before the run has a folder is held back until then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Arc<Mutex<Place>>);

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    File(File),
}

impl Default for Place {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

/// Is anything logged to stderr? Then the progress is told in lines, for both share the terminal.
pub(crate) fn goes_to_stderr(global: &Global) -> bool {
    global.verbose > 0 || asked().is_some()
}

fn asked() -> Option<String> {
    std::env::var("RUNBOOK_LOG").ok().filter(|filter| !filter.is_empty())
}

/// Starts logging: to stderr as `-v` and `RUNBOOK_LOG` say, and into the returned trace.
///
/// # Errors
/// `RUNBOOK_LOG` is no filter.
pub(crate) fn start(global: &Global) -> Result<Trace, Stop> {
    let trace = Trace::default();
    let file = fmt::layer()
        .log_internal_errors(false)
        .with_ansi(false)
        .with_writer(trace.clone())
        .with_filter(filter(FILE_DEFAULT)?.and(limit()));
    let stderr = if goes_to_stderr(global) {
        let level = ["warn", "info", "debug", "trace"][usize::from(global.verbose).min(3)];
        let filter = filter(level)?.and(limit());
        Some(
            fmt::layer()
                .log_internal_errors(false)
                .with_ansi(crate::talk::stderr_is_coloured())
                .with_writer(io::stderr)
                .with_filter(filter),
        )
    } else {
        None
    };
    // Only one of the tests of a process can be the first.
    let _already_started = tracing_subscriber::registry().with(file).with(stderr).try_init();
    Ok(trace)
}

fn filter(default: &str) -> Result<EnvFilter, Stop> {
    let text = asked().unwrap_or_else(|| default.to_owned());
    EnvFilter::try_new(&text).map_err(|error| {
        Stop::usage(format!("`RUNBOOK_LOG` is `{text}`: {error}"))
            .help("write it like `info` or `runbook_driver=trace`")
    })
}

fn limit() -> Targets {
    Targets::new().with_target("runbook", LevelFilter::TRACE).with_default(LevelFilter::INFO)
}

impl Trace {
    /// Keeps the trace in `folder` from now on, in a file that only its owner can read.
    pub(crate) fn keep_in(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join("trace.log");
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let mut place = self.place();
        if let Place::Memory(before) = &*place {
            file.write_all(before)?;
        }
        *place = Place::File(file);
        Ok(())
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for &Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.place() {
            Place::Memory(before) => before.write(bytes),
            Place::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Trace {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_logged_before_the_folder_was_there_is_in_the_file_too() {
        let folder = tempfile::tempdir().unwrap();
        let trace = Trace::default();
        (&trace).write_all(b"early\n").unwrap();
        trace.keep_in(folder.path()).unwrap();
        (&trace).write_all(b"late\n").unwrap();
        let path = folder.path().join("trace.log");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "early\nlate\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn libraries_never_log_in_detail() {
        let limit = limit();
        assert!(limit.would_enable("runbook_driver::wheel", &tracing::Level::TRACE));
        assert!(!limit.would_enable("hyper::proto", &tracing::Level::DEBUG));
        assert!(limit.would_enable("hyper::proto", &tracing::Level::WARN));
    }
}
