"""What PgBouncer's console tells: its pools, databases, clients and settings."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from runner.api import Answer, Options, Query, QueryError, Row, RunContext, RunnerError, TargetError

DEFAULT_PORT = "6432"
TIMEOUT = 10.0
_CONSOLE = "pgbouncer"
# The words in which a console that answers refuses this user; anything else means that it does not answer.
_REFUSED = ("not allowed", "authentication", "password", "no such user", "no such database")
_GRANT = "add the user to stats_users in pgbouncer.ini, and its password to auth_file"
_WHERE = "look whether PgBouncer runs, and where: with: {host: …, port: …, user: …}"
_WORDS = ("conninfo", "connstr", "password")

Answers = Sequence[Sequence[Mapping[str, Any]]]


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """The rows of the view that `show` names; raises RunnerError when the console cannot be asked.

    `clients` has one row, and says in it when nobody answers.
    """
    yield from ()
    show = str(options.get("show", "pools"))
    statements, rows = VIEWS[show]
    try:
        return rows(_ask(context, options, statements))
    except TargetError as error:
        if any(word in error.message for word in _REFUSED):
            raise RunnerError(error.message, hint=_GRANT) from None
        if show == "clients":
            return [{"reachable": False, "error": error.message, "clients": None, "limit": None, "servers": None}]
        raise RunnerError(error.message, hint=_WHERE) from None


def _ask(context: RunContext, options: Options, statements: Sequence[str]) -> Answers:
    address = {"host": "localhost", "port": DEFAULT_PORT, "user": _CONSOLE}
    given = {name: str(value) for name, value in options.items() if name != "show"}
    answers = context.console({**address, **given, "dbname": _CONSOLE}, statements, timeout=TIMEOUT)
    found = []
    for statement, answer in zip(statements, answers, strict=True):
        if isinstance(answer, QueryError):
            raise RunnerError(f"{statement}: {answer}", hint=_GRANT)
        found.append(answer.dicts())
    return found


def _pools(answers: Answers) -> list[Row]:
    return [
        {
            "pool": str(row["database"]),
            "user": str(row["user"]),
            "active": _number(row, "cl_active"),
            "waiting": _number(row, "cl_waiting"),
            "servers": sum(_number(row, name) for name in row if name.startswith("sv_")),
            "longest_wait": _number(row, "maxwait") + _number(row, "maxwait_us") / 1e6,
            "mode": str(row.get("pool_mode") or ""),
        }
        for row in answers[0]
        if row["database"] != _CONSOLE
    ]


def _databases(answers: Answers) -> list[Row]:
    return [
        {
            "pool": str(row["name"]),
            "server": f"{row.get('host') or 'socket'}:{row.get('port')}/{row.get('database')}",
            "paused": bool(_number(row, "paused")),
            "disabled": bool(_number(row, "disabled")),
            "connections": _number(row, "current_connections"),
            "limit": _number(row, "max_connections") or None,
        }
        for row in answers[0]
        if row["name"] != _CONSOLE
    ]


def _clients(answers: Answers) -> list[Row]:
    lists = {str(row["list"]): row["items"] for row in answers[0]}
    settings = {str(row["key"]): row["value"] for row in answers[1]}
    counts = {
        "clients": int(lists["used_clients"]),
        "limit": int(settings["max_client_conn"]),
        "servers": int(lists["used_servers"]),
    }
    return [{"reachable": True, "error": None, **counts}]


def _settings(answers: Answers) -> list[Row]:
    return [{"setting": str(row["key"]), "value": _shown(row)} for row in answers[0]]


def _shown(row: Mapping[str, Any]) -> str:
    secret = any(word in str(row["key"]) for word in _WORDS)
    return "hidden" if secret and row["value"] else str(row["value"] or "(empty)")


def _number(row: Mapping[str, Any], name: str) -> int:
    return int(row.get(name) or 0)


VIEWS: Mapping[str, tuple[tuple[str, ...], Callable[[Answers], list[Row]]]] = {
    "pools": (("SHOW POOLS",), _pools),
    "databases": (("SHOW DATABASES",), _databases),
    "clients": (("SHOW LISTS", "SHOW CONFIG"), _clients),
    "settings": (("SHOW CONFIG",), _settings),
}
"""What is asked for each view, and how its answers become rows."""
