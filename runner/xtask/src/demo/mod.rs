//! `cargo xtask demo`: carries out `runbooks/eks-karmada.yaml` against a cloud and clusters that it starts itself, to be
//! watched, interrupted and resumed.
//!
//! This file decides what a person sees and when everything is taken down. It must not know how the outside is started
//! (`outside`).

mod outside;

use std::env;
use std::io::{IsTerminal as _, stderr, stdin};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

pub(crate) use outside::Outside;

/// What is carried out, but for the file with its inputs.
const EXEC: &str = "runbook exec runbooks/eks-karmada.yaml --inputs";

const RUNNING: &str = "
Now the run, at a twentieth of the time AWS takes. Ctrl-C interrupts it: cloud and clusters stay up, and you can resume.
";

const SHELL: &str = "
A shell, in which `runbook`, `aws` and `kubectl` meet the same cloud and clusters. For example:

  runbook runs         the runs, and how they stand
  runbook resume       go on with the one that is unfinished
  kubectl get nodes    what the parent cluster is made of
  exit                 take everything down

The same `exec` once more makes a run that adopts what is there and changes nothing.
";

/// Carries the runbook out, and at a terminal opens a shell behind it. Ends with the code of the run, as it stands then.
///
/// # Errors
/// There can be no cluster on this machine, the program does not compile, or it was stopped before the run.
pub(crate) fn run(root: &Path) -> Result<ExitCode, String> {
    // What stops us stops the run or the shell too, which are in the same group of processes: we end after them, and tidy up.
    let (interrupted, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for (signal, flag) in [(SIGINT, &interrupted), (SIGTERM, &ended), (SIGHUP, &ended)] {
        signal_hook::flag::register(signal, Arc::clone(flag)).map_err(|error| error.to_string())?;
    }
    let outside = Outside::start(root)?;
    if interrupted.load(Ordering::Relaxed) || ended.load(Ordering::Relaxed) {
        return Err("stopped before the run; everything is down again".into());
    }
    let exec = format!("{EXEC} {}", outside.inputs());
    eprintln!("{RUNNING}\n$ {exec}");
    let run = status(outside.command("runbook").args(exec.split(' ').skip(1)))?;
    let person = stdin().is_terminal() && stderr().is_terminal() && !ended.load(Ordering::Relaxed);
    if person {
        eprintln!("{SHELL}");
        let shell = env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
        let _of_its_last_command = status(&mut outside.command(shell))?;
    }
    eprintln!("taking cloud and clusters down");
    let succeeded = run.success() || person && outside.newest_run().is_some_and(|it| it["status"] == "succeeded");
    // A signal has no code.
    let code = run.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from);
    Ok(if succeeded { ExitCode::SUCCESS } else { code })
}

fn status(command: &mut Command) -> Result<ExitStatus, String> {
    command.status().map_err(|error| format!("`{}` could not be started: {error}", command.get_program().display()))
}
