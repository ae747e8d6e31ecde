"""What the rig started and made, kept in DIR/state.json so that `down` can take it back, also after a crash.

Everything is recorded before it is made. Processes also carry the environment variable RIG_DIR: one that was started
but not recorded is still found.
"""

import fcntl
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from .commands import RigError, write

MARK = "RIG_DIR"


class State:
    def __init__(self, directory):
        self.directory = Path(directory).resolve()
        self.file = self.directory / "state.json"
        self.data = json.loads(self.file.read_text()) if self.file.exists() else {}

    def save(self, **values):
        self.data.update(values)
        write(self.file, json.dumps(self.data, indent=1), 0o600)

    @property
    def logs(self):
        folder = self.directory / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log(self, name):
        return self.logs / f"{name}.log"

    def processes(self):
        return self.data.get("processes", [])

    def spawn(self, name, command, environment=None):
        """Starts a daemon; its output goes to DIR/logs/<name>.log. Returns its record."""
        record = {"name": name, "pid": 0, "started": 0, "log": str(self.log(name))}
        with open(record["log"], "ab") as log:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, **(environment or {}), MARK: str(self.directory)},
                start_new_session=True,
            )
        record.update(pid=process.pid, started=start_time(process.pid))
        self.save(processes=[*self.processes(), record])
        return record

    def lock(self):
        """Only one command changes a rig at a time. The lock ends with the process."""
        self.directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RigError(f"another command is working on {self.directory}") from None


def start_time(pid):
    """Tells a process from a later one with the same id; None when there is no such (living) process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def alive(record):
    _reap()
    return record["pid"] > 0 and start_time(record["pid"]) == record["started"]


def gone(record):
    """The reason to give up waiting for a process, if there is one."""
    return None if alive(record) else f"{record['name']} (pid {record['pid']}) has ended"


def _reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def children(record):
    """Records of the children of a process; none when it has ended."""
    if not alive(record):
        return []
    try:
        pids = Path(f"/proc/{record['pid']}/task/{record['pid']}/children").read_text().split()
    except OSError:
        return []
    records = [{"name": f"child of {record['name']}", "pid": int(p), "started": start_time(p)} for p in pids]
    return [child for child in records if child["started"] is not None]


def marked(directory):
    """Records of all processes that carry this rig's mark."""
    mark = f"{MARK}={directory}".encode()
    records = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                pid = int(entry.name)
                records.append({"name": "marked", "pid": pid, "started": start_time(pid)})
        except OSError:
            continue
    return [record for record in records if record["started"] is not None]


def end(records, grace):
    """Ends processes: SIGTERM, and SIGKILL after the grace time. Returns those that are still there."""
    steps = [(signal.SIGTERM, grace), (signal.SIGKILL, 10)] if grace else [(signal.SIGKILL, 10)]
    for number, seconds in steps:
        remaining = [record for record in records if alive(record)]
        for record in remaining:
            try:
                os.kill(record["pid"], number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(alive(record) for record in remaining):
            time.sleep(0.05)
    return [record for record in records if alive(record)]
