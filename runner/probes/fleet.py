"""Targets compared with each other by what checks saw of them last: nothing is asked of any server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from statistics import median
from typing import NamedTuple

from runner.api import Answer, Dimension, Options, Query, Result, Row, RunContext, RunnerError
from runner.model.fleet import WITHOUT
from runner.model.quantity import parse_duration, show, show_duration

DEFAULT_WITHIN = "7d"
DEFAULT_LEAST = 3
MOST_ROWS = 5000
_UNITS = {Dimension.SECONDS, Dimension.BYTES, Dimension.RATIO}
Talk = Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]


class _Value(NamedTuple):
    """What one target says: a row of a check, told apart by its key."""

    target: str
    part: str
    what: str
    value: object
    dimension: Dimension | None


def values(context: RunContext, options: Options) -> Talk:
    """One row for each value that differs from what most targets of its part have."""
    yield from ()
    return _first(_unusual(context, options))


def numbers(context: RunContext, options: Options) -> Talk:
    """One row for each target: its number, and how many times the median of its part that is."""
    yield from ()
    return _first(_measured(context, options))


def unseen(context: RunContext, options: Options) -> Talk:
    """One row for each target: how long no run of any job there has come to its end."""
    yield from ()
    del options
    seen: dict[str, list[float]] = {}
    for (_, target), known in context.history.seen().items():
        newest = max(known.evaluated or known.first, known.first)
        seen.setdefault(target, []).append(max(0.0, (context.now - newest).total_seconds()))
    return [_unseen(target.name, min(seen.get(target.name, ()), default=None)) for target in context.targets]


def _unseen(name: str, silent: float | None) -> Row:
    told = f"nobody looked at it for {show_duration(silent)}" if silent is not None else "no job ever looked at it"
    return {"target": name, "silent": silent, "never": silent is None, "told": told}


def _first(rows: Iterable[Row]) -> list[Row]:
    found: list[Row] = []
    for row in rows:
        if len(found) == MOST_ROWS:
            break
        found.append(row)
    return found


def _unusual(context: RunContext, options: Options) -> Iterator[Row]:
    for group in _groups(context, options):
        counts = Counter(str(item.value) for item in group)
        usual, agreeing = min(counts.items(), key=lambda item: (-item[1], item[0]))
        for item in group:
            if str(item.value) != usual:
                yield {
                    "target": item.target, "part": item.part, "what": item.what, "value": str(item.value),
                    "usual": usual, "agree": agreeing / len(group), "among": len(group),
                }  # fmt: skip


def _measured(context: RunContext, options: Options) -> Iterator[Row]:
    for group in _groups(context, options):
        measured = [(item, float(str(item.value))) for item in group if type(item.value) in (int, float)]
        if len(measured) < _least(options):
            continue
        middle = median(number for _, number in measured)
        for item, number in measured:
            times = number / middle if middle else None
            told = f"{options['column']} {_shown(number, item)}, usual is {_shown(middle, item)}"
            yield {
                "target": item.target, "part": item.part, "what": item.what, "number": number, "median": middle,
                "times": times, "among": len(measured), "told": told,
            }  # fmt: skip


def _shown(number: float, item: _Value) -> str:
    return show(number, item.dimension if item.dimension in _UNITS else Dimension.NUMBER)


def _least(options: Options) -> int:
    return int(options.get("least", DEFAULT_LEAST))


def _groups(context: RunContext, options: Options) -> Iterator[list[_Value]]:
    """Values that are compared with each other: the same row on the targets of one part, enough of them."""
    groups: dict[tuple[str, str], list[_Value]] = {}
    for value in _values(context, options):
        groups.setdefault((value.part, value.what), []).append(value)
    for _, group in sorted(groups.items()):
        if len(group) >= _least(options):
            yield group


def _values(context: RunContext, options: Options) -> Iterator[_Value]:
    column, by, words = str(options["column"]), str(options.get("by", "")), int(options.get("words", 0))
    labels = {target.name: target.labels for target in context.targets}
    for result in _newest(context, options):
        if result.target not in labels:
            continue
        part = labels[result.target].get(by, WITHOUT) if by else ""
        dimension = next((item.dimension for item in result.outcome.columns if item.name == column), None)
        for seen in result.outcome.observations:
            value, what = seen.values.get(column), str(seen.series)
            if value is not None and _is_wanted(what, options):
                cut = " ".join(str(value).split()[:words]) if words else value
                yield _Value(result.target, part, what, cut, dimension)


def _is_wanted(what: str, options: Options) -> bool:
    return any(fnmatchcase(what, str(item)) for item in options.get("keys", ["*"])) and not any(
        fnmatchcase(what, str(item)) for item in options.get("exclude", [])
    )


def _newest(context: RunContext, options: Options) -> Iterable[Result]:
    """The newest result of each target among the jobs; what is older than `within` does not count."""
    patterns = [str(item) for item in options["jobs"]]
    names = [job.name for job in context.jobs if any(fnmatchcase(job.name, item) for item in patterns)]
    if not names:
        hint = "name the job whose rows are compared: with: {jobs: [NAME]}"
        raise RunnerError(f"this home has no job {' or '.join(patterns)}", hint=hint)
    oldest = context.now - timedelta(seconds=parse_duration(str(options.get("within", DEFAULT_WITHIN))))
    newest: dict[str, Result] = {}
    for name in names:
        for result in context.history.latest(name):
            held = newest.get(result.target)
            if result.finished >= oldest and (held is None or result.finished > held.finished):
                newest[result.target] = result
    return [newest[name] for name in sorted(newest)]
