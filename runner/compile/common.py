"""Reads the keys that every job has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from runner.api import JobKind, ProbeType
from runner.compile.context import Context
from runner.config.diagnostics import suggest
from runner.config.nodes import seconds_of, text_of, texts_of, value_of
from runner.config.selectors import read_selector
from runner.errors import ScheduleError
from runner.model.home import Settings
from runner.model.job import Hold, Requires, Retry, Schedule, Scope, Window
from runner.model.node import MappingNode, Node, Scalar
from runner.schedule import advice, parse as parse_schedule

_DAY = 86400.0


class CommonKeys:
    """The common keys of one job; complaints go to the context."""

    def __init__(self, node: MappingNode, settings: Settings, context: Context) -> None:
        self._node = node
        self._settings = settings
        self._context = context

    def fields(self, kind: JobKind, probes: Mapping[str, ProbeType], declared: frozenset[str]) -> dict[str, Any]:
        """Fields of a Job by name."""
        node, settings = self._node, self._settings
        schedule = self._schedule()
        return {
            "description": text_of(node.get("description")),
            "hint": text_of(node.get("hint")),
            "runbook": text_of(node.get("runbook")),
            "owner": text_of(node.get("owner")),
            "tags": texts_of(node.get("tags")),
            "schedule": schedule,
            "catch_up": self._catch_up(),
            "spread": self._seconds("spread", 0.0),
            "after": texts_of(node.get("after")),
            "window": self._window(declared),
            "overlap": cast("Literal['skip', 'wait']", text_of(node.get("overlap"), "skip")),
            "timeout": self._seconds("timeout", 0.0) or None,
            "statement_timeout": self._seconds("statement_timeout", settings.statement_timeout),
            "lock_timeout": self._seconds("lock_timeout", settings.lock_timeout),
            "retry": self._retry(),
            "scope": self._scope(kind, probes),
            "targets": read_selector(node.get("targets")),
            "requires": read_requires(node.get("requires")),
            "applies_if": text_of(node.get("applies_if")),
            "precondition": text_of(node.get("precondition")),
            "hold": self._hold(),
            "on_gone": cast("Literal['ok', 'warning', 'critical']", text_of(node.get("on_gone"), "ok")),
            "remind_every": self._seconds("remind_every", settings.remind_every),
        }

    def _schedule(self) -> Schedule | None:
        node = self._node.get("schedule")
        if not isinstance(node, Scalar):
            return None
        timezone = text_of(self._node.get("timezone"), self._settings.timezone)
        try:
            schedule = parse_schedule(node.text, timezone)
        except ScheduleError as error:
            zone_node = self._node.get("timezone")
            about_zone = zone_node is not None and "time zone" in error.message
            span = zone_node.span if zone_node is not None and about_zone else node.span
            self._context.complain("bad-schedule", span, error.message, error.hint)
            if about_zone:
                self._try_words(node)
            return None
        for sentence in advice(schedule):
            self._context.advise("schedule-advice", node.span, sentence)
        return schedule

    def _try_words(self, node: Scalar) -> None:
        """A wrong time zone does not hide what is wrong with the words beside it."""
        try:
            parse_schedule(node.text)
        except ScheduleError as error:
            self._context.complain("bad-schedule", node.span, error.message, error.hint)

    def _catch_up(self) -> float:
        node = self._node.get("catch_up")
        if isinstance(node, Scalar) and node.value in ("no", False):
            return 0.0
        return self._seconds("catch_up", _DAY)

    def _window(self, declared: frozenset[str]) -> Window | None:
        node = self._node.get("window")
        if not isinstance(node, Scalar):
            return None
        if node.text not in declared:
            hint = suggest(node.text, declared, "window in runner.yaml")
            self._context.complain("unknown-window", node.span, f"there is no window `{node.text}`", hint)
        elif node.text not in self._settings.windows:
            # The window itself has been complained about; the job must not run without it.
            self._context.failed = True
        return self._settings.windows.get(node.text)

    def _retry(self) -> Retry:
        node = self._node.get("retry")
        if not isinstance(node, MappingNode):
            return Retry()
        times = value_of(node.get("times"))
        return Retry(times=times if isinstance(times, int) else 0, wait=self._duration(node.get("wait"), Retry().wait))

    def _scope(self, kind: JobKind, probes: Mapping[str, ProbeType]) -> Scope:
        probe = probes.get(text_of(self._node.get("probe")))
        natural = Scope.HOST if probe is not None and not probe.needs_server else kind.scope
        wanted = text_of(self._node.get("for_each"))
        if not wanted:
            return natural
        if natural is Scope.HOST:
            span = self._node.key_span("for_each")
            message = "this job runs on this machine, not on a server, so `for_each` means nothing"
            self._context.complain("bad-value", span, message, "remove the key")
        return Scope(wanted)

    def _hold(self) -> Hold:
        node = self._node.get("for")
        if not isinstance(node, Scalar):
            return Hold()
        if match := re.fullmatch(r"\s*([0-9]{1,6})\s+runs?\s*", node.text):
            return Hold(runs=max(1, int(match[1])))
        return Hold(seconds=self._seconds("for", 0.0))

    def _seconds(self, key: str, default: float) -> float:
        return self._duration(self._node.get(key), default)

    def _duration(self, node: Node | None, default: float) -> float:
        try:
            return seconds_of(node, default)
        except ScheduleError as error:
            if node is not None:
                self._context.complain("bad-schedule", node.span, error.message, error.hint)
            return default


def read_requires(node: Node | None) -> Requires:
    """`version`, `role`, `extension`, `setting`, `grant`, each also as a list or a map where that makes sense."""
    if not isinstance(node, MappingNode):
        return Requires()
    return Requires(
        version=_version(text_of(node.get("version"))),
        role=cast("Literal['primary', 'standby'] | None", text_of(node.get("role")) or None),
        extensions=_table(node.get("extension"), ""),
        settings=_table(node.get("setting"), "on"),
        grants=texts_of(node.get("grant")),
    )


def _version(text: str) -> tuple[int, int | None] | None:
    match = re.fullmatch(r"([0-9]+)(?:(\+)|\s*-\s*([0-9]+))?", text)
    if not match:
        return None
    low = int(match[1])
    return low, None if match[2] else int(match[3] or low)


def _table(node: Node | None, default: str) -> dict[str, str]:
    if isinstance(node, MappingNode):
        return {name: _setting(entry.node) or default for name, entry in node.entries.items()}
    return dict.fromkeys(texts_of(node), default)


def _setting(node: Node) -> str:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return "on" if node.value else "off"
    return text_of(node)
