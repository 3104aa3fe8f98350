"""Places: never more at work than there are, and none held by who waits for a silent server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from runner.engine import places as module
from runner.engine.places import Places, share_out


class Counter:
    """How many are at work, and how many were at most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


def together(*works: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), "a thread waits for a place that nobody gives"


@pytest.mark.parametrize("count", [1, 3])
def test_never_more_than_there_are(count: int) -> None:
    places, counter = Places(count), Counter()

    def work() -> None:
        assert places.take()
        with counter:
            time.sleep(0.01)
        places.give()

    together(*[work] * 12)
    assert counter.most == count


def test_who_waits_long_lends_its_place_and_gets_one_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    places, counter, silent = Places(1), Counter(), threading.Event()
    order: list[str] = []

    def waits() -> None:
        places.take()
        with places.waiting():
            silent.wait(10)
        with counter:
            order.append("waited")
        places.give()

    def works() -> None:
        places.take()
        with counter:
            order.append("worked")
            silent.set()
            time.sleep(0.1)
        places.give()

    first = threading.Thread(target=waits)
    first.start()
    while places.take(0):
        places.give()
    together(works, works)
    first.join(10)
    assert sorted(order) == ["waited", "worked", "worked"]
    assert counter.most == 1
    assert places.take(0), "all were given back"
    assert not places.take(0)


def test_who_waits_shortly_keeps_its_place() -> None:
    places = Places(1)
    places.take()
    with places.waiting():
        assert not places.take(0)
    assert not places.take(0)


def test_not_more_than_so_many_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    places, silent, waiting = Places(1), threading.Event(), Counter()

    def waits() -> None:
        places.take()
        with places.waiting(), waiting:
            silent.wait(10)
        places.give()

    threads = [threading.Thread(target=waits) for _ in range(6)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 5
    while waiting.now < 3 and time.monotonic() < end:
        time.sleep(0.005)
    assert waiting.now == 3, "one has the place, two have lent theirs"
    silent.set()
    for thread in threads:
        thread.join(10)
    assert waiting.most == 3


def test_nobody_waits_for_a_place_once_all_is_stopped() -> None:
    places = Places(1)
    places.take()
    waiter = threading.Thread(target=places.take)
    waiter.start()
    places.open()
    waiter.join(10)
    assert not waiter.is_alive()


@pytest.mark.parametrize(("count", "most", "expected"), [(4, 3, 3), (2, 8, 2), (1, 8, 1)])
def test_shared_work_keeps_its_order_and_its_limits(count: int, most: int, expected: int) -> None:
    places, counter = Places(count), Counter()
    places.take()

    def work(task: int) -> int:
        with counter:
            time.sleep(0.005)
        return task * task

    assert share_out(range(30), work, places, most, "test") == [task * task for task in range(30)]
    assert counter.most == expected
    assert all(places.take(0) for _ in range(count - 1))
    assert not places.take(0)


def test_an_error_in_shared_work_comes_out() -> None:
    places = Places(3)
    places.take()
    with pytest.raises(ZeroDivisionError):
        share_out([1, 0, 1, 0], lambda task: 1 // task, places, 3, "test")
    assert places.take(0), "the helpers gave theirs back"
