"""What tests need of a real PostgreSQL server: fresh databases, roles, and waiting for what takes a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runner.demo.binaries import choose
from runner.demo.embedded import Server

T = TypeVar("T")
ROLE_PASSWORD = "only-for-tests"
SETTINGS = {
    "autovacuum": "off",
    "max_prepared_transactions": "10",
    "wal_level": "logical",
    "track_io_timing": "on",
    "deadlock_timeout": "100ms",
}


@dataclass(kw_only=True)
class Database:
    """One fresh database; everything runs as the superuser unless a role is named."""

    name: str
    base: str
    major: int

    def dsn(self, user: str = "") -> str:
        role = {"user": user, "password": ROLE_PASSWORD} if user else {}
        return make_conninfo(self.base, dbname=self.name, **role)

    def options(self, user: str = "") -> dict[str, str]:
        """The same as libpq's keywords, for `Target.options`."""
        return {key: str(value) for key, value in conninfo_to_dict(self.dsn(user)).items() if value is not None}

    def connect(self, user: str = "", **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(self.dsn(user), **{"autocommit": True, **options})

    def execute(self, *statements: str, user: str = "") -> list[tuple[Any, ...]]:
        """Runs the statements one by one in autocommit; the rows of the last one."""
        with self.connect(user) as connection:
            for statement in statements:
                cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, user: str = "") -> Any:
        return self.execute(statement, user=user)[0][0]

    @contextmanager
    def session(self, *statements: str, user: str = "") -> Iterator[psycopg.Connection[Any]]:
        """A connection that stays open after the statements: holders of locks and snapshots."""
        with self.connect(user) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]
            yield connection


@dataclass(kw_only=True)
class Servers:
    """The server of this test process, started when the first test asks for it."""

    given_dsn: str = ""
    programs: Path | None = None
    version: int | None = None
    _folder: TemporaryDirectory[str] | None = None
    _server: Server | None = None
    _roles: list[str] = field(default_factory=list)

    def describe(self) -> str:
        if self.given_dsn:
            with psycopg.connect(self.given_dsn) as connection:
                version = connection.info.parameter_status("server_version")
                return f"{version} (given: host {connection.info.host}, port {connection.info.port})"
        chosen = choose(version=self.version, folder=self.programs)
        return f"{chosen.major}.{chosen.version[1]} ({chosen.origin}: {chosen.folder})"

    @property
    def embedded(self) -> Server:
        """Our own server; tests that change or break one make their own with `own_server`."""
        if self._server is None:
            self._folder = TemporaryDirectory(prefix="runner-", ignore_cleanup_errors=True)
            Path(self._folder.name).chmod(0o755)
            place = Path(self._folder.name) / "pg"
            self._server = Server.start(place, SETTINGS, version=self.version, programs=self.programs)
        return self._server

    @property
    def dsn(self) -> str:
        return self.given_dsn or self.embedded.dsn()

    @property
    def major(self) -> int:
        if not self.given_dsn:
            return choose(version=self.version, folder=self.programs).major
        with psycopg.connect(self.given_dsn) as connection:
            return connection.info.server_version // 10000

    @contextmanager
    def fresh_database(self) -> Iterator[Database]:
        name = f"test_{uuid4().hex[:12]}"
        self.run(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            yield Database(name=name, base=self.dsn, major=self.major)
        finally:
            self.run(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def role(self, purpose: str, *memberships: str) -> str:
        """A login role for this process; the same for the same purpose."""
        name = f"test_{purpose}_{uuid4().hex[:8]}"
        quoted = sql.Identifier(name)
        self.run(sql.SQL("create role {} login password {}").format(quoted, sql.Literal(ROLE_PASSWORD)))
        self._roles.append(name)
        for membership in memberships:
            self.run(sql.SQL("grant {} to {}").format(sql.Identifier(membership), quoted))
        return name

    def run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement)

    def close(self) -> None:
        if self._server:
            self._server.remove()
        elif self.given_dsn:
            for role in self._roles:
                self.run(sql.SQL("drop role if exists {}").format(sql.Identifier(role)))
        if self._folder:
            self._folder.cleanup()


def eventually(look: Callable[[], T], *, seconds: float = 20.0, what: str = "the expected state") -> T:
    """Looks until the answer is true; fails with the last answer when the time is up."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {seconds:.0f} s; last seen: {seen!r}")
        time.sleep(0.02)
    return seen


def fits(version: int, condition: str) -> bool:
    """Whether a major version satisfies `>=15`, `<17`, `==16`."""
    operators: dict[str, Callable[[int, int], bool]] = {
        ">=": lambda left, right: left >= right,
        "<=": lambda left, right: left <= right,
        "==": lambda left, right: left == right,
        ">": lambda left, right: left > right,
        "<": lambda left, right: left < right,
    }
    for text, compare in operators.items():
        if condition.startswith(text):
            return compare(version, int(condition.removeprefix(text)))
    raise ValueError(f'write the condition of @pytest.mark.pg as ">=15", not {condition!r}')
