"""Rows of sources to targets: what can be used is, what cannot is told without a value that may be a secret."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from runner.api import TargetRow
from runner.config.found import MOST_TARGETS, found_in
from runner.errors import ConfigurationError
from runner.model.inventory import FoundTarget
from runner.model.target import DatabaseFilter


def rows(*values: dict[str, Any]) -> list[TargetRow]:
    return [TargetRow(values=item) for item in values]


@pytest.mark.parametrize(
    ("row", "target"),
    [
        ({"name": "a", "host": "h", "port": 5433}, FoundTarget(name="a", options={"host": "h", "port": "5433"})),
        ({"name": "a", "host": "h", "port": Decimal(5433)}, FoundTarget(name="a", options={"host": "h", "port": "5433"})),
        ({"name": "a", "host": "h", "port": None, "user": ""}, FoundTarget(name="a", options={"host": "h"})),
        ({"name": "a", "dsn": "postgresql://u:p@h:1/d", "user": "v"},
         FoundTarget(name="a", options={"host": "h", "port": "1", "dbname": "d", "user": "v", "password": "p"})),
        ({"name": "a", "host": "h", "labels": {"env": "prod", "old": True}, "label_net": "dmz", "label_x": None},
         FoundTarget(name="a", options={"host": "h"}, labels={"env": "prod", "old": "true", "net": "dmz"})),
        ({"name": "a", "host": "h", "labels": '{"env": "prod"}', "params": '{"most": 3}'},
         FoundTarget(name="a", options={"host": "h"}, labels={"env": "prod"}, params={"most": 3})),
        ({"name": "a", "host": "h", "databases": {"exclude": ["t*"]}, "x_note": "n"},
         FoundTarget(name="a", options={"host": "h"}, databases=DatabaseFilter(exclude=("t*",)))),
    ],
)  # fmt: skip
def test_a_row_that_is_right(row: dict[str, Any], target: FoundTarget) -> None:
    found = found_in(rows(row), {})
    assert found.complaints == ()
    [one] = found.targets
    assert {name: getattr(one, name) for name in ("name", "options", "labels", "databases", "params")} == {
        name: getattr(target, name) for name in ("name", "options", "labels", "databases", "params")
    }


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"host": "h"}, "row 1: it has no name"),
        ({"name": "a b", "host": "h"}, "row 1: `a b` must be a name of letters"),
        ({"name": "a\x1b[31m", "host": "h"}, "row 1: `a\ufffd[31m` must be a name"),
        ({"name": 7, "host": "h"}, "row 1: `7` must be a name"),
        ({"name": "a" * 101, "host": "h"}, "at most 100 characters"),
        ({"name": "a"}, "row 1: `a` has no host"),
        ({"name": "a", "host": None}, "row 1: `a` has no host"),
        ({"name": "a", "host": "h", "port": "geheim"}, "row 1: the port of `a` is not a number from 1 to 65535"),
        ({"name": "a", "host": "h", "port": 70000}, "row 1: the port of `a` is not a number from 1 to 65535"),
        ({"name": "a", "host": "h\ngeheim"}, "row 1: `host` is too long or has characters that cannot be seen"),
        ({"name": "a", "host": "h", "password": ["geheim"]}, "row 1: `password` is not a text"),
        ({"name": "a", "host": "h", "user": True}, "row 1: `user` is not a text"),
        ({"name": "a", "dsn": "postgresql://u:geheim%zz@h"}, "row 1: `dsn`: the connection URL has a %"),
        ({"name": "a", "host": "h", "labels": "geheim"}, "row 1: `labels` is not JSON"),
        ({"name": "a", "host": "h", "labels": {"a": {"b": 1}}}, "row 1: `labels` is not a mapping of texts and numbers"),
        ({"name": "a", "host": "h", "labels": {"a\u202e": "b"}}, "row 1: `labels` is too long or has characters"),
        ({"name": "a", "host": "h", "databases": ["x"]}, "row 1: `databases` is not a mapping"),
    ],
)  # fmt: skip
def test_a_row_that_is_wrong(row: dict[str, Any], told: str) -> None:
    found = found_in(rows(row), {})
    assert found.targets == ()
    [complaint] = found.complaints
    assert told in complaint
    assert "geheim" not in complaint


def test_defaults_may_have_the_host() -> None:
    assert [item.name for item in found_in(rows({"name": "a"}), {"host": "h"}).targets] == ["a"]


def test_a_name_that_stands_twice() -> None:
    found = found_in(rows({"name": "a", "host": "first"}, {"name": "a", "host": "second"}), {})
    assert [item.options["host"] for item in found.targets] == ["first"]
    assert found.complaints == ("row 2: the target `a` is there already (row 1)",)


def test_a_row_that_is_wrong_leaves_the_target_as_it_was_known() -> None:
    known = FoundTarget(name="a", options={"host": "h"})
    found = found_in(rows({"name": "a", "host": "h", "port": "x"}), {}, [known, FoundTarget(name="gone")])
    assert found.targets == (known,)
    assert len(found.complaints) == 1


def test_a_column_that_says_nothing_is_told_once() -> None:
    found = found_in(rows(*({"name": f"t{number}", "host": "h", "hots": "x"} for number in range(3))), {})
    assert len(found.targets) == 3
    assert found.complaints == ("`hots` says nothing about a target: did you mean `host`?",)


def test_more_rows_than_anybody_has() -> None:
    many = (TargetRow(values={"name": f"t{number}", "host": "h"}) for number in range(MOST_TARGETS + 1))
    with pytest.raises(ConfigurationError, match="more than 20,000 targets"):
        found_in(many, {})


def test_what_is_no_row() -> None:
    with pytest.raises(ConfigurationError, match="item 1 of what it returned is no TargetRow"):
        found_in([{"name": "a"}], {})  # type: ignore[list-item]
