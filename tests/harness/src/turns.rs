//! A test runner for tests that share an outside: one after the other, and what they share is taken down in the end.
//!
//! This file decides the order and the end. It must not know what is shared.

use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

/// Runs the tests that the command line names, in their order, each with what all share, and ends the process.
/// With `ignored`, only those who ask for ignored tests get them.
pub fn in_turn<S, T>(tests: impl IntoIterator<Item = (&'static str, T)>, ignored: bool, run: fn(&S, T)) -> !
where
    S: Default + Send + Sync + 'static,
    T: Send + 'static,
{
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let shared: Arc<S> = Arc::default();
    let trial = |(name, test)| {
        let shared = Arc::clone(&shared);
        let run = move || {
            run(&shared, test);
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    };
    let conclusion = libtest_mimic::run(&arguments, tests.into_iter().map(trial).collect());
    // Leaves nothing behind: `exit` would run no destructor.
    drop(shared);
    conclusion.exit()
}
