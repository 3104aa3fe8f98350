"""The sink `syslog`: short messages in the form of RFC 5424 to a local socket, by UDP or by TCP."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from runner.api import Options, Report, RetryableSinkError, SinkContext, SinkError
from runner.records import dataclass
from runner.sinks.events import Event, document_of, events
from runner.sinks.facilities import FACILITIES

DEFAULT_ADDRESS = "/dev/log"
_PORTS = {"udp": 514, "tcp": 601}
# RFC 5426 wants receivers to take 2048 bytes; local sockets and TCP take more.
_LONGEST = {"udp": 2000, "tcp": 8000, "unix": 8000}
_SECONDS_FOR_A_FAREWELL = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where messages go: a path with `unix`, else a host and a port."""

    transport: str
    host: str
    port: int = 0

    def __str__(self) -> str:
        return self.host if self.transport == "unix" else f"{self.transport}://{self.host}:{self.port}"


class Syslog:
    """Opens its socket for each report, so that a receiver that was restarted is found again."""

    def __init__(self, receiver: Receiver, options: Options, context: SinkContext) -> None:
        self._receiver, self._context = receiver, context
        self._facility = FACILITIES[options.get("facility", "daemon")]
        self._name = str(options.get("app_name", "runner"))
        self._form = _old_form if options.get("rfc", 5424) == 3164 else _form

    def emit(self, report: Report) -> None:
        """One message for the report and one for each problem, recovery and fault; raises RetryableSinkError."""
        messages = self._messages(document_of(report, self._context))
        if self._context.dry_run:
            return
        try:
            _send(self._receiver, messages, time.monotonic() + self._context.timeout)
        except OSError as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise RetryableSinkError(
                f"{self._receiver} takes no messages: {reason}", hint=_hint(self._receiver)
            ) from error

    def close(self) -> None:
        """Nothing is kept open."""

    def _messages(self, document: Mapping[str, Any]) -> list[bytes]:
        longest, made = _LONGEST[self._receiver.transport], datetime.fromisoformat(document["created"])
        local = self._receiver.transport == "unix"
        return [
            _clipped(self._form(self._facility * 8 + item.severity, made, self._name, item, local), longest)
            for item in events(document)
        ]


def open_syslog(options: Options, context: SinkContext) -> Syslog:
    """Raises SinkError when the address is none."""
    return Syslog(receiver_of(str(options.get("address", DEFAULT_ADDRESS))), options, context)


def receiver_of(address: str) -> Receiver:
    """The receiver of `/dev/log`, `udp://host:514` or `tcp://host:601`. Raises SinkError."""
    if address.startswith("/"):
        return Receiver(transport="unix", host=address)
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    else:
        if host and parts.scheme in _PORTS and not (parts.path or parts.query or parts.username):
            return Receiver(transport=parts.scheme, host=host, port=port or _PORTS[parts.scheme])
    raise SinkError(
        "the `address` of a syslog sink is a path, udp://HOST:PORT or tcp://HOST:PORT",
        hint="for example `address: udp://loghost:514`",
    )


def _form(priority: int, made: datetime, name: str, item: Event, _local: bool) -> str:
    """RFC 5424: version 1, no structured data; the job is the MSGID."""
    host = _word(socket.gethostname(), 255)
    message_id = _word(item.job or item.word, 32)
    stamp = made.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return f"<{priority}>1 {stamp} {host} {_word(name, 48)} {os.getpid()} {message_id} - {item.text}"


def _old_form(priority: int, made: datetime, name: str, item: Event, local: bool) -> str:
    """RFC 3164; on the local socket without a host, as every C library writes it."""
    here = made.astimezone()
    host = "" if local else f"{_word(socket.gethostname(), 255)} "
    return f"<{priority}>{here:%b} {here.day:2} {here:%H:%M:%S} {host}{_word(name, 32)}[{os.getpid()}]: {item.text}"


def _word(text: str, longest: int) -> str:
    """Visible ASCII without blanks; `-` when nothing is left."""
    return re.sub(r"[^\x21-\x7e]", "_", text)[:longest] or "-"


def _clipped(text: str, longest: int) -> bytes:
    """At most so many bytes, cut between characters."""
    return text.encode("utf-8", "replace")[:longest].decode("utf-8", "ignore").encode()


def _send(receiver: Receiver, messages: Iterable[bytes], deadline: float) -> None:
    if receiver.transport == "tcp":
        # RFC 6587, octet counting: a message may hold anything, even a line break.
        framed = b"".join(b"%d %b" % (len(message), message) for message in messages)
        with socket.create_connection((receiver.host, receiver.port), timeout=_left(deadline)) as stream:
            stream.settimeout(_left(deadline))
            stream.sendall(framed)
            _farewell(stream, deadline)
        return
    with _datagrams(receiver) as sock:
        for message in messages:
            sock.settimeout(_left(deadline))
            sock.send(message)


def _datagrams(receiver: Receiver) -> socket.socket:
    """A connected socket, so that a port where nobody listens is told."""
    if receiver.transport == "unix":
        family, address = socket.AF_UNIX, receiver.host
        found: list[tuple[Any, Any]] = [(family, address)]
    else:
        names = socket.getaddrinfo(receiver.host, receiver.port, type=socket.SOCK_DGRAM)
        found = [(family, address) for family, _, _, _, address in names]
    family, address = found[0]
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def _farewell(stream: socket.socket, deadline: float) -> None:
    """Waits until the receiver has read all and hangs up; one that stays silent may have read it too."""
    stream.shutdown(socket.SHUT_WR)
    stream.settimeout(min(_left(deadline), _SECONDS_FOR_A_FAREWELL))
    with suppress(TimeoutError):
        while stream.recv(4096):
            pass


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _hint(receiver: Receiver) -> str:
    if receiver.transport == "unix":
        return f"ls -l {receiver.host} shows the socket; a container often has none, and needs udp:// or tcp://"
    return "look whether the receiver runs and a firewall lets its port through"
