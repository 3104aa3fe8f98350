"""One target during one tick: facts once, connections as needed, at most so many at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from runner.engine.database.connect import connect
from runner.engine.database.connection import Connection
from runner.engine.database.pipeline import GIVEN_UP, ask
from runner.engine.places import Places, share_out
from runner.errors import SilentTargetError, TargetError
from runner.model.query import Answer, Query, QueryError, Rows, ServerFacts
from runner.model.target import Target

_FACTS = """
select current_setting('server_version_num')::int4, pg_is_in_recovery(), current_user::text,
       coalesce((select rolsuper from pg_roles where rolname = current_user), false), current_database()::text,
       (select array_agg(datname::text order by datname) from pg_database where datallowconn and datconnlimit <> -2),
       (select array_agg(rolname::text) from pg_roles
        where rolname like 'pg\\_%' and pg_has_role(current_user, oid, 'member'))
"""

_MOST_CONNECTIONS = 5
"""For one batch of queries: those that end their connection must not be asked for ever."""


_MOST_SILENCES = 2
"""Connections of one target that may be given up: each has cost the time of a whole statement."""


class Server:
    """Answers queries about one target; not for use by two threads at once.

    Whoever uses it has one of the `places`; by default they are its own.
    """

    def __init__(
        self, target: Target, *, lock_timeout: float = 2.0, connections: int = 4, places: Places | None = None
    ) -> None:
        self.target = target
        self._lock_timeout = lock_timeout
        self._connections = connections
        if places is None:
            places = Places(connections)
            places.take()
        self._places = places
        self._silence: TargetError | None = None
        self._silences = 0
        self._own: Connection | None = None
        self._busy: set[Connection] = set()
        self._stopped = False
        self._facts: ServerFacts | TargetError | None = None

    @property
    def facts(self) -> ServerFacts | TargetError:
        """What is asked once, or why it could not be asked."""
        if self._facts is None:
            try:
                self._facts = self._ask_facts()
            except TargetError as error:
                self._facts = error
        return self._facts

    def look_again(self) -> ServerFacts | TargetError:
        """Asks once more after a failure."""
        self.close()
        self._facts = self._silence = None
        self._silences = 0
        return self.facts

    def answer(self, queries: Sequence[Query]) -> list[Answer]:
        """The answers in the order of the queries; databases other than the target's own in parallel."""
        by_database: dict[str, list[int]] = {}
        for index, query in enumerate(queries):
            by_database.setdefault(self._database(query.database), []).append(index)
        answers: dict[int, Answer] = {}
        own = by_database.pop("", [])
        answers.update(zip(own, self._ask_own([queries[index] for index in own]), strict=True))
        for indexes, found in self._ask_others(by_database, queries):
            answers.update(zip(indexes, found, strict=True))
        return [answers[index] for index in range(len(queries))]

    def stop(self) -> None:
        """Cancels what the server is doing for us; may be called from another thread, and again."""
        self._stopped = True
        for connection in tuple(self._busy):
            connection.cancel()

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None

    def _database(self, name: str) -> str:
        facts = self.facts
        return "" if isinstance(facts, ServerFacts) and name == facts.database else name

    def _ask_facts(self) -> ServerFacts:
        start = time.monotonic()
        self._own = self._connect("")
        seconds = time.monotonic() - start
        answer = ask(self._own, [Query(sql=_FACTS, timeout=15.0)], self._lock_timeout)[0]
        if isinstance(answer, QueryError):
            raise TargetError(f"{self.target.address} does not answer: {answer}")
        return _facts(answer, seconds)

    def _connect(self, database: str) -> Connection:
        """Of a server that said nothing a moment ago nothing more is expected: many databases would wait one by one."""
        if self._stopped:
            raise TargetError("stopped before it was asked")
        if self._silence is not None:
            raise self._silence
        try:
            with self._places.waiting():
                return connect(self.target, database)
        except SilentTargetError as error:
            self._silence = error
            raise

    def _ask_own(self, queries: Sequence[Query]) -> list[Answer]:
        if not queries:
            return []
        if isinstance(self.facts, TargetError):
            return [QueryError(message=str(self.facts), hint=self.facts.hint)] * len(queries)
        answers, self._own = self._ask(self._own, "", queries)
        return answers

    def _ask(
        self, connection: Connection | None, database: str, queries: Sequence[Query]
    ) -> tuple[list[Answer], Connection | None]:
        """What a lost connection leaves unanswered is asked on a new one, a few times, and then one by one:

        so that the query that ends the connections, and no other, is blamed for it.
        """
        answers: list[Answer] = []
        lost = 0
        while lost < _MOST_CONNECTIONS:
            if self._stopped:
                stopped = QueryError(message="stopped before it was asked")
                return [*answers, *[stopped] * (len(queries) - len(answers))], connection
            if connection is None or connection.closed:
                try:
                    connection = self._connect(database)
                except TargetError as error:
                    refused = QueryError(message=str(error), hint=error.hint)
                    return [*answers, *[refused] * (len(queries) - len(answers))], None
            self._busy.add(connection)
            left = queries[len(answers) :]
            answers += ask(connection, left[:1] if lost else left, self._lock_timeout)
            self._busy.discard(connection)
            lost += connection.closed
            self._listen(connection, answers)
            if len(answers) == len(queries):
                return answers, connection
        given_up = QueryError(message="the connection was lost again and again, so this was not asked")
        return [*answers, *[given_up] * (len(queries) - len(answers))], None

    def _listen(self, connection: Connection, answers: Sequence[Answer]) -> None:
        last = answers[-1] if connection.closed and answers else None
        if isinstance(last, QueryError) and last.message == GIVEN_UP:
            self._silences += 1
            if self._silences >= _MOST_SILENCES:
                self._silence = TargetError(f"{self.target.address} did not answer in time, so this was not asked")

    def _ask_others(
        self, by_database: Mapping[str, list[int]], queries: Sequence[Query]
    ) -> list[tuple[list[int], list[Answer]]]:
        if not by_database:
            return []
        tasks = [(name, indexes, [queries[index] for index in indexes]) for name, indexes in by_database.items()]
        most = self._connections
        if len(tasks) < most:
            # The own connection stays open beside them, so one place fewer is left.
            most -= 1
        else:
            self.close()
        answers = share_out(
            tasks, lambda task: self._ask_database(task[0], task[2]), self._places, most, f"runner-{self.target.name}"
        )
        return [(indexes, found) for (_, indexes, _), found in zip(tasks, answers, strict=True)]

    def _ask_database(self, database: str, queries: Sequence[Query]) -> list[Answer]:
        answers, connection = self._ask(None, database, queries)
        if connection is not None:
            connection.close()
        return answers


def _facts(answer: Rows, seconds: float) -> ServerFacts:
    version, in_recovery, user, superuser, database, databases, roles = answer.rows[0]
    assert isinstance(version, int)
    return ServerFacts(
        version=version,
        in_recovery=bool(in_recovery),
        user=str(user),
        superuser=bool(superuser),
        database=str(database),
        databases=_texts(databases),
        roles=frozenset(_texts(roles)),
        seconds_to_connect=seconds,
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
