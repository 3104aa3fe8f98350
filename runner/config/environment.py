"""The environment of a home: env files below the real environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Final

from runner.config.files import below, display_name, is_absent, read_text
from runner.model.diagnostic import Diagnostic, Span
from runner.records import dataclass

DEFAULT_FILES: Final = (".env",)
_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|KEY$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Names and values, the real environment first; `looked_at` are the env files as people know them."""

    real: Mapping[str, str] = field(default_factory=dict, repr=False)
    from_files: Mapping[str, str] = field(default_factory=dict, repr=False)
    looked_at: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def get(self, name: str) -> str | None:
        """The value, None when it is set nowhere."""
        value = self.real.get(name)
        return self.from_files.get(name) if value is None else value

    def names(self) -> set[str]:
        return {*self.real, *self.from_files}

    def where(self) -> str:
        """Where values were looked for, for messages."""
        return ", ".join(("the environment", *self.looked_at))


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds something that must not be shown."""
    return bool(_SECRET_NAME.search(name.upper()))


def load_environment(home: Path, files: Iterable[str], environ: Mapping[str, str]) -> Environment:
    """Reads the env files that exist; a later file wins over an earlier one."""
    values: dict[str, str] = {}
    looked_at: list[str] = []
    paths: list[Path] = []
    diagnostics: list[Diagnostic] = []
    for item in files:
        path = below(home, item)
        name = display_name(path, home)
        paths.append(path)
        if is_absent(path):
            looked_at.append(f"{name} (does not exist)")
            continue
        looked_at.append(name)
        found, complaints = _read(path, name)
        values.update(found)
        diagnostics.extend(complaints)
    return Environment(
        real=environ,
        from_files=values,
        looked_at=tuple(looked_at),
        files=tuple(paths),
        diagnostics=tuple(diagnostics),
    )


def _read(path: Path, name: str) -> tuple[dict[str, str], list[Diagnostic]]:
    file = read_text(path, name)
    if file.text is None:
        return {}, list(file.diagnostics)
    from io import StringIO

    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    diagnostics: list[Diagnostic] = []
    for binding in parse_stream(StringIO(file.text)):
        if binding.error or (binding.key and binding.value is None):
            # The line itself is never shown: it most likely holds a secret.
            line = binding.original.line
            span = Span(name, line, 1, line, 2)
            message = "this line is not NAME=value"
            hint = "quote a value that has spaces or quotes in it; start a comment with #"
            diagnostics.append(Diagnostic(code="env-file", span=span, message=message, hint=hint))
        elif binding.key and binding.value is not None:
            values[binding.key] = binding.value
    return values, diagnostics
