"""The columns that a query can have, from its text."""

from __future__ import annotations

import pytest

from runner.kinds.check.columns import named_columns


@pytest.mark.parametrize(
    ("sql", "has", "lacks"),
    [
        ("select Count(*) as Used from t", {"used", "count", "t"}, {"Used", "Count", "select", "from"}),
        ('select a as "table", b "order", "Mixed" from "my t"', {"table", "order", "Mixed", "my t", "a"}, {"mixed"}),
        ("select 1 as end", {"end"}, {"select"}),
        ("select case when x then 'no' end from t -- later", {"case", "x"}, {"no", "later", "when", "end"}),
        ("select left(a, 1), array[1], current_date", {"left", "array", "current_date"}, set()),
        ("select a -- the b\n, /* the c */ d", {"a", "d"}, {"b", "c"}),
        ("select a * 2 as b, count(*) from t", {"a", "b"}, set()),
    ],
)
def test_names(sql: str, has: set[str], lacks: set[str]) -> None:
    found = named_columns([sql])
    assert found is not None
    assert has <= found
    assert not lacks & found


@pytest.mark.parametrize(
    "sql",
    [
        "select * from t", "select distinct * from t", "select distinct on (a) * from t", "select all * from t",
        "select t.* from t", "select a, * from t", "select (f()).* ", "table t", "with a as (table t) select 1",
        "with a as (delete from t returning *) select 1", "",
    ],
)  # fmt: skip
def test_what_a_star_brings_is_not_known(sql: str) -> None:
    assert named_columns([sql]) is None


def test_every_variant_counts() -> None:
    assert named_columns(["select a", "select b"]) == {"a", "b"}
    assert named_columns(["select a", "select *"]) is None
    assert named_columns([]) is None
