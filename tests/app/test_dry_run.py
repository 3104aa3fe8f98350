"""`run --dry-run` of a maintenance job: asks the server, remembers earlier durations, and changes nothing."""

from __future__ import annotations

from tests.app.homes import Make
from tests.cli.support import runner
from tests.postgres import Database

NIGHT = """
maintenance: night
timeout: 1h
steps:
  - vacuum: {tables: [dry_run_a], analyze: true}
  - name: tidy
    sql: delete from dry_run_a
"""


def test_each_statement_is_shown_with_its_reason_its_usual_time_and_its_lock(make: Make, shared: Database) -> None:
    shared.execute("create table if not exists dry_run_a as select 1 as i")
    home = make(night=NIGHT)
    first = runner("run", "night", "--dry-run", home=home.path, environ=home.environ)
    assert first.code == 0
    assert '  vacuum (analyze) "public"."dry_run_a"' in first.out.replace("(analyze, skip_database_stats)", "(analyze)")
    assert "listed as dry_run_a; SHARE UPDATE EXCLUSIVE: reading and writing go on" in first.out
    assert "delete from dry_run_a" in first.out
    assert not (home.path / ".runner" / "state.db").exists()
    assert shared.value("select count(*) from dry_run_a") == 1
    assert runner("run", "night", "--no-deliver", home=home.path, environ=home.environ).code == 0
    assert (
        "listed as dry_run_a; usually " in runner("run", "night", "--dry-run", home=home.path, environ=home.environ).out
    )


def test_a_server_that_cannot_be_reached_is_told(make: Make, shared: Database) -> None:
    home = make(night=NIGHT)
    text = (home.path / "runner.yaml").read_text()
    (home.path / "runner.yaml").write_text(text.replace(shared.name, "no_such_database"))
    said = runner("run", "night", "--dry-run", home=home.path, environ=home.environ)
    assert said.code == 0
    assert 'database "no_such_database" does not exist' in said.out
