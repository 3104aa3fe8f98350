"""Many targets by a label: the worst first, and which label tells them apart."""

from __future__ import annotations

import pytest

from runner.model.fleet import by_label, telling_label, worst_of
from runner.model.state import State

LABELS = {
    "a": {"net": "dmz", "env": "prod"}, "b": {"net": "dmz", "env": "prod"}, "c": {"net": "office", "env": "prod"},
    "d": {"net": "office"}, "e": {},
}  # fmt: skip


def test_the_worst_part_comes_first_and_every_target_is_counted_once() -> None:
    states = {"a": State.WARNING, "b": State.OK, "c": State.CRITICAL, "d": State.LEARNING}
    parts = by_label("net", LABELS, states)
    assert [(part.value, part.words) for part in parts] == [
        ("office", "1 critical of 2"), ("dmz", "1 warning of 2"), ("(none)", "1 not looked at of 1"),
    ]  # fmt: skip
    assert [(part.well, part.silent) for part in parts] == [(1, 0), (1, 0), (0, 1)]


def test_a_target_is_as_bad_as_its_worst_job() -> None:
    pairs = [("a", State.OK), ("a", State.CRITICAL), ("a", State.WARNING), ("b", State.SKIPPED)]
    assert worst_of(pairs) == {"a": State.CRITICAL, "b": State.SKIPPED}


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        ([], ""),
        ([{"env": "prod"}] * 9, ""),
        ([{"env": "prod", "id": str(number)} for number in range(99)], ""),
        ([{"env": "prod" if number % 2 else "test", "id": str(number)} for number in range(99)], "env"),
        ([{"env": "prod" if number % 2 else "test", "net": str(number % 5)} for number in range(99)], "net"),
        ([{"b": str(number % 2), "a": str(number % 2)} for number in range(9)], "a"),
    ],
)
def test_the_label_that_tells_the_most(labels: list[dict[str, str]], label: str) -> None:
    assert telling_label(labels) == label
