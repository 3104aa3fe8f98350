"""How far the standbys of a cluster are behind its primary, asked of both, and whether they are on its timeline."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence

from runner.api import Answer, Options, Query, QueryError, Row, RunContext, Target
from runner.probes.clusters import ask_clusters
from runner.records import dataclass

# Who may not see the WAL receiver sees its row with nulls, and then does not know its timeline.
_SQL = """
select pg_is_in_recovery() as standby,
       (select system_identifier::text from pg_control_system()) as system,
       case when not pg_is_in_recovery() then ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
            when exists (select from pg_stat_wal_receiver) then (select received_tli from pg_stat_wal_receiver)
            else (select timeline_id from pg_control_checkpoint()) end as timeline,
       pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
                       '0/0')::bigint as place
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a target said of itself; `error` is why it said nothing."""

    name: str
    standby: bool = True
    system: str = ""
    timeline: int | None = None
    place: int | None = None
    error: str = ""


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row for each target that is no primary, in clusters of targets with one value of the label.

    What cannot be compared is null, and `told` says why. Raises RunnerError when no target has the label.
    """
    yield from ()
    clusters = ask_clusters(context, options, _SQL, _said)
    return [row for name, members in clusters.items() for row in rows(name, members)]


def _said(target: Target, answer: Answer) -> Said:
    if isinstance(answer, QueryError):
        return Said(name=target.name, error=str(answer))
    [(standby, system, timeline, place)] = answer.rows
    return Said(
        name=target.name, standby=bool(standby), system=str(system), timeline=_whole(timeline), place=_whole(place)
    )


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))


def rows(cluster: str, members: Sequence[Said]) -> list[Row]:
    """Each standby beside the primary; of several primaries that of the newest timeline counts."""
    primaries = [member for member in members if not member.standby]
    primary = max(primaries, key=lambda member: member.timeline or 0, default=None)
    return [_row(cluster, member, primary) for member in members if member.standby]


def _row(cluster: str, member: Said, primary: Said | None) -> Row:
    known: Mapping[str, object] = {
        "cluster": cluster,
        "standby": member.name,
        "primary": primary.name if primary else None,
        "timeline": member.timeline,
        "primary_timeline": primary.timeline if primary else None,
    }
    nothing = dict.fromkeys(("same_system", "same_timeline", "behind"))
    if member.error or primary is None:
        why = f"does not answer: {member.error}" if member.error else "cannot be compared: no primary answers"
        return {**known, **nothing, "told": why}
    if member.system != primary.system:
        return {**known, **nothing, "same_system": False, "told": f"is no copy of {primary.name}"}
    return {**known, "same_system": True, **_compared(member, primary)}


def _compared(member: Said, primary: Said) -> Row:
    if member.timeline is None or member.place is None or primary.place is None:
        return {"same_timeline": None, "behind": None, "told": "does not say where it is (the role needs pg_monitor)"}
    if member.timeline != primary.timeline:
        told = f"is on timeline {member.timeline}, {primary.name} is on {primary.timeline}"
        return {"same_timeline": False, "behind": None, "told": told}
    return {"same_timeline": True, "behind": max(primary.place - member.place, 0), "told": f"follows {primary.name}"}
