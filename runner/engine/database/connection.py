"""One connection through libpq, as far as it is needed to ask, to read and to cancel."""

from __future__ import annotations

import ctypes
import select
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from runner.engine.database import libpq as c
from runner.engine.database.libpq import libpq
from runner.engine.database.result import Result


class ConnectionLostError(Exception):
    """What libpq says of a connection that is of no use, or never was; one line, never empty."""


class NoAnswerError(Exception):
    """The server said nothing until the deadline."""


class Connection:
    """Not for two threads at once, but for `cancel`. Waits with Python's own means, so that Ctrl-C is heard."""

    def __init__(self, options: Mapping[str, str]) -> None:
        """Connects within the `connect_timeout` of the options, which are libpq's; raises ConnectionLostError."""
        self._pq = libpq()
        self._lock = threading.Lock()
        self._pointer = ctypes.c_void_p(_opened(self._pq, options))
        self._receiver = c.NOTICE_RECEIVER(self._notice)
        self.on_notice: Callable[[Result], None] | None = None
        if self._pq.PQstatus(self._pointer) != c.CONNECTION_OK:
            error = self.error()
            self.close()
            raise ConnectionLostError(error)
        self._pq.PQsetNoticeReceiver(self._pointer, self._receiver, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """A second time it does nothing."""
        with self._lock:
            pointer, self._pointer = self._pointer, ctypes.c_void_p()
            if pointer:
                self._pq.PQfinish(pointer)

    def __del__(self) -> None:
        # Without a lock: nobody else has it any more, and the interpreter may be ending.
        pointer = getattr(self, "_pointer", None)
        if pointer:
            self._pq.PQfinish(pointer)

    @property
    def closed(self) -> bool:
        """Whether it was closed here, or the server's end was noticed."""
        return not self._pointer or self.is_bad

    @property
    def is_bad(self) -> bool:
        return bool(self._pq.PQstatus(self._pointer) != c.CONNECTION_OK)

    @property
    def is_idle(self) -> bool:
        """Whether no transaction is open."""
        return bool(self._pq.PQtransactionStatus(self._pointer) == c.IDLE)

    def error(self) -> str:
        """The last error in libpq's words, on one line; they may hold secrets."""
        words = (self._pq.PQerrorMessage(self._pointer) or b"").decode("utf-8", "replace")
        return " ".join(words.split()) or "the connection to the server was lost"

    def parameter(self, name: str) -> str:
        """A setting that the server reports by itself (`DateStyle`, …); empty when it does not."""
        return (self._pq.PQparameterStatus(self._pointer, name.encode()) or b"").decode()

    # ---- sending

    def begin_pipeline(self) -> None:
        self._pq.PQsetnonblocking(self._pointer, 1)
        self._sent(self._pq.PQenterPipelineMode(self._pointer))

    def end_pipeline(self) -> None:
        self._sent(self._pq.PQexitPipelineMode(self._pointer))

    def sync(self) -> None:
        self._sent(self._pq.PQpipelineSync(self._pointer))

    def send(self, sql: bytes, values: Sequence[bytes | None] = ()) -> None:
        """By the extended protocol: one statement, with its values as texts."""
        texts = (ctypes.c_char_p * len(values))(*values) if values else None
        self._sent(self._pq.PQsendQueryParams(self._pointer, sql, len(values), None, texts, None, None, 0))

    def send_simply(self, sql: bytes) -> None:
        """By the simple protocol, which consoles of poolers speak."""
        self._sent(self._pq.PQsendQuery(self._pointer, sql))

    def send_prepare(self, sql: bytes) -> None:
        self._sent(self._pq.PQsendPrepare(self._pointer, b"", sql, 0, None))

    def send_describe(self) -> None:
        """Asks about what was prepared."""
        self._sent(self._pq.PQsendDescribePrepared(self._pointer, b""))

    def flush(self, deadline: float) -> None:
        """Returns when everything was sent. Raises ConnectionLostError, NoAnswerError."""
        while (left := self._pq.PQflush(self._pointer)) > 0:
            self._wait(deadline, select.POLLIN | select.POLLOUT)
        self._sent(left == 0)

    def _sent(self, done: object) -> None:
        if not done:
            raise ConnectionLostError(self.error())

    # ---- receiving

    def next_result(self, deadline: float | None = None) -> Result | None:
        """The next result; None ends a statement. Raises ConnectionLostError, NoAnswerError."""
        while self._pq.PQisBusy(self._pointer):
            self._wait(deadline, select.POLLIN)
        pointer = self._pq.PQgetResult(self._pointer)
        return Result(self._pq, pointer) if pointer else None

    def last_result(self, deadline: float | None = None) -> Result:
        """Sends what waits, and reads up to the end of the statement; its last result. Raises as `next_result`."""
        # What cannot be sent is no reason not to hear the server's last words.
        while self._pq.PQflush(self._pointer) > 0:
            self._wait(deadline, select.POLLIN | select.POLLOUT)
        last = None
        while result := self.next_result(deadline):
            last = result
            if result.status in c.COPYING:
                raise ConnectionLostError("the server wants to copy rows, which is no answer")
        if last is None:
            raise ConnectionLostError(self.error() if self.is_bad else "the server sent no result")
        return last

    def keep_rows_small(self, rows: int) -> None:
        """Hands out the rows of the statement that comes next in pieces of so many, where libpq can."""
        if self._pq.PQsetChunkedRowsMode is not None:
            self._pq.PQsetChunkedRowsMode(self._pointer, rows)

    def _wait(self, deadline: float | None, what: int) -> None:
        socket = self._pq.PQsocket(self._pointer)
        self._sent(socket >= 0)
        poll = select.poll()
        poll.register(socket, what)
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ready = poll.poll(left)
        if not ready:
            raise NoAnswerError
        if ready[0][1] != select.POLLOUT:
            self._sent(self._pq.PQconsumeInput(self._pointer))

    def _notice(self, _: object, result: int) -> None:
        if self.on_notice is not None:
            self.on_notice(Result(self._pq, result, owned=False))

    # ---- from another thread

    def cancel(self) -> None:
        """Asks the server to end what it does for this connection; that it could not be asked is not told."""
        with self._lock:
            if not self._pointer:
                return
            if self._pq.PQcancelCreate is not None:
                self._cancel_as_connected()
            else:
                self._cancel_in_clear()

    def _cancel_as_connected(self) -> None:
        """Encrypted when the connection is, and within its connect_timeout."""
        asking = self._pq.PQcancelCreate(self._pointer)
        self._pq.PQcancelBlocking(asking)
        self._pq.PQcancelFinish(asking)

    def _cancel_in_clear(self) -> None:
        asking = self._pq.PQgetCancel(self._pointer)
        said = ctypes.create_string_buffer(256)
        self._pq.PQcancel(asking, said, len(said))
        self._pq.PQfreeCancel(asking)


def _opened(pq: Any, options: Mapping[str, str]) -> int:
    """Libpq's own connecting tries hosts, addresses and ways to log in by itself; Ctrl-C is heard meanwhile."""
    names = (ctypes.c_char_p * (len(options) + 1))(*(name.encode() for name in options), None)
    values = (ctypes.c_char_p * (len(options) + 1))(*(value.encode() for value in options.values()), None)
    if threading.current_thread() is not threading.main_thread():
        return int(pq.PQconnectdbParams(names, values, 1))
    made: list[int] = []
    thread = threading.Thread(target=lambda: made.append(pq.PQconnectdbParams(names, values, 1)), daemon=True)
    thread.start()
    thread.join()
    return made[0]
