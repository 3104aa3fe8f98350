"""The format `text`: what an operator reads, word for word, and what happens to templates of the home."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runner.formats.text import render
from runner.model.history import Sample
from runner.model.result import Outcome, Table, unknown
from runner.model.state import State
from tests.formats import samples
from tests.formats.samples import SLOT, Templates, finding, report, result

BAD_NIGHT = """\
CRITICAL   Daily database health check  2026-11-24 01:30 UTC  1 critical, 1 unknown, 1 learning, 4 ok, 1 skipped, 1 recovered, 1 fault
           main  db1.example:5432/app  PostgreSQL 16.4  primary  env=prod

CRITICAL   dead-rows          public.orders: 1,250,000 dead rows (was warning, since 2026-11-22 22:30, 1 d 3 h)
           hint: runner run vacuum-table --param table=public.orders
           trend: ▁▂▃▅█ public.orders dead_rows 200,000 → 1,250,000 in 4 d
           runbook: https://wiki.example/dead-rows
UNKNOWN    backup-age         permission denied for function pg_ls_archive_statusdir
           hint: grant pg_monitor to checker;
WARNING    dead-rows          public.items: 150,000 dead rows (new)
           hint: runner run vacuum-table --param table=public.items

recovered  long-transactions  pid 4242: open for 6 h (was critical for 6 h)

Tables with the most dead rows (dead-rows)
  schema  table   dead_rows     size
  ------  ------  ---------  -------
  public  orders  1,250,000  12.3 GB
  public  items     150,000   870 MB
  and 12 more

ok         blocked-sessions   1 session waits
ok         connections        42 of 97 usable connections  ▁▃▅▅█
ok         long-transactions  no transaction is older than 5 min
ok         wraparound         oldest transaction 12 % of the way

pending    blocked-sessions   pid 4711 waits for pid 4242 since 2 min
learning   growth             2 of 7 days of history
skipped    replication-lag    this server is not a standby
note       dead-rows          2 relations were locked and not measured: public.a, public.b
FAULT      plugin acme        cannot be imported: ImportError: no acme
           hint: pip install acme

took 1.4 s, next run 2026-11-25 01:30 UTC
"""

TWO_TARGETS = """\
WARNING    Daily database health check  2026-11-24 01:30 UTC  2 warning, 2 ok
           main     db1.example:5432/app  PostgreSQL 16.4  primary  env=prod
           standby  db2.example:5432/app  PostgreSQL 16.4  standby

WARNING    replication-lag  standby    replay is 40 s behind (since 2026-11-24 01:18, 12 min 3 s)
WARNING    dead-rows        main/shop  public.orders: 150,000 dead rows

ok         connections      main       42 of 97 usable connections
ok         connections      standby    7 of 97 usable connections

took 1.4 s, next run 2026-11-25 01:30 UTC
"""

EMPTY = """\
UNKNOWN    Daily database health check  2026-11-24 01:30 UTC  no results, 1 fault

FAULT      store  the run could not be recorded
"""


@pytest.mark.parametrize(
    ("make", "expected"),
    [(samples.bad_night, BAD_NIGHT), (samples.two_targets, TWO_TARGETS), (samples.empty, EMPTY)],
)
def test_a_report_reads_like_this(make, expected: str) -> None:
    assert render(make(), {}, Templates()) == expected


def test_a_quiet_night_is_short() -> None:
    assert len(render(samples.quiet_night(), {}, Templates()).splitlines()) == 7


def test_long_tables_and_many_findings_are_cut_with_their_number() -> None:
    table = Table(title="t", columns=("n",), rows=tuple((str(number),) for number in range(50)), more=7)
    findings = tuple(finding(State.WARNING, f"row {number}", str(number)) for number in range(50))
    made = report(result("many", Outcome(summary="50", findings=findings, tables=(table,)), hint="look"))
    lines = render(made, {"rows": 5}, Templates()).splitlines()
    assert [line for line in lines if line.startswith("WARNING    many")] == [
        f"WARNING    many  row {n}" for n in range(5)
    ]
    assert lines[lines.index("WARNING    many  row 4") + 1 :][:2] == [
        "           hint: look",
        "           and 45 more findings",
    ]
    assert "  and 52 more" in lines


def test_wide_characters_keep_their_columns() -> None:
    table = Table(title="t", columns=("name", "n"), rows=(("表表", "1"), ("é", "22")), numeric=frozenset({"n"}))
    text = render(report(result("wide", Outcome(summary="ok", tables=(table,)))), {}, Templates())
    assert "  name   n\n  ----  --\n  表表   1\n  é     22\n" in text


@pytest.mark.parametrize(
    "values", [(), (1.0,), (5.0, 5.0), (10**400, 1.0, 2.0), (float("nan"), 1.0, 3.0), (None, "x", True)]
)
def test_trends_of_odd_values_do_not_fail(values) -> None:
    odd = replace(samples.trend("n", 1.0), samples=tuple(Sample(SLOT, value) for value in values))
    bad = Outcome(summary="bad", findings=(finding(State.WARNING, "bad"),), trends=(odd,))
    text = render(report(result("good", Outcome(summary="good", trends=(odd,))), result("bad", bad)), {}, Templates())
    assert "ok         good  good" in text


def test_hostile_content_is_harmless() -> None:
    text = render(samples.hostile(), {}, Templates())
    assert not set(text) & {*map(chr, [*range(10), *range(11, 32), *range(127, 160)]), "\u2028", "\u202e", "\ud800"}
    assert text.startswith("CRITICAL   red line two {{ 1 + 1 }} {% x %} |")
    assert len(text) < 20_000
    assert max(map(len, text.splitlines())) < 1000
    assert not any(line.startswith("line two") for line in text.splitlines())
    text.encode("utf-8")


@pytest.mark.parametrize("name", samples.ALL)
def test_a_template_can_do_all_that_the_usual_layout_does(name: str, tmp_path: Path) -> None:
    (tmp_path / "report.txt.j2").write_text(Path(__file__).with_name("report.txt.j2").read_text("utf-8"))
    assert render(samples.ALL[name](), {}, Templates(tmp_path)) == render(samples.ALL[name](), {}, Templates())


def test_the_usual_layout_needs_no_template_engine() -> None:
    script = (
        "import sys; from tests.formats.samples import Templates, bad_night; from runner.formats.text import render; "
        "render(bad_night(), {}, Templates()); print('jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_the_home_can_replace_the_template(tmp_path: Path) -> None:
    (tmp_path / "report.txt.j2").write_text(
        "{{ state }}: {{ problems | count }} of {{ report.results | count }}, {{ counts }}"
    )
    expected = "critical: 3 of 8, 1 critical, 1 unknown, 1 learning, 4 ok, 1 skipped, 1 recovered, 1 fault\n"
    assert render(samples.bad_night(), {}, Templates(tmp_path)) == expected


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"{{ problem }}", "report.txt.j2 names `problem`, which does not exist"),
        (b"{% for %}", "report.txt.j2 cannot be read"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_broken_template_of_the_home_costs_no_report(tmp_path: Path, source: bytes, said: str) -> None:
    (tmp_path / "report.txt.j2").write_bytes(source)
    text = render(samples.quiet_night(), {}, Templates(tmp_path))
    assert text.startswith("OK         Daily database health check")
    assert f"FAULT      template {tmp_path.name}/report.txt.j2" in text
    assert said in text


def test_ten_thousand_findings_take_no_time_that_grows_with_their_square() -> None:
    made = samples.very_many()
    started = time.perf_counter()
    text = render(made, {"rows": 100}, Templates())
    # A tenth of this is usual; the bound only tells work that grows with the square.
    assert time.perf_counter() - started < 20
    assert text.count("\nWARNING    job-") == 10_000


def test_what_several_jobs_say_alike_is_said_once() -> None:
    down = unknown("cannot connect to db1: connection refused")
    noted = Outcome(summary="", findings=down.findings, notes=("check that the server runs",))
    jobs = [result(f"job-{number}", noted, hint="alter table") for number in range(4)]
    lines = render(report(*jobs, result("other", unknown("no grant"))), {}, Templates()).splitlines()
    assert lines[3:7] == [
        "UNKNOWN    4 jobs  cannot connect to db1: connection refused",
        "           jobs: job-0, job-1, job-2, job-3",
        "UNKNOWN    other   no grant",
        "",
    ]
    assert [line for line in lines if line.startswith("note")] == ["note       4 jobs  check that the server runs"]


def test_problems_that_were_found_are_never_put_together() -> None:
    alike = Outcome(summary="", findings=(finding(State.WARNING, "too many"),))
    text = render(report(*(result(f"job-{number}", alike) for number in range(5))), {}, Templates())
    assert text.count("WARNING    job-") == 5


def test_a_hint_stands_below_what_was_found_not_below_what_could_not_be_looked_at() -> None:
    blind = result("blind", unknown("no grant"), hint="vacuum it", runbook="https://wiki")
    text = render(report(blind), {}, Templates())
    assert "hint:" not in text
    assert "           runbook: https://wiki\n" in text


def test_each_finding_has_its_own_hint_and_what_findings_share_is_said_once() -> None:
    own = [finding(State.WARNING, f"row {number}", str(number), hint=f"mend {number // 2}") for number in range(4)]
    lines = render(report(result("job", Outcome(summary="", findings=tuple(own)))), {}, Templates()).splitlines()
    assert lines[3:9] == [
        "WARNING    job  row 0",
        "WARNING    job  row 1",
        "           hint: mend 0",
        "WARNING    job  row 2",
        "WARNING    job  row 3",
        "           hint: mend 1",
    ]


def test_a_hint_that_jobs_share_stays_below_their_one_line() -> None:
    down = unknown("cannot connect", hint="start the server")
    text = render(report(*(result(f"job-{number}", down) for number in range(3))), {}, Templates())
    assert "           jobs: job-0, job-1, job-2\n           hint: start the server\n" in text


def test_a_job_that_acts_says_plainly_what_it_did_not_do() -> None:
    failed = Outcome(
        summary="NOT completed: 1 of 2 tables failed",
        findings=(finding(State.CRITICAL, "public.a: locked", "public", "a"),),
    )
    text = render(report(result("vacuum", failed, kind="maintenance")), {}, Templates())
    lines = [line for line in text.splitlines() if line.startswith("CRITICAL   vacuum")]
    assert [line.split("vacuum")[1].strip() for line in lines] == [
        "NOT completed: 1 of 2 tables failed",
        "public.a: locked",
    ]
    once = Outcome(summary="pm2 failed", findings=(finding(State.CRITICAL, "pm2 failed"),))
    assert render(report(result("restart", once, kind="command")), {}, Templates()).count("pm2 failed") == 1


def test_a_table_without_a_title_is_named_by_its_job_and_a_lone_column_needs_no_head() -> None:
    outcome = Outcome(
        summary="",
        tables=(
            Table(title="", columns=("pid", "query"), rows=(("1", "select"),)),
            Table(title="stdout", columns=("stdout",), rows=(("done",),)),
        ),
    )
    text = render(report(result("sessions", outcome)), {}, Templates())
    assert "\nsessions\n  pid  query\n" in text
    assert "\nstdout (sessions)\n  done\n" in text


def test_what_is_still_learning_is_shown_one_by_one_with_its_trend() -> None:
    outcome = Outcome(
        summary="",
        findings=tuple(finding(State.LEARNING, f"{name}: no history yet", name) for name in ("a", "b")),
        trends=(samples.trend("size", 1, 2, 3, key=("b",)),),
    )
    text = render(report(result("size", outcome)), {}, Templates())
    lines = [line for line in text.splitlines() if line.startswith("learning")]
    assert len(lines) == 2
    assert "▁" in lines[1]
