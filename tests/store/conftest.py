"""The conformance suite runs against every kind of store that is listed here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.store.base import Store
from runner.store.memory import WithoutStore
from runner.store.open import open_store


@pytest.fixture(params=["sqlite", "without"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: Store = open_store("sqlite:.runner/state.db", tmp_path) if request.param == "sqlite" else WithoutStore()
    with opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file of `open_store("sqlite:.runner/state.db", tmp_path)` is."""
    return tmp_path / ".runner" / "state.db"
