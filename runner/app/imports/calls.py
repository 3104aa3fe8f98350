"""One call of check_postgres or check_pgactivity: its action and options, taken from the words of a line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import PurePath

from runner.model.diagnostic import Span
from runner.records import dataclass

POSTGRES, PGACTIVITY = "check_postgres", "check_pgactivity"
_PROGRAM = re.compile(r"(check_postgres|check_pgactivity)(?:\.pl)?(?:_(\w+?))?(?:\.pl)?")
# Options by all their names; the short ones differ between the two programs.
_LONG = {
    "action": "action", "service": "service", "warning": "warning", "critical": "critical", "include": "include",
    "exclude": "exclude", "includeuser": "includeuser", "excludeuser": "excludeuser", "host": "host", "dbhost": "host",
    "port": "port", "dbport": "port", "dbname": "dbname", "db": "dbname", "dbuser": "user", "username": "user",
    "dbpass": "password", "password": "password", "dbservice": "dbservice", "dbinclude": "dbinclude",
    "dbexclude": "dbexclude", "query": "query", "queryname": "queryname", "valtype": "valtype", "type": "valtype",
    "timeout": "timeout",
}  # fmt: skip
_SHORT = {
    POSTGRES: {"w": "warning", "c": "critical", "H": "host", "p": "port", "db": "dbname", "u": "user", "t": "timeout"},
    PGACTIVITY: {
        "w": "warning", "c": "critical", "h": "host", "p": "port", "d": "dbname", "U": "user", "s": "service",
        "S": "dbservice", "t": "timeout",
    },
}  # fmt: skip
# Said to the program itself, or about how it prints: nothing that a check of ours would do otherwise.
IGNORED = frozenset({
    "verbose", "v", "showperf", "perflimit", "showtime", "output", "simple", "nagios", "test", "psql", "P", "PSQL",
    "PGBINDIR", "language", "debug", "format", "F", "status-file", "tmpdir", "path", "lsfunc", "datadir", "D",
})  # fmt: skip
_FLAGS = frozenset({"reverse", "noidle", "skipcycled", "verbose", "v", "simple", "nagios", "test", "debug", "symlinks"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a line asks for. Every option has all its values, in order; `unknown` are options that are not carried over."""

    tool: str
    action: str
    name: str
    span: Span
    options: Mapping[str, tuple[str, ...]] = field(repr=False)
    unknown: tuple[str, ...] = ()
    minutes: int = 0

    def one(self, name: str) -> str:
        """The last value of an option, empty without one."""
        values = self.options.get(name, ())
        return values[-1] if values else ""

    def many(self, name: str) -> tuple[str, ...]:
        """All values, those of lists with commas one by one."""
        return tuple(part.strip() for value in self.options.get(name, ()) for part in value.split(",") if part.strip())


def is_call(words: Sequence[str]) -> bool:
    return any(_PROGRAM.fullmatch(PurePath(word).name) for word in words)


def read_call(words: Sequence[str], *, span: Span, name: str = "", minutes: int = 0) -> Call:
    """The call in these words; whatever stands before the program's name is left out."""
    start = next(index for index, word in enumerate(words) if _PROGRAM.fullmatch(PurePath(word).name))
    program = _PROGRAM.fullmatch(PurePath(words[start]).name)
    assert program is not None
    tool = program[1]
    options, unknown = _options(tool, words[start + 1 :])
    action = program[2] or (options.get("service" if tool == PGACTIVITY else "action") or ("",))[-1]
    return Call(
        tool=tool, action=action.lower().replace("-", "_"), name=name, span=span, options=options,
        unknown=tuple(unknown), minutes=minutes,
    )  # fmt: skip


def _options(tool: str, words: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    options: dict[str, tuple[str, ...]] = {}
    unknown: list[str] = []
    position = 0
    while position < len(words):
        word, position = words[position], position + 1
        if not word.startswith("-") or word == "-":
            continue
        key, sign, value = word.lstrip("-").partition("=")
        name = _SHORT[tool].get(key) or _LONG.get(key)
        if not name and not word.startswith("--") and key[:1] in _SHORT[tool] and key[1:]:
            name, sign, value = _SHORT[tool][key[:1]], "=", key[1:]
        takes_value = key not in _FLAGS and (name or (position < len(words) and not words[position].startswith("-")))
        if not sign and takes_value and position < len(words):
            value, position = words[position], position + 1
        if name:
            options[name] = (*options.get(name, ()), value)
        elif key in _FLAGS:
            options[key] = ("yes",)
        elif key not in IGNORED:
            unknown.append(f"--{key}" if len(key) > 1 else f"-{key}")
    return options, unknown
