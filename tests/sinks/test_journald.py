"""The sink `journald`: the native protocol, and a real journal of its own namespace."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from runner.api import RetryableSinkError
from runner.sinks.journald import MESSAGE_ID, encoded
from tests.formats import samples
from tests.sinks.contexts import sink

REPORT = samples.everything()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"MESSAGE": "one", "EMPTY": ""}, b"MESSAGE=one\n"),
        ({"MESSAGE": "a\nb"}, b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n"),
        ({"bad name=": "=x\ud800"}, b"BAD_NAME_==x?\n"),
    ],
)
def test_the_protocol(fields: dict[str, str], expected: bytes) -> None:
    assert encoded(fields) == expected


def test_a_journal_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RetryableSinkError, match="takes no messages: No such file or directory") as caught:
        sink("journald", tmp_path, socket=str(tmp_path / "none")).emit(REPORT)
    assert "use the sink `syslog`" in caught.value.hint
    sink("journald", tmp_path, socket=str(tmp_path / "none"), dry_run=True).emit(REPORT)


def test_a_journal_that_does_not_read_is_left_in_time(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "socket"))
        with pytest.raises(RetryableSinkError, match="no answer in time"):
            sink("journald", tmp_path, socket=str(tmp_path / "socket"), timeout=0.2).emit(samples.very_many())


@pytest.fixture
def journal() -> Iterator[str]:
    """A real journald in a namespace of its own, beside that of the machine."""
    program = shutil.which("systemd-journald", path="/usr/lib/systemd:/lib/systemd")
    if not program or not shutil.which("journalctl") or os.geteuid() != 0:
        pytest.skip("needs systemd-journald, journalctl and root")
    name = f"runner{uuid4().hex[:12]}"
    folder, machine = Path(f"/run/systemd/journal.{name}"), Path("/etc/machine-id").read_text().strip()
    with subprocess.Popen([program, name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 30
            while not (folder / "socket").exists():
                if process.poll() is not None or time.monotonic() > end:
                    pytest.skip("systemd-journald does not start here")
                time.sleep(0.05)
            yield name
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)
            for place in ("/run/log/journal", "/var/log/journal"):
                shutil.rmtree(f"{place}/{machine}.{name}", ignore_errors=True)


def kept(name: str, *words: str) -> list[dict[str, str]]:
    """The entries of the namespace in order, once all have arrived."""
    end = time.monotonic() + 30
    while True:
        command = ["journalctl", f"--namespace={name}", "-o", "json", "--no-pager", "-q", *words]
        lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
        if len(lines) >= 7 or time.monotonic() > end:
            return [json.loads(line) for line in lines]
        time.sleep(0.1)


def test_a_real_journal_knows_the_fields(journal: str, tmp_path: Path) -> None:
    sink("journald", tmp_path, socket=f"/run/systemd/journal.{journal}/socket", identifier="pg").emit(REPORT)
    entries = kept(journal, f"MESSAGE_ID={MESSAGE_ID}")
    assert [(item["PRIORITY"], item["RUNNER_STATE"], item.get("RUNNER_JOB", "")) for item in entries] == [
        ("2", "critical", ""),
        ("2", "critical", "dead-rows"),
        ("3", "unknown", "backup-age"),
        ("4", "warning", "dead-rows"),
        ("4", "warning", "standby-lag"),
        ("5", "recovered", "long-transactions"),
        ("3", "fault", ""),
    ]
    first = entries[1]
    assert first["MESSAGE"] == "CRITICAL dead-rows on main: public.orders: 1,250,000 dead rows"
    assert (first["SYSLOG_IDENTIFIER"], first["RUNNER_ROW"], first["RUNNER_TARGET"]) == ("pg", "public.orders", "main")
    assert {item["RUNNER_REPORT"] for item in entries} == {REPORT.id}


def test_its_other_socket_knows_the_old_form_of_syslog(journal: str, tmp_path: Path) -> None:
    sink("syslog", tmp_path, address=f"/run/systemd/journal.{journal}/dev-log", rfc=3164).emit(REPORT)
    entries = kept(journal, "-t", "runner")
    assert len(entries) == 7
    assert entries[1]["MESSAGE"] == "CRITICAL dead-rows on main: public.orders: 1,250,000 dead rows"
    assert entries[1]["PRIORITY"] == "2"
