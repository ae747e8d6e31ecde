//! The tasks of the project itself. It must not know anything the product needs at run time.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "tasks talk to the person who runs them")]

use std::path::Path;
use std::process::ExitCode;

mod models;
mod test;

const USAGE: &str = "\
usage: cargo xtask TASK

  models           packs the AWS service models of the pinned botocore into runner/aws/models
  test [STAGE…]    installs what the tests need and runs them all, or the named stages; `test --help` lists them
";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.first().map(String::as_str) {
        Some("models") => models::run(root),
        Some("test") => test::run(root, &words[1..]),
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
