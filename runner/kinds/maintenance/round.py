"""One go of a step through its tables: starts what may start, watches, cancels, and proves what was done."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial
from itertools import count
from typing import Final

from runner.api import Key, QueryError, RunContext, Session
from runner.kinds.maintenance import watch
from runner.kinds.maintenance.budget import Budget
from runner.kinds.maintenance.buffers import BLOCK, buffers_of
from runner.kinds.maintenance.choose import pages_of
from runner.kinds.maintenance.counts import Counts, counts_of
from runner.kinds.maintenance.crew import Crew, Ended, Hand, Item
from runner.kinds.maintenance.estimate import Estimates
from runner.kinds.maintenance.horizon import oldest_holder
from runner.kinds.maintenance.indexes import IndexFacts
from runner.kinds.maintenance.spec import Limits, WorkStep
from runner.kinds.maintenance.statements import statement_of
from runner.kinds.maintenance.work import Fate, Judge, Worked, is_lost, rose
from runner.model.quantity import show_duration
from runner.records import dataclass

_LOOK_EVERY: Final = 1.0
_PROVE_EVERY: Final = 1.0
_TELL_EVERY: Final = 5.0
_LONG: Final = 1.0
NOTHING: Final[Mapping[Key, float]] = {}
_SECONDS_FOR_STATISTICS: Final = 1.0
_AT_FIRST: Final = 4
_AT_ONCE: Final = 50
_DESERVE_ANOTHER_TRY: Final = (Fate.LOCKED, Fate.YIELDED, Fate.BUSY)


@dataclass(slots=True, kw_only=True)
class Round:
    """Everything that one go shares; `worked` and `put_off` are its result, `paused` the seconds it stood still."""

    context: RunContext
    control: Session
    hands: Sequence[Hand]
    step: WorkStep
    database: str
    limits: Limits
    budget: Budget
    judge: Judge
    estimates: Estimates
    last: bool = False
    worked: list[Worked] = field(default_factory=list)
    put_off: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    paused: float = 0.0
    paused_by: str = ""
    _before: dict[Key, Counts] = field(default_factory=dict)
    _uncounted: list[Item] = field(default_factory=list)
    _counted: set[Key] = field(default_factory=set)
    _uncountable: str = ""
    _unproved: list[tuple[Ended, float]] = field(default_factory=list)
    _autovacuumed: frozenset[int] = frozenset()
    _numbers: Iterator[int] = field(default_factory=partial(count, 1))
    _count: int = 0
    _weights: dict[Key, float] = field(default_factory=dict)
    _whole: float = 1.0
    _finished: float = 0.0
    _shown: float = 0.0
    _looked: float = 0.0
    _proved: float = 0.0
    _told: dict[int, float] = field(default_factory=dict)
    _pausing_since: float | None = None

    def run(self, items: Sequence[Item]) -> None:
        """Works on the items; returns when all are judged."""
        if not items:
            return
        self._count = len(items)
        self._weights = {item.table.key: 1 + _pages(item) for item in items}
        self._whole = sum(self._weights.values())
        self._uncounted = list(items)
        crew = Crew(self.hands, self._statement, self)
        # The first ones are enough to begin; the others are counted while these are worked on.
        self._count_some(_AT_FIRST * max(1, len(self.hands)))
        self._observe(crew)
        crew.run(items)
        self._resume(crew)
        self._judge_all(crew.taken())
        while self._unproved:
            self._prove()
            if self._unproved:
                time.sleep(0.05)

    # ---- what the crew asks

    def halted(self) -> str:
        return self.budget.why if self.budget.is_over() else ""

    def is_ready(self, item: Item) -> bool:
        return item.table.key in self._counted

    def may_start(self, item: Item) -> tuple[Fate, str] | None:
        if self._uncountable:
            return Fate.FAILED, self._uncountable
        if item.table.key not in self._before:
            return Fate.GONE, "it is gone"
        if item.table.oid in self._autovacuumed:
            return Fate.BUSY, "autovacuum is working on it"
        wanted = self.estimates.of(self.step.action, self.database, item.table.key)
        left = self.budget.left_to_start()
        if wanted is not None and left is not None and wanted > left:
            took = f"it usually takes {show_duration(wanted)}, and {show_duration(round(left))} are left"
            return Fate.LEFT, took
        return None

    def starting(self, item: Item) -> None:
        number = next(self._numbers)
        again = ", once more" if self.last else ""
        text = f"{self._here}{item.table.title} ({number} of {self._count}{again})"
        self.context.progress(text, self._share())

    def look(self, crew: Crew) -> None:
        if self.budget.must_cancel():
            crew.cancel_all(self.budget.why)
        if self._uncounted:
            self._count_some(_AT_ONCE)
        now = time.monotonic()
        if now >= self._looked + _LOOK_EVERY:
            self._observe(crew)
        if now >= self._proved + _PROVE_EVERY:
            self._proved = now
            self._judge_all(crew.taken())

    def is_busy(self) -> bool:
        return bool(self._uncounted)

    # ---- watching

    def _count_some(self, most: int) -> None:
        """The counters of the next tables, before anything is done to them."""
        some, self._uncounted = self._uncounted[:most], self._uncounted[most:]
        found = counts_of(self.control, [item.table for item in some])
        if isinstance(found, QueryError):
            self._uncountable = f"the counters cannot be read: {found}"
        else:
            self._before.update(found)
        self._counted.update(item.table.key for item in some)

    def _observe(self, crew: Crew) -> None:
        self._looked = time.monotonic()
        own = [hand.pid for hand in self.hands if hand.pid]
        self._autovacuumed, hidden = watch.autovacuumed(self.control)
        if hidden:
            self._note("somebody vacuums a table that this role may not see (grant pg_read_all_stats to it)")
        self._obey(crew, watch.load(self.control, self.limits, own, self.context.params))
        running = {hand.pid: hand for hand in crew.running()}
        if not running:
            return
        if self.limits.yield_to_waiters:
            for waiter in watch.waiters(self.control, own, self.judge.major):
                if waiter.blocker in running:
                    crew.cancel(running[waiter.blocker], Fate.YIELDED, waiter.who)
        self._tell(running)

    def _obey(self, crew: Crew, load: watch.Load) -> None:
        if load.blind:
            self._note(load.blind)
        if load.stop:
            self.budget.halt(f"stopped, because {load.stop}")
            crew.cancel_all(self.budget.why)
        if load.pause and self._pausing_since is None:
            self._pausing_since, self.paused_by, crew.paused = time.monotonic(), load.pause, True
            self.context.progress(f"{self._here}paused, because {load.pause}")
        elif not load.pause:
            self._resume(crew)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _resume(self, crew: Crew) -> None:
        if self._pausing_since is not None:
            self.paused += time.monotonic() - self._pausing_since
            self._pausing_since, crew.paused = None, False

    def _tell(self, running: Mapping[int, Hand]) -> None:
        """How far the long ones are; short ones are done before anybody could read it."""
        now = time.monotonic()
        long = {pid: (hand, item) for pid, hand in running.items() if (item := hand.item) and now >= hand.since + _LONG}
        far = watch.progress(self.control, list(long)) if long else {}
        share = self._share({long[pid][1].table.key: there.share for pid, there in far.items()})
        self.context.progress("", share)
        for pid, there in far.items():
            hand, item = long[pid]
            if now >= max(hand.since, self._told.get(pid, 0.0)) + _TELL_EVERY:
                self._told[pid] = now
                took = show_duration(round(now - hand.since))
                self.context.progress(f"{self._here}{item.table.title}: {there}, for {took}", share)

    def _share(self, running: Mapping[Key, float] = NOTHING) -> float:
        """How much of this go is done, by the size of its tables; `running` are the shares of those at work.

        What has just ended may be in neither, and nobody likes a bar that goes back.
        """
        done = self._finished + sum(self._weights[key] * share for key, share in running.items())
        self._shown = max(self._shown, done / self._whole)
        return self._shown

    # ---- judging

    def _judge_all(self, ended: Sequence[Ended]) -> None:
        for each in ended:
            self._finished += self._weights[each.item.table.key]
            failed = (each.fate, each.why) if each.fate else None
            if failed is None and each.answer is not None:
                failed = self.judge.failure(each.item.table, each.answer)
            if failed is None:
                self._unproved.append((each, time.monotonic()))
            elif failed[0] in _DESERVE_ANOTHER_TRY and not self.last:
                self.put_off.append(each.item)
            else:
                self._done(each, failed[0], failed[1] + self._held_by(failed[0], each))
        self._prove()

    def _held_by(self, fate: Fate, each: Ended) -> str:
        """Who still holds the lock that we did not get."""
        if fate is not Fate.LOCKED:
            return ""
        found = watch.holder(self.control, each.item.table.table_oid, [hand.pid for hand in self.hands])
        return f": {found}" if found else ""

    def _prove(self) -> None:
        if not self._unproved:
            return
        waiting, self._unproved = self._unproved, []
        after = counts_of(self.control, [each.item.table for each, _ in waiting])
        holder = ""
        for each, since in waiting:
            table = each.item.table
            before = self._before[table.key]
            if isinstance(after, QueryError):
                words = "the connection was lost" if is_lost(after) else str(after)
                self._done(each, Fate.FAILED, f"the server reported success, but it cannot be proved: {words}")
                continue
            counts = after.get(table.key)
            if counts and not rose(self.step, table, before, counts) and self._may_come(since):
                self._unproved.append((each, since))
                continue
            fate, message = self.judge.proof(self.step, table, before, counts)
            if fate is Fate.HELD:
                holder = holder or oldest_holder(self.control)
                message = f"{message}: {holder}"
            self._done(each, fate, message, counts)

    def _may_come(self, since: float) -> bool:
        """Before 15 the counters may take a moment to arrive."""
        return self.judge.major < 15 and time.monotonic() < since + _SECONDS_FOR_STATISTICS

    def _done(self, each: Ended, fate: Fate, message: str, after: Counts | None = None) -> None:
        table = each.item.table
        self.worked.append(
            Worked(
                database=self.database,
                table=table,
                verb="analyzed" if table.is_parent else self.step.verb,
                action=self.step.action,
                fate=fate,
                message=message,
                seconds=each.seconds,
                before=self._before.get(table.key, Counts()),
                after=after,
                buffers=buffers_of(each.answer),
            )
        )

    def _statement(self, item: Item) -> str:
        return statement_of(self.step, item.table, self.judge.major)

    @property
    def _here(self) -> str:
        return f"{self.database}: " if self.database else ""


def _pages(item: Item) -> float:
    return item.table.size / BLOCK if isinstance(item.table, IndexFacts) else pages_of(item.table)
