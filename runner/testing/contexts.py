"""What sinks and formats are handed, for tests: a folder as the home, the built-in formats, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from runner.api import Format, Options, PluginError, Report, Sink, SinkType
from runner.plugins.host import PluginHost
from runner.plugins.registry import resolve


@dataclass(kw_only=True)
class FakeFormatContext:
    """A FormatContext; by default a home without templates of its own."""

    templates: tuple[Path, ...] = ()


@dataclass(kw_only=True)
class FakeSinkContext:
    """A SinkContext whose home is `home`; what the sink writes to standard output is in `printed`.

    `format` knows the built-in formats and those of `formats`.
    """

    home: Path
    name: str = "receiver"
    timeout: float = 2.0
    dry_run: bool = False
    formats: Mapping[str, Format] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    @property
    def state_dir(self) -> Path:
        """The folder that is the sink's to write to; it is made."""
        folder = self.home / ".runner"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def format_of(self, name: str) -> Format:
        known = {**_built_in(), **self.formats}
        if name not in known:
            raise PluginError(f"there is no format `{name}`", hint=f"there is {', '.join(known)}")
        return known[name]

    def format(self, name: str, **options: object) -> Callable[[Report], str]:
        found, context = self.format_of(name), FakeFormatContext(templates=(self.home / "templates",))
        return lambda report: render(found, report, options, context)

    def write_stdout(self, text: str) -> None:
        self.printed.append(text)


def open_sink(sink_type: SinkType, options: Options, context: FakeSinkContext) -> Sink:
    """The sink as runner opens it: a type that accepts formats always finds `format` among its options."""
    chosen: dict[str, Any] = {"format": sink_type.default_format} if sink_type.accepts_format else {}
    opened: Sink = resolve(sink_type.open)({**chosen, **options}, context)
    return opened


def render(
    found: Format, report: Report, options: Options | None = None, context: FakeFormatContext | None = None
) -> str:
    """The report as the format writes it."""
    text: str = resolve(found.render)(report, options or {}, context or FakeFormatContext())
    return text


@cache
def _built_in() -> Mapping[str, Format]:
    return PluginHost({}, no_plugins=True).registry().formats
