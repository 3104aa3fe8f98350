"""Files of other tools through `runner import`, into homes that validate."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.app.imports.mapping import CHECK_PGACTIVITY, CHECK_POSTGRES, Check, Form, Refused, Row
from runner.app.loading import load
from runner.model.job import Job
from tests.cli.support import Said, runner

SECRET = "hunter2-secret"
SETTINGS = """
version: 1
sinks: {}
targets:
  main: {host: db1, dbname: postgres}
  shop: {host: db1, port: 5433, dbname: shop}
"""
SAMPLES = {
    Form.PERCENT: "50%", Form.REST: "90%", Form.LEFT: "-5", Form.COUNT: "+5", Form.SIZE: "5 GB", Form.BYTES: "1000",
    Form.TIME: "5 min", Form.NUMBER: "7", Form.WORD: "17.2",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / "checks.d").mkdir(parents=True)
    (folder / "runner.yaml").write_text(SETTINGS)
    return folder


def bring(home: Path, text: str, *words: str) -> Said:
    file = home.parent / "theirs.cfg"
    file.write_text(text)
    return runner("import", str(file), *words, home=home)


def jobs(home: Path) -> dict[str, Job]:
    loaded = load(str(home), environ={}, no_plugins=True)
    assert [f"{item.span} {item.message}" for item in loaded.home.errors] == []
    return {job.name: job for job in loaded.home.jobs}


def written(home: Path, group: str = "imported") -> str:
    return (home / "checks.d" / f"{group}.yaml").read_text()


def calls(table: dict[str, Row], start: str) -> list[str]:
    lines = []
    for action, row in table.items():
        for check in row if isinstance(row, tuple) else (row,):
            if isinstance(check, Check):
                words = f"{start}{action}"
                lines.append(words)
                lines += [f"{words} -w '{SAMPLES[form]}' -c '{SAMPLES[form]}'" for form in check.forms]
                lines += [f"{words} --include=a --exclude=~b,c"] if check.filters and check.forms else []
    return lines


@pytest.mark.parametrize(
    ("table", "start"),
    [(CHECK_POSTGRES, "check_postgres --action="), (CHECK_PGACTIVITY, "check_pgactivity -s ")],
    ids=["check_postgres", "check_pgactivity"],
)
def test_every_row_of_the_mapping_makes_checks_that_validate(home: Path, table: dict[str, Row], start: str) -> None:
    lines = [f"command[line {number}]={line}" for number, line in enumerate(calls(table, start))]
    said = bring(home, "\n".join(lines))
    assert (said.code, said.err.partition("what differs:")[0]) == (0, "")
    assert len(jobs(home)) >= len(lines)


@pytest.mark.parametrize("action", [name for name, row in CHECK_POSTGRES.items() if isinstance(row, Refused)])
def test_what_has_no_check_is_told_with_its_place(home: Path, action: str) -> None:
    said = bring(home, f"\ncommand[one]=check_postgres --action={action} -w 1\n")
    assert said.code == 1
    assert said.err.startswith("not carried over:\n  ")
    assert "theirs.cfg:2:14: one: " in said.err
    assert not list((home / "checks.d").iterdir())


NAGIOS = f"""
define host {{
    host_name   shopserver
    address     db1
}}
define command {{
    command_name  pg
    command_line  $USER1$/check_postgres.pl --host=$HOSTADDRESS$ --port=$ARG1$ --dbpass={SECRET} --action=$ARG2$ \\
                  --warning='$ARG3$' --critical='$ARG4$' $ARG5$
}}
define service {{
    host_name            shopserver
    service_description  Shop Bloat
    check_command        pg!5433!bloat!20% and 1 GB!5 GB!--dbname=shop --exclude=tmp
    check_interval       30
}}
define service {{
    host_name            shopserver
    service_description  Old transactions
    check_command        pg!5432!txn_time!30 min!2 h
}}
define service {{
    hostgroup_name       all
    service_description  Everywhere
    check_command        pg!5432!backends!80%!90%
}}
"""
ICINGA = f"""
object CheckCommand "pg-locks" {{
  command = [ PluginDir + "/check_postgres.pl", "--action=locks", "--host=db1" ]
  arguments = {{
    "-w" = "100"
    "-c" = "200"
    "--dbpass" = "{SECRET}"
  }}
}}
apply Service "wraparound" {{
  check_command = "postgres"
  check_interval = 1h
  vars.postgres_action = "txn_wraparound"
  vars.postgres_host = "db1"
  vars.postgres_warning = "1_000_000_000"
  vars.postgres_dbpass = "{SECRET}"
  assign where host.name
}}
"""
NRPE = f"""
# command[off]=check_postgres --action=backends
command[pg_seq]=/usr/bin/check_postgres_sequence --db=shop -H db1 -p 5433 -c 90% --dbpass {SECRET}
command[pga]=/usr/lib/nagios/plugins/check_pgactivity -s longest_query -w 1h30m -c 2h --dbexclude '^test'
"""
CRONTAB = f"""
MAILTO=dba
*/5 * * * * PGPASSWORD={SECRET} /usr/bin/check_postgres.pl --action=query_time --host=db1 -w '2 min' --includeuser=don
@daily root check_postgres --action=timesync --host db1 --dbpass={SECRET}
5 4 * * * /usr/bin/vacuumdb -a
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (NAGIOS, {"shop-bloat", "shop-bloat-2", "old-transactions"}),
        (ICINGA, {"pg-locks", "wraparound"}),
        (NRPE, {"pg-seq", "pga"}),
        (CRONTAB, {"long-queries", "clock-skew"}),
    ],
    ids=["nagios", "icinga", "nrpe", "crontab"],
)
def test_the_lines_of_a_file_become_checks(home: Path, text: str, wanted: set[str]) -> None:
    said = bring(home, text)
    assert set(jobs(home)) == wanted
    assert SECRET not in said.all + written(home)
    assert runner("validate", home=home).code == 0
    preview = bring(home, text, "--into", "more", "--dry-run")
    assert SECRET not in preview.all


def test_thresholds_targets_and_schedules_stay(home: Path) -> None:
    said = bring(home, NAGIOS)
    assert said.code == 1
    assert "theirs.cfg:25:26: Everywhere: the value of the macro $HOSTADDRESS$ is not known here" in said.err
    text = written(home)
    for line in (
        "    targets: shop", "    schedule: every 30min",
        "    warning: share >= 20% and waste >= 1GB and not (table = 'tmp')",
        "    critical: waste >= 5GB and not (index = 'tmp')",
        "    warning: open_for >= 30min", "    critical: open_for >= 2h", "    targets: main",
    ):  # fmt: skip
        assert line in text.splitlines()


def test_a_level_that_was_not_there_is_not_there(home: Path) -> None:
    bring(
        home,
        "command[a]=check_postgres --action=query_time -w 5min\ncommand[b]=check_postgres --action=sequence -c 90%\n",
    )
    found = written(home)
    assert "warning: running_for >= 5min" in found
    assert "critical: running_for" in found  # what held there without being said
    assert "warning: used >= 85%" in found
    bring(home, "command[c]=check_postgres --action=txn_time -c 5min\n", "--into", "c")
    assert "without: [warning]" in written(home, "c")


def test_servers_that_are_no_targets_are_told_as_lines_for_runner_yaml(home: Path) -> None:
    line = f"command[a]=check_postgres --action=backends --host=db7,db8 --dbuser=ann --dbpass={SECRET} -w 10\n"
    said = bring(home, line)
    assert said.code == 1
    assert not list((home / "checks.d").iterdir())
    told = said.err.partition("import again:\n")[2].splitlines()
    assert told == [
        "  targets:",
        '    db7: {host: db7, user: ann, password: "${DB7_PASSWORD}"}',
        '    db8: {host: db8, user: ann, password: "${DB8_PASSWORD}"}',
        "what differs:", "  pg.connections compares with the slots that ordinary roles can use, not with max_connections",
    ]  # fmt: skip
    more = "\n".join(line.removeprefix("  ") for line in told[1:3])
    (home / "runner.yaml").write_text(
        f"{SETTINGS}{more}\n".replace("${DB7_PASSWORD}", "a").replace("${DB8_PASSWORD}", "b")
    )
    assert bring(home, line).code == 0
    assert "targets: [db7, db8]" in written(home) or "  - db7" in written(home)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("check_postgres --action=bakends -w 5", "there is no such action; `backends` may be meant"),
        ("check_postgres -w 5", "it names no action"),
        ("check_postgres --action=backends -w lots", "the threshold `lots` is not understood"),
        ("check_postgres --action=backends -w 5 --exclude=test", "--exclude has no counterpart"),
        ("check_postgres --action=txn_time -w 5 --exclude='~('", "the regular expression `(` cannot be read"),
        ("check_postgres --action=connection -w 5", "its thresholds: pg.reachable has its own"),
        ("check_postgres --action=backends -w 5 --surprise", "--surprise is left out; the rest is carried over"),
        ("check_postgres --action=custom_query -w 5", "it has no --query"),
        ("check_postgres --action=custom_query -w 5 --query='select 1'", "no column `result`"),
        ("check_postgres --action=custom_query --query='select 1 as result'", "neither --warning nor --critical"),
        ("check_postgres --action=backends -w 'x", "its quotes do not match"),
        ("check_pgactivity -s pg_dump_backup -w 5", "it reads the files of dumps on the host"),
    ],
)
def test_what_is_left_out_is_told(home: Path, call: str, says: str) -> None:
    said = bring(home, f"command[one]={call}\n")
    assert said.code == 1
    assert says in said.err


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("--query='select 5 as result' -w 3", "    warning: result >= 3"),
        ("--query='select 5 as result' -w 3 --reverse", "    warning: result <= 3"),
        ("--query='select 5 as result' --valtype=size -c '5 MB'", "    critical: result >= 5MB"),
        ("--query='select 5 as result' --valtype=time -c '5 m'", "    critical: result >= 5min"),
        ("--query='select name as result from t' --valtype=string -w rad", "    warning: result = 'rad'"),
    ],
)
def test_queries_of_their_own(home: Path, options: str, line: str) -> None:
    assert bring(home, f"command[one]=check_postgres --action=custom_query {options}\n").code == 0
    assert line in written(home).splitlines()
    assert set(jobs(home)) == {"one"}


def test_how_long_a_view_takes(home: Path) -> None:
    bring(home, "command[one]=check_postgres --action=query_runtime --queryname='speedtest()' -w 5 -c 10\n")
    assert "    warning: median >= 5s" in written(home)
    assert jobs(home)["one"].spec is not None


PGWATCH = """
metrics:
  sessions:
    description: >
      Sessions by state.
    sqls:
      11: |
        select /* theirs */ state as tag_state, count(*) as n
        from pg_stat_activity group by 1;
      17: select state as tag_state, count(*) as n, 1 as more from pg_stat_activity group by 1
    gauges: ["*"]
    is_instance_level: true
  standby_only:
    sqls: {14: "select 1 as n"}
    node_status: standby
  marker:
    sqls: {11: "; -- not for this version"}
  helped:
    sqls: {14: "select * from get_load_average()"}
    init_sql: create function get_load_average() ...
presets:
  few:
    metrics: {sessions: 60, standby_only: 300}
"""


def test_metrics_of_pgwatch(home: Path) -> None:
    said = bring(home, PGWATCH)
    found = jobs(home)
    assert set(found) == {"sessions", "standby-only"}
    assert found["standby-only"].requires.role == "standby"
    assert (found["sessions"].scope.value, found["standby-only"].scope.value) == ("instance", "database")
    assert "    schedule: every 5min" in written(home)
    assert found["sessions"].description == "Sessions by state."
    assert found["sessions"].spec.rule.key == ("tag_state",)  # type: ignore[attr-defined]
    assert set(found["sessions"].spec.sql.variants) == {11, 17}  # type: ignore[attr-defined]
    assert "marker: it has no SQL" in said.err
    assert "helped: it needs helper functions" in said.err
    (home / "checks.d" / "imported.yaml").unlink()
    assert bring(home, "sqls:\n  14: select 1 as n\n").code == 0
    assert set(jobs(home)) == {"theirs"}


def test_nothing_is_overwritten(home: Path) -> None:
    assert bring(home, NRPE).code == 0
    before = written(home)
    assert bring(home, NRPE).code == 64
    assert bring(home, NRPE, "--into", "imported").code == 0
    assert written(home).startswith(before)
    assert set(jobs(home)) == {"pg-seq", "pga", "pg-seq-2", "pga-2"}


def test_files_without_anything(home: Path) -> None:
    said = bring(home, "command[x]=/usr/lib/nagios/plugins/check_disk -w 5\n")
    assert (said.code, "no line of check_postgres" in said.err) == (1, True)
    assert runner("import", str(home / "none.cfg"), home=home).code == 64
