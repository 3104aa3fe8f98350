"""The oracle of the simulation: which slots must be accounted for, and what must never be seen in store and sinks."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from runner.app.deciding import targets_of
from runner.engine.due import RETURNS_WITHIN
from runner.engine.passed import schedule_of
from runner.model.codec import instant, moment
from runner.model.job import Schedule
from runner.schedule import following, in_window, latest
from runner.store.values import json_text
from tests.app.simulated import Simulated, Ticked

Place = tuple[str, str]
_LEAST = timedelta(microseconds=1)
FORGOTTEN, MERGED = timedelta(days=7), timedelta(days=90)
"""Ages after which pruning forgets a report that every sink has, and lets one run that was ok stand for all of its day."""


class Row(NamedTuple):
    """A row of `runs`."""

    job: str
    target: str
    slot: datetime
    attempt: int
    status: str
    run: str
    reason: str
    slots: int
    since: datetime | None

    def covers(self, slot: datetime) -> bool:
        return (self.since or self.slot) <= slot <= self.slot


def rows_of(world: Simulated) -> dict[Place, list[Row]]:
    """Every row, by job and target, the oldest first."""
    found: dict[Place, list[Row]] = defaultdict(list)
    columns = "job, target, slot, attempt, status, run, reason, slots, since"
    for job, target, slot, attempt, status, run, reason, slots, since in world.query(
        f"select {columns} from runs order by id"
    ):
        row = Row(job, target, moment(slot), attempt, status, run, reason, slots, moment(since) if since else None)
        found[job, target].append(row)
    return found


def slots_between(schedule: Schedule, after: datetime, upto: datetime) -> list[datetime]:
    """After the first instant, up to the second; at most some hundreds of each end of a long stretch."""
    found = [slot for slot in following(schedule, after, 300) if slot <= upto]
    if len(found) == 300:
        newest = latest(schedule, upto)
        while newest is not None and newest > found[-1] and len(found) < 600:
            found.append(newest)
            newest = latest(schedule, newest - _LEAST)
    return sorted(set(found))


@dataclass
class Seen:
    """What the store said of a job on a target, and up to when its slots are owed."""

    digest: str
    upto: datetime
    retired: datetime | None = None
    owed: set[datetime] = field(default_factory=set)
    lived_twice: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Times that passed again after the clock was set back."""


@dataclass
class Accounts:
    """Follows the ticks."""

    seen: dict[Place, Seen] = field(default_factory=dict)
    highest: datetime | None = None
    quieted: set[str] = field(default_factory=set)

    def after(self, world: Simulated, tick: Ticked) -> None:
        """Takes note of a tick, dead or not."""
        for job, target, slot, digest, retired in world.query("select job, target, slot, digest, retired from cursors"):
            gone = moment(retired) if retired else None
            self._cursor((job, target), moment(slot), digest, gone, tick.at)
        if tick.done is not None:
            self._owed(tick)
        self.highest = max(self.highest or tick.at, tick.at)

    def _cursor(self, place: Place, slot: datetime, digest: str, gone: datetime | None, at: datetime) -> None:
        known = self.seen.get(place)
        if known is None:
            self.seen[place] = Seen(digest, at, gone)
            return
        if gone is not None and known.retired is None:
            self._owe(known, at)
        elif gone is None and known.retired is not None and at - known.retired > RETURNS_WITHIN:
            known.upto = at
        elif digest != known.digest:
            # A slot of this very minute is decided by the new schedule.
            self._owe(known, at.replace(second=0, microsecond=0) - _LEAST)
            known.upto = max(known.upto, at)
        known.digest, known.retired = digest, gone
        if slot <= at < known.upto:
            known.upto = at

    def _owe(self, known: Seen, upto: datetime) -> None:
        schedule = schedule_of(known.digest)
        assert schedule is not None
        known.owed.update(slots_between(schedule, known.upto, upto))
        known.upto = max(known.upto, upto)

    def _owed(self, tick: Ticked) -> None:
        """A tick that ended has accounted for everything up to its time, but for a slot that waits."""
        assert tick.done is not None
        jobs = {job.name: job for job in tick.loaded.home.jobs}
        for decision in tick.done.decisions:
            known = self.seen.get((decision.job, decision.target))
            if decision.verdict.waits:
                job = jobs[decision.job]
                assert job.overlap == "wait" or (job.window and not in_window(job.window, tick.at))
            elif known is not None and known.retired is None:
                self._owe(known, tick.at)
        places = {(job.name, target) for job in jobs.values() for target in targets_of(tick.loaded, job)}
        if not tick.loaded.home.errors:
            for place, known in self.seen.items():
                assert place in places or known.retired is not None, f"{place} is gone, and nobody took note"

    def set_back(self, before: datetime, now: datetime) -> None:
        """The clock was set back: what lies between passes once more, for ticks that are still under way too."""
        for known in self.seen.values():
            known.lived_twice.append((now, max(known.upto, self.highest or now, before)))

    # ---- what must hold

    def check_slots(self, world: Simulated, *, settled: bool) -> None:
        """Each slot that is owed is in one row or range; once no tick is under way each run has its end."""
        rows = rows_of(world)
        for place, known in self.seen.items():
            mine = rows.get(place, [])
            for slot in sorted(known.owed):
                self._check_slot(place, slot, [row for row in mine if row.covers(slot)], known, settled=settled)

    def _check_slot(self, place: Place, slot: datetime, rows: list[Row], known: Seen, *, settled: bool) -> None:
        assert rows, f"{place} {slot} is lost"
        chain = sorted((row for row in rows if row.run and row.slot == slot), key=lambda row: row.attempt)
        assert [row.attempt for row in chain] == list(range(1, len(chain) + 1)), f"{place} {slot}: {chain}"
        assert all(row.status == "interrupted" for row in chain[:-1]), f"{place} {slot} was run twice: {chain}"
        if settled and chain and chain[-1].status != "done":
            last = chain[-1]
            assert last.status == "interrupted", f"{place} {slot}: {last}"
            assert "newer slot" in last.reason or "job is gone" in last.reason, last
        others = [row for row in rows if not row.run]
        twice = any(begin <= slot <= end for begin, end in known.lived_twice)
        # Of days that are long gone one run that was ok stands for all of them.
        merged = not others and not chain
        assert twice or merged or len(others) + bool(chain) == 1, (
            f"{place} {slot} is accounted for {len(rows)} times: {rows}"
        )


def check_runs(world: Simulated, repeats: dict[str, bool]) -> None:
    """Nothing was begun without being recorded, and nothing twice that must not be."""
    status = {row.run: row.status for rows in rows_of(world).values() for row in rows if row.run}
    begun: dict[tuple[str, str, datetime], list[str]] = defaultdict(list)
    for job, target, slot, run in world.ran():
        assert run in status or slot < (world.newest or world.clock.at) - MERGED, (
            f"{job} for {slot} was begun and is not recorded"
        )
        begun[job, target, slot].append(run)
    for (job, target, slot), runs in begun.items():
        assert max(Counter(runs).values()) <= (2 if job == "again" else 1), f"{job} on {target} for {slot}: {runs}"
        different = list(dict.fromkeys(runs))
        assert len(different) == 1 or repeats[job], f"{job} was begun twice for {slot}"
        assert all(status.get(run, "interrupted") == "interrupted" for run in different[:-1]), (
            f"{job} for {slot}: {different}"
        )


def check_deliveries(world: Simulated, quieted: set[str], *, settled: bool) -> None:
    """Every change is told to who takes everything, in order; nothing that is not recorded; no recovery out of the blue."""
    recorded: dict[Any, list[tuple[str, str]]] = defaultdict(list)
    for job, target, key, change, at in world.query("select job, target, key, change, at from transitions order by id"):
        recorded[job, target, key].append((change, at))
    reports = {name for (name,) in world.query("select id from reports")}
    lost = {name for (name,) in world.query("select report from deliveries where state = 'failed'")}
    told = _told(world, "everything", reports)
    excused = _excused(world, lost)
    for identity, changes in told.items():
        known = [change for change in recorded[identity] if change in set(changes)]
        assert changes == known, f"{identity}: told {changes}, recorded {recorded[identity]}"
    if settled:
        for identity, changes in recorded.items():
            missing = [
                item for item in changes if item not in told.get(identity, []) and (identity, item) not in excused
            ]
            assert not missing or identity[0] in quieted, f"{identity}: {missing} was told to nobody"
    _told(world, "pager", reports)
    _check_recoveries(world)


def _slot_of(report: str) -> datetime:
    """The slot that is part of a report's name."""
    return datetime.strptime(report.rsplit("-", 2)[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _told(world: Simulated, sink: str, reports: set[str]) -> dict[Any, list[tuple[str, str]]]:
    """Each change once, in the order in which it arrived first; all come with recorded reports, doubles with their id."""
    found: dict[Any, list[tuple[str, str]]] = defaultdict(list)
    came: dict[Any, str] = {}
    for report in world.got(sink):
        old = _slot_of(report["id"]) < (world.newest or world.clock.at) - FORGOTTEN
        assert old or report["id"] in reports, f"{report['id']} was sent and is not recorded"
        for job, target, key, change, at in report["changes"]:
            identity, item = (job, target, _key(key)), (change, _instant(at))
            if item not in found[identity]:
                found[identity].append(item)
            first = came.setdefault((identity, item), report["id"])
            assert first == report["id"], f"{identity} {item} was told in {first} and in {report['id']}"
    return found


def _excused(world: Simulated, lost: set[str]) -> set[Any]:
    """Changes of reports that were given up, loudly."""
    with world.store() as store:
        return {
            ((item.job, item.target, _key(list(item.series.key))), (item.change.value, _instant(item.at.isoformat())))
            for name in lost
            for item in store.report(name).transitions
        }


def _check_recoveries(world: Simulated) -> None:
    known: set[Any] = set()
    came: set[str] = set()
    for report in world.got("pager"):
        if report["id"] in came:
            continue
        came.add(report["id"])
        for job, target, key, change, _ in report["changes"]:
            identity = (job, target, _key(key))
            if change == "recovered":
                assert identity in known, f"{identity} recovered, and nobody had told that it was there"
                known.discard(identity)
        known |= {(job, target, _key(key)) for job, target, key in report["open"]}


def _key(parts: list[str]) -> str:
    return json_text(parts)


def _instant(text: str) -> str:
    return instant(datetime.fromisoformat(text))
