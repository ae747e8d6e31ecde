"""Running commands, waiting for what they bring up, and telling people how it goes."""

import os
import subprocess
import sys
import time
from pathlib import Path

_started = time.monotonic()


class RigError(Exception):
    """A step failed; the text is for the user."""


def say(message):
    """Progress goes to stderr: stdout carries results only."""
    print(f"[{time.monotonic() - _started:6.1f}s] {message}", file=sys.stderr, flush=True)


def tail(path, lines=15):
    try:
        text = Path(path).read_text(errors="replace").splitlines()
    except OSError as error:
        return f"({error})"
    return "\n".join("    " + line[:400] for line in text[-lines:]) or "    (empty)"


def failed(message, log):
    """The error to raise when the reason stands in a log file."""
    return RigError(f"{message}; last lines of {log}:\n{tail(log)}")


def run(command, log=None, check=True, **options):
    """Runs a command and returns its output; output goes to `log` as well when given."""
    command = [str(word) for word in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if log:
        with open(log, "a") as file:
            file.write(f"$ {' '.join(command)}\n{done.stdout}")
    if check and done.returncode:
        if log:
            raise failed(f"`{' '.join(command)[:200]}` gave {done.returncode}", log)
        raise RigError(f"`{' '.join(command)[:300]}` gave {done.returncode}: {done.stdout.strip()[-1500:]}")
    return done.stdout


def wait_for(what, condition, seconds, log=None, interval=0.2, alive=None):
    """Calls `condition` until it returns something true and returns that.

    `condition` may return False or raise OSError for "not yet"; `alive` (if given) is called each time and returns
    the reason why waiting longer is useless, or None.
    """
    deadline = time.monotonic() + seconds
    last = None
    while True:
        try:
            result = condition()
            if result:
                return result
        except OSError as error:
            last = error
        reason = alive() if alive else None
        if reason or time.monotonic() > deadline:
            reason = reason or f"not within {seconds} s" + (f" ({last})" if last else "")
            raise failed(f"{what}: {reason}", log) if log else RigError(f"{what}: {reason}")
        time.sleep(interval)


def write(path, text, mode=0o644):
    """Writes a file so that it is never seen half-written."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.chmod(mode)
    os.replace(new, path)
    return path
