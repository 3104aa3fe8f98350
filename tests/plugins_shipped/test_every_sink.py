"""Every sink that there is, built in or shipped: hostile texts harm nothing, and no secret is shown, wherever it was written."""

from __future__ import annotations

import base64
import logging
import os
import re
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runner.api import Report, RunnerError, Secret, SinkType
from runner.clock import SystemClock
from runner.model.home import Home, Settings, SinkSettings
from runner.model.report import Delivery, Waiting
from runner.report.context import open_sink
from runner.report.deliver import deliver
from runner.report.route import rules_of
from tests.formats.hostile import CELLS, everywhere
from tests.formats.samples import bad_night
from tests.net.receiver import Receiver, Request, Stream, reply
from tests.plugins_shipped.folders import host
from tests.sinks.mailbox import Mailbox, serving

# Apprise imports it where it still exists, up to Python 3.12.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
HOST = host()
SINKS = dict(sorted(HOST.registry().sinks.items()))
STEERING = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
WORD = "pl@nted/S3cret {}"


@dataclass
class Places:
    """Where sinks can send to: nothing that they say is lost."""

    folder: Path
    http: Receiver
    mail: Mailbox
    mail_port: int
    printed: list[str] = field(default_factory=list)

    def datagrams(self, name: str) -> str:
        """The path of a socket on which nobody reads what fits into its buffer."""
        return str(self.folder / name)

    def said(self) -> Iterator[str]:
        """All that has arrived, as text."""
        yield from self.printed
        yield from (request.body.decode("utf-8") for request in self.http.requests)
        yield from (mail.as_string() for mail in self.mail.mails)
        for path in self.folder.rglob("*"):
            if path.is_file():
                yield path.read_text("utf-8")


PROGRAM = 'import sys; open(sys.argv[1], "wb").write(sys.stdin.buffer.read())'
WORKING: Mapping[str, Callable[[Places], dict[str, Any]]] = {
    "stdout": lambda _: {},
    "log_file": lambda at: {"path": str(at.folder / "log")},
    "atomic_file": lambda at: {"path": str(at.folder / "page.html")},
    "syslog": lambda at: {"address": at.datagrams("syslog")},
    "journald": lambda at: {"socket": at.datagrams("journal")},
    "command": lambda at: {"run": [os.sys.executable, "-c", PROGRAM, str(at.folder / "given")]},  # type: ignore[attr-defined]
    "webhook": lambda at: {"url": f"{at.http.url}/hook", "headers": {"X-Token": "x"}, "secret": "x"},
    "smtp": lambda at: {
        "host": "127.0.0.1", "port": at.mail_port, "security": "none", "from": "a@example.org", "to": "b@example.org",
    },
    "runner.alertmanager": lambda at: {"url": at.http.url},
    "runner.apprise": lambda at: {"url": f"{at.http.url.replace('http:', 'json:')}/hook"},
    "runner.healthchecks": lambda at: {"url": f"{at.http.url}/hook"},
    "runner.icinga": lambda at: {"url": at.http.url, "user": "x", "password": "x"},
    "runner.otlp": lambda at: {"url": at.http.url},
    "runner.pagerduty": lambda at: {"url": at.http.url, "routing_key": "x"},
    "runner.pushgateway": lambda at: {"url": at.http.url},
    "runner.slack": lambda at: {"url": f"{at.http.url}/hook"},
}  # fmt: skip
# What needs a database of its own is tried in tests/sinks/test_table.py; here it meets a port where nobody listens.
UNREACHABLE = {"table": lambda _: {"dsn": "host=127.0.0.1 port=1 dbname=x"}}


def test_every_sink_is_tried() -> None:
    assert set(SINKS) == {*WORKING, *UNREACHABLE}


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    folder = tmp_path / "arrived"
    folder.mkdir()
    with ExitStack() as stack:
        box = Mailbox()
        http = stack.enter_context(Receiver(reply(200, b"{}")))
        yield Places(folder, http, box, stack.enter_context(serving(box)))


def home_of(folder: Path, kind: SinkType, options: Mapping[str, object], secrets: tuple[Secret, ...] = ()) -> Home:
    settings = SinkSettings(name="receiver", type=kind.type, options=options, timeout=5.0, format=kind.default_format)
    allowed = frozenset({kind.type}) if kind.starts_programs else frozenset()
    return Home(path=folder, settings=Settings(sinks={"receiver": settings}, allow=allowed), secrets=secrets)


# ---- hostile texts


class Datagrams:
    """Reads all that comes to a local socket: only a few messages fit into its buffer."""

    def __init__(self, path: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        self.came: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while data := self.sock.recv(1 << 20):
            self.came.append(data)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.sock.getsockname())
        self._thread.join()
        self.sock.close()


@pytest.mark.parametrize("name", WORKING)
def test_hostile_texts_arrive_as_texts(name: str, places: Places, tmp_path: Path) -> None:
    """A sink may refuse nothing of it, and what arrives is whole, bounded and steers nothing."""
    home = home_of(tmp_path, SINKS[name], WORKING[name](places))
    syslog, journal = (Datagrams(places.datagrams(path)) for path in ("syslog", "journal"))
    try:
        for cell in CELLS.values():
            sink = open_sink(home.settings.sinks["receiver"], home, HOST.registry(), places.printed.append)
            sink.emit(everywhere(cell))
            sink.close()
            for text in places.said():
                check(text)
            places.printed.clear()
            places.http.requests.clear()
            places.mail.envelopes.clear()
            remove(places.folder, keep={"syslog", "journal"})
    finally:
        syslog.close()
        journal.close()
    for data in syslog.came:
        check(data.decode("utf-8"))
    # A text of several lines would have its length before it, in binary.
    assert all(re.fullmatch(rb"([A-Z_]+=[^\n]*\n)+", data) for data in journal.came)
    for data in journal.came:
        check(data.decode("utf-8"))


def check(text: str) -> None:
    assert not STEERING.search(text.replace("\r\n", "\n"))
    assert len(text) < 3_000_000


def remove(folder: Path, keep: set[str]) -> None:
    for path in folder.iterdir():
        if path.name not in keep and stat.S_ISREG(path.stat().st_mode):
            path.unlink()


# ---- secrets


def planted(kind: SinkType, given: Mapping[str, object]) -> tuple[dict[str, object], tuple[Secret, ...]]:
    """The options with a secret in every one that can hold a text, and all of those secrets."""
    options, secrets = dict(given), []
    for number, (name, schema) in enumerate(kind.options.items()):
        secret = Secret(WORD.format(number))
        kinds = schema.get("type", "string")
        if name in KEPT or "enum" in schema or kinds in ("integer", "boolean"):
            continue
        if "url" in name and name in given:
            options[name] = Secret(
                f"{given[name]}/{quote(secret.reveal(), safe='')}?token={quote(secret.reveal(), safe='')}"
            )
            secrets.append(options[name])
        elif kinds == "object":
            options[name] = {"X-Planted": secret}
        elif kinds == "array":
            options[name] = [*given.get(name, ()), secret]  # type: ignore[misc]
        else:
            options[name] = secret
        secrets.append(secret)
    return options, tuple(secrets)


KEPT = {"host", "port", "method", "security", "signature_header", "subject", "signals", "fail_on", "mention", "mode"}
"""Options that decide what is sent where: with a secret in place of a word nothing would be sent at all."""


def echo(request: Request, _stream: Stream) -> bytes:
    """Refuses, and repeats all that it was given."""
    credentials = request.headers.get("authorization", "").partition(" ")[2]
    try:
        opened = base64.b64decode(credentials).decode()
    except ValueError:
        opened = ""
    body = [request.target, *request.headers.values(), opened, request.body.decode("utf-8")]
    return reply(STATUS[0], "\n".join(body).encode())


STATUS = [400]


@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.parametrize("name", SINKS)
def test_no_secret_is_shown_whatever_option_holds_it(
    name: str, status: int, places: Places, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Not in the fault, not in what is kept of the delivery, not in logs or on a stream, not in the repr of anything."""
    caplog.set_level(logging.DEBUG)
    places.http.answer = echo
    STATUS[0] = status
    places.mail.says = {"from": f"{status} no thanks"}
    options, secrets = planted(SINKS[name], {**WORKING, **UNREACHABLE}[name](places))
    home = home_of(tmp_path, SINKS[name], options, secrets)
    kept, said = delivered(home, bad_night())
    assert said or name in {"stdout", "log_file", "atomic_file", "syslog", "journald", "command"}
    told = [*kept, *said, caplog.text, *capfd.readouterr(), repr(home)]
    shown = {word for secret in secrets for word in written(secret) for text in told if word in text}
    assert shown == set()


def written(secret: Secret) -> tuple[str, ...]:
    text = secret.reveal()
    return text, quote(text, safe=""), base64.b64encode(text.encode()).decode()


def delivered(home: Home, report: Report) -> tuple[list[str], list[str]]:
    """What is kept of the delivery, and what the operator is told of it."""
    kept: list[Delivery] = []
    members = {
        "durable": False, "report": lambda *_: report, "settle": lambda _, settled, __: kept.append(settled),
        "announced": lambda *_: {},
    }  # fmt: skip
    waiting = [Waiting(id="d", report=report.id, group=report.group, sink="receiver")]
    done = deliver(
        waiting, home=home, host=HOST, store=type("Store", (), members)(), clock=SystemClock(), rules=rules_of(home),
        stdout=lambda _: None,
    )  # fmt: skip
    return [item.error for item in kept], [f"{fault.where} {fault.message} {fault.hint}" for fault in done.faults]


@pytest.mark.parametrize("name", WORKING)
def test_a_sink_shows_no_secret_by_itself(name: str, places: Places, tmp_path: Path) -> None:
    """Also what runner does not know as a secret, because only the sink has put it together, stays hidden."""
    places.http.answer = echo
    STATUS[0] = 400
    options, secrets = planted(SINKS[name], WORKING[name](places))
    home = home_of(tmp_path, SINKS[name], options)
    try:
        open_sink(home.settings.sinks["receiver"], home, HOST.registry(), print).emit(bad_night())
    except (RunnerError, OSError, TypeError, ValueError, AttributeError) as error:
        hint = getattr(error, "hint", "")
        told = f"{error} {hint}"
        shown = {word for secret in secrets for word in written(secret) if word in told}
        assert shown == set()
