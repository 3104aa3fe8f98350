"""What the probe of amcheck makes of answers; damaged pages of a real server are with the catalogue's tests."""

from __future__ import annotations

import pytest

from runner.api import Answer, QueryError, Row, Rows, RunnerError
from runner.probes import amcheck
from tests.kinds.support import Context
from tests.probes.test_probes import columns

COLUMNS = ("relation", "schema", "name", "kind", "functions", "large")
FOUND = Rows(columns=("found",), rows=((None,),))


def look(*answers: Answer, large: int = 0) -> list[Row]:
    """The rows for so many relations with these answers, and `large` ones that nobody reads."""
    listed = [(number, "s", f"t{number}", "table", "ext", False) for number in range(len(answers))]
    listed += [(number, "s", f"l{number}", "index", "ext", True) for number in range(large)]
    conversation = amcheck.fetch(Context(databases=("shop",), params={"max_size": "5MB"}), {"seconds": 7})
    [question] = next(conversation)
    assert (question.database, question.params) == ("shop", {"max_size": "5MB"})
    queries = conversation.send([Rows(columns=COLUMNS, rows=tuple(listed))])
    assert {(query.database, query.timeout, query.params["functions"]) for query in queries} == {("shop", 7.0, "ext")}
    with pytest.raises(StopIteration) as end:
        conversation.send(list(answers))
    rows = list(end.value.value)
    assert all(set(row) == columns("amcheck") for row in rows)
    return rows


def test_sound_damaged_and_not_read() -> None:
    rows = look(
        FOUND,
        Rows(columns=("found",), rows=(("block 3: xmin 7",),)),
        QueryError(message='item order invariant violated for index "i"', sqlstate="XX002"),
        QueryError(message="invalid page in block 1", sqlstate="XX001"),
        QueryError(message="canceling statement due to lock timeout", sqlstate="55P03"),
        QueryError(message="canceling statement due to statement timeout", sqlstate="57014"),
        QueryError(message="server closed the connection"),
        large=2,
    )
    assert [row["sound"] for row in rows] == [True, False, False, False, None, None, None]
    assert [str(row["told"])[:22] for row in rows] == [
        "", "block 3: xmin 7", "item order invariant v", "invalid page in block ", "is locked and was not ", "was not read within th",
        "server closed the conn",
    ]  # fmt: skip
    assert {row["left_out"] for row in rows} == {2}


def test_what_was_dropped_meanwhile_is_not_there() -> None:
    gone = QueryError(message="could not open relation with OID 7", sqlstate="XX000")
    assert [row["name"] for row in look(FOUND, gone)] == ["t0"]


def test_a_database_that_does_not_say_what_it_has() -> None:
    conversation = amcheck.fetch(Context(databases=("shop",)), {})
    next(conversation)
    with pytest.raises(RunnerError, match="the relations of shop cannot be listed: no"):
        conversation.send([QueryError(message="no")])
