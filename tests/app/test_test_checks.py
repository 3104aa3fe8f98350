"""The `tests:` blocks of checks: run after run, with given rows and on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent

import pytest

from runner.api import Target
from runner.app.junit import junit
from runner.app.test_checks import NEEDS_DATABASE, Verdict, cases, run_case
from runner.clock import SystemClock
from runner.demo.ground import ThrowAway
from runner.model.target import DatabaseFilter
from tests.app.homes import TempHome, block
from tests.postgres import Servers

CHECK = """
check: used
schedule: every 5min
key: [name]
columns: {used: count}
sql: select 'a' as name, 1 as used
warning: used > 90
critical: used > 99
message: "{{ name }} uses {{ used }}"
"""


def verdicts(path: Path, tests: str, check: str = CHECK, ground: Ground | None = None) -> list[Verdict]:
    home = TempHome.make(path / "home", {"host": "/nowhere"}, {"group.yaml": f"{check}tests:\n{block(tests)}"})
    loaded = home.load()
    return [run_case(case, loaded, SystemClock(), ground) for case in cases(loaded.home.jobs)]


class Ground:
    """Fresh databases of the test process's own server."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @contextmanager
    def fresh(self) -> Iterator[Target]:
        with self._servers.fresh_database() as database:
            name = database.name
            yield Target(name="test", options=database.options(), databases=DatabaseFilter(include=(name,)))


def row(used: object, name: str = "a") -> str:
    return f"[{{name: {name}, used: {used}}}]"


@pytest.mark.parametrize(
    ("expect", "complaints"),
    [
        ("critical", ()),
        ("{critical: [a]}", ()),
        ("{state: critical, message: a uses 100, messages: [a uses 100]}", ()),
        ("ok", ("the state is critical, expected ok (used (100) > 99)",)),
        (
            "{warning: [a]}",
            (
                "warning is nothing, expected a (used (100) > 99)",
                "critical is a, expected nothing (used (100) > 99)",
            ),
        ),
        ("{message: no}", ("no finding says `no`; they say a uses 100",)),
        ("{hint: no}", ("no hint says `no`; they say nothing",)),
        ("{messages: []}", ("the findings say `a uses 100`, expected nothing",)),
        ("{summary: all well}", ("the summary is `a uses 100`, expected `all well`",)),
        (
            "{pending: [a], critical: [a]}",
            ("pending is nothing, expected a (used (100) > 99)",),
        ),
    ],
)
def test_what_is_expected_of_one_run(tmp_path: Path, expect: str, complaints: tuple[str, ...]) -> None:
    (verdict,) = verdicts(tmp_path, f"- {{rows: {row(100)}, expect: {expect}}}")
    assert verdict.complaints == complaints
    assert verdict.passed is not bool(complaints)


def ticks(*lines: str) -> str:
    return "- ticks:\n" + indent("\n".join(f"- {{{line}}}" for line in lines), "    ")


def test_a_pending_finding_is_no_warning_yet(tmp_path: Path) -> None:
    (verdict,) = verdicts(
        tmp_path,
        ticks(
            f"rows: {row(95)}, expect: {{state: ok, pending: [a]}}",
            f"rows: {row(95)}, expect: {{state: warning, warning: [a]}}",
            "rows: [], expect: ok",
            f"rows: {row(95)}, expect: {{pending: [a]}}",
        ),
        f"{CHECK}for: 2 runs\n",
    )
    assert verdict.complaints == ()


def test_a_duration_of_for_is_counted_in_the_times_of_the_ticks(tmp_path: Path) -> None:
    (verdict,) = verdicts(
        tmp_path,
        ticks(
            f"at: '2026-03-04T03:00Z', rows: {row(95)}, expect: {{pending: [a]}}",
            f"at: +29min, rows: {row(95)}, expect: {{pending: [a]}}",
            f"at: +30min, rows: {row(95)}, expect: {{warning: [a]}}",
        ),
        f"{CHECK}for: 30min\n",
    )
    assert verdict.complaints == ()


def test_clear_keeps_a_problem_until_it_is_true(tmp_path: Path) -> None:
    (verdict,) = verdicts(
        tmp_path,
        ticks(
            f"rows: {row(80)}, expect: ok",
            f"rows: {row(95)}, expect: warning",
            f"rows: {row(80)}, expect: warning",
            f"rows: {row(40)}, expect: ok",
        ),
        f"{CHECK}clear: used < 50\n",
    )
    assert verdict.complaints == ()


@pytest.mark.parametrize(
    ("threshold", "then", "expected"),
    [
        ("delta(used) > 20", "history: [{ago: 1h, rows: ROWS}]", "warning"),
        ("delta(used) > 20", "history: []", "learning"),
        ("used > previous.used", "history: [{ago: 1d, rows: ROWS}]", "warning"),
        ("at(used, 1h) < 20", "history: [{ago: 1h 10min, rows: ROWS}]", "warning"),
        ("at(used, 1h) < 20", "history: [{ago: 30min, rows: ROWS}]", "learning"),
        ("max_over(used, 1h) < 20", "history: [{ago: 50min, rows: ROWS}]", "warning"),
        ("count_over(used, 1h) = 2", "history: [{ago: 2h, rows: ROWS}, {ago: 1h, rows: ROWS}, {ago: 1min, rows: ROWS}]",
         "warning"),
    ],
)  # fmt: skip
def test_history_is_what_came_before(tmp_path: Path, threshold: str, then: str, expected: str) -> None:
    check = CHECK.replace("used > 90", threshold).replace("critical: used > 99\n", "")
    (verdict,) = verdicts(
        tmp_path, f"- {{{then.replace('ROWS', row(10))}, rows: {row(50)}, expect: {expected}}}", check
    )
    assert verdict.complaints == ()


def test_complaints_name_the_run_when_there_are_several(tmp_path: Path) -> None:
    (verdict,) = verdicts(tmp_path, ticks(f"rows: {row(1)}, expect: ok", f"rows: {row(95)}, expect: ok"))
    assert verdict.complaints == ("run 2: the state is warning, expected ok (used (95) > 90)",)


def test_runs_that_go_back_in_time_are_complained_about(tmp_path: Path) -> None:
    (verdict,) = verdicts(tmp_path, ticks("ago: 1h, rows: [], expect: ok", "ago: 2h, rows: [], expect: ok"))
    assert verdict.complaints == ("run 2 is not after the run before it: the oldest stands first",)


@pytest.mark.parametrize(
    ("test", "code", "message"),
    [
        ("- {rows: []}", "missing-key", "this test expects nothing"),
        ("- ticks: [{ago: soon, rows: [], expect: ok}]", "bad-value", "`soon` is not a duration"),
        ("- ticks: [{at: late, rows: [], expect: ok}]", "bad-value", "`late` is not a time"),
        (
            "- ticks: [{at: +1h, ago: 1h, rows: [], expect: ok}]",
            "bad-value",
            "`ago` and `at` are two times for one run",
        ),
        ("- ticks: [{rows: [], expcet: ok}]", "unknown-key", "unknown key `expcet`"),
    ],
)
def test_a_test_that_makes_no_sense_is_a_diagnostic(tmp_path: Path, test: str, code: str, message: str) -> None:
    home = TempHome.make(tmp_path / "home", {"host": "/nowhere"}, {"group.yaml": f"{CHECK}tests:\n{block(test)}"})
    found = home.load(sound=False).home.errors
    assert [(item.code, item.message) for item in found] == [(code, message)]
    assert found[0].span.line > CHECK.count("\n")


REAL = """
check: dead-rows
for_each: database
key: [schema, table]
columns: {dead_rows: count}
sql: |
  select schemaname as schema, relname as "table", n_dead_tup as dead_rows from pg_stat_user_tables
warning: dead_rows > 100
"""
GIVEN = """
- given:
    - create table orders (id int)
    - insert into orders select generate_series(1, 1000)
    - delete from orders
  ticks:
    - expect: {warning: [public.orders]}
    - given: truncate orders
      expect: ok
"""


def test_given_runs_the_real_query_in_a_fresh_database(tmp_path: Path, server: Servers) -> None:
    (verdict,) = verdicts(tmp_path, GIVEN.replace("truncate orders", "drop table orders"), REAL, Ground(server))
    assert (verdict.complaints, verdict.not_run) == ((), "")
    assert verdict.seconds > 0


def test_given_rows_are_the_past_of_a_real_query(tmp_path: Path, server: Servers) -> None:
    test = """
    - given: create table orders (id int)
      history: [{ago: 1h, rows: [{schema: public, table: orders, dead_rows: 500}]}]
      expect: {warning: [public.orders]}
    """
    check = REAL.replace("dead_rows > 100", "previous.dead_rows > 100")
    (verdict,) = verdicts(tmp_path, test, check, Ground(server))
    assert verdict.complaints == ()


def test_what_a_check_requires_counts_on_the_server_too(tmp_path: Path, server: Servers) -> None:
    test = "- {given: select 1, expect: {state: ok}}"
    (verdict,) = verdicts(tmp_path, test, f"{REAL}requires: {{extension: no_such_extension}}\n", Ground(server))
    assert verdict.complaints == ("the state is skipped, expected ok",)


def test_sql_that_fails_is_the_tests_complaint(tmp_path: Path, server: Servers) -> None:
    (verdict,) = verdicts(tmp_path, "- {given: select nonsense, expect: ok}", REAL, Ground(server))
    assert verdict.complaints == ('`given` cannot be run: column "nonsense" does not exist (SQLSTATE 42703)',)


def test_without_a_server_a_test_with_given_is_not_run_and_not_passed(tmp_path: Path) -> None:
    (verdict,) = verdicts(tmp_path, GIVEN, REAL)
    assert (verdict.not_run, verdict.passed, verdict.complaints) == (NEEDS_DATABASE, False, ())


def test_a_throw_away_server_gives_databases_that_are_gone_afterwards() -> None:
    with ThrowAway() as ground:
        with ground.fresh() as first:
            assert first.databases.include == (first.options["dbname"],)
        with ground.fresh() as second:
            assert second.options["dbname"] != first.options["dbname"]
        folder = Path(str(second.options["host"]))
        assert folder.exists()
    assert not folder.exists()


def test_junit_counts_and_holds_no_control_characters(tmp_path: Path) -> None:
    from xml.etree import ElementTree as ET

    found = verdicts(tmp_path, f'- {{name: "bad\\u0001<", rows: {row(1)}, expect: {{warning: ["\\u0007x"]}}}}\n{GIVEN}')
    suite = ET.fromstring(junit(found))[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "2", "failures": "1", "skipped": "1",
    }  # fmt: skip
    failed, skipped = suite
    assert (failed.get("classname"), failed.get("name")) == ("group.used", "bad<")
    assert float(failed.get("time", "")) >= 0
    failure, reason = failed.find("failure"), skipped.find("skipped")
    assert failure is not None
    assert failure.get("message") == "warning is nothing, expected x"
    assert reason is not None
    assert reason.get("message") == NEEDS_DATABASE
