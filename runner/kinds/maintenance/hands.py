"""The connections that work in one database: opened when a step needs them, closed with the visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Final

from runner.api import QueryError, RunContext, Session, TargetError
from runner.kinds.maintenance.crew import Hand
from runner.kinds.maintenance.lock import WORKING
from runner.kinds.maintenance.spec import AnalyzeStep, Limits, ReindexStep, WorkStep
from runner.records import dataclass

WAIT_FOR_OTHERS: Final = "10min"
"""A rebuild waits for transactions that began before it; this blocks nobody, so it may last longer than other locks."""

_BEGIN: Final = """
select pg_backend_pid(), current_setting('lock_timeout'), pg_try_advisory_lock_shared(:key::bigint)
"""


@dataclass(slots=True, kw_only=True)
class Hands:
    """Opens as many connections as a step asks for, as far as the server lets it."""

    context: RunContext
    database: str
    limits: Limits
    major: int
    lock_timeout: str = ""
    opened: list[Hand] = field(default_factory=list)
    refused: str = ""

    def of(self, step: WorkStep, wanted: int) -> Sequence[Hand]:
        """The connections for a step, ready for it; fewer than wanted when the server refuses, and `refused` says why."""
        self.opened = [hand for hand in self.opened if hand.pid]
        while len(self.opened) < wanted:
            try:
                session = self.context.session(self.database)
            except TargetError as error:
                self.refused = error.message
                break
            self.opened.append(Hand(session=session, pid=self._made_ready(session)))
        ready = self.opened[:wanted]
        for hand in ready:
            for statement in self._settings_of(step):
                hand.session.execute(statement)
        return ready

    def close(self) -> None:
        for hand in self.opened:
            hand.session.close()
        self.opened.clear()

    def _made_ready(self, session: Session) -> int:
        prepare(session, self.major)
        if self.limits.cost_delay is not None:
            session.execute(f"set vacuum_cost_delay = '{self.limits.cost_delay * 1000:.3f}ms'")
        if self.limits.cost_limit is not None:
            session.execute(f"set vacuum_cost_limit = {self.limits.cost_limit}")
        # Shared, and held until the server has really ended the session, also when its client was killed.
        answer = session.execute(_BEGIN, {"key": WORKING})
        if isinstance(answer, QueryError):
            return 0
        pid, self.lock_timeout, _ = (str(cell) for cell in answer.rows[0])
        return int(pid)

    def _settings_of(self, step: WorkStep) -> list[str]:
        wait = WAIT_FOR_OTHERS if isinstance(step, ReindexStep) else self.lock_timeout
        settings = [f"set lock_timeout = '{wait}'"]
        if isinstance(step, AnalyzeStep):
            wanted = step.target
            settings.append(f"set default_statistics_target = {'default' if wanted is None else wanted}")
        return settings


def prepare(session: Session, major: int) -> None:
    """No time limit of the role's or database's own, and an end when the client is gone."""
    session.execute("set statement_timeout = 0")
    if major >= 14:
        # Without it a server goes on for hours for a runner that was killed, and keeps our lock.
        session.execute("set client_connection_check_interval = '5s'")
