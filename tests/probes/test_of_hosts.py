"""The probes of a host's load, and of a server's certificate."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.api import RunnerError, Target
from runner.probes import certificate, host
from tests.kinds.support import Context
from tests.probes.test_probes import columns, talk

MEMINFO = "MemTotal:        2000 kB\nMemFree:  10 kB\nMemAvailable:    500 kB\nSwapTotal: 100 kB\nSwapFree: 40 kB\n"


def proc(folder: Path, **texts: str) -> Path:
    (folder / "pressure").mkdir()
    for name, text in texts.items():
        (folder / name.replace("_", "/")).write_text(text)
    return folder


def test_this_host() -> None:
    [row], trips = talk(host.fetch(Context(), {}), None)
    assert (set(row), trips) == (columns("host"), 0)
    assert row["memory"] > row["available"] > 0
    assert row["cpus"] >= 1


def test_what_the_kernel_tells(tmp_path: Path) -> None:
    row = host.host_row(
        proc(
            tmp_path, loadavg="0.50 1.25 2.00 1/100 7\n", meminfo=MEMINFO, vmstat="pswpin 3\npswpout 4\noom_kill 2\n",
            stat="cpu  1 2\nbtime 86400\n",
            pressure_cpu="some avg10=0.00 avg60=1.00 avg300=7.25 total=9\nfull avg10=0.00 avg60=0.00 avg300=1.00 total=1\n",
        ),
        4,
    )  # fmt: skip
    assert (row["load1"], row["load5"], row["load15"]) == (0.5, 1.25, 2.0)
    assert (row["memory"], row["available"], row["swap"], row["swap_used"]) == (2048000, 512000, 102400, 61440)
    assert (row["swapped"], row["oom_kills"]) == (7 * host._PAGE, 2)
    assert (row["cpu_pressure"], row["io_pressure"]) == (7.25, None)
    assert row["booted"] == datetime(1970, 1, 2, tzinfo=UTC)


def test_a_kernel_that_tells_little(tmp_path: Path) -> None:
    row = host.host_row(proc(tmp_path, loadavg="0 0 0"), None)
    assert {name for name, value in row.items() if value is not None} == {"load1", "load5", "load15"}


def test_a_host_without_proc(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="no /proc/loadavg"):
        host.host_row(tmp_path, 1)


# ---- certificates


def made(folder: Path, *words: str) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed here")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=Somebody/CN=db1.example.org"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "crt")]
    subprocess.run([*command, *files, *words], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("days", [20, 20000])
def test_a_certificate_is_read(tmp_path: Path, days: int) -> None:
    """After 2049 the dates are written in another form."""
    made(tmp_path, "-days", str(days))
    name, until = certificate.read_certificate(ssl.PEM_cert_to_DER_cert((tmp_path / "crt").read_text()))
    assert name == "db1.example.org"
    assert abs(until - datetime.now(UTC) - timedelta(days=days)) < timedelta(hours=1)


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x80", b"\x30\x03\x02\x01\x01", bytes(range(48, 128))])
def test_what_is_no_certificate(der: bytes) -> None:
    with pytest.raises(RunnerError, match="certificate cannot be read"):
        certificate.read_certificate(der)


@pytest.fixture
def refusing() -> Iterator[int]:
    """A server that has no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.recv(8)
                caller.sendall(b"N")

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_server_without_tls(refusing: int) -> None:
    context = Context(target=Target(name="main", options={"host": "127.0.0.1", "port": str(refusing)}))
    [row], _ = talk(certificate.fetch(context, {}), None)
    assert set(row) == columns("certificate")
    assert (row["tls"], row["valid_for"], row["server"]) == (False, None, f"127.0.0.1:{refusing}")


@pytest.mark.parametrize("address", ["127.0.0.1", "/run/postgresql"])
def test_nobody_answers(address: str) -> None:
    """A socket leads to localhost."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    context = Context(target=Target(name="main", options={"host": address, "port": port}))
    with pytest.raises(RunnerError, match=f"no TLS certificate from (127.0.0.1|localhost):{port}"):
        talk(certificate.fetch(context, {}), None)
