"""Many targets by one of their labels: how many of each value are how well, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field

from runner.model.state import State
from runner.records import dataclass

WITHOUT = "(none)"
"""The value of targets that do not have the label."""
MOST_VALUES = 40
"""A label with more values than that tells targets apart instead of grouping them."""
_SHOWN = (State.CRITICAL, State.UNKNOWN, State.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The targets with one value of the label; `silent` are those of which nothing is known yet."""

    value: str
    targets: int
    states: Mapping[State, int] = field(default_factory=dict)
    silent: int = 0

    @property
    def rank(self) -> tuple[int, ...]:
        """Smaller is worse: who has the most targets in the worst state comes first."""
        return (*(-self.states.get(state, 0) for state in _SHOWN), -self.silent)

    @property
    def well(self) -> int:
        """Targets that are looked at and have no problem."""
        return self.targets - self.silent - sum(self.states.get(state, 0) for state in _SHOWN)

    @property
    def words(self) -> str:
        """`3 critical, 1 warning of 250`."""
        parts = [f"{self.states[state]:,} {state.value}" for state in _SHOWN if self.states.get(state)]
        parts += [f"{self.silent:,} not looked at"] if self.silent else []
        return f"{', '.join(parts) or 'all well'} of {self.targets:,}"


def by_label(label: str, labels: Mapping[str, Mapping[str, str]], states: Mapping[str, State]) -> tuple[Part, ...]:
    """One part for each value. `labels` are those of each target, `states` the worst state of those that were seen."""
    found: dict[str, list[State | None]] = {}
    for name, own in labels.items():
        found.setdefault(own.get(label, WITHOUT), []).append(states.get(name))
    parts = [
        Part(
            value=value,
            targets=len(seen),
            states=Counter(state for state in seen if state is not None),
            silent=sum(state is None for state in seen),
        )
        for value, seen in found.items()
    ]
    return tuple(sorted(parts, key=lambda part: (*part.rank, part.value)))


def worst_of(results: Iterable[tuple[str, State]]) -> dict[str, State]:
    """The worst state of each target."""
    found: dict[str, State] = {}
    for target, state in results:
        if target not in found or state.rank > found[target].rank:
            found[target] = state
    return found


def telling_label(labels: Iterable[Mapping[str, str]]) -> str:
    """The label that groups best: that the most targets have, with the most values, but not more than a page can show.

    Empty when no label has two values.
    """
    owned = list(labels)
    values: dict[str, Counter[str]] = {}
    for own in owned:
        for key, value in own.items():
            values.setdefault(key, Counter())[value] += 1
    fit = {key: seen for key, seen in values.items() if 2 <= len(seen) <= min(MOST_VALUES, max(2, len(owned) // 2))}
    return max(fit, key=lambda key: (fit[key].total(), len(fit[key]), [-ord(sign) for sign in key]), default="")
