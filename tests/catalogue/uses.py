"""Homes of the three roles, for tests that look several times or expect silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.demo.embedded import Server
from tests.catalogue.frame import Plant
from tests.postgres import Database, eventually
from tests.shipped.support import Use

ROLES = ("postgres", "minimal", "nobody")


@dataclass(frozen=True, kw_only=True)
class Calm:
    """A situation that looks like a fault and is none: nobody may be told of it."""

    check: str
    plant: Plant
    values: dict[str, object] = field(default_factory=dict)
    seen: str = ""
    """A query that is true as soon as the counters of the situation have arrived."""


def homes(
    tmp_path: Path, server: Server, name: str, check: str, *, roles: tuple[str, ...] = ROLES, **values: object
) -> dict[str, Use]:
    """For each role a home with the check alone, connected to that database."""
    found = {role: Use(tmp_path / role, server.options(name, role)) for role in roles}
    for use in found.values():
        use.write(check, **values)
    return found


def becomes(use: Use, *states: str, now: str = "") -> Any:
    """The first result in one of the states; before 15 statistics take a moment to arrive."""

    def look() -> Any:
        result = use.look(*(("--now", now) if now else ()))
        if result["state"] in states:
            return result
        last.append((result["state"], result["summary"]))
        time.sleep(0.05)
        return None

    last: list[tuple[str, str]] = []
    try:
        return eventually(look, seconds=60, what=f"{states}")
    except AssertionError as error:
        raise AssertionError(f"{error}: {last[-1:]}") from None


def told(result: Any) -> str:
    """All that the findings say."""
    return "\n".join(finding["message"] for finding in result["findings"])


def counted(database: Database, condition: str) -> Callable[[], Any]:
    """Looks whether the counters of the table t have arrived."""
    return lambda: database.value(f"select {condition} from pg_stat_user_tables where relname = 't'")
