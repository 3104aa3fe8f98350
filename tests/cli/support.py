"""Calls the command line as a user does, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from runner.cli.main import run

OURS = ("DATABASE_", "PG", "RUNNER_", "FORCE_COLOR", "NO_COLOR")


@dataclass(frozen=True)
class Said:
    """What a call printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err

    def json(self) -> Any:
        return json.loads(self.out)


def runner(*words: str | Path, home: Path | None = None, environ: Mapping[str, str] | None = None) -> Said:
    """In this process: quick. The environment is this process's own without ours, and `environ`."""
    out, err = StringIO(), StringIO()
    with _environment(environ or {}), redirect_stdout(out), redirect_stderr(err), _signals():
        code = run([*(["--home", str(home)] if home else []), *map(str, words)])
    return Said(code, out.getvalue(), err.getvalue())


def process(
    *words: str | Path, home: Path | None = None, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Said:
    """In a process of its own, as cron does it."""
    done = subprocess.run(
        [sys.executable, "-m", "runner", *(["--home", str(home)] if home else []), *map(str, words)],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=clean(environ or {}),
        stdin=subprocess.DEVNULL,
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **environ}


@contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(clean(environ))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
