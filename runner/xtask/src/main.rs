//! The tasks of the project itself. It must not know anything the product needs at run time.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "tasks talk to the person who runs them")]

use std::path::Path;
use std::process::ExitCode;

mod models;

const USAGE: &str = "\
usage: cargo xtask TASK

  models    packs the AWS service models of the pinned botocore into runner/aws/models
";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    let task = std::env::args().nth(1);
    let done = match task.as_deref() {
        Some("models") => models::run(root),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
