"""A home whose store holds chosen runs of a check, judged and recorded as a tick would, without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

from runner.api import Job, Outcome, Rows, skipped, unknown
from runner.app.loading import Loaded
from runner.engine.claims import Claimed
from runner.engine.context import parameters
from runner.engine.finish import finish
from runner.engine.tick import SERIES_MEMORY
from runner.judge import needs
from runner.kinds.check.outcome import Looked, evaluate
from runner.kinds.check.spec import CheckSpec
from runner.store.base import Claim, Store
from tests.app.homes import TempHome

Seen = Sequence[Mapping[str, object]]


@dataclass
class Recording:
    """`see` adds one run; rows are those of the query."""

    home: TempHome
    loaded: Loaded
    job: Job
    target: str = "main"
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @classmethod
    def make(cls, path: Path, check: str, extra: str = "") -> Recording:
        home = TempHome.make(path / "home", {"host": "/nowhere"}, {"group.yaml": check}, extra)
        loaded = home.load()
        return cls(home, loaded, loaded.home.jobs[0])

    def see(self, at: datetime, rows: Seen, database: str = "", blind: Mapping[str, str] | None = None) -> None:
        """A run that looked at one database (and could not look at the blind ones)."""
        spec = self._spec()
        names = tuple(dict.fromkeys([*(() if rows else spec.rule.key), *(name for row in rows for name in row)]))
        table = Rows(columns=names, rows=tuple(tuple(row.get(name) for name in names) for row in rows))
        with self.home.store() as store:
            params = parameters(self.job, self.loaded.home.targets.get(self.target), {})
            outcome = evaluate(
                spec, Looked(tables={database: table}, blind=blind or {}),
                past=store.past(self.job.name, self.target, needs(spec.rule), at),
                memory=store.memory(self.job.name, self.target), params=params, now=at, target=self.target,
            )  # fmt: skip
            self._record(store, at, outcome)

    def blind(self, at: datetime) -> None:
        """A run that could not look."""
        with self.home.store() as store:
            self._record(store, at, unknown("no connection"))

    def skip(self, at: datetime) -> None:
        """A run that did not apply."""
        with self.home.store() as store:
            self._record(store, at, skipped("this is a standby"))

    def _record(self, store: Store, at: datetime, outcome: Outcome) -> None:
        run = f"run-{next(self._numbers)}-{self.target}"
        job = self.job
        claimed = Claimed(run=run, job=job, target=self.target, slot=at)
        assert store.claim(
            Claim(
                run=run,
                job=job.name,
                kind=job.kind,
                group=job.group,
                target=self.target,
                slot=at,
                tick="t",
                now=at,
                scheduled=False,
            )
        )
        recorded = finish(
            claimed, outcome, memory=store.memory(job.name, self.target),
            seen=store.series(job.name, self.target, at - SERIES_MEMORY), started=at, now=at,
        )  # fmt: skip
        store.record([recorded], report=None, deliveries=[], now=at)

    def _spec(self) -> CheckSpec:
        assert isinstance(self.job.spec, CheckSpec)
        return self.job.spec
