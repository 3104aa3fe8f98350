"""The probe of several targets: which clusters they are, and who is silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from runner.api import Answer, Query, RunnerError, Target
from runner.engine.database.server import Server
from runner.probes import cluster
from runner.probes.cluster import Member, row
from runner.probes.registered import PROBES
from tests.kinds.support import Context
from tests.postgres import Database


@dataclass(kw_only=True)
class Asking(Context):
    """Asks real servers, as a tick does."""

    targets: tuple[Target, ...] = ()
    asked: list[str] = field(default_factory=list)

    def ask(self, target: Target, queries: Sequence[Query]) -> Sequence[Answer]:
        self.asked.append(target.name)
        server = Server(target)
        try:
            return server.answer(queries)
        finally:
            server.close()


def target(name: str, options: dict[str, str], **labels: str) -> Target:
    return Target(name=name, options=options, labels=labels)


def test_targets_without_the_label_are_not_asked(database: Database) -> None:
    nowhere = {"host": "/nonexistent", "dbname": "x", "user": "x"}
    targets = (
        target("a", database.options(), cluster="shop"),
        target("b", nowhere, cluster="shop"),
        target("c", database.options(), cluster="news"),
        target("d", nowhere),
    )
    context = Asking(targets=targets)
    rows = end(cluster.fetch(context, {}))
    assert {found["cluster"]: found["told"] for found in rows} == {"shop": "a primary; b silent", "news": "c primary"}
    assert {found["cluster"]: found["one_primary"] for found in rows} == {"shop": None, "news": True}
    assert sorted(context.asked) == ["a", "b", "c"]
    columns = {column for probe in PROBES if probe.name == "cluster" for column in probe.columns}
    assert set(rows[0]) == columns
    assert end(cluster.fetch(context, {"label": "cluster"})) == rows


def test_without_any_label_there_is_nothing_to_compare() -> None:
    with pytest.raises(RunnerError, match="no target has the label `site`"):
        end(cluster.fetch(Asking(targets=(target("a", {}, cluster="x"),)), {"label": "site"}))


def end(conversation: object) -> list[object]:
    """A probe that asks for itself ends at once."""
    with pytest.raises(StopIteration) as stop:
        next(conversation)  # type: ignore[call-overload]
    return list(stop.value.value)


@pytest.mark.parametrize(
    ("roles", "one_primary"),
    [
        (("primary",), True),
        (("primary", "standby"), True),
        (("primary", "standby", ""), None),
        (("primary", "primary", ""), False),
        (("standby", "standby"), False),
        (("standby", ""), False),
        (("", ""), None),
    ],
)
def test_exactly_one_primary(roles: tuple[str, ...], one_primary: bool | None) -> None:
    members = [Member(name=str(number), role=role, system="7") for number, role in enumerate(roles)]
    assert row("shop", members)["one_primary"] is one_primary


@pytest.mark.parametrize(
    ("systems", "one_system"), [(("7", "7"), True), (("7", "9"), False), (("7", ""), None), (("7", "9", ""), False)]
)
def test_one_system(systems: tuple[str, ...], one_system: bool | None) -> None:
    members = [
        Member(name=str(number), role="primary" if system else "", system=system)
        for number, system in enumerate(systems)
    ]
    assert row("shop", members)["one_system"] is one_system
