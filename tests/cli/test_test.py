"""`runner test` as it is typed."""

from __future__ import annotations

from pathlib import Path

from tests.app.homes import TempHome
from tests.cli.support import runner

CHECK = """
check: used
columns: {used: count}
sql: select 1 as used
warning: used > 5
tests:
  - {name: calm, rows: [{used: 1}], expect: ok}
  - {name: wrong, rows: [{used: 9}], expect: ok}
  - {name: real, given: select 1, expect: ok}
"""


def home(tmp_path: Path, check: str = CHECK) -> Path:
    return TempHome.make(tmp_path / "home", {"host": "/nowhere"}, {"group.yaml": check}).path


def test_what_failed_and_what_was_not_run_is_told(tmp_path: Path) -> None:
    said = runner("test", home=home(tmp_path))
    assert (said.code, said.err) == (1, "")
    assert (
        said.out
        == """\
FAILED used: wrong  (checks.d/group.yaml:8:5)
  the state is warning, expected ok (used (9) > 5)
not run used: real  (checks.d/group.yaml:9:5): needs --database
1 passed, 1 failed, 1 not run (needs --database)
"""
    )


def test_what_was_not_run_is_no_failure(tmp_path: Path) -> None:
    said = runner("test", home=home(tmp_path, CHECK.replace("rows: [{used: 9}], expect: ok", "expect: ok")))
    assert said.code == 0
    assert said.out.endswith("2 passed, 0 failed, 1 not run (needs --database)\n")


def test_with_a_database_everything_is_run(tmp_path: Path) -> None:
    said = runner("test", "--database", home=home(tmp_path, CHECK.replace("{used: 9}", "{used: 2}")))
    assert (said.code, said.out) == (0, "3 passed, 0 failed\n")


def test_other_formats(tmp_path: Path) -> None:
    place = home(tmp_path)
    tests = runner("test", "--json", home=place).json()["tests"]
    assert [(item["name"], item["passed"], item["not_run"]) for item in tests] == [
        ("calm", True, ""), ("wrong", False, ""), ("real", False, "needs --database"),
    ]  # fmt: skip
    assert runner("test", "--format", "json", home=place).json()["schema"] == "runner.tests/1"
    said = runner("test", "--format", "junit", home=place)
    assert said.code == 1
    assert said.out.startswith('<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="runner test" tests="3"')


def test_a_server_version_without_a_database_is_wrong_usage(tmp_path: Path) -> None:
    assert runner("test", "--pg-version", "16", home=home(tmp_path)).code == 64
