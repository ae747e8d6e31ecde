//! The program: hands over to the command line and exits with its code. It must not know anything else.

use std::process::ExitCode;

fn main() -> ExitCode {
    runbook_cli::main()
}
