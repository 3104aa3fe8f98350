"""The installed line, called by the real cron daemon in its bare environment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TWO_TICKS = 150.0
"""Seconds: cron wakes at the next full minute; a second one is allowed for."""

# Its own spool and no other jobs, so that nothing of this machine's crontabs is started or changed.
START = """
mount --bind "$1/spool" /var/spool/cron/crontabs
mount --bind "$1/nothing" /etc/cron.d
mount --bind "$1/empty" /etc/crontab
mount -t tmpfs none /run
exec "$2" -f
"""

JOB = """
check: from-cron
title: Called by cron
schedule: every 1min
probe: disk
with: {paths: [/]}
warning: used > 100%
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Path]:
    """A home whose line is in the spool of a cron daemon of our own."""
    cron, unshare = shutil.which("cron"), shutil.which("unshare")
    if cron is None or unshare is None or os.geteuid() != 0 or not Path("/var/spool/cron/crontabs").is_dir():
        pytest.skip("needs root, unshare and Debian's cron: apt-get install cron")
    home = tmp_path / "home"
    (home / "checks.d").mkdir(parents=True)
    (home / "checks.d" / "minutely.yaml").write_text(JOB)
    line = subprocess.run(
        [sys.executable, "-m", "runner", "--home", str(home), "crontab", "show"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    (tmp_path / "spool").mkdir()
    (tmp_path / "nothing").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "spool" / "root").write_text(line)
    (tmp_path / "spool" / "root").chmod(0o600)
    process = subprocess.Popen(
        [unshare, "--mount", "sh", "-ec", START, "sh", str(tmp_path), cron],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        time.sleep(1)
        if process.poll() is not None:
            pytest.skip(f"cron cannot be started apart here: {process.stderr.read().strip()}")  # type: ignore[union-attr]
        yield home
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=10)


def test_cron_calls_the_installed_line(daemon: Path) -> None:
    log = daemon / ".runner" / "runner.log"
    end = time.monotonic() + TWO_TICKS
    while time.monotonic() < end and not log.exists():
        time.sleep(0.5)
    assert log.exists(), "no tick within two minutes"
    assert "from-cron" in log.read_text(encoding="utf-8")
