"""A home in a temporary folder, and the command line on it as a user calls it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import Any

_OURS = ("DATABASE_", "PG", "RUNNER_", "FORCE_COLOR", "NO_COLOR")


@dataclass(frozen=True)
class Called:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class RunnerHome:
    """A folder with a runner.yaml; installed plugins and those of its `plugins/` are loaded as anywhere."""

    path: Path

    def __post_init__(self) -> None:
        (self.path / "checks.d").mkdir(parents=True, exist_ok=True)
        if not (self.path / "runner.yaml").exists():
            self.write("runner.yaml", "version: 1\n")

    def write(self, name: str, text: str) -> Path:
        """Writes a file such as `runner.yaml`, `checks.d/own.yaml` or `plugins/own.py`; indented text is moved left."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")
        return path

    def runner(self, *words: str, environ: Mapping[str, str] | None = None) -> Called:
        """Calls `runner` with these words, in this process, without the environment's own settings of runner."""
        return call(["--home", str(self.path), *words], environ)


def call(words: Sequence[str], environ: Mapping[str, str] | None = None) -> Called:
    """The command line in this process: the environment is this process's own without runner's, and `environ`."""
    from runner.cli.main import run

    out, err = StringIO(), StringIO()
    with _environment(environ or {}), _handler_kept(), redirect_stdout(out), redirect_stderr(err):
        code = run(words)
    return Called(code=code, out=out.getvalue(), err=err.getvalue())


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process without what would speak to runner, and `environ`."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith(_OURS)}, **environ}


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before, wanted = dict(os.environ), clean(changes)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _handler_kept() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
