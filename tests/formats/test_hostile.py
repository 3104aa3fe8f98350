"""One table of hostile texts, run over every format that there is: whatever a database holds, it stays text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from runner.formats.csv_text import COLUMNS
from runner.formats.registered import FORMATS
from runner.plugins.registry import resolve
from tests.formats.hostile import CELLS, everywhere
from tests.formats.samples import Templates

NAMES = [item.name for item in FORMATS]
STEERING = {*map(chr, [*range(32), *range(127, 160)]), *"\u061c\u200e\u200f\u2028\u2029\ufeff"} | {
    chr(code) for start, end in ((0x202A, 0x202E), (0x2066, 0x2069), (0xD800, 0xDFFF)) for code in range(start, end + 1)
}
TAGS = set(
    re.findall(
        r"\w+",
        "html head meta link title style body header h1 h2 h3 strong span p ul li main section article div code a figure "
        "figcaption svg path line circle rect dl dt dd table thead tbody tr th td footer",
    )
)
SAMPLE = re.compile(r'[a-z_][a-z0-9_]*(\{([a-zA-Z_]\w*="([^"\\\n]|\\["\\n])*",?)*\})? (NaN|[+-]Inf|-?\d[\d.e+-]*)')


def written(name: str, cell: str) -> str:
    found = next(item for item in FORMATS if item.name == name)
    text: str = resolve(found.render)(everywhere(cell), {}, Templates())
    return text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cell", CELLS)
def test_every_text_stays_text(name: str, cell: str) -> None:
    text = written(name, CELLS[cell])
    text.encode("utf-8")
    assert not set(text) & (STEERING - ({"\r", "\n"} if name == "csv" else {"\n"}))
    assert len(text) < 1_000_000
    assert text == written(name, CELLS[cell])
    CHECKS[name](text)


def _text(text: str) -> None:
    assert len(text.splitlines()) < 60


def _json(text: str) -> None:
    assert json.loads(text)["schema"] == "runner.report/1"


def _json_line(text: str) -> None:
    _json(text)
    assert text.count("\n") == 1


def _nagios(text: str) -> None:
    first, *others = text.splitlines()
    assert first.count("|") == 1
    assert not any("|" in line for line in others)


def _markdown(text: str) -> None:
    outside = re.sub(r"(?<!\\)(`+)[^\n]*?\1", "", re.sub(r"runbook: <https://[^\s<>{}]*>", "", text))
    assert set(re.findall(r"<[^>]*>?", outside)) <= {"<!-- -->"}
    assert not re.search(r"(?<!\\)[\[\]`~$]", outside)
    assert not re.search(r"(?i)\bhttps?:|\bwww\.|\{\{|\{%|@\w|(?<!&)#\w", outside)
    assert not re.search(r"\{\{|\{%", text)
    tables = [line for line in outside.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {4}


class _Page(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in {"src", "style", "srcdoc", "action"}
            assert name != "href" or re.match(r"https?://|data:,$", str(value))


def _html(text: str) -> None:
    _Page().feed(text)
    assert text.count("<style>") == text.count("</style>") == 1


def _prometheus(text: str) -> None:
    lines = [line for line in text.split("\n")[:-1] if not line.startswith("#")]
    assert [line for line in lines if not SAMPLE.fullmatch(line)] == []
    names = [line.rpartition(" ")[0] for line in lines]
    assert len(names) == len(set(names))


def _junit(text: str) -> None:
    suite = ET.fromstring(text)[0]
    assert [suite.get(name) for name in ("tests", "errors", "failures")] == ["4", "2", "1"]


def _csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == list(COLUMNS)
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert len(rows) == 6
    assert text.count("\n") == text.count("\r\n") == len(rows)
    assert not any(cell.lstrip().startswith(tuple("=+-@|%\uff1d")) for row in rows for cell in row)


CHECKS: dict[str, Callable[[str], None]] = {
    "text": _text,
    "json": _json,
    "json_lines": _json_line,
    "nagios": _nagios,
    "markdown": _markdown,
    "html": _html,
    "prometheus": _prometheus,
    "junit": _junit,
    "csv": _csv,
}
