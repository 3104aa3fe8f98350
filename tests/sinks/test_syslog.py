"""The sink `syslog`: what arrives at sockets of every sort, and at a real rsyslog."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from runner.api import RetryableSinkError, SinkError
from runner.sinks.syslog import Receiver, receiver_of
from tests.formats import samples
from tests.sinks.contexts import sink

REPORT = samples.everything()
# RFC 5424, section 6, without structured data.
MESSAGE = re.compile(
    r"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([!-~]{1,255}) ([!-~]{1,48}) (\d+) ([!-~]{1,32}) - (.*)"
)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        receiver.settimeout(5)
        yield receiver


def drained(receiver: socket.socket, number: int) -> list[bytes]:
    return [receiver.recv(65536) for _ in range(number)]


def test_the_messages_at_a_local_socket(local: socket.socket, tmp_path: Path) -> None:
    sink("syslog", tmp_path, address=str(tmp_path / "log"), facility="local3", app_name="pg").emit(REPORT)
    found = [MESSAGE.fullmatch(message.decode()) for message in drained(local, 7)]
    assert all(found)
    parts = [match.groups() for match in found if match]
    assert [int(priority) - 19 * 8 for priority, *_ in parts] == [2, 2, 3, 4, 4, 5, 3]
    assert {datetime.fromisoformat(stamp) for _, stamp, *_ in parts} == {REPORT.created}
    assert parts[1][3] == "pg"
    assert parts[1][5:] == ("dead-rows", "CRITICAL dead-rows on main: public.orders: 1,250,000 dead rows")


def test_the_old_form(local: socket.socket, tmp_path: Path) -> None:
    sink("syslog", tmp_path, address=str(tmp_path / "log"), rfc=3164).emit(samples.quiet_night())
    (message,) = drained(local, 1)
    assert re.fullmatch(rb"<30>Nov 2[345] \d\d:\d\d:\d\d runner\[\d+\]: OK db-health-check: 2 ok", message)


def test_udp_messages_are_short_and_whole_characters(tmp_path: Path) -> None:
    long = replace(samples.quiet_night(), group="ü" * 5000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        sink("syslog", tmp_path, address=f"udp://127.0.0.1:{receiver.getsockname()[1]}").emit(long)
        message = receiver.recv(65536)
    assert len(message) <= 2000
    assert message.decode().endswith(": 2 ok")


def listening(answer: Callable[[socket.socket], None]) -> tuple[int, threading.Thread]:
    """A TCP port where `answer` has one connection."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with server, server.accept()[0] as connection:
            answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return server.getsockname()[1], thread


def test_tcp_counts_octets(tmp_path: Path) -> None:
    read: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        while data := connection.recv(4096):
            read.append(data)

    port, thread = listening(answer)
    sink("syslog", tmp_path, address=f"tcp://127.0.0.1:{port}").emit(REPORT)
    thread.join()
    rest, messages = b"".join(read), []
    while rest:
        length, _, rest = rest.partition(b" ")
        messages.append(rest[: int(length)].decode())
        rest = rest[int(length) :]
    assert len(messages) == 7
    assert all(MESSAGE.fullmatch(message) for message in messages)


def test_a_receiver_that_breaks_off_is_told(tmp_path: Path) -> None:
    def answer(connection: socket.socket) -> None:
        # Closing with unread data resets the connection.
        connection.recv(1)

    port, thread = listening(answer)
    with pytest.raises(
        RetryableSinkError, match=r"takes no messages: (Connection reset|Broken pipe|Transport endpoint)"
    ):
        sink("syslog", tmp_path, address=f"tcp://127.0.0.1:{port}").emit(samples.very_many())
    thread.join()


def test_a_receiver_that_does_not_read_is_left_in_time(tmp_path: Path) -> None:
    path = str(tmp_path / "full")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        began = time.monotonic()
        with pytest.raises(RetryableSinkError, match="takes no messages: no answer in time"):
            sink("syslog", tmp_path, address=path, timeout=0.2).emit(samples.very_many())
        assert time.monotonic() - began < 30


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(RetryableSinkError, match="Connection refused"):
        sink("syslog", tmp_path, address=f"tcp://127.0.0.1:{port}").emit(REPORT)
    with pytest.raises(RetryableSinkError, match="Connection refused"):
        sink("syslog", tmp_path, address=f"udp://127.0.0.1:{port}").emit(REPORT)
    with pytest.raises(RetryableSinkError, match="No such file or directory") as caught:
        sink("syslog", tmp_path, address=str(tmp_path / "none")).emit(REPORT)
    assert "a container often has none" in caught.value.hint


def test_a_rehearsal_sends_nothing(tmp_path: Path) -> None:
    sink("syslog", tmp_path, address=str(tmp_path / "none"), dry_run=True).emit(REPORT)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/dev/log", Receiver(transport="unix", host="/dev/log")),
        ("udp://loghost", Receiver(transport="udp", host="loghost", port=514)),
        ("tcp://[::1]:6514", Receiver(transport="tcp", host="::1", port=6514)),
    ],
)
def test_addresses(address: str, expected: Receiver) -> None:
    assert receiver_of(address) == expected


@pytest.mark.parametrize(
    "address", ["loghost", "http://loghost", "udp://", "tcp://loghost:x", "tcp://a/b", "tcp://u:p@h"]
)
def test_addresses_that_are_none_are_refused_for_good(address: str) -> None:
    with pytest.raises(SinkError, match="a path, udp://HOST:PORT or tcp://HOST:PORT") as caught:
        receiver_of(address)
    assert not isinstance(caught.value, RetryableSinkError)


CONFIGURATION = """
global(workDirectory="{folder}")
template(name="fields" type="string" string="%syslogfacility-text%|%syslogseverity-text%|%app-name%|%msgid%|%timestamp:::date-rfc3339%|%msg%\\n")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log" UseSpecialParser="off" IgnoreTimestamp="off" UseSysTimeStamp="off")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="{udp}")
module(load="imptcp")
input(type="imptcp" address="127.0.0.1" port="{tcp}")
action(type="omfile" file="{folder}/out" template="fields")
"""


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A real rsyslog that listens on a socket, by UDP and by TCP: the address of each."""
    program = shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin")
    if not program:
        pytest.skip("needs rsyslogd: apt-get install rsyslog")
    with socket.create_server(("127.0.0.1", 0)) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        tcp, udp = one.getsockname()[1], other.getsockname()[1]
    (tmp_path / "conf").write_text(CONFIGURATION.format(folder=tmp_path, udp=udp, tcp=tcp))
    words = [program, "-n", "-f", str(tmp_path / "conf"), "-i", str(tmp_path / "pid")]
    with (tmp_path / "err").open("wb") as errors, subprocess.Popen(words, stderr=errors) as process:
        try:
            wait_for(lambda: (tmp_path / "log").exists() and answers(tcp), tmp_path / "err")
            yield {"unix": str(tmp_path / "log"), "udp": f"udp://127.0.0.1:{udp}", "tcp": f"tcp://127.0.0.1:{tcp}"}
        finally:
            process.terminate()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], bool], errors: Path) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, errors.read_text()
        time.sleep(0.05)


@pytest.mark.parametrize("transport", ["unix", "udp", "tcp"])
def test_rsyslog_understands_it(rsyslog: dict[str, str], transport: str, tmp_path: Path) -> None:
    sink("syslog", tmp_path, address=rsyslog[transport], facility="local3").emit(REPORT)
    out = tmp_path / "out"
    wait_for(lambda: out.exists() and out.read_text().count("\n") == 7, tmp_path / "err")
    lines = [line.split("|") for line in out.read_text().splitlines()]
    assert [line[:4] for line in lines] == [
        ["local3", "crit", "runner", "critical"],
        ["local3", "crit", "runner", "dead-rows"],
        ["local3", "err", "runner", "backup-age"],
        ["local3", "warning", "runner", "dead-rows"],
        ["local3", "warning", "runner", "standby-lag"],
        ["local3", "notice", "runner", "long-transactions"],
        ["local3", "err", "runner", "fault"],
    ]
    assert {datetime.fromisoformat(line[4]) for line in lines} == {REPORT.created}
    assert lines[1][5].strip() == "CRITICAL dead-rows on main: public.orders: 1,250,000 dead rows"
