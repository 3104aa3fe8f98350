"""The pages that `runner docs` writes of a home: complete, the same every time, and safe to read as Markdown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.app.docs import Page, differing, pages, write
from runner.app.init import init
from runner.app.loading import Loaded, load
from runner.app.pages import markdown
from runner.app.pages.quick import EVERYWHERE, STATES
from runner.cli import exits
from runner.cli.main import COMMANDS, run
from runner.errors import ConfigurationError, RunnerError
from runner.model.state import State

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SETTINGS = """
version: 1
allow: [command]
targets:
  main: {host: db1, dbname: app, user: "we|rd", password: hunter2-secret, labels: {env: prod}}
windows: {night: {from: "02:00", to: "05:00"}}
sinks:
  screen: {type: stdout, send: [problems, recovered]}
  log: {type: log_file, path: health.log}
  other: {type: log_file, path: /var/log/other.log}
routes:
  - {groups: [health], sinks: [log]}
  - {groups: [health], jobs: [one], states: [critical], sinks: [screen]}
silences:
  - {jobs: [one], window: night, reason: "a | b"}
"""
HEALTH = """
title: Health *of* all
schedule: daily at 01:30
jobs:
  - check: one
    title: One | two
    description: |
      First `code` line <b>.

      # not a heading
    hint: grant x to y
    runbook: https://wiki.example/one
    owner: dba@example.org
    requires: {version: 14+, role: primary, grant: pg_monitor}
    key: [name]
    params: {most: 5}
    columns: {n: count}
    sql: {14: "select '```' as name, 1 as n", 17: "select 'b' as name, 2 as n"}
    warning: n > params.most
    critical: n > 1_000_000
    clear: n < 3
    for: 2 runs
    catch_up: 1h
  - command: two
    run: [echo, "a b"]
    schedule: every 2 hours
    retry: {times: 2, wait: 5s}
"""
CARE = """
maintenance: care
schedule: weekly on wednesday at 03:00
window: night
timeout: 2h
measure: {key: [t], columns: {size: bytes}, sql: select 't' as t}
steps:
  - vacuum: {analyze: true, freeze: true, tables: needed}
  - analyze: {tables: [public.a, b.*], skip_locked: true}
  - {name: tidy, sql: delete from a, autocommit: true}
  - freeze: {xid_age: 40%, jobs: 4}
  - reindex: {indexes: bloated}
  - vacuum: {tables: {findings_of: [one]}, truncate: false}
budget: 90min
at_end: cancel
pause_when: replication_lag > 30s
verify: {warning: after.size > before.size}
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "runner.yaml").write_text(SETTINGS)
    (tmp_path / "checks.d" / "health.yaml").write_text(HEALTH)
    (tmp_path / "checks.d" / "care.yaml").write_text(CARE)
    found = load(str(tmp_path), environ={}, no_plugins=True)
    assert found.home.diagnostics == ()
    return found


def texts(loaded: Loaded, **options: object) -> dict[str, str]:
    return {page.path.name: page.text for page in pages(loaded, Path("out"), **options)}  # type: ignore[arg-type]


@pytest.mark.parametrize("line", [
    "| [care](#care) | care | every Wednesday at 03:00 UTC |",
    "| [health](#health) | Health \\*of\\* all | every day at 01:30 UTC; every 2 hours |",
    "- Runs every 2 hours.",
    "- Reports go to `log` (everything).",
    "- Reports go to `screen` (problems and recovered; its routes let through critical; of `one` only).",
    "- Reports go to nobody: no route leads to a sink.",
    "| [one](procedures.md#one) | check | One \\| two | every day at 01:30 UTC | a missed slot is run up to 1 h late |",
    "| [care](procedures.md#care) | maintenance | care | starts only within night (02:00 to 05:00 UTC); ends after 2 h |",
])  # fmt: skip
def test_the_schedule_says(loaded: Loaded, line: str) -> None:
    assert line in texts(loaded)["schedule.md"].splitlines()


@pytest.mark.parametrize(("send", "said"), [("", "changes"), (", send: [all]", "everything")])
def test_a_sink_that_is_told_of_changes_alone_may_ask_for_everything(tmp_path: Path, send: str, said: str) -> None:
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "checks.d" / "own.yaml").write_text("command: two\nrun: [echo, hi]\nschedule: hourly\n")
    (tmp_path / "runner.yaml").write_text(f"version: 1\nallow: [command]\nsinks: {{s: {{type: syslog{send}}}}}\n")
    [schedule] = [page.text for page in pages(load(str(tmp_path)), tmp_path) if page.path.name == "schedule.md"]
    assert f"`s` ({said})" in schedule


def test_next_slots_stand_there_only_when_a_time_is_given(loaded: Loaded) -> None:
    slots = "- Next: Wednesday 25 Nov 03:00 UTC, Wednesday 2 Dec 03:00 UTC and Wednesday 9 Dec 03:00 UTC."
    assert "Next" not in texts(loaded)["schedule.md"]
    page = texts(loaded, now=NOW)["schedule.md"]
    assert slots in page.splitlines()
    assert (
        "| [health](#health) | Health \\*of\\* all | every day at 01:30 UTC; every 2 hours | Wednesday 25 Nov" in page
    )


@pytest.mark.parametrize("line", [
    "| `health` | Health \\*of\\* all | `runner run health` |",
    "| [one](procedures.md#one) | `runner run one` |",
    "| [care](procedures.md#care) | `runner run care` runs its whole group |",
    "| Find it | `crontab -l \\| grep runner` |",
    "| `one` | within `night` | a \\| b |",
    "| `log` | `log_file` | `health.log` in the home |",
    "| `other` | `log_file` | `/var/log/other.log` |",
    "| `main` | `db1/app` | `we\\|rd` | `env=prod` |",
])  # fmt: skip
def test_the_quick_reference_says(loaded: Loaded, line: str) -> None:
    assert line in texts(loaded)["quick-reference.md"].splitlines()


@pytest.mark.parametrize("line", [
    "First `code` line \\<b>.",
    "\\# not a heading",
    "What to do first: `grant x to y`",
    "Runbook: <https://wiki.example/one>",
    "- Owner: dba@example.org.",
    "- Needs PostgreSQL 14 or newer and a primary; elsewhere it is skipped with the reason.",
    '- Grant it needs: `grant pg_monitor to "we|rd";`',
    "- Critical when `n > 1,000,000`.",
    "- Warning when `n > params.most`.",
    "- A problem ends when `n < 3`.",
    "- Counts only when it is seen in 2 runs in a row.",
    "- `most = 5`",
    "SQL from PostgreSQL 14 on:",
    "````sql",
    "select '```' as name, 1 as n",
    "- Starts `echo 'a b'`, without a shell.",
    "- A failed run is tried again 2 times, after 5 s.",
    "  1. Measure:",
    "  2. `vacuum (analyze, freeze)` for the tables that need it (over their own autovacuum trigger, old transaction ids, or never done), one at a time.",
    "  3. `analyze` for `public.a` and `b.*`, one at a time.",
    "  4. tidy: Without a transaction; the steps after it are left when it fails:",
    "  5. `vacuum (freeze)` for the tables whose transaction ids are old, with 4 connections.",
    "  6. `reindex concurrently` for indexes that are invalid, or much larger than their entries, one at a time.",
    "  7. `vacuum (truncate off)` for the tables that `one` complains about, one at a time.",
    "  8. Measure again; the report shows both and the difference.",
    "- Starts nothing more after 1 h 30 min and what still runs is cancelled.",
    "- Pauses while `replication_lag > 30 s`.",
    "  - warning when `after.size > before.size`.",
])  # fmt: skip
def test_the_procedures_say(loaded: Loaded, line: str) -> None:
    assert line in texts(loaded)["procedures.md"].splitlines()


def test_the_same_home_gives_the_same_pages_wherever_it_lies(loaded: Loaded, tmp_path: Path) -> None:
    moved = tmp_path.rename(tmp_path.with_name("elsewhere"))
    assert texts(load(str(moved), environ={}, no_plugins=True)) == texts(loaded)


def test_no_page_holds_a_secret(loaded: Loaded) -> None:
    assert "hunter2" not in "".join(texts(loaded).values())


def test_a_broken_home_gets_no_pages(tmp_path: Path) -> None:
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "checks.d" / "bad.yaml").write_text("check: a\n")
    with pytest.raises(ConfigurationError):
        pages(load(str(tmp_path), environ={}), tmp_path)


def test_writing_and_checking(loaded: Loaded, tmp_path: Path) -> None:
    made = pages(loaded, tmp_path / "new" / "docs")
    assert differing(made) == made
    assert write(made) == tuple(page.path for page in made)
    assert differing(made) == ()
    made[0].path.write_text("changed")
    assert differing(made) == (made[0],)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunnerError, match="cannot write"):
        write([Page(path=tmp_path / "file" / "a.md", text="a")])


def test_the_command_holds_the_pages_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(tmp_path)
    words = ["--home", str(tmp_path), "docs"]
    assert run([*words, "--check"]) == exits.PROBLEMS
    assert "schedule.md is not what this home says" in capsys.readouterr().err
    assert run(words) == exits.OK
    names = ["schedule.md", "quick-reference.md", "procedures.md"]
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "docs" / name) for name in names]
    assert run([*words, "--check"]) == exits.OK
    assert run([*words, "--out", str(tmp_path / "other"), "--check"]) == exits.PROBLEMS


def test_every_command_that_the_pages_name_exists(loaded: Loaded) -> None:
    named = set(re.findall(r"`runner ([a-z][\w-]*)", "".join(texts(loaded).values())))
    assert len(named) > 8
    assert named <= set(COMMANDS)


def test_the_exit_codes_are_those_of_the_program() -> None:
    assert [int(code) for code, _ in STATES] == [
        exits.of_state(state) for state in (State.OK, State.WARNING, State.CRITICAL, State.UNKNOWN)
    ]
    said = {int(code) for codes, _ in EVERYWHERE for code in codes.split(", ")}
    program = {exits.MACHINERY, exits.USAGE, exits.BUG, exits.CONFIGURATION, exits.INTERRUPTED, exits.TERMINATED}
    assert said == program


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dead_rows > 5", "dead_rows > 5"),
        ("_all_ *of* [it](x)", "\\_all\\_ \\*of\\* \\[it\\](x)"),
        ("# title", "\\# title"),
        ("- item\n  more", "\\- item more"),
        ("2. item", "2\\. item"),
        ("> quote", "\\> quote"),
        ("a <script> & &amp; b", "a \\<script> & \\&amp; b"),
        ("`a|b` and ` alone", "`a|b` and \\` alone"),
        ("a\\b", "a\\\\b"),
        ("---", "\\---"),
    ],
)
def test_text_is_shown_as_it_is(text: str, shown: str) -> None:
    assert markdown.text(text) == shown


@pytest.mark.parametrize(("text", "shown"), [("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a  \n b", "`a b`"), ("", "")])
def test_code_is_shown_as_it_is(text: str, shown: str) -> None:
    assert markdown.code(text) == shown


def test_pipes_do_not_end_cells() -> None:
    assert markdown.table(["a"], [[markdown.code("x|y")], [markdown.text("x|y")]])[2:4] == ["| `x\\|y` |", "| x\\|y |"]


@pytest.mark.parametrize(
    ("url", "shown"), [("https://a.example/x", "<https://a.example/x>"), ("see *me*", "see \\*me\\*")]
)
def test_links(url: str, shown: str) -> None:
    assert markdown.link(url) == shown
