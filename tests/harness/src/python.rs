//! Python environments: made once under `target/`, with exactly what a `requirements.txt` lists.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::project;

/// An environment with the packages of a requirements file.
#[derive(Clone, Debug)]
pub struct Python {
    folder: PathBuf,
}

/// An environment that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// A file or program could not be used.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file or program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A command said no.
    #[error("`{command}` failed:\n{output}")]
    Failed {
        /// The command.
        command: String,
        /// What it wrote.
        output: String,
    },
}

impl Python {
    /// The environment `name` with the packages of `requirements`, a path below the checkout's root. It is made when it
    /// is not there or lists other packages; whoever comes meanwhile, in this process or another, waits.
    ///
    /// # Errors
    /// There is no `python3` with `venv`, or the packages cannot be had.
    pub fn with(name: &str, requirements: &str) -> Result<Self, PythonError> {
        let requirements = project::root().join(requirements);
        let io_error = |path: &Path| {
            let path = path.to_owned();
            move |source| PythonError::Io { path, source }
        };
        let all = project::target().join("python");
        fs::create_dir_all(&all).map_err(io_error(&all))?;
        let lock_path = all.join(format!("{name}.lock"));
        let lock = File::create(&lock_path).map_err(io_error(&lock_path))?;
        lock.lock().map_err(io_error(&lock_path))?;

        let environment = Self { folder: all.join(name) };
        let wanted = fs::read_to_string(&requirements).map_err(io_error(&requirements))?;
        // Written last, so that an environment that was cut off is made again.
        let installed = environment.folder.join("installed-requirements.txt");
        if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
            return Ok(environment);
        }
        if environment.folder.exists() {
            fs::remove_dir_all(&environment.folder).map_err(io_error(&environment.folder))?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment.folder))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run(environment.python().args(install).arg(&requirements))?;
        fs::write(&installed, wanted).map_err(io_error(&installed))?;
        Ok(environment)
    }

    /// The environment of the test cloud.
    ///
    /// # Errors
    /// As [`Python::with`].
    pub fn of_cloud() -> Result<Self, PythonError> {
        Self::with("cloud", "tests/cloud/requirements.txt")
    }

    /// The folder of its programs, for a `PATH`.
    #[must_use]
    pub fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Its interpreter, not disturbed by packages or settings of the caller.
    #[must_use]
    pub fn python(&self) -> Command {
        self.program("python3")
    }

    /// One of its programs.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs().join(name));
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

fn run(command: &mut Command) -> Result<(), PythonError> {
    let done = command.output();
    let done = done.map_err(|source| PythonError::Io { path: command.get_program().into(), source })?;
    if done.status.success() {
        return Ok(());
    }
    let output = [done.stdout, done.stderr].concat();
    Err(PythonError::Failed { command: format!("{command:?}"), output: String::from_utf8_lossy(&output).into_owned() })
}
