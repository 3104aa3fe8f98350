"""Homes for tests of whole ticks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.homes import CHECK, Make, TempHome
from tests.postgres import Database


@pytest.fixture
def make(tmp_path: Path, shared: Database) -> Make:
    def made(extra: str = "", **files: str) -> TempHome:
        named = {name.replace("_", "-") + ".yaml": text for name, text in files.items()} or {"one.yaml": CHECK}
        return TempHome.make(tmp_path / "home", shared.options(), named, extra)

    return made
