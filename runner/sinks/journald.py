"""The sink `journald`: messages with fields in the native protocol of systemd's journal."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Mapping

from runner.api import Options, Report, RetryableSinkError, SinkContext
from runner.sinks.events import document_of, events
from runner.template import clean

SOCKET = "/run/systemd/journal/socket"
MESSAGE_ID = "90364c80cde54e5585864556cca2ca77"
"""Marks every message of runner: `journalctl MESSAGE_ID=…`."""
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9_]")


class Journal:
    """Each message is one datagram, far below the size from which the journal wants a file instead."""

    def __init__(self, path: str, identifier: str, context: SinkContext) -> None:
        self._path, self._identifier, self._context = path, identifier, context

    def emit(self, report: Report) -> None:
        """One message for the report and one for each problem, recovery and fault; raises RetryableSinkError."""
        document = document_of(report, self._context)
        common = {
            "MESSAGE_ID": MESSAGE_ID, "SYSLOG_IDENTIFIER": self._identifier, "RUNNER_SLOT": document["slot"],
            "RUNNER_REPORT": clean(document["id"], limit=200), "RUNNER_GROUP": clean(document["group"], limit=200),
        }  # fmt: skip
        messages = [
            encoded({
                "MESSAGE": item.text, "PRIORITY": str(item.severity), "RUNNER_STATE": item.word, "RUNNER_JOB": item.job,
                "RUNNER_TARGET": item.target, "RUNNER_DATABASE": item.database, "RUNNER_ROW": item.row, **common,
            })
            for item in events(document)
        ]  # fmt: skip
        if self._context.dry_run:
            return
        try:
            self._send(messages)
        except OSError as error:
            raise self._explained(error) from error

    def close(self) -> None:
        """Nothing is kept open."""

    def _send(self, messages: list[bytes]) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(self._context.timeout)
            sock.connect(self._path)
            for message in messages:
                sock.send(message)

    def _explained(self, error: OSError) -> RetryableSinkError:
        reason = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
            hint = "is this a machine with systemd? Elsewhere use the sink `syslog`"
        else:
            hint = "systemctl status systemd-journald says how it is"
        return RetryableSinkError(f"the journal at {self._path} takes no messages: {reason}", hint=hint)


def open_journald(options: Options, context: SinkContext) -> Journal:
    """`socket` is for tests and for journals of containers."""
    return Journal(str(options.get("socket", SOCKET)), str(options.get("identifier", "runner")), context)


def encoded(fields: Mapping[str, str]) -> bytes:
    """A message of https://systemd.io/JOURNAL_NATIVE_PROTOCOL; fields without a text are left out."""
    return b"".join(_field(name, text.encode("utf-8", "replace")) for name, text in fields.items() if text)


def _field(name: str, value: bytes) -> bytes:
    """`NAME=value`, or for a value with a line break its length in eight bytes before it."""
    label = _NOT_IN_NAMES.sub("_", name.upper()).encode()
    if b"\n" not in value:
        return b"%b=%b\n" % (label, value)
    return b"%b\n%b%b\n" % (label, len(value).to_bytes(8, "little"), value)
