"""The target `main` of the environment, and targets of runner.yaml."""

from __future__ import annotations

import pytest

from runner.config.environment import Environment
from runner.config.targets import implicit_main, read_targets
from runner.model.diagnostic import Diagnostic
from runner.model.node import built_in
from runner.model.secret import Secret

LOCAL = {"host": "localhost", "dbname": "postgres", "user": "postgres"}


@pytest.mark.parametrize(
    ("real", "from_file", "options"),
    [
        ({}, {}, LOCAL),
        ({"DATABASE_HOST": "db1", "DATABASE_PASSWORD": "pw"}, {}, {**LOCAL, "host": "db1", "password": Secret("pw")}),
        ({"DATABASE_URL": "postgresql://u:p@h:1/d"}, {},
         {"host": "h", "port": "1", "dbname": "d", "user": "u", "password": Secret("p")}),
        ({"DATABASE_URL": "postgresql://u:p@h:1/d", "DATABASE_PORT": "2", "DATABASE_USER": "v"}, {},
         {"host": "h", "port": "2", "dbname": "d", "user": "v", "password": Secret("p")}),
        ({"PGHOST": "pg", "PGUSER": "u"}, {}, {"dbname": "postgres"}),
        ({"PGHOST": "pg", "DATABASE_HOST": "db1"}, {}, LOCAL | {"host": "db1"}),
        ({"PGSERVICE": "x"}, {}, {}),
        ({"PGHOSTADDR": "10.0.0.1"}, {}, {"dbname": "postgres", "user": "postgres"}),
        ({}, {"PGHOST": "pg", "PGPASSWORD": "pw"}, LOCAL | {"host": "pg", "password": Secret("pw")}),
        ({"PGHOST": "real"}, {"PGHOST": "file"}, {"dbname": "postgres", "user": "postgres"}),
        ({}, {"PGSERVICE": "x"}, {"service": "x"}),
        ({"DATABASE_HOST": "real"}, {"DATABASE_HOST": "file"}, LOCAL | {"host": "real"}),
    ],
)  # fmt: skip
def test_main_from_the_environment(real: dict[str, str], from_file: dict[str, str], options: dict[str, object]) -> None:
    found: list[Diagnostic] = []
    assert implicit_main(Environment(real=real, from_files=from_file), found.append).options == options
    assert found == []


def test_a_broken_database_url_is_named_not_shown() -> None:
    found: list[Diagnostic] = []
    implicit_main(Environment(real={"DATABASE_URL": "postgresql://u:hunter2%zz@h"}), found.append)
    assert [item.code for item in found] == ["bad-dsn"]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("name", "written", "options"),
    [
        ("main", {"host": "h"}, {**LOCAL, "host": "h", "port": "7", "password": Secret("pw")}),
        ("main", {"host": "h", "port": 5433}, {**LOCAL, "host": "h", "port": "5433", "password": Secret("pw")}),
        ("main", {"service": "s"}, {"service": "s"}),
        ("other", {"host": "h"}, {"host": "h"}),
        ("other", {"dsn": "postgresql://u:p@h/d", "port": 9, "user": "v"},
         {"host": "h", "dbname": "d", "user": "v", "port": "9", "password": Secret("p")}),
    ],
)  # fmt: skip
def test_targets_of_the_file(name: str, written: dict[str, object], options: dict[str, object]) -> None:
    found: list[Diagnostic] = []
    environment = Environment(real={"DATABASE_PORT": "7", "DATABASE_PASSWORD": "pw"})
    targets = read_targets(built_in({name: written}), environment, found.append)
    assert targets[name].options == options
    assert found == []


def test_what_is_ours_beside_the_connection() -> None:
    written = {"labels": {"env": "prod", "tier": 1}, "databases": {"exclude": ["t*"]}, "params": {"x": 2}}
    target = read_targets(built_in({"a": written}), Environment(), [].append)["a"]
    assert target.labels == {"env": "prod", "tier": "1"}
    assert (target.databases.admits("shop"), target.databases.admits("temp")) == (True, False)
    assert target.params == {"x": 2}
