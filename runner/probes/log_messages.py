"""What servers of this host wrote into their logs lately: crashes, damaged data, want of room, refused logins, errors."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from runner.api import Answer, Options, Query, Row, RunContext, RunnerError
from runner.model.quantity import parse_duration

DEFAULT_WITHIN = "1h"
DEFAULT_MEGABYTES = 16
_LONGEST_EXAMPLE = 200
_WORTH_A_LINE = 1024
"""Bytes of a file from which on it must have a line that can be understood."""
# PostgreSQL documentation, "Error Reporting and Logging": the text, CSV and JSON forms of a line.
_LINE = re.compile(
    r'^(?:\{"timestamp":")?(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? (?P<zone>[A-Z]{3,5}|[+-]\d\d)\b'
    r'.*?(?:\b(?P<text>[^\W\d_]{3,}\d?):  |,(?P<csv>[^\W\d_]{3,}\d?),(?=[0-9A-Z]{5},)|"error_severity":"(?P<json>[^"]+)")'
)
_MESSAGE = re.compile(r'"message":"((?:[^"\\]|\\.)*)"|,[0-9A-Z]{5},"((?:[^"]|"")*)"')
_ERRORS = frozenset({"ERROR", "FATAL", "PANIC"})
_WORDS = frozenset(
    {*_ERRORS, "LOG", "WARNING", "NOTICE", "INFO", "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4", "DEBUG5"}
    | {"DETAIL", "HINT", "QUERY", "CONTEXT", "STATEMENT", "LOCATION", "BACKTRACE"}
)
KINDS = {
    "crash": r"\bPANIC\b|was terminated by signal|exited with exit code [3-9]",
    "corruption": (
        r"invalid page in block|could not read block|page verification failed|missing chunk number|unexpected chunk number"
        r"|could not access status of transaction|from before relfrozenxid|invariant violated|\bXX00[12]\b"
    ),
    "resources": (
        r"No space left on device|out of (?:shared )?memory|could not fork|remaining connection slots are reserved"
        r"|sorry, too many clients already|Too many open files"
    ),
    "logins": r"authentication failed for user|no pg_hba\.conf entry",
    "deadlocks": r"deadlock detected",
}
_PATTERNS = {kind: re.compile(pattern) for kind, pattern in KINDS.items()}
ALL_ERRORS = "errors"


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row for each kind of message, over all files of `paths` that were written within the time `within`.

    `at_least` is true when the file's end that was read does not reach back so far. Raises RunnerError when
    a file cannot be read, or its lines say neither when nor how severe.
    """
    yield from ()
    patterns = [str(pattern) for pattern in options.get("paths", ())]
    if not patterns:
        raise RunnerError(
            "the probe log_messages has nothing to look at", hint="with: {paths: [/var/log/postgresql/*.log]}"
        )
    since = context.now - timedelta(seconds=parse_duration(str(options.get("within", DEFAULT_WITHIN))))
    most = int(options.get("megabytes", DEFAULT_MEGABYTES)) * 1024**2
    lines: list[tuple[datetime, str, str]] = []
    whole = True
    for path in _files(patterns, since):
        found, complete = _read(path, since, most)
        lines += found
        whole = whole and complete
    return [_row(kind, lines, at_least=not whole) for kind in (*KINDS, ALL_ERRORS)]


def _files(patterns: Sequence[str], since: datetime) -> Iterator[str]:
    """Those that were written since then. Raises RunnerError when there is none at all."""
    try:
        found = {path: os.stat(path).st_mtime for pattern in patterns for path in glob.glob(pattern)}
    except OSError as error:
        raise RunnerError(f"{error.filename}: {error.strerror}") from error
    if not found:
        raise RunnerError(f"there is no file {', '.join(patterns)}, or its folder may not be read")
    return (path for path, written in sorted(found.items()) if written >= since.timestamp())


def _read(path: str, since: datetime, most: int) -> tuple[list[tuple[datetime, str, str]], bool]:
    """The lines since then with their time and severity, and whether all of them were read."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(size - most, 0))
            texts = file.read(most).decode("utf-8", "replace").split("\n")
    except OSError as error:
        raise RunnerError(
            f"{path}: {error.strerror}", hint="let the role of this program read it: usermod -aG adm"
        ) from error
    known = [(_moment(match), _severity(match), _message(match)) for match in map(_LINE.match, texts) if match]
    if foreign := next((word for _, word, _ in known if word.upper() == word and word not in _WORDS), ""):
        raise RunnerError(f"{path}: {foreign} is no severity in English: set lc_messages to C")
    if not known and size > _WORTH_A_LINE:
        raise RunnerError(f"{path}: no line says when and how severe: put %m into log_line_prefix")
    complete = size <= most or not known or known[0][0] < since
    return [line for line in known if line[0] >= since], complete


def _moment(match: re.Match[str]) -> datetime:
    """Zones other than UTC are taken for that of this host, as initdb sets log_timezone."""
    naive = datetime.fromisoformat(match["time"])
    return naive.replace(tzinfo=UTC) if match["zone"] in {"UTC", "GMT", "+00"} else naive.astimezone(UTC)


def _severity(match: re.Match[str]) -> str:
    return match["text"] or match["csv"] or match["json"]


def _message(match: re.Match[str]) -> str:
    """What the line says, without who said it in which session."""
    if match["text"]:
        return match.string[match.start("text") :]
    found = _MESSAGE.search(match.string)
    return f"{_severity(match)}:  {(found[1] or found[2] or '') if found else match.string}"


def _row(kind: str, lines: Sequence[tuple[datetime, str, str]], *, at_least: bool) -> Row:
    fitting = [
        (moment, text)
        for moment, severity, text in lines
        if (severity in _ERRORS if kind == ALL_ERRORS else _PATTERNS[kind].search(text))
    ]
    last = max(fitting, default=None)
    return {
        "kind": kind,
        "messages": len(fitting),
        "last": last[0] if last else None,
        "example": last[1][:_LONGEST_EXAMPLE] if last else None,
        "at_least": at_least,
    }
