"""Targets by one of their labels, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.api import State
from runner.app.status import Status
from runner.cli.console import say, say_table
from runner.model.fleet import Part, by_label, worst_of

_STATES = (State.CRITICAL, State.UNKNOWN, State.WARNING)


def parts_of(known: Status, label: str, labels: Mapping[str, Mapping[str, str]]) -> tuple[Part, ...]:
    """The targets by the label, the worst first; what is overdue counts as not looked at."""
    states = worst_of((result.target, result.state) for result in known.results)
    for _, target in known.overdue:
        if target in states and not states[target].is_problem:
            del states[target]
    return by_label(label, labels, states)


def say_parts(label: str, parts: Sequence[Part], limit: int) -> None:
    """A line for each value."""
    shown = parts[:limit] if limit else parts
    rows = [
        (
            part.value,
            *(f"{part.states[state]:,}" if part.states.get(state) else "" for state in _STATES),
            f"{part.well:,}" if part.well else "",
            f"{part.silent:,}" if part.silent else "",
            f"{part.targets:,}",
        )
        for part in shown
    ]
    say()
    say_table((label, *(state.value for state in _STATES), "ok", "not looked at", "targets"), rows)
    say_more(len(parts) - len(shown))


def say_more(count: int) -> None:
    """What a limit left out."""
    if count > 0:
        say(f"and {count:,} more (--limit 0 shows all)")


def plain_part(part: Part) -> dict[str, Any]:
    """A part as JSON."""
    return {
        "value": part.value, "targets": part.targets, "ok": part.well, "not_looked_at": part.silent,
        **{state.value: part.states.get(state, 0) for state in _STATES},
    }  # fmt: skip
