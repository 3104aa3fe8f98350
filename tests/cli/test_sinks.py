"""`runner sinks list` shows how the sinks are and why something waits; `sinks test --explain` why they get what they get."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import runner

SETTINGS = """
version: 1
allow: [command]
sinks:
  log: {type: log_file, path: a.log}
  pager: {type: down.pager, send: [critical, recovered]}
  nobody: {type: log_file, path: b.log}
routes:
  - {groups: ["*"], sinks: [log]}
  - {groups: [one, two], states: [critical], sinks: [pager]}
  - {groups: [three], states: [warning], sinks: [pager]}
"""
DOWN = """
from runner.api import RetryableSinkError, SinkType, hookimpl

class Pager:
    def __init__(self, options, context): ...
    def emit(self, report): raise RetryableSinkError("the pager is down")
    def close(self): ...

@hookimpl
def runner_register_sinks():
    return [SinkType(type="down.pager", summary="", open=Pager)]
"""
FAILS = "command: fail-{name}\nschedule: hourly\nrun: ['false']\n"
AT = "2026-03-04T03:00:00Z"
SOON = "2026-03-04T03:01:30Z"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in {"runner.yaml": SETTINGS, "plugins/down.py": DOWN}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "checks.d").mkdir()
    for name in ("one", "two", "three"):
        (tmp_path / "checks.d" / f"{name}.yaml").write_text(FAILS.format(name=name))
    return tmp_path


def by_name(home: Path, *words: str) -> dict[str, dict]:
    said = runner("sinks", "list", "--json", *words, home=home)
    assert said.code == 0, said.err
    return {item["name"]: item for item in said.json()["sinks"]}


def test_a_sink_that_takes_everything_is_well(home: Path) -> None:
    assert runner("run-due", "--now", AT, home=home).code == 0
    log = by_name(home, "--now", SOON)["log"]
    assert log["groups"] == ["*"]
    assert log["health"] == {
        "waiting": 0, "due": 0, "given_up": 0, "down": False, "waits": {}, "oldest": None, "next_try": None, "error": "",
    }  # fmt: skip
    assert " well" in runner("sinks", "list", home=home).out


def test_what_a_sink_is_sent_is_said_also_where_its_type_decides(home: Path) -> None:
    settings = "version: 1\nsinks: {one: {type: syslog}, two: {type: syslog, send: [all]}, three: {type: stdout}}\n"
    (home / "runner.yaml").write_text(settings)
    assert {name: item["send"] for name, item in by_name(home).items()} == {
        "one": ["changes"], "two": ["all"], "three": ["all"],
    }  # fmt: skip


def test_what_waits_is_shown_with_its_reason(home: Path) -> None:
    runner("run-due", "--now", AT, home=home)
    health = by_name(home, "--now", "2026-03-04T03:00:30Z")["pager"]["health"]
    assert (health["waiting"], health["due"], health["waits"]) == (2, 0, {"not_yet": 2})
    assert health["error"] == "the pager is down"
    said = runner("sinks", "list", "--now", "2026-03-04T03:00:30Z", home=home).out
    assert "2 waiting" in said
    assert "  2: its pause after a failure is not over" in said
    assert "  next try from 2026-03-04 03:01 UTC on" in said
    assert "  the last failure: the pager is down" in said


def test_a_sink_that_failed_three_times_is_down(home: Path) -> None:
    settings = home / "runner.yaml"
    settings.write_text(settings.read_text().replace("states: [warning], ", ""))
    runner("run-due", "--now", AT, home=home)
    health = by_name(home, "--now", SOON)["pager"]["health"]
    assert (health["down"], health["waiting"], health["due"]) == (True, 3, 1)
    said = runner("sinks", "list", "--now", SOON, home=home).out
    assert " down" in said
    assert "2: the sink failed three times in a row, and one delivery at a time tries whether it is back" in said


def test_without_a_store_the_list_is_shown_all_the_same(home: Path) -> None:
    (home / ".runner").write_text("no folder")
    said = runner("sinks", "list", "--json", home=home)
    assert said.code == 0
    assert [item["health"] for item in said.json()["sinks"]] == [None, None, None]
    assert "store: " in said.err


def decisions(home: Path, sink: str, *words: str) -> dict[tuple[str, str, str | None], tuple[bool, str]]:
    said = runner("sinks", "test", sink, "--explain", "--json", *words, home=home)
    assert said.code == 0, said.err
    (item,) = said.json()["sinks"]
    assert item["name"] == sink
    return {(d["group"], d["of"], d["route"]): (d["sent"], d["reason"]) for d in item["decisions"]}


def test_each_route_says_why(home: Path) -> None:
    runner("run-due", "--now", AT, home=home)
    found = decisions(home, "pager", "--now", SOON)
    new = "a new critical problem"
    assert found["one", new, "runner.yaml:10"] == (True, "changed")
    assert found["one", new, None] == (True, "changed")
    assert found["one", new, "runner.yaml:11"] == (False, "not_routed")
    assert found["three", new, "runner.yaml:11"] == (False, "nothing_matches")
    assert found["three", new, None] == (False, "nothing_matches")


def test_a_sink_that_no_route_leads_to_gets_nothing(home: Path) -> None:
    found = decisions(home, "nobody")
    assert set(found.values()) == {(False, "not_routed")}
    assert {route for _, _, route in found} == {None}


def test_all_sinks_are_explained_in_words(home: Path) -> None:
    runner("run-due", "--now", AT, home=home)
    said = runner("sinks", "test", "--explain", "--now", SOON, home=home)
    assert said.code == 0
    lines = said.out.splitlines()
    assert "pager (down.pager, sends critical, recovered)" in lines
    assert "  one, a new critical problem: sent: something changed" in lines
    assert "    route at runner.yaml:11: not sent: no route leads to it" in lines
    assert "  one, the last results: sent: it gets every report" in lines
    assert not (home / "b.log").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name the sink that is tested"),
        (["log", "--json"], "--json goes with --explain"),
        (["lgo", "--explain"], "did you mean `log`?"),
    ],
)
def test_wrong_words(home: Path, words: list[str], said: str) -> None:
    done = runner("sinks", "test", *words, home=home)
    assert done.code == 64
    assert said in done.err
