"""Calls the command line as a user does, in this process or in one of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from runner.testing.home import Called as Said, call, clean as without_ours

__all__ = ["Said", "clean", "process", "runner"]


def runner(*words: str | Path, home: Path | None = None, environ: Mapping[str, str] | None = None) -> Said:
    """In this process: quick. The environment is this process's own without ours, and `environ`."""
    return call(_words(words, home), clean(environ or {}))


def process(
    *words: str | Path, home: Path | None = None, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Said:
    """In a process of its own, as cron does it."""
    done = subprocess.run(
        [sys.executable, "-m", "runner", *_words(words, home)],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=clean(environ or {}),
        stdin=subprocess.DEVNULL,
    )
    return Said(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """What a process of its own is given: it finds runner wherever it is started."""
    return without_ours({"PYTHONPATH": str(Path(__file__).parents[2]), **environ})


def _words(words: tuple[str | Path, ...], home: Path | None) -> list[str]:
    return [*(["--home", str(home)] if home else []), *map(str, words)]
