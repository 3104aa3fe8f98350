"""A real HTTP or HTTPS server on the loopback whose every answer is written by a test, byte for byte."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeAlias

Stream: TypeAlias = socket.socket


@dataclass(frozen=True, slots=True)
class Request:
    """What came: the target as it was written, headers with lower-case names, the whole body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer: TypeAlias = "bytes | Callable[[Request, Stream], bytes | None]"


def reply(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer; underscores in names of headers stand for hyphens."""
    given = {"Content-Length": str(len(body)), **{name.replace("_", "-"): text for name, text in headers.items()}}
    head = [f"HTTP/1.1 {status} Some words", *(f"{name}: {text}" for name, text in given.items())]
    return "\r\n".join([*head, "", ""]).encode() + body


@dataclass
class Receiver:
    """Answers each connection in a thread of its own; `requests` are those that came whole."""

    answer: Answer = field(default_factory=reply)
    tls: ssl.SSLContext | None = None
    read_body: bool = True
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._server.getsockname()[1]
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.ended.set()
        # Wakes the thread that waits in accept().
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        self._thread.join()
        self._server.close()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    @property
    def last(self) -> Request:
        return self.requests[-1]

    def _serve(self) -> None:
        threads: list[threading.Thread] = []
        while True:
            connection, _ = self._server.accept()
            if self.ended.is_set():
                connection.close()
                break
            threads.append(threading.Thread(target=self._one, args=(connection,), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _one(self, connection: Stream) -> None:
        # The tests look at what the client makes of it; here every way to end is fine.
        with suppress(OSError), connection:
            connection.settimeout(30)
            stream = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with stream:
                request = self._read(stream)
                if request is None:
                    return
                self.requests.append(request)
                said = self.answer if isinstance(self.answer, bytes) else self.answer(request, stream)
                if said is not None:
                    stream.sendall(said)

    def _read(self, stream: Stream) -> Request | None:
        with stream.makefile("rb") as file:
            line = file.readline()
            if not line:
                return None
            method, target, _ = line.decode("latin-1").split(" ", 2)
            headers: dict[str, str] = {}
            while (line := file.readline()) not in (b"\r\n", b""):
                name, _, text = line.decode("latin-1").partition(":")
                headers[name.strip().lower()] = text.strip()
            length = int(headers.get("content-length", "0")) if self.read_body else 0
            return Request(method, target, headers, file.read(length))
