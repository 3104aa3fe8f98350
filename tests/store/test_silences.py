"""Silences that are kept in the store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.errors import StoreError
from runner.model.home import Silence
from runner.model.target import Selector
from runner.store.base import Store
from tests.store.make import T0, hours

SILENCE = Silence(
    jobs=("dead-*", "locks"), reason="größer", author="ana", at=T0, until=hours(2), keys=("public.*",),
    targets=Selector(names=("main", "db?")),
)  # fmt: skip


def test_silences_come_back_with_an_id_and_end_by_themselves(store: Store) -> None:
    longer = replace(SILENCE, at=hours(1), until=hours(5))
    assert [store.add_silence(SILENCE, T0), store.add_silence(longer, hours(1))] == ["s1", "s2"]
    assert store.silences(hours(1)) == (replace(SILENCE, id="s1"), replace(longer, id="s2"))
    assert [item.id for item in store.silences(hours(2))] == ["s2"]
    assert store.silences(hours(5)) == ()


def test_silences_are_removed_and_no_number_is_given_twice(store: Store) -> None:
    for _ in range(3):
        store.add_silence(SILENCE, T0)
    store.remove_silences(["s1", "s3", "s99"])
    assert [item.id for item in store.silences(T0)] == ["s2"]
    assert store.add_silence(SILENCE, T0) == "s4"


def test_more_than_nine_stand_in_the_order_in_which_they_were_set(store: Store) -> None:
    names = [store.add_silence(replace(SILENCE, at=hours(number / 100)), T0) for number in range(11)]
    assert [item.id for item in store.silences(T0)] == names


def test_a_silence_without_an_end_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="without an end"):
        store.add_silence(replace(SILENCE, until=None), T0)


def test_pruning_forgets_what_ended_long_ago(store: Store) -> None:
    store.add_silence(SILENCE, T0)
    store.add_silence(replace(SILENCE, until=hours(1000)), T0)
    store.prune(hours(100), 3600.0, 3600.0)
    assert [item.id for item in store.silences(T0)] == ["s2"]
