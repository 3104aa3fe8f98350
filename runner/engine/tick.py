"""One tick: the claimed runs on each target, in threads, and the reports that follow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait as wait_for
from dataclasses import field, replace
from datetime import datetime, timedelta

from runner.api import (
    Answer,
    Job,
    Outcome,
    Query,
    QueryError,
    Result,
    Series,
    ServerFacts,
    State,
    Target,
    TargetError,
)
from runner.clock import Clock, sleep
from runner.engine.after import unmet
from runner.engine.claims import Claimed
from runner.engine.context import Context, databases_of, parameters
from runner.engine.database.server import Server
from runner.engine.database.writers import Writers
from runner.engine.execute import Done, Work, broken, execute, in_order
from runner.engine.finish import finish
from runner.engine.masking import masked
from runner.engine.places import Places
from runner.engine.publish import Publisher, info_of
from runner.engine.remedy import MOST_RUNS, last_by_itself, remedy_of, what_became
from runner.errors import StoreError
from runner.model.home import Home
from runner.model.problem import Memory
from runner.model.quantity import show_duration
from runner.plugins.registry import Registry
from runner.records import dataclass
from runner.store.base import Recorded, Store

_CANCEL_AGAIN = 0.5
SERIES_MEMORY = timedelta(days=7)
"""How long a key that is gone is missed (`on_gone`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """All that the runs of one tick share."""

    home: Home
    registry: Registry
    store: Store
    clock: Clock
    publisher: Publisher
    overrides: Mapping[str, object] = field(default_factory=dict)
    dry_run: bool = False
    tell: Callable[[str], None] = lambda _: None
    show: Callable[[str, str, float], None] | None = None
    result_ready: Callable[[Result], None] = lambda _: None
    broke: Callable[[str, BaseException], None] = lambda _where, _error: None
    """Told of every error that a kind let out, for the developer of its plugin."""


class Tick:
    """Runs what was claimed. `stop()` cancels what is running on the servers and lets it be recorded."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._writers = Writers()
        self._places = Places(around.home.settings.connections)
        self._servers: list[Server] = []
        self._claims: dict[str, Claimed] = {}
        self._started: dict[str, datetime] = {}
        self._memories: dict[str, Memory] = {}
        self._ended: dict[tuple[str, str], State] = {}

    def run(self, claims: Sequence[Claimed]) -> None:
        """Returns when every claim has its result; a Ctrl-C stops the servers' work and is raised again."""
        self._claims = {claim.run: claim for claim in claims}
        by_target: dict[str, list[Claimed]] = {}
        for claim in claims:
            by_target.setdefault(claim.target, []).append(claim)
        self._around.publisher.expect(claims)
        pool = ThreadPoolExecutor(max(1, len(by_target)), thread_name_prefix="runner-target")
        targets, futures = deque(by_target.items()), list[Future[None]]()

        def go_on(timeout: float | None = None) -> bool:
            """Begins with a target whenever a place is free; whether all have ended."""
            while targets and self._places.take(timeout):
                futures.append(pool.submit(self._in_place, *targets.popleft()))
            return not targets and not wait_for(futures, timeout).not_done

        try:
            self._wait(go_on)
        finally:
            pool.shutdown(wait=True)
            self._writers.close()
        for future in futures:
            future.result()

    def stop(self) -> None:
        self._places.open()
        self._writers.stop()
        for server in tuple(self._servers):
            server.stop()

    def _wait(self, go_on: Callable[[float | None], bool]) -> None:
        try:
            go_on(None)
        except KeyboardInterrupt:
            # One cancel ends one statement; the next may have begun meanwhile.
            self.stop()
            while not go_on(_CANCEL_AGAIN):
                self.stop()
            raise

    def _in_place(self, name: str, claims: Sequence[Claimed]) -> None:
        try:
            self._on_target(name, claims)
        finally:
            self._places.give()

    def _on_target(self, name: str, claims: Sequence[Claimed]) -> None:
        target = self._around.home.targets.get(name)
        settings = self._around.home.settings
        # What is only told of needs no server, which may be far away.
        looks = any(not (claim.refused or claim.ended) for claim in claims)
        server = (
            Server(target, lock_timeout=settings.lock_timeout, connections=settings.connections, places=self._places)
            if target and looks
            else None
        )
        if server:
            self._servers.append(server)
            if self._writers.stopped:
                server.stop()
        try:
            facts = self._facts_of(server, claims) if server else None
            self._around.publisher.know(info_of(name, self._around.home, facts))
            works = [self._work(claim, target, facts) for claim in claims]
            groups = list(self._around.home.groups)
            execute(in_order(works, groups, self._changes_data), server.answer if server else _nobody, self._finished)
        finally:
            if server:
                server.close()

    def _facts_of(self, server: Server, claims: Sequence[Claimed]) -> ServerFacts | TargetError:
        """What the server says of itself; asked again as often as one of the jobs says with `retry:`."""
        facts, clock = server.facts, self._around.clock
        retry = max((claim.job.retry for claim in claims), key=lambda item: item.times)
        for attempt in range(retry.times):
            if isinstance(facts, ServerFacts) or self._writers.stopped:
                break
            pause = retry.pause(attempt)
            self._around.tell(f"{server.target.name} cannot be reached, next try in {show_duration(pause)}")
            with self._places.waiting():
                sleep(pause, clock, lambda: self._writers.stopped)
            facts = server.look_again()
            if isinstance(facts, ServerFacts):
                for claim in claims:
                    note = f"the server was reached at try {attempt + 2}"
                    self._claims[claim.run] = replace(claim, late="; ".join(filter(None, (claim.late, note))))
        return facts

    def _work(self, claim: Claimed, target: Target | None, facts: ServerFacts | TargetError | None) -> Work:
        around, job = self._around, claim.job
        self._started[claim.run] = around.clock.now()
        memory = self._memories[claim.run] = self._memory(job, claim.target)
        kind = around.registry.kinds[job.kind]
        context = Context(
            run_id=claim.run,
            job=job,
            slot=claim.slot,
            clock=around.clock,
            home=around.home.path,
            target=target,
            server=facts,
            databases=databases_of(job, target, facts),
            params=parameters(job, target, around.overrides),
            memory=memory,
            history=around.store,
            jobs=around.home.jobs,
            probes=around.registry.probes,
            open_session=self._writers.open,
            targets=tuple(around.home.targets.values()),
            target_sources=around.home.inventory,
            ask_target=self._ask_target,
            tell=around.tell,
            show=around.show,
            dry_run=around.dry_run,
            stopped=lambda: self._writers.stopped,
        )
        refused = claim.refused
        if kind.starts_programs and kind.name not in around.home.settings.allow:
            refused = refused or f"{kind.name}s are not allowed here: add `allow: [{kind.name}]` to runner.yaml"
        return Work(
            context=context,
            kind=kind,
            refused=refused,
            ended=claim.ended,
            applied_before=lambda: self._applied_before(job, claim.target),
            unmet=lambda: unmet(job, lambda name: self._ended.get((name, claim.target))),
        )

    def _ask_target(self, target: Target, queries: Sequence[Query]) -> Sequence[Answer]:
        server = Server(
            target, lock_timeout=self._around.home.settings.lock_timeout, connections=1, places=self._places
        )
        self._servers.append(server)
        try:
            return server.answer(queries)
        finally:
            server.close()

    def _memory(self, job: Job, target: str) -> Memory:
        try:
            return self._around.store.memory(job.name, target)
        except StoreError:
            return Memory()

    def _applied_before(self, job: Job, target: str) -> bool:
        """Whether the newest run really looked."""
        try:
            latest = self._around.store.latest(job.name)
        except StoreError:
            return False
        return any(result.outcome.looked for result in latest if result.target == target)

    def _changes_data(self, group: str) -> bool:
        return any(
            self._around.registry.kinds[job.kind].changes_data for job in self._around.home.jobs if job.group == group
        )

    def _finished(self, batch: Sequence[Done]) -> None:
        for done in batch:
            self._keep(done)

    def _keep(self, done: Done) -> None:
        try:
            recorded = self._recorded(done)
        except Exception as error:
            # An outcome that cannot be kept (a plugin's) costs no other run its result.
            done = broken(done.work, error)
            recorded = self._recorded(done)
        if done.error is not None:
            self._around.broke(f"job {recorded.result.job}", done.error)
        self._ended[recorded.result.job, recorded.result.target] = recorded.result.state
        self._around.publisher.add(recorded, done.fault, at_once=not done.work.shares_round_trips)
        self._around.result_ready(recorded.result)

    def _recorded(self, done: Done) -> Recorded:
        claim = self._claims[done.work.context.run_id]
        now = self._around.clock.now()
        outcome = masked(done.outcome, self._around.home.secrets)
        if told := self._became(claim, outcome):
            outcome = replace(outcome, notes=(*outcome.notes, told))
        return finish(
            claim,
            outcome,
            memory=self._memories[claim.run],
            seen=self._seen(claim, now),
            started=self._started[claim.run],
            now=now,
        )

    def _became(self, claim: Claimed, outcome: Outcome) -> str:
        """What a remedy that ran by itself since the last look has done to the problems of a check."""
        remedy, memory = remedy_of(claim.job), self._memories[claim.run]
        mender = self._around.home.job(remedy.job) if remedy and memory.problems else None
        if mender is None:
            return ""
        try:
            runs = self._around.store.runs(mender.name, limit=MOST_RUNS)
        except StoreError:
            return ""
        run = last_by_itself(mender, claim.target, runs)
        return what_became(mender, run, memory, outcome, self._around.home.settings.timezone)

    def _seen(self, claim: Claimed, now: datetime) -> Iterable[Series]:
        if claim.job.on_gone == "ok":
            return ()
        try:
            return self._around.store.series(claim.job.name, claim.target, now - SERIES_MEMORY)
        except StoreError:
            return ()


def _nobody(queries: Sequence[Query]) -> Sequence[Answer]:
    return [QueryError(message="this job has no server to ask")] * len(queries)
