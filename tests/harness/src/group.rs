//! Processes that end with the test, with all their children, however the test ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process_group};

/// A process in a group of its own, killed with the group when dropped.
pub struct Group {
    child: Child,
}

impl Group {
    /// Starts the command as the leader of a new group.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        Ok(Self { child: command.process_group(0).spawn()? })
    }

    /// The leader.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the whole group; a group that has ended is fine.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ended_before = kill_process_group(group, signal);
        }
    }

    /// How the leader ended, if it has.
    ///
    /// # Panics
    /// Somebody else has waited for it.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Kills the group and waits for its leader.
    ///
    /// # Panics
    /// As [`Group::ended`].
    pub fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.child.wait().expect("a child can be waited for")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
