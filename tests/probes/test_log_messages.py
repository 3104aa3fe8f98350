"""What the probe of log files makes of text, CSV and JSON, and of logs that cannot be understood."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.api import RunnerError
from runner.probes import log_messages
from tests.kinds.support import SLOT, Context
from tests.probes.test_probes import columns, talk

NOW = SLOT
STAMP = f"{NOW - timedelta(minutes=5):%Y-%m-%d %H:%M:%S}.123 UTC"
OLD = f"{NOW - timedelta(hours=5):%Y-%m-%d %H:%M:%S}.123 UTC"
TEXT = f"{STAMP} [7] app@shop "
CSV = f'{STAMP},"app","shop",7,"[local]",6a1.7,1,"SELECT",2026-03-04 00:00:00 UTC,3/4,0,'


def json_line(severity: str, message: str) -> str:
    return f'{{"timestamp":"{STAMP}","pid":7,"error_severity":"{severity}","state_code":"00000","message":"{message}"}}'


def probe(tmp_path: Path, *lines: str, **options: Any) -> dict[str, dict[str, Any]]:
    """The rows by kind."""
    file = tmp_path / "server.log"
    file.write_text("".join(f"{line}\n" for line in lines))
    os.utime(file, (NOW.timestamp(),) * 2)
    return told({"paths": [str(tmp_path / "*.log")], **options})


def told(options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rows, _ = talk(log_messages.fetch(Context(now=NOW), options), None)
    return {str(row["kind"]): dict(row) for row in rows}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f"{TEXT}LOG:  server process (PID 9) was terminated by signal 11: Segmentation fault", "crash"),
        (f"{TEXT}PANIC:  could not locate a valid checkpoint record", "crash"),
        (f"{TEXT}ERROR:  invalid page in block 7 of relation base/5/16384", "corruption"),
        (f'{CSV}ERROR,XX001,"could not read block 7 in file ""base/5/1"": read only 0 of 8192 bytes",,', "corruption"),
        (json_line("ERROR", "could not extend file: No space left on device"), "resources"),
        (f"{TEXT}FATAL:  sorry, too many clients already", "resources"),
        (f'{TEXT}FATAL:  password authentication failed for user \\"app\\"', "logins"),
        (f'{CSV}FATAL,28000,"no pg_hba.conf entry for host ""10.0.0.7""",,', "logins"),
        (json_line("ERROR", "deadlock detected"), "deadlocks"),
    ],
)
def test_a_line_of_each_kind(tmp_path: Path, line: str, kind: str) -> None:
    rows = probe(tmp_path, f"{TEXT}LOG:  checkpoint complete", line, "\tits second line says PANIC:  of another")
    assert set(rows[kind]) == columns("log_messages")
    others = {name for name, row in rows.items() if row["messages"] and name not in {kind, "errors"}}
    assert (rows[kind]["messages"], others, rows[kind]["at_least"]) == (1, set(), False)
    assert rows[kind]["last"] == NOW - timedelta(minutes=5)
    assert rows[kind]["example"].split(":")[0] in {"LOG", "ERROR", "FATAL", "PANIC"}
    assert rows["errors"]["messages"] == (0 if ": server" in line or "LOG:  server" in line else 1)


def test_only_what_is_young_enough(tmp_path: Path) -> None:
    old = f"{OLD} [7] ERROR:  deadlock detected"
    assert probe(tmp_path, old)["errors"]["messages"] == 0
    assert probe(tmp_path, old, within="6h")["errors"]["messages"] == 1


def test_the_end_of_a_long_file_says_that_it_is_not_all(tmp_path: Path) -> None:
    row = probe(tmp_path, *[f"{TEXT}ERROR:  {'x' * 1000}"] * 1500, megabytes=1)["errors"]
    assert row["at_least"]
    assert 900 < row["messages"] < 1500


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["[7] ERROR:  without a time"] * 100, "no line says when and how severe"),
        ([f"{STAMP} [7] FEHLER:  Division durch Null"], "FEHLER is no severity in English"),
    ],
)
def test_logs_that_cannot_be_understood(tmp_path: Path, lines: list[str], reason: str) -> None:
    with pytest.raises(RunnerError, match=reason):
        probe(tmp_path, *lines)


def test_no_log_is_not_a_quiet_one(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="there is no file"):
        told({"paths": [str(tmp_path / "*.log")]})
    with pytest.raises(RunnerError, match="has nothing to look at"):
        told({})
    (tmp_path / "a.log").mkdir()
    with pytest.raises(RunnerError, match="Is a directory"):
        told({"paths": [str(tmp_path / "*.log")], "within": "20000d"})
