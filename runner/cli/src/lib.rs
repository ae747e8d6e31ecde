//! The command line: arguments in, exit code out; the only crate that wires the others.
