//! The program: hands the arguments to the command line and exits with its code. It must not know anything else.

fn main() {}
