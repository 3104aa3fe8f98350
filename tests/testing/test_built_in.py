"""Our own sinks and formats keep the contracts that strangers' are held to."""

from __future__ import annotations

import csv
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from runner.formats.registered import FORMATS
from runner.plugins import builtin
from runner.plugins.host import PluginHost
from runner.sinks.registered import SINKS
from runner.testing import (
    FakeSinkContext,
    FormatContract,
    HttpReceiver,
    HttpSinkContract,
    PluginContract,
    SinkContract,
    sample,
)

SINK = {item.type: item for item in SINKS}
FORMAT = {item.name: item for item in FORMATS}


class TestBuiltIn(PluginContract):
    plugin = builtin
    name = "runner"

    def host(self) -> PluginHost:
        return PluginHost({}, no_plugins=True)


class TestStdout(SinkContract):
    sink_type = SINK["stdout"]
    built_in = True

    @pytest.fixture
    def receiver(self, context: FakeSinkContext) -> list[str]:
        return context.printed

    def options(self, receiver: list[str]) -> Mapping[str, object]:
        return {"format": "json_lines"}

    def arrived(self, receiver: list[str]) -> Sequence[object]:
        return list(receiver)


class TestLogFile(SinkContract):
    sink_type = SINK["log_file"]
    built_in = True

    def options(self, receiver: Path) -> Mapping[str, object]:
        return {"path": str(receiver / "a.log"), "format": "json_lines"}

    def arrived(self, receiver: Path) -> Sequence[object]:
        return [line for path in receiver.glob("a.log") for line in path.read_text().splitlines()]

    def fail(self, receiver: Path) -> Mapping[str, object]:
        return {"path": str(receiver / "no-such-folder" / "a.log")}


class TestAtomicFile(SinkContract):
    sink_type = SINK["atomic_file"]
    built_in = True

    def options(self, receiver: Path) -> Mapping[str, object]:
        return {"path": str(receiver / "page.html"), "keep": 3}

    def arrived(self, receiver: Path) -> Sequence[object]:
        return sorted(item.read_text() for item in receiver.iterdir())

    def fail(self, receiver: Path) -> Mapping[str, object]:
        return {"path": str(receiver / "no-such-folder" / "page.html")}


class TestCommand(SinkContract):
    sink_type = SINK["command"]
    built_in = True
    program = 'cat > "$0.$$"'

    def options(self, receiver: Path) -> Mapping[str, object]:
        return {"run": ["/bin/sh", "-c", self.program, str(receiver / "report")], "format": "json_lines"}

    def arrived(self, receiver: Path) -> Sequence[object]:
        return sorted(item.name for item in receiver.iterdir())

    def fail(self, receiver: Path) -> Mapping[str, object]:
        return {"run": [str(receiver / "no-such-program")]}


class _Datagrams:
    """What was sent to a local socket; a reader of its own keeps it from being full."""

    def __init__(self, path: Path) -> None:
        self.path, self.received = path, list[bytes]()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while data := self._socket.recv(1 << 20):
            self.received.append(data)

    def so_far(self) -> list[bytes]:
        """All that was sent before now: a mark of our own comes behind it."""
        mark = b"<mark %d>" % len(self.received)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(mark, str(self.path))
        while mark not in self.received:
            pass
        self.received.remove(mark)
        return list(self.received)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", str(self.path))
        self._thread.join()
        self._socket.close()


class TestSyslog(SinkContract):
    sink_type = SINK["syslog"]
    built_in = True

    @pytest.fixture
    def receiver(self, tmp_path: Path) -> Iterator[_Datagrams]:
        receiver = _Datagrams(tmp_path / "log")
        yield receiver
        receiver.close()

    def options(self, receiver: _Datagrams) -> Mapping[str, object]:
        return {"address": str(receiver.path)}

    def arrived(self, receiver: _Datagrams) -> Sequence[object]:
        return receiver.so_far()

    def fail(self, receiver: _Datagrams) -> Mapping[str, object]:
        return {"address": str(receiver.path.parent / "nobody")}


class TestJournald(TestSyslog):
    sink_type = SINK["journald"]

    def options(self, receiver: _Datagrams) -> Mapping[str, object]:
        return {"socket": str(receiver.path)}

    def fail(self, receiver: _Datagrams) -> Mapping[str, object]:
        return {"socket": str(receiver.path.parent / "nobody")}


class TestWebhook(HttpSinkContract):
    sink_type = SINK["webhook"]
    built_in = True
    secrets = ("url", "secret")

    def options(self, receiver: HttpReceiver) -> Mapping[str, object]:
        return {"url": f"{receiver.url}/planted-path", "secret": "planted-key", "format": "markdown"}


class TestText(FormatContract):
    format = FORMAT["text"]
    built_in = True


class TestJson(FormatContract):
    format = FORMAT["json"]
    built_in = True
    largest = None

    def read(self, text: str) -> object:
        return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


class TestJsonLines(TestJson):
    format = FORMAT["json_lines"]

    def test_it_is_one_line(self) -> None:
        assert self.rendered("hostile: lines").count("\n") == 1


class TestNagios(FormatContract):
    format = FORMAT["nagios"]
    built_in = True


class TestMarkdown(FormatContract):
    format = FORMAT["markdown"]
    built_in = True


class TestHtml(FormatContract):
    format = FORMAT["html"]
    built_in = True

    def read(self, text: str) -> object:
        parser = HTMLParser()
        parser.feed(text)
        parser.close()
        assert "<script" not in text
        return text


class TestPrometheus(FormatContract):
    format = FORMAT["prometheus"]
    built_in = True


class TestJunit(FormatContract):
    format = FORMAT["junit"]
    built_in = True

    def read(self, text: str) -> object:
        return ET.fromstring(text)


class TestCsv(FormatContract):
    format = FORMAT["csv"]
    built_in = True
    allowed_controls = "\r\n"

    def read(self, text: str) -> object:
        widths = {len(row) for row in csv.reader(text.splitlines())}
        assert len(widths) == 1
        return text


def test_every_format_that_is_built_in_is_held_to_the_contract() -> None:
    tests = [item for item in globals().values() if isinstance(item, type) and issubclass(item, FormatContract)]
    held = {item.format.name for item in tests if item is not FormatContract}
    assert held == set(FORMAT)


def test_a_sample_is_the_same_object_each_time() -> None:
    assert sample("one ok") is sample("one ok")
