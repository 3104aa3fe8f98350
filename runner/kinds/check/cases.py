"""The `tests:` of a check as they are written: runs one after the other, each with what is expected of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from runner.api import CompileContext, MappingNode, Node, RunnerError, Scalar, ScheduleError, SequenceNode, Span, plain
from runner.model.quantity import parse_duration
from runner.records import dataclass
from runner.schedule import parse_time

_SOME_TIME = datetime(2001, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTick:
    """One run in a test. Its rows are given, or come from the check's own query when `rows` is None.

    `ago` is a duration before now, `at` a time or `+10min` from the first run of the test.
    """

    span: Span
    ago: str = ""
    at: str = ""
    rows: tuple[Mapping[str, Any], ...] | None = None
    given: tuple[str, ...] = ()
    expect: Mapping[str, Any] = field(default_factory=dict)

    def instant(self, now: datetime, first: datetime | None, before: datetime | None, step: timedelta) -> datetime:
        """When the run is; without a time it comes one step after the run before. Raises ScheduleError."""
        if self.ago:
            return now - timedelta(seconds=parse_duration(self.ago))
        if self.at:
            return parse_time(self.at, first or now if self.at.startswith(("+", "-")) else now)
        return now if before is None or before < now else before + step


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCase:
    """One test: SQL that makes its situation, and its ticks in order."""

    name: str
    span: Span
    ticks: tuple[CaseTick, ...]
    given: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs_database(self) -> bool:
        """Whether SQL has to be run for it."""
        return bool(self.given) or any(tick.given for tick in self.ticks)


def read_cases(node: Node | None) -> tuple[CheckCase, ...]:
    """The tests of a `tests:` key that the schema has looked at."""
    items = node.items if isinstance(node, SequenceNode) else ()
    return tuple(_case(item, number) for number, item in enumerate(items, 1) if isinstance(item, MappingNode))


def _case(node: MappingNode, number: int) -> CheckCase:
    ticks = [*_ticks(node, "history"), *_ticks(node, "ticks")]
    if "ticks" not in node or "rows" in node or "expect" in node:
        ticks.append(_tick(node, ("rows", "expect")))
    return CheckCase(
        name=str(plain(node.get("name")) or f"test {number}"),
        span=node.span,
        ticks=tuple(ticks),
        given=_given(node),
        params=cast("dict[str, Any]", plain(node.get("params")) or {}),
    )


def _ticks(node: MappingNode, key: str) -> Iterator[CaseTick]:
    items = node.get(key)
    for item in items.items if isinstance(items, SequenceNode) else ():
        if isinstance(item, MappingNode):
            yield _tick(item)


def _tick(node: MappingNode, keys: Collection[str] = ("ago", "at", "rows", "given", "expect")) -> CaseTick:
    written = MappingNode({key: entry for key, entry in node.entries.items() if key in keys}, node.span)
    rows, expect = plain(written.get("rows")), plain(written.get("expect"))
    return CaseTick(
        span=node.span,
        ago=str(plain(written.get("ago")) or ""),
        at=str(plain(written.get("at")) or ""),
        rows=tuple(cast("list[dict[str, Any]]", rows)) if isinstance(rows, list) else None,
        given=_given(written),
        expect=cast("dict[str, Any]", expect if isinstance(expect, dict) else {"state": expect} if expect else {}),
    )


def _given(node: MappingNode) -> tuple[str, ...]:
    found = plain(node.get("given"))
    if isinstance(found, list):
        return tuple(map(str, found))
    return (found,) if isinstance(found, str) else ()


def check_cases(node: Node | None, context: CompileContext) -> None:
    """Complains about tests that show nothing, and about times that cannot be read."""
    for item in node.items if isinstance(node, SequenceNode) else ():
        if not isinstance(item, MappingNode):
            continue
        if not any(tick.expect for tick in _case(item, 1).ticks):
            span = next((entry.key_span for entry in item.entries.values()), item.span)
            message = "this test expects nothing"
            context.complain("missing-key", span, message, "for example: `expect: {warning: [public.orders]}`")
        for tick in _mappings(item, "history", "ticks"):
            _check_time(tick, context)


def _mappings(node: MappingNode, *keys: str) -> Iterator[MappingNode]:
    for key in keys:
        items = node.get(key)
        yield from (item for item in (items.items if isinstance(items, SequenceNode) else ())
                    if isinstance(item, MappingNode))  # fmt: skip


def _check_time(tick: MappingNode, context: CompileContext) -> None:
    ago, at = tick.get("ago"), tick.get("at")
    if isinstance(ago, Scalar) and isinstance(at, Scalar):
        context.complain("bad-value", tick.key_span("at"), "`ago` and `at` are two times for one run", "remove one")
    try:
        if isinstance(ago, Scalar):
            parse_duration(ago.text)
        elif isinstance(at, Scalar):
            parse_time(at.text, _SOME_TIME)
    except (ScheduleError, RunnerError) as error:
        node = ago or at
        context.complain("bad-value", node.span if node else tick.span, error.message, error.hint)
