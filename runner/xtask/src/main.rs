//! The tasks of the project itself. It must not know anything the product needs at run time.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "tasks talk to the person who runs them")]

use std::path::Path;
use std::process::ExitCode;

mod bench;
mod demo;
mod models;
mod package;
mod picture;
mod test;

const USAGE: &str = "\
usage: cargo xtask TASK

  demo             carries out runbooks/eks-karmada.yaml against a cloud and clusters that it starts; Linux, Debian, root
  test [STAGE…]    installs what the tests need and runs them all, or the named stages; `test --help` lists them
  bench [NAME…]    measures how fast it all is and prints a table; `bench --help` lists what can be measured
  models           packs the AWS service models of the pinned botocore into runner/aws/models
  package          makes what people download: a static program for Linux, completions, man pages, bill, checksums
  picture          records the demonstration at a terminal and draws docs/run.svg of it
";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.first().map(String::as_str) {
        Some("bench") => bench::run(root, &words[1..]),
        Some("demo") => demo::run(root),
        Some("models") => models::run(root).map(told),
        Some("package") => package::run(root).map(told),
        Some("picture") => picture::run(root).map(told),
        Some("test") => test::run(root, &words[1..]).map(told),
        _ => Err(USAGE.to_owned()),
    };
    done.unwrap_or_else(|why| {
        eprintln!("{why}");
        ExitCode::FAILURE
    })
}

/// A task that has nothing but words to say for itself.
#[expect(clippy::needless_pass_by_value, reason = "it is the end of the words")]
fn told(said: String) -> ExitCode {
    println!("{said}");
    ExitCode::SUCCESS
}
