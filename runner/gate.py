"""The quiet path of `run-due`: nothing changed and nothing is due, told from one small file and a few stats.

Imports nothing heavy. Whatever is unexpected opens the gate: the full tick then decides.
"""

from __future__ import annotations

import os
import time

SYSTEM_HOME = "/etc/runner"
FILE = "gate"
HEARTBEAT = "heartbeat"
_FORMAT = "runner-gate-1"
_SETTLED = 2.0
"""Seconds by which a file must be older than the reading of the home: clocks of file systems are coarse."""


def find_home(option: str = "") -> str:
    """The home as an absolute path, by the rules that `config.files` documents; empty when there is none."""
    if named := option or os.environ.get("RUNNER_HOME", ""):
        return os.path.abspath(named)
    return upward(os.getcwd()) or (SYSTEM_HOME if os.path.isdir(SYSTEM_HOME) else "")


def upward(folder: str) -> str:
    """The folder, or the nearest one above it, that is a home; empty when there is none."""
    while True:
        if os.path.isfile(os.path.join(folder, "runner.yaml")) or os.path.isdir(os.path.join(folder, "checks.d")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return ""
        folder = parent


def mark_of(path: str) -> str:
    """Modification time, size and inode; a missing file has its own mark, so that its arrival is seen."""
    try:
        status = os.stat(path)
    except OSError:
        return "missing"
    return f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"


def is_closed(home: str, version: str, now: float) -> bool:
    """True when nothing can be due at `now` (epoch seconds): the tick may end at once."""
    state = os.path.join(home, ".runner")
    try:
        # Lines are split without the json module, whose import costs more than all the rest.
        with open(os.path.join(state, FILE), encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            head, *marks = file.read().rstrip("\n").split("\n")
        made, until = head.removeprefix(_head(home, version)).split()
        if not (marks and float(made) <= now < float(until)):
            return False
        for line in marks:
            mark, _, path = line.partition("\t")
            if mark_of(path) != mark:
                return False
        os.utime(os.path.join(state, HEARTBEAT))
    except (OSError, ValueError):
        return False
    return True


def _head(home: str, version: str) -> str:
    """What the first line begins with; the real path tells a link that was set to another folder."""
    return f"{_FORMAT}\t{version}\t{os.path.realpath(home)}\t"


def close(home: str, version: str, *, read: float, made: float, until: float, paths: list[str]) -> bool:
    """Lets ticks before `until` end at once, as long as the files stay as they are.

    `read` is when the home began to be read, by the host's clock. False when a file was changed since then: what was
    read may be what stood there before.
    """
    lines = [f"{mark_of(path)}\t{path}" for path in paths]
    changed = any(read - _SETTLED < _modified(line) <= time.time() + _SETTLED for line in lines)
    if changed or any("\n" in line for line in (home, *lines)):
        return False
    state = os.path.join(home, ".runner")
    beside = os.path.join(state, f"{FILE}.{os.getpid()}")
    with open(beside, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        file.write("\n".join([f"{_head(home, version)}{made!r} {until!r}", *lines, ""]))
    os.replace(beside, os.path.join(state, FILE))
    with open(os.path.join(state, HEARTBEAT), "a", encoding="utf-8"):
        os.utime(os.path.join(state, HEARTBEAT))
    return True


def _modified(line: str) -> float:
    """Epoch seconds; a missing file was never modified."""
    nanoseconds = line.partition(" ")[0]
    return int(nanoseconds) / 1e9 if nanoseconds.lstrip("-").isdecimal() else 0.0


def open_again(home: str) -> None:
    """Makes the next tick look for itself."""
    try:
        os.unlink(os.path.join(home, ".runner", FILE))
    except OSError:
        return


def forget_heartbeat(home: str) -> None:
    """A tick for single groups says nothing about the others: without a heartbeat nobody misses one."""
    try:
        os.unlink(os.path.join(home, ".runner", HEARTBEAT))
    except OSError:
        return


def is_quiet_call(words: list[str], version: str) -> bool:
    """Whether these words of the command line are a plain `run-due` with nothing due."""
    if not words or (words[-1] != "run-due" and words[0] != "run-due"):
        return False
    home = ""
    rest = [word for word in words if word != "run-due"]
    if len(rest) == 2 and rest[0] == "--home":
        home = rest[1]
    elif len(rest) == 1 and rest[0].startswith("--home="):
        home = rest[0].removeprefix("--home=")
    elif rest:
        return False
    try:
        found = find_home(home)
    except OSError:
        # The current folder is gone.
        return False
    return bool(found) and is_closed(found, version, time.time())
