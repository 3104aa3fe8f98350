"""The sink `stdout`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from runner.api import RetryableSinkError
from runner.sinks.stdout import open_stdout
from tests.formats.samples import quiet_night


def context(text: str, write, *, dry_run: bool = False) -> SimpleNamespace:
    return SimpleNamespace(format=lambda name: lambda report: f"{name}: {text}", write_stdout=write, dry_run=dry_run)


@pytest.mark.parametrize(
    ("text", "dry_run", "expected"),
    [("one\n", False, ["json: one\n"]), ("one\ntwo\n", False, ["json: one\ntwo\n\n"]), ("one\n", True, [])],
)
def test_what_is_printed(text: str, dry_run: bool, expected: list[str]) -> None:
    printed: list[str] = []
    sink = open_stdout({"format": "json"}, context(text, printed.append, dry_run=dry_run))
    sink.emit(quiet_night())
    sink.close()
    sink.close()
    assert printed == expected


def test_a_closed_pipe_is_told() -> None:
    def broken(text: str) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    sink = open_stdout({"format": "json"}, context("one\n", broken))
    with pytest.raises(RetryableSinkError, match="the standard output cannot be written: Broken pipe"):
        sink.emit(quiet_night())
