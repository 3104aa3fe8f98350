"""Who has a report already: kept while others still wait for it, so that nobody is sent it twice."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

_MOST = 500
"""Reports that are remembered; the oldest are forgotten first."""


class Recipients:
    """One small file for each sink. A file that cannot be read or written costs a mail that comes twice, no report."""

    def __init__(self, folder: Path, sink: str) -> None:
        self._path = folder / f"mail-{re.sub(r'[^A-Za-z0-9_.-]', '_', sink)}.json"

    def settled(self, report: str) -> frozenset[str]:
        """The recipients for whom nothing is left to do: they have the report, or never will."""
        return frozenset(self._read().get(report, ()))

    def remember(self, report: str, names: Iterable[str]) -> None:
        known = self._read()
        merged = sorted({*known.pop(report, ()), *names})
        self._write({**dict(list(known.items())[-_MOST:]), report: merged})

    def forget(self, report: str) -> None:
        known = self._read()
        if known.pop(report, None) is not None:
            self._write(known)

    def _read(self) -> dict[str, list[str]]:
        try:
            found = json.loads(self._path.read_text("utf-8"))
            return {str(key): [str(name) for name in names] for key, names in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def _write(self, known: Mapping[str, list[str]]) -> None:
        with suppress(OSError):
            if not known:
                self._path.unlink(missing_ok=True)
                return
            self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            descriptor, made = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(known, file)
            os.replace(made, self._path)
