"""Every recipe of docs/cookbook.md: it validates without a word, its tests pass, and on a real server it is quiet when
nothing is wrong and says what the page shows when something is.

`RUNNER_WRITE_PAGES=1 pytest tests/docs/test_cookbook.py` writes what is printed into the page.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.support import runner
from tests.docs.blocks import ROOT
from tests.docs.tutorial import steady
from tests.postgres import Database

PAGE = ROOT / "docs" / "cookbook.md"
TEXT = PAGE.read_text("utf-8")
RECIPE = re.compile(
    r"<!-- recipe: (?P<name>[\w-]+) -->\n```yaml\n(?P<yaml>.*?)```\n(?P<rest>.*?)(?=\n## |\Z)", re.DOTALL
)
RECIPES = {found["name"]: found["yaml"] for found in RECIPE.finditer(TEXT)}
SHOWN = {
    found["name"]: shown[1]
    for found in RECIPE.finditer(TEXT)
    if (shown := re.search(r"```text\n(.*?)```", found["rest"], re.DOTALL))
}
SETTINGS = """
version: 1
allow: [command]
sinks: {screen: {type: stdout}}
windows: {low-traffic: {from: "02:00", to: "05:00"}}
"""
JOBS = (
    "create table jobs (id serial primary key, queue text, run_at timestamptz default now(), finished_at timestamptz)"
)
REFRESHES = "create table refreshes (view text primary key, refreshed_at timestamptz)"
SALES = (
    "create table sales (id int, day date)", "create materialized view sales_per_day as select day, count(*) from sales group by day",
    "create unique index on sales_per_day (day)", REFRESHES,
)  # fmt: skip
PARTITION = (
    "do $$ declare m date := (date_trunc('month', current_date) + interval '1 month')::date; begin"
    " execute format('create table %I partition of events for values from (%L) to (%L)',"
    " to_char(m, '\"events_\"yyyy_mm'), m, (m + interval '1 month')::date); end $$"
)
NO_PARTITION = (
    "do $$ begin execute format('drop table %I',"
    " to_char(date_trunc('month', current_date) + interval '1 month', '\"events_\"yyyy_mm')); end $$"
)


@dataclass(frozen=True)
class Story:
    """What there is, and what makes it wrong; the states are the first words of the reports."""

    there: tuple[str, ...] = ()
    quiet: str = "OK"
    mended: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    found: str = ""
    runs: int = 1
    words: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


STORIES = {
    "orders-without-lines": Story(
        there=("create table orders (id int primary key, placed_at timestamptz)", "create table order_lines (order_id int)",
               "insert into orders values (6, now() - interval '1 day'), (8, now())", "insert into order_lines values (6)"),
        wrong=("insert into orders values (7, now() - interval '1 day')",), found="WARNING",
    ),
    "customers-twice": Story(
        there=("create table customers (email text)", "insert into customers values ('ada@example.org'), ('bob@example.org')"),
        wrong=("insert into customers values ('Ada@example.org')",), found="WARNING",
    ),
    "constraints-not-validated": Story(
        there=("create table orders (id int primary key)", "create table order_lines (order_id int)", "insert into order_lines values (1)"),
        wrong=("alter table order_lines add constraint order_exists foreign key (order_id) references orders not valid",),
        found="WARNING",
    ),
    "late-jobs": Story(
        there=(JOBS, "insert into jobs (queue, run_at) values ('sync', now() - interval '5 min'), ('mail', now() + interval '1 h')"),
        wrong=("insert into jobs (queue, run_at) values ('mail', now() - interval '45 min'), ('mail', now() - interval '2 min')",
               "insert into jobs (queue, run_at) values ('export', now() - interval '5 h')"),
        found="CRITICAL",
    ),
    "oldest-message": Story(
        there=("create table inbox (received_at timestamptz, processed_at timestamptz)",),
        wrong=("insert into inbox values (now() - interval '6 min', null)",), found="WARNING", runs=2,
    ),
    "queue-does-not-drain": Story(there=(JOBS, "insert into jobs (queue) select 'mail' from generate_series(1, 150)"), quiet="LEARNING"),
    "export-backlog": Story(
        there=(JOBS,), wrong=("insert into jobs (queue) select 'export' from generate_series(1, 1001)",), found="WARNING",
    ),
    "stale-views": Story(
        there=(*SALES, "insert into refreshes values ('sales_per_day', now() - interval '1 h')"),
        wrong=("delete from refreshes",), found="WARNING",
    ),
    "fewer-imported-rows": Story(
        there=("create table imports (source text, imported_at timestamptz)", "insert into imports values ('shop', now())"), quiet="LEARNING",
        wrong=("delete from imports",), found="CRITICAL",
    ),
    "backup-of-last-night": Story(files={"backups/app.dump": "x"}, wrong=("select 1",), found="CRITICAL"),
    "next-partition": Story(
        there=("create table events (at date) partition by range (at)", PARTITION), wrong=(NO_PARTITION,), found="(WARNING|CRITICAL)",
    ),
    "sequences": Story(
        there=("create table tickets (id smallserial)",), wrong=("select setval('tickets_id_seq', 32000)",), found="CRITICAL",
    ),
    "table-forecast": Story(
        there=("create table events (at date)",), quiet="LEARNING", wrong=("insert into events select current_date from generate_series(1, 9)",),
        found="CRITICAL", words=("--param", "room=1kB"),
    ),
    "certificates": Story(
        there=("create table certificates (domain text, valid_until timestamptz, replaced_by text)",
               "insert into certificates values ('old.example.org', now() - interval '1 day', 'new')"),
        wrong=("insert into certificates values ('www.example.org', now() + interval '10 d', null), ('shop.example.org', now() + interval '1 d', null)",),
        found="CRITICAL",
    ),
    "slot-wal": Story(
        wrong=("select pg_create_physical_replication_slot('cookbook', true)", "create table filler as select 1 from generate_series(1, 10000)"),
        found="CRITICAL", words=("--param", "most_wal=1kB"), after=("select pg_drop_replication_slot('cookbook')",),
    ),
    "failed-logins": Story(
        there=("create table login_attempts (address inet, login text, succeeded bool, at timestamptz default now())",
               "insert into login_attempts select '198.51.100.7', 'ada', false from generate_series(1, 15)"),
        wrong=("insert into login_attempts select '203.0.113.9', 'user' || n % 12, false from generate_series(1, 120) n",), found="CRITICAL",
    ),
    "changed-settings": Story(
        quiet="LEARNING", found="WARNING",
        wrong=("do $$ begin execute format('alter database %I set work_mem = ''9MB''', current_database()); end $$",),
    ),
    "no-primary-key": Story(
        there=("create schema audit", "create table audit.log (at date)", "create table spatial_ref_sys (id int)"),
        wrong=("create table notes (text text)",), found="WARNING",
    ),
    "slower-queries": Story(quiet="(SKIPPED|LEARNING|OK)"),
    "open-tickets": Story(
        there=("create table tenants (id int primary key, name text, most_open_tickets int)", "create table tickets (tenant_id int, closed_at date)",
               "insert into tenants values (1, 'initech', 2), (2, 'globex', null)",
               "insert into tickets select 2 from generate_series(1, 50)"),
        wrong=("insert into tickets select 1 from generate_series(1, 5)",), found="CRITICAL",
    ),
    "overdue-invoices": Story(
        quiet="UNKNOWN", found="CRITICAL",
        mended=("create schema billing", "create table billing.invoices (amount numeric, due_on date, paid_at date)"),
        wrong=("insert into billing.invoices values (75000, current_date - 61, null), (1, current_date, null)",),
    ),
    "vacuum-orders": Story(
        there=("create table orders (id int primary key)", "insert into orders select generate_series(1, 5000)", "delete from orders where id > 10"),
    ),
    "delete-old-sessions": Story(
        there=("create table sessions (ended_at timestamptz)", "insert into sessions values (now() - interval '31 d'), (now())"),
        wrong=("insert into sessions select now() - interval '31 d' from generate_series(1, 9)",), found="WARNING", words=("--param", "most=5"),
    ),
    "refresh-sales-per-day": Story(there=SALES, wrong=("drop materialized view sales_per_day",), found="CRITICAL"),
}  # fmt: skip


def made(name: str, folder: Path, story: Story) -> Path:
    (folder / "checks.d").mkdir()
    (folder / "backups").mkdir()
    (folder / "runner.yaml").write_text(SETTINGS)
    (folder / "checks.d" / f"{name}.yaml").write_text(RECIPES[name])
    for path, text in story.files.items():
        (folder / path).write_text(text)
    return folder


def reach(database: Database) -> dict[str, str]:
    options = database.options()
    named = {
        f"DATABASE_{ours}": options[theirs]
        for ours, theirs in (("HOST", "host"), ("PORT", "port"), ("NAME", "dbname"), ("USER", "user"))
    }
    return {**named, **({"DATABASE_PASSWORD": options["password"]} if "password" in options else {})}


def problems(report: str, name: str, database: Database) -> str:
    """The lines about what is wrong, in one column: there is one job and one server."""
    report = re.sub(rf"\b{database.name}\b", "app", report)
    lines = re.findall(rf"^(?:WARNING|CRITICAL|UNKNOWN) +{name} +.*$|^ +hint: .*$", report, re.MULTILINE)
    return "".join(f"{re.sub(rf'{name}  +(main  +|app  +|main/app  +)?', f'{name}  ', line)}\n" for line in lines)


def test_there_are_twenty_recipes_and_each_has_a_story() -> None:
    assert len(RECIPES) >= 20
    assert set(RECIPES) == set(STORIES)
    assert len(SHOWN) >= len(RECIPES) / 2
    anchors = set(re.findall(r"\]\(#([\w-]+)\)", TEXT))
    headings = {
        title.lower().replace(",", "").replace("'", "").replace(" ", "-")
        for title in re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    }
    assert headings - anchors == set(), "the table at the top leads to every recipe"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_valid_and_its_tests_pass(name: str, tmp_path: Path) -> None:
    home = made(name, tmp_path, STORIES[name])
    said = runner("validate", "--strict", home=home)
    assert (said.code, said.out.splitlines()) == (0, ["1 job in 1 group, 1 target: 0 errors, 0 warnings"]), said.all
    tested = runner("test", home=home)
    assert tested.code == 0, tested.all
    assert ("tests:" in RECIPES[name]) == ("0 passed" not in tested.out)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_quiet_and_then_finds_what_is_wrong(name: str, tmp_path: Path, database: Database) -> None:
    story = STORIES[name]
    home, environ = made(name, tmp_path, story), reach(database)
    database.execute("select 1", *story.there)
    connected = runner("validate", "--connect", "--strict", home=home, environ=environ)
    assert connected.code == 0 or story.quiet in {"UNKNOWN", "(SKIPPED|LEARNING|OK)"}, connected.all
    quiet = runner("run", name, home=home, environ=environ)
    assert re.match(story.quiet, quiet.out), quiet.all
    if story.mended:
        database.execute(*story.mended)
        assert runner("run", name, home=home, environ=environ).out.startswith("OK")
    if not story.found:
        return
    try:
        database.execute(*story.wrong)
        (home / "backups" / "app.dump").unlink(missing_ok=True)
        for _ in range(story.runs):
            found = runner("run", name, *story.words, home=home, environ=environ)
        assert re.match(story.found, found.out), found.all
    finally:
        database.execute("select 1", *story.after)
    if name in SHOWN:
        printed = problems(found.out, name, database)
        if os.environ.get("RUNNER_WRITE_PAGES") and steady(printed) != steady(SHOWN[name]):
            PAGE.write_text(PAGE.read_text("utf-8").replace(SHOWN[name], printed), "utf-8")
        assert steady(printed) == steady(SHOWN[name])
