"""Homes written for one test, and what lint says about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.compile.home import load_home
from runner.compile.lint import lint
from runner.plugins.host import PluginHost

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
REGISTRY = PluginHost({}, no_plugins=True).registry()

Said = Callable[..., list[str]]


@pytest.fixture
def said(tmp_path: Path) -> Said:
    """What lint says about `checks.d/a.yaml` (and other files), as `a.yaml:3:10 code message | hint`."""

    def say(job: str = "", /, **files: str) -> list[str]:
        texts = {
            "checks.d/a.yaml": job,
            **{name.replace("__", "/").replace("checks_d", "checks.d") + ".yaml": text for name, text in files.items()},
        }
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        home = load_home(tmp_path, REGISTRY, {})
        assert home.errors == ()
        return [
            f"{item.span.file.rpartition('/')[2]}:{item.span.line}:{item.span.column} {item.code} {item.message} | {item.hint}"
            for item in lint(home, REGISTRY.kinds, NOW)
        ]

    return say
