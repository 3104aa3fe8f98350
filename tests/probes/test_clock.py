"""The probe of the server's clock: only a difference that the network cannot explain is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from runner.api import QueryError, Row, Rows, RunnerError
from runner.probes import clock
from runner.probes.registered import PROBES
from tests.kinds.support import SLOT, Context


@dataclass
class Ticking:
    """A host whose clock is read at these seconds, one after the other."""

    seconds: Iterator[float]

    @property
    def now(self) -> datetime:
        return SLOT + timedelta(seconds=next(self.seconds))


def measured(server: tuple[float, ...], host: tuple[float, ...]) -> Row:
    conversation = clock.fetch(Ticking(iter(host)), {})  # type: ignore[arg-type]
    next(conversation)
    for index, seconds in enumerate(server):
        answer = Rows(columns=("server_time",), rows=((SLOT + timedelta(seconds=seconds),),))
        try:
            conversation.send([answer])
        except StopIteration as stop:
            assert index == len(server) - 1
            [found] = stop.value
            return dict(found)
    raise AssertionError("it asked more often")


@pytest.mark.parametrize(
    ("server", "host", "skew", "direction"),
    [
        ((1, 11, 21), (0, 2, 10, 12, 20, 22), 0, "equal"),
        # The first answer came late, together with others: the quick ones decide.
        ((30, 61, 71), (0, 60, 60, 60.1, 70, 70.1), 0, "equal"),
        ((107, 117, 127), (0, 1, 10, 11, 20, 21), 106, "ahead of"),
        ((-7, 3, 13), (0, 1, 10, 10, 20, 20), 7, "behind"),
    ],
)
def test_what_lies_outside_question_and_answer(
    server: tuple[float, ...], host: tuple[float, ...], skew: float, direction: str
) -> None:
    found = measured(server, host)
    assert (found["skew"], found["direction"]) == (skew, direction)
    assert set(found) == {column for probe in PROBES if probe.name == "clock" for column in probe.columns}


def test_a_clock_that_cannot_be_read() -> None:
    conversation = clock.fetch(Context(), {})
    next(conversation)
    with pytest.raises(RunnerError, match="the server's clock cannot be read: gone"):
        conversation.send([QueryError(message="gone")])
