"""Whether the targets of one label are one cluster: who is the primary, and whose copy each is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence

from runner.api import Answer, Options, Query, QueryError, Row, RunContext, Target
from runner.probes.clusters import ask_clusters
from runner.records import dataclass

_SQL = "select pg_is_in_recovery(), (select system_identifier::text from pg_control_system())"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A target and what it said of itself; a silent one has no role."""

    name: str
    role: str = ""
    system: str = ""


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row for each value of the label; a truth that a silent member could change is null. Raises RunnerError."""
    yield from ()
    return [row(name, members) for name, members in ask_clusters(context, options, _SQL, _member).items()]


def _member(target: Target, answer: Answer) -> Member:
    if isinstance(answer, QueryError):
        return Member(name=target.name)
    [(in_recovery, system)] = answer.rows
    return Member(name=target.name, role="standby" if in_recovery else "primary", system=str(system))


def row(cluster: str, members: Sequence[Member]) -> Row:
    """What is known of one cluster, and in words."""
    roles = Counter(member.role for member in members)
    systems = {member.system for member in members} - {""}
    return {
        "cluster": cluster,
        "members": len(members),
        "primaries": roles["primary"],
        "standbys": roles["standby"],
        "silent": roles[""],
        "one_primary": _one_primary(roles),
        "one_system": False if len(systems) > 1 else None if roles[""] else True,
        "told": _told({member.name: _ROLES[member.role] for member in members}),
        "systems": _told({member.name: member.system or _ROLES[""] for member in members}),
    }


_ROLES = {"primary": "primary", "standby": "standby", "": "silent"}


def _one_primary(roles: Mapping[str, int]) -> bool | None:
    """Two are too many whoever is silent; none is a fault as soon as one answers, for nobody can write."""
    if roles["primary"] > 1 or (roles["primary"] == 0 and roles["standby"] > 0):
        return False
    return None if roles[""] else True


def _told(words: Mapping[str, str]) -> str:
    """`db1 primary; db2, db3 standby`."""
    names: dict[str, list[str]] = {}
    for name, word in words.items():
        names.setdefault(word, []).append(name)
    return "; ".join(f"{', '.join(found)} {word}" for word, found in names.items())
