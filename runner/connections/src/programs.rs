//! Programs for real, each in a process group of its own.
//!
//! This file decides how they are started, how much of their output is kept, and that none outlives this process where that
//! can be helped. It must not know what their ends mean.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration as StdDuration;

use runbook_model::duration::Duration;
use runbook_model::failure::{Failure, FailureClass};
use runbook_steps::contract::Pending;
use runbook_steps::programs::{Course, Ended, Program, Programs};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::sync::watch;

use crate::kubernetes::expanded;

/// How much of each stream is kept: what came last.
const KEPT: usize = 64 * 1024;

/// How long programs get to end by themselves when this process ends.
const GRACE: StdDuration = StdDuration::from_secs(2);

/// How long output is awaited that others of the group still hold open when the program itself is over.
const LAST_WORDS: StdDuration = StdDuration::from_secs(1);

/// The port.
pub(crate) struct RealPrograms {
    allowed: bool,
    running: Mutex<HashMap<String, Running>>,
}

/// A program that was started here.
#[derive(Clone)]
struct Running {
    group: Pid,
    end: watch::Receiver<Option<Result<Ended, Failure>>>,
}

impl RealPrograms {
    /// `allowed`: did the person who started the run allow programs?
    pub(crate) fn new(allowed: bool) -> Self {
        Self { allowed, running: Mutex::default() }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_now(&self, key: &str, program: &Program) -> Result<bool, Failure> {
        if !self.allowed {
            return Err(Failure::new(FailureClass::Denied, "nobody allowed this run to start programs")
                .help("make a run with `runbook exec --allow-command`"));
        }
        let creates = program.creates.as_deref().map(expanded);
        if creates.as_ref().is_some_and(|path| path.exists()) {
            return Ok(false);
        }
        let name = program.argv.first().cloned().unwrap_or_default();
        let mut command = Command::new(&name);
        command.args(&program.argv[1..]).envs(&program.environment).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(directory) = &program.directory {
            let directory = expanded(directory);
            if !directory.is_dir() {
                let message = format!("`{name}` cannot run in `{}`, which is no folder", directory.display());
                return Err(Failure::new(FailureClass::Missing, message).help("make the folder, or name another `cwd`"));
            }
            command.current_dir(directory);
        }
        let mut child = command.spawn().map_err(|error| unstarted(&name, &error))?;
        let unknown = |why: &str| Failure::new(FailureClass::Unknown, why).doubtful();
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).ok_or_else(|| unknown("it has no id"))?;
        let (stdout, stderr) = (tail(child.stdout.take()), tail(child.stderr.take()));
        let (told, end) = watch::channel(None);
        self.running().insert(key.to_owned(), Running { group, end });
        tokio::spawn(async move {
            let outcome = match child.wait().await {
                Ok(status) => Ok(ended(status, &stdout.finish().await, &stderr.finish().await, creates)),
                Err(error) => Err(Failure::new(FailureClass::Unknown, error.to_string()).doubtful()),
            };
            // What it started and left behind ends with it.
            let _ = kill_process_group(group, Signal::TERM);
            told.send_replace(Some(outcome));
        });
        Ok(true)
    }
}

impl Programs for RealPrograms {
    fn start<'a>(&'a self, key: &'a str, program: Program) -> Pending<'a, Result<bool, Failure>> {
        Box::pin(async move { self.start_now(key, &program) })
    }

    fn wait<'a>(&'a self, key: &'a str, patience: Duration) -> Pending<'a, Result<Course, Failure>> {
        Box::pin(async move {
            let Some(running) = self.running().get(key).cloned() else { return Ok(Course::Unknown) };
            let mut end = running.end;
            let told = tokio::time::timeout(patience.into(), end.wait_for(Option::is_some)).await;
            let outcome = match told {
                Err(_) => return Ok(Course::Running),
                Ok(Ok(outcome)) => outcome.clone(),
                Ok(Err(_)) => None,
            };
            self.running().remove(key);
            match outcome {
                Some(outcome) => outcome.map(Course::Ended),
                None => Ok(Course::Unknown),
            }
        })
    }
}

impl Drop for RealPrograms {
    /// Asks those that still run to end, and ends them when they do not.
    fn drop(&mut self) {
        let running = std::mem::take(&mut *self.running());
        let alive = |running: &Running| rustix::process::test_kill_process_group(running.group).is_ok();
        let left: Vec<Running> = running.into_values().filter(|running| running.end.borrow().is_none()).collect();
        for running in &left {
            let _ = kill_process_group(running.group, Signal::TERM);
        }
        let pause = StdDuration::from_millis(20);
        let mut waited = StdDuration::ZERO;
        while waited < GRACE && left.iter().any(alive) {
            std::thread::sleep(pause);
            waited += pause;
            // Nobody else takes them off the table once they are over.
            for running in &left {
                let _ = rustix::process::waitpid(Some(running.group), rustix::process::WaitOptions::NOHANG);
            }
        }
        for running in &left {
            let _ = kill_process_group(running.group, Signal::KILL);
        }
    }
}

fn unstarted(name: &str, error: &std::io::Error) -> Failure {
    let (class, help) = match error.kind() {
        ErrorKind::NotFound => (FailureClass::Missing, format!("install `{name}`, or write its whole path")),
        ErrorKind::PermissionDenied => (FailureClass::Denied, format!("make it executable: `chmod +x {name}`")),
        _ => (FailureClass::Unknown, format!("try it by hand: `{name}`")),
    };
    Failure::new(class, format!("`{name}` cannot be started: {error}")).help(help)
}

fn ended(status: ExitStatus, stdout: &Tail, stderr: &Tail, creates: Option<PathBuf>) -> Ended {
    Ended {
        status: status.code(),
        signal: status.signal(),
        truncated: stdout.cut || stderr.cut,
        stdout: String::from_utf8_lossy(&stdout.bytes).into_owned(),
        stderr: String::from_utf8_lossy(&stderr.bytes).into_owned(),
        created: creates.is_none_or(|path| path.exists()),
    }
}

/// The end of a stream.
#[derive(Clone, Default)]
struct Tail {
    bytes: Vec<u8>,
    cut: bool,
}

/// A stream that is read as it comes, so that no program waits for its reader.
struct Reading {
    tail: Arc<Mutex<Tail>>,
    done: tokio::task::JoinHandle<()>,
}

fn tail(stream: Option<impl AsyncRead + Unpin + Send + 'static>) -> Reading {
    let tail = Arc::new(Mutex::new(Tail::default()));
    let kept = Arc::clone(&tail);
    let done = tokio::spawn(async move {
        let Some(mut stream) = stream else { return };
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.bytes.extend_from_slice(&buffer[..read]);
            if kept.bytes.len() > KEPT {
                let over = kept.bytes.len() - KEPT;
                kept.bytes.drain(..over);
                kept.cut = true;
            }
        }
    });
    Reading { tail, done }
}

impl Reading {
    async fn finish(self) -> Tail {
        drop(tokio::time::timeout(LAST_WORDS, self.done).await);
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn shell(line: &str) -> Program {
        Program {
            argv: ["sh", "-c", line].map(str::to_owned).to_vec(),
            environment: [("WORD".to_owned(), "hush".to_owned())].into(),
            directory: None,
            creates: None,
        }
    }

    async fn end(program: Program) -> Ended {
        let programs = RealPrograms::new(true);
        assert!(programs.start("k", program).await.unwrap());
        match programs.wait("k", LONG).await.unwrap() {
            Course::Ended(ended) => ended,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn status_and_output_come_back() {
        let ended = end(shell("echo $WORD; echo no >&2; read x || echo nothing to read; exit 3")).await;
        assert_eq!((ended.status, ended.signal, ended.truncated), (Some(3), None, false));
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("hush\nnothing to read\n", "no\n"));
        let ended = end(shell("kill -9 $$")).await;
        assert_eq!((ended.status, ended.signal), (None, Some(9)));
    }

    #[tokio::test]
    async fn of_a_flood_the_end_is_kept() {
        let ended = end(shell("head -c 300000 /dev/zero | tr '\\0' x; printf end")).await;
        assert!(ended.truncated && ended.stdout.ends_with("xend"));
        assert_eq!(ended.stdout.len(), KEPT);
    }

    #[tokio::test]
    async fn what_it_creates_is_looked_for_before_and_after() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("made").to_string_lossy().into_owned();
        let directory = Some(folder.path().to_string_lossy().into_owned());
        let making = |line: &str| Program { creates: Some(made.clone()), directory: directory.clone(), ..shell(line) };
        assert!(!end(making("true")).await.created);
        assert!(end(making("touch made")).await.created);
        assert!(!RealPrograms::new(true).start("k", making("exit 1")).await.unwrap(), "it is there");
    }

    #[tokio::test]
    async fn nothing_starts_that_is_not_allowed_or_not_there() {
        let class = async |allowed: bool, program: Program| {
            RealPrograms::new(allowed).start("k", program).await.unwrap_err().class
        };
        assert_eq!(class(false, shell("true")).await, FailureClass::Denied);
        let absent = Program { argv: vec!["/no/such/program".into()], ..shell("") };
        assert_eq!(class(true, absent).await, FailureClass::Missing);
        let nowhere = Program { directory: Some("/no/such/folder".into()), ..shell("true") };
        assert_eq!(class(true, nowhere).await, FailureClass::Missing);
        let program = tempfile::NamedTempFile::new().unwrap();
        let plain = Program { argv: vec![program.path().to_string_lossy().into_owned()], ..shell("") };
        assert_eq!(class(true, plain).await, FailureClass::Denied);
        let programs = RealPrograms::new(true);
        assert_eq!(programs.wait("k", LONG).await.unwrap(), Course::Unknown);
    }

    #[tokio::test]
    async fn the_whole_group_ends_with_this_process() {
        let programs = RealPrograms::new(true);
        // It passes the signal over, and has a child of its own.
        programs.start("k", shell("trap '' TERM; sleep 1000 & echo; wait; sleep 1000")).await.unwrap();
        assert_eq!(programs.wait("k", Duration::from_millis(100)).await.unwrap(), Course::Running);
        let group = programs.running()["k"].group;
        assert!(living(group).len() >= 2);
        tokio::task::spawn_blocking(move || drop(programs)).await.unwrap();
        for _ in 0..1000 {
            if living(group).is_empty() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("somebody of the group lives on: {:?}", living(group));
    }

    /// Who is in a group. Those that only wait for somebody to ask how they ended are not.
    fn living(group: Pid) -> Vec<String> {
        let group = group.as_raw_nonzero().to_string();
        let stats = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok());
        // `pid (name) state parent group …`; the name may hold anything.
        let living = |stat: &String| {
            let fields: Vec<&str> =
                stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
            matches!(fields.as_slice(), [state, _, of, ..] if *of == group && *state != "Z")
        };
        stats.filter(living).collect()
    }
}
