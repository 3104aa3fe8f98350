"""What every check of the catalogue must show: quiet on a healthy server, loud when its fault is planted, never ok where
somebody with more rights would see a problem.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from runner.demo.embedded import Server
from tests.postgres import Database, eventually
from tests.shipped.support import Use

CONNECTIONS = 24
"""max_connections of the servers under test."""

HEALTHY_AT = ("2026-03-04T02:00Z", "2026-03-04T02:20Z", "2026-03-04T02:40Z")
"""Looks at the healthy server: a check that compares needs a second one, or a third."""
FAULTY_AT = "2026-03-04T03:00Z"
CANNOT_TELL = {"unknown", "skipped"}

Plant = Callable[[ExitStack, Server, Database], object]
"""Makes the fault; what must be undone in the server as a whole is pushed to the stack."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault of a check, what the check then says, and the operator's own values that make it visible at once."""

    check: str
    plant: Plant
    state: str
    says: str
    values: dict[str, object] = field(default_factory=dict)
    healthy: dict[str, object] = field(default_factory=dict)
    """Values for the look at the healthy server, where those of the fault would be loud."""
    before: tuple[str, ...] = ()
    """`--now` of runs before the fault, for checks that look back."""
    minimal: str = ""
    """The state as a member of pg_monitor, when that must differ from the superuser's: unknown or skipped."""
    quiet: frozenset[str] = frozenset({"ok"})
    """What the check may say of the healthy server in the end."""

    def healthy_states(self, user: str) -> set[str]:
        """Who sees less may also say that it cannot tell."""
        blind = CANNOT_TELL if user == "nobody" else {self.minimal} if user == "minimal" else set()
        return set(self.quiet | blind)


def run_in(server: Server, *statements: str) -> None:
    """As superuser, in the database postgres."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def examine(case: Case, tmp_path: Path, server: Server, database: Database) -> None:
    """Looks as superuser, as a member of pg_monitor, and as a role with nothing; before and after the fault."""
    users = ("postgres", "minimal", "nobody")
    uses = {user: Use(tmp_path / user, server.options(database.name, user)) for user in users}
    with ExitStack() as stack:
        for user, use in uses.items():
            use.write(case.check, **case.healthy)
            for moment in case.before:
                use.look("--now", moment)
            healthy = _settled(use)
            assert healthy["state"] in case.healthy_states(user), (user, healthy)
        case.plant(stack, server, database)
        for user, use in uses.items():
            use.write(case.check, **case.values)
            allowed = allowed_states(case, user)
            found = _becomes(use, allowed, f"{case.check} as {user}")
            if found["state"] == case.state:
                assert any(case.says in finding["message"] for finding in found["findings"]), found["findings"]


def allowed_states(case: Case, user: str) -> set[str]:
    """Never ok against worse: who sees less says the same, or that it cannot tell."""
    if user == "minimal" and case.minimal:
        return {case.minimal}
    return {case.state} | (CANNOT_TELL if user == "nobody" else set())


def _settled(use: Use) -> Any:
    """The first result that is not only learning, or the last one."""
    for moment in HEALTHY_AT:
        found = use.look("--now", moment)
        if found["state"] != "learning":
            break
    return found


def _becomes(use: Use, states: set[str], what: str) -> Any:
    """The first result in one of the states; before 15 statistics take a moment to arrive."""
    seen: list[tuple[str, str]] = []

    def look() -> Any:
        result = use.look("--now", FAULTY_AT)
        seen.append((result["state"], result["summary"]))
        return result if result["state"] in states else None

    try:
        return eventually(look, seconds=60, what=f"{what}: {sorted(states)}")
    except AssertionError as error:
        raise AssertionError(f"{error}; {seen[0]} at first, {seen[-1]} in the end") from None
