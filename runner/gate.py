"""The quiet path of `run-due`: nothing changed and nothing is due, told from one small file and a few stats.

Imports nothing heavy. Whatever is unexpected opens the gate: the full tick then decides.
"""

from __future__ import annotations

import json
import os
import time

FORMAT = 1
FILE = "gate.json"
HEARTBEAT = "heartbeat"


def find_home(option: str = "") -> str:
    """The home as an absolute path, by the rules that `config.files` documents; empty when there is none."""
    if named := option or os.environ.get("RUNNER_HOME", ""):
        return os.path.abspath(named)
    folder = os.getcwd()
    while True:
        if os.path.exists(os.path.join(folder, "runner.yaml")) or os.path.isdir(os.path.join(folder, "checks.d")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return "/etc/runner" if os.path.isdir("/etc/runner") else ""
        folder = parent


def fingerprint(paths: list[str]) -> list[list[object]]:
    """Path, mtime, size and inode of each; a missing file has its own mark, so that its arrival is seen."""
    marks: list[list[object]] = []
    for path in paths:
        try:
            status = os.stat(path)
            marks.append([path, status.st_mtime_ns, status.st_size, status.st_ino])
        except OSError:
            marks.append([path, -1, 0, 0])
    return marks


def is_closed(home: str, version: str, now: float) -> bool:
    """True when nothing can be due at `now` (epoch seconds): the tick may end at once."""
    state = os.path.join(home, ".runner")
    try:
        with open(os.path.join(state, FILE), encoding="utf-8") as file:
            kept = json.load(file)
        marks = kept["files"]
        quiet = (
            kept["format"] == FORMAT
            and kept["version"] == version
            and kept["made"] <= now < kept["next"]
            and bool(marks)
            and fingerprint([mark[0] for mark in marks]) == marks
        )
        if quiet:
            os.utime(os.path.join(state, HEARTBEAT))
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False
    return quiet


def close(home: str, version: str, made: float, until: float, paths: list[str]) -> None:
    """Lets ticks before `until` end at once, as long as the files stay as they are."""
    state = os.path.join(home, ".runner")
    kept = {"format": FORMAT, "version": version, "made": made, "next": until, "files": fingerprint(paths)}
    beside = os.path.join(state, f"{FILE}.{os.getpid()}")
    with open(beside, "w", encoding="utf-8") as file:
        json.dump(kept, file)
    os.replace(beside, os.path.join(state, FILE))
    with open(os.path.join(state, HEARTBEAT), "a", encoding="utf-8"):
        os.utime(os.path.join(state, HEARTBEAT))


def open_again(home: str) -> None:
    """Makes the next tick look for itself."""
    try:
        os.unlink(os.path.join(home, ".runner", FILE))
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
    found = find_home(home)
    return bool(found) and is_closed(found, version, time.time())
