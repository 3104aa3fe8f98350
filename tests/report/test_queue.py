"""The order of deliveries: lines of groups, the breaker, and that nothing waits without a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from runner.model.report import Waiting
from runner.report.queue import IN_A_ROW, Fate, Pass, Wait, turns

NOW = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)


def items(*words: str) -> list[Waiting]:
    """`a` never tried, `a1` due after one failure, `a1+` after one failure and not due yet."""
    return [
        Waiting(
            id=f"{number}", report=f"r{number}", group=word[0], sink="s", attempts=int(word[1:].rstrip("+") or 0),
            next_try=NOW + timedelta(minutes=5 if word.endswith("+") else 0),
        )
        for number, word in enumerate(words)
    ]  # fmt: skip


B, N, R = Wait.BEHIND, Wait.NOT_YET, Wait.BREAKER


@pytest.mark.parametrize(
    ("words", "now", "waits"),
    [
        ([], [], {}),
        (["a", "b", "c"], [0, 1, 2], {}),
        (["a", "a", "b", "a"], [0, 2], {1: B, 3: B}),
        (["a1", "a", "b"], [0, 2], {1: B}),
        (["a1+", "a", "b"], [2], {0: N, 1: B}),
        (["a1+", "b1+", "c"], [2], {0: N, 1: N}),
        (["a1", "b1", "c1", "d1"], [0], {1: R, 2: R, 3: R}),
        (["a4", "b1+", "c2", "c"], [2], {0: R, 1: N, 3: B}),
        (["a1+", "b1+", "c1+"], [], {0: N, 1: N, 2: N}),
        (["a3", "b3", "c3", "d", "e"], [3], {0: R, 1: R, 2: R, 4: R}),
        (["a3", "a3", "a3", "b"], [0, 3], {1: B, 2: B}),
    ],
)
def test_whose_turn_it_is(words: list[str], now: list[int], waits: dict[int, Wait]) -> None:
    decided = turns(items(*words), NOW)
    assert [int(item.id) for item in decided.now] == now
    assert {int(name): wait for name, wait in decided.waits.items()} == waits


@pytest.mark.parametrize(
    ("attempts", "ahead", "is_due"),
    [(1, timedelta(hours=1), False), (1, timedelta(hours=1, seconds=1), True), (0, timedelta(minutes=5), True)],
)
def test_a_clock_that_was_ahead_makes_nothing_wait_longer_than_a_pause(
    attempts: int, ahead: timedelta, is_due: bool
) -> None:
    item = Waiting(id="0", report="r", group="a", sink="s", attempts=attempts, next_try=NOW + ahead)
    assert bool(turns([item], NOW).now) is is_due


def fated(words: list[str], fates: str) -> tuple[str, Pass]:
    """The ids in the order of their turns: `+` arrives, `-` fails, `x` is given up, `.` has nothing to tell."""
    one, order = Pass(items(*words), NOW), ""
    meaning = {"+": Fate.ARRIVED, "-": Fate.FAILED, "x": Fate.GIVEN_UP, ".": Fate.NOTHING_TO_TELL}
    for fate in fates:
        item = one.next()
        assert item is not None, order
        order += item.id
        one.tell(item, meaning[fate])
    return order, one


@pytest.mark.parametrize(
    ("words", "fates", "order"),
    [
        (["a", "b", "a"], "+++", "012"),
        (["a", "b", "a"], "-+", "01"),
        (["a", "a", "a"], "-", "0"),
        (["a", "a", "a"], "x+.", "012"),
        (list("abcdefg"), "---", "012"),
        (list("abcdefg"), "--+--+-", "0123456"),
        (list("abcdefg"), "--.-", "0123"),
        (list("aaaa"), "xxx", "012"),
        (["a5+", "b5+", "c5+", "d1", "a", "d"], "++++++", "350412"),
        (["a5", "b5", "c5", "d"], "-", "3"),
        (["a5", "b5", "c5", "d", "e", "f"], "+++---", "345012"),
        (["a1", "b1", "c1", "d"], ".-", "30"),
    ],
)
def test_a_pass(words: list[str], fates: str, order: str) -> None:
    made, one = fated(words, fates)
    assert made == order
    assert one.next() is None, "nothing more is tried"


def test_what_is_left_keeps_its_order_and_can_be_stopped() -> None:
    _, one = fated(["a", "b", "a", "b"], "-+")
    assert [item.id for item in one.left()] == ["0", "2", "3"]
    one.stop()
    assert one.next() is None


WORDS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 4), st.booleans()), max_size=20)


@settings(max_examples=300, deadline=None)
@given(WORDS, st.randoms(use_true_random=False))
def test_groups_keep_their_order_whatever_happens(drawn: list[tuple[str, int, bool]], random) -> None:
    given_items = items(*(f"{group}{tries}{'+' * late}" for group, tries, late in drawn))
    begin = turns(given_items, NOW)
    assert {item.id for item in begin.now} | set(begin.waits) == {item.id for item in given_items}
    assert not {item.id for item in begin.now} & set(begin.waits)
    one, done, row = Pass(given_items, NOW), [], 0
    while (item := one.next()) is not None:
        earlier = [other for other in given_items if other.group == item.group and int(other.id) < int(item.id)]
        assert all(other.id in done for other in earlier)
        fate = random.choice(list(Fate))
        row = 0 if fate is Fate.ARRIVED else row + (fate is not Fate.NOTHING_TO_TELL)
        assert row <= IN_A_ROW
        one.tell(item, fate)
        if fate is not Fate.FAILED:
            done.append(item.id)
    assert len(done) + len(one.left()) == len(given_items)
