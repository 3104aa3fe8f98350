"""The contract of a format as tests: inherit `FormatContract`, name the format, and say how its text is read."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest
from jsonschema import Draft202012Validator

from runner.api import Format, Options
from runner.testing.contexts import FakeFormatContext, render
from runner.testing.samples import HOSTILE, SAMPLES, hostile, sample

_CONTROLS = {chr(code) for code in [*range(32), *range(127, 160), 0x2028, 0x2029]}


class FormatContract:
    """What every format must keep to. A subclass names its `format`; `read(text)` raises when the text is not valid.

    `largest` bounds the text of a report in which each cell has a million characters (None: cells are kept whole).
    `allowed_controls` are the control characters that may stand in the text.
    """

    format: Format
    format_options: Options = MappingProxyType({})
    built_in = False
    largest: int | None = 500_000
    allowed_controls = "\n"

    def read(self, text: str) -> object:
        """Reads the text as its receivers do; raises when it cannot."""
        return text

    def rendered(self, name: str) -> str:
        """A sample report in this format."""
        return render(self.format, sample(name), self.format_options, FakeFormatContext())

    @pytest.fixture(autouse=True)
    def _nothing_is_printed(self, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
        yield
        assert capfd.readouterr().out == "", "a format returns its text and prints nothing"

    def test_it_is_described(self) -> None:
        """Name, summary, media type and extension are given, and its options have descriptions."""
        kind = self.format
        assert self.built_in or "." in kind.name, "names without a dot belong to runner"
        assert kind.summary
        assert "/" in kind.media_type
        assert kind.extension.strip(".") == kind.extension != ""
        Draft202012Validator.check_schema({"properties": dict(kind.options)})
        assert [name for name, schema in kind.options.items() if not schema.get("description")] == []

    @pytest.mark.parametrize("name", SAMPLES)
    def test_it_writes_every_report(self, name: str) -> None:
        """Valid text that can be encoded, the same each time, and the report is as before."""
        before = copy.deepcopy(sample(name))
        text = self.rendered(name)
        assert isinstance(text, str)
        assert text.encode("utf-8").decode("utf-8") == text
        assert self.rendered(name) == text
        assert sample(name) == before, "a format changes nothing"
        self.read(text)

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_text_from_a_database_is_harmless(self, name: str) -> None:
        """No control characters reach a terminal or a file, and a cell without end does not make a text without end."""
        text = render(self.format, hostile(HOSTILE[name]), self.format_options, FakeFormatContext())
        found = sorted({f"U+{ord(char):04X}" for char in set(text) & (_CONTROLS - set(self.allowed_controls))})
        assert found == [], f"control characters: {', '.join(found)}"
        assert self.largest is None or len(text) <= self.largest

    def test_it_does_not_depend_on_where_it_is_called(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Neither on the time zone of the process, nor on its folder or environment."""
        text = self.rendered("every state")
        monkeypatch.setenv("TZ", "Pacific/Kiritimati")
        monkeypatch.setenv("LANG", "tr_TR.UTF-8")
        monkeypatch.chdir(tmp_path)
        time.tzset()
        try:
            assert self.rendered("every state") == text
        finally:
            monkeypatch.undo()
            time.tzset()

    def test_a_report_of_500_findings_is_quick(self) -> None:
        """All sinks wait for it."""
        started = time.monotonic()
        self.rendered("500 findings")
        assert time.monotonic() - started < 2.0
