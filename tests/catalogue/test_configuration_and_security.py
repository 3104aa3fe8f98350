"""Configuration and security: settings that changed or endanger, files with errors, rights that are too wide."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from runner.demo import embedded
from runner.demo.embedded import Server
from tests.catalogue.frame import Case, Plant, examine, run_in
from tests.catalogue.plants import setting, statements
from tests.catalogue.together import examine_together
from tests.catalogue.witness import shows
from tests.postgres import Database, eventually
from tests.shipped.support import Use, database_of

BEFORE = ("2026-03-04T01:00Z",)
THROW_AWAY = {"except": [{"setting": "fsync"}, {"setting": "full_page_writes"}]}
LOGGED = {
    "except": [
        {"setting": name}
        for name in (
            "log_autovacuum_min_duration", "log_checkpoints", "log_lock_waits", "log_min_duration_statement",
            "log_temp_files",
        )
    ]
}  # fmt: skip


def line(file: str, text: str) -> Plant:
    def plant(stack: ExitStack, server: Server, database: Database) -> None:
        path = server.data / file
        before = path.read_bytes()
        stack.callback(lambda: path.write_bytes(before))
        with path.open("a") as end:
            end.write(f"{text}\n")

    return plant


def old_extension(stack: ExitStack, server: Server, database: Database) -> None:
    older = database.execute(
        "select v.name, v.version from pg_available_extension_versions v join pg_available_extensions a using (name)"
        " where name = 'pg_trgm' and v.version <> a.default_version order by v.version desc limit 1"
    )
    if not older:
        pytest.skip("this server's programs come without an extension in two versions")
    database.execute(f"create extension {older[0][0]} version '{older[0][1]}'")


POLICIES = (
    "create table orders (id int)", "create policy own on orders using (false)",
    "create table shut (id int)", "alter table shut enable row level security",
)  # fmt: skip
VIEWS = (
    "create table bills (id int)", "alter table bills enable row level security",
    "create policy own on bills using (false)", "create view past as select * from bills",
    "create view kept with (security_invoker = on) as select * from bills",
)  # fmt: skip
FUNCTIONS = (
    'create schema "a.B"',
    "create function \"a.B\".\"F\"(n int) returns int security definer language sql as 'select n'",
    "create function kept() returns int security definer language sql set search_path = pg_catalog as 'select 1'",
    "create procedure plain() language sql as 'select 1'",
)  # fmt: skip
MANY = "; ".join(f"create role boss{number} superuser login" for number in range(4)).split("; ")
NO_BOSSES = "; ".join(f"drop role boss{number}" for number in range(4))
MD5 = ("set password_encryption = 'md5'", "create role old_app login password 'x'")

A_VIEW = Case(
    check="pg.row-security", plant=statements(*VIEWS), state="warning", says="public.past: a view past row security"
)
ALONE = ("an old extension",)
CASES: dict[str, Case] = {
    "a setting was changed": Case(
        check="pg.settings-changed", plant=setting("random_page_cost", "1.5"), state="warning",
        says="random_page_cost was 4 and is 1.5", before=BEFORE,
    ),
    "a password in a setting": Case(
        check="pg.settings-changed", plant=setting("primary_conninfo", "host=x password=sesame"), state="warning",
        says="primary_conninfo was (empty) and is hidden, fingerprint ", before=BEFORE,
    ),
    "a setting waits for a restart": Case(
        check="pg.pending-restart", plant=setting("max_connections", "30"), state="warning",
        says="max_connections is 24 until the server is restarted",
    ),
    "damaged pages are emptied": Case(
        check="pg.dangerous-settings", plant=setting("zero_damaged_pages", "on"), state="critical",
        says="zero_damaged_pages = on (server)", healthy=THROW_AWAY, values=THROW_AWAY,
    ),
    "catalogues may be changed by a role": Case(
        check="pg.dangerous-settings", state="warning", healthy=THROW_AWAY, values={**THROW_AWAY, "critical": False},
        plant=statements(
            'create role "d.Ba"', "alter role \"d.Ba\" in database ward set password_encryption = 'md5'",
            'alter role "d.Ba" set enable_sort = off', undo='drop role "d.Ba"',
        ),
        says='password_encryption = md5 (role "d.Ba" in database ward)',
    ),
    "memory as delivered": Case(
        check="pg.memory-settings", plant=statements("select 1"), state="warning", says="shared_buffers 16.0 MB",
        healthy={"params": {"least_shared_buffers": "8MB"}},
    ),
    "more memory than there is": Case(
        check="pg.memory-settings", plant=setting("work_mem", "1GB", shown="1048576"), state="warning",
        says=" at worst of 8GB", healthy={"params": {"least_shared_buffers": "8MB", "memory": "8GB"}},
        values={"params": {"least_shared_buffers": "8MB", "memory": "8GB"}},
    ),
    "lines without a time": Case(
        check="pg.logging-settings", plant=setting("log_line_prefix", "%p "), state="warning",
        says="log_line_prefix = %p : lines do not say when", healthy=LOGGED, values=LOGGED,
    ),
    "statements that fail": Case(
        check="pg.logging-settings", plant=setting("log_min_error_statement", "panic"), state="warning",
        says="statements that fail are not logged", healthy=LOGGED, values=LOGGED,
    ),
    "an old extension": Case(
        check="pg.extension-updates", plant=old_extension, state="warning", says="is installed in ward, the server has",
    ),
    "many superusers": Case(
        check="pg.superusers", plant=statements(*MANY, undo=NO_BOSSES), state="warning",
        says="may log in with all rights: boss0, boss1",
    ),
    "superusers by membership": Case(
        check="pg.superusers", says="deputy, postgres", state="warning",
        plant=statements("create role deputy login", "grant postgres to deputy", undo="drop role deputy"),
        healthy={"params": {"max_superusers": 1}}, values={"params": {"max_superusers": 1}},
    ),
    "everybody may create": Case(
        check="pg.public-create", plant=statements('create schema "c.D"', 'grant create on schema "c.D" to public'),
        state="warning", says="everybody may create objects in the schema c.D",
        healthy={"except": [{"schema": "public"}]}, values={"except": [{"schema": "public"}]},
    ),
    "a function trusts its caller": Case(
        check="pg.security-definer-functions", plant=statements(*FUNCTIONS), state="warning",
        says='"a.B"."F"(n integer) runs as postgres (a superuser), everybody may call it',
    ),
    "a grant": Case(
        check="pg.privileges-changed", plant=statements("create table t (id int)", "grant select on t to public"),
        state="warning", says="the privileges on tables of public changed", before=BEFORE,
    ),
    "a grant on a column": Case(
        check="pg.privileges-changed", plant=statements("create table u (id int)", "grant select (id) on u to public"),
        state="warning", says="the privileges on columns of public changed", before=BEFORE,
    ),
    "a membership": Case(
        check="pg.privileges-changed", plant=statements("create role team", "grant team to nobody", undo="drop role team"),
        state="warning", says="the role memberships changed", before=BEFORE,
    ),
    "a password expires": Case(
        check="pg.expiring-passwords", state="critical", says="soon: the password expires in ",
        plant=lambda stack, server, database: expiring(stack, server, database, "soon", "1 day"),
    ),
    "a password expired": Case(
        check="pg.expiring-passwords", state="critical", says="late: the password expired 3 d ago",
        plant=lambda stack, server, database: expiring(stack, server, database, "late", "-3 days"),
    ),
    "an MD5 password": Case(
        check="pg.md5-passwords", plant=statements(*MD5, undo="drop role old_app"), state="warning",
        says="the password of old_app is stored as MD5", minimal="unknown",
    ),
    "policies that are not in force": Case(
        check="pg.row-security", plant=statements(*POLICIES), state="warning",
        says="public.orders: policies without row security",
    ),
    "a line of pg_hba.conf": Case(
        check="pg.configuration-errors", plant=line("pg_hba.conf", "local all all nonsense"), state="critical",
        says="pg_hba.conf", minimal="unknown",
    ),
    "a line of postgresql.conf": Case(
        check="pg.configuration-errors", plant=line("postgresql.conf", "maintenance_work_mem = banana"), state="critical",
        says="maintenance_work_mem: setting could not be applied", minimal="unknown",
    ),
}  # fmt: skip


def expiring(stack: ExitStack, server: Server, database: Database, role: str, after: str) -> None:
    until = database.value(f"select (now() + interval '{after}')::text")
    database.execute(f"create role {role} login valid until '{until}'")
    stack.callback(lambda: run_in(server, f"drop role {role}"))


@pytest.mark.quick
def test_silent_when_healthy_and_loud_when_not(tmp_path: Path, patient: Server, database: Database) -> None:
    """Errors in files come last: with one in postgresql.conf nothing can be reloaded."""
    views = {"a view past row security": A_VIEW} if patient.major >= 15 else {}
    cases = {name: case for name, case in CASES.items() if name not in ALONE}
    examine_together({**views, **cases}, tmp_path, patient, database)


@pytest.mark.parametrize("name", ALONE)
def test_one_by_one(tmp_path: Path, patient: Server, database: Database, name: str) -> None:
    examine(CASES[name], tmp_path, patient, database)


def test_the_grants_that_are_named_are_enough_for_the_configuration_files(tmp_path: Path, patient: Server) -> None:
    """And what only waits for a restart is no error."""
    use = Use(tmp_path, patient.options(user="minimal"))
    use.write("pg.configuration-errors")
    told = use.look()["summary"]
    grants = told[told.index("grant select") :].split("; ")
    database = database_of(patient)
    with ExitStack() as stack:
        stack.callback(
            lambda: run_in(patient, *(one.replace("grant", "revoke", 1).replace(" to ", " from ") for one in grants))
        )
        database.execute(*grants)
        setting("max_connections", "30")(stack, patient, database)
        assert use.look()["state"] == "ok"
        line("pg_ident.conf" if patient.major >= 15 else "pg_hba.conf", "one word")(stack, patient, database)
        assert use.look()["state"] == "critical"


def test_the_hint_takes_a_dangerous_setting_back(tmp_path: Path, patient: Server, database: Database) -> None:
    use = Use(tmp_path, patient.options("ward"))
    use.write("pg.dangerous-settings", **THROW_AWAY)
    database.execute(
        "alter database ward set zero_damaged_pages = on", "alter role all set ignore_checksum_failure = 1"
    )
    found = use.look()["findings"]
    assert len(found) == 2
    for one in found:
        with psycopg.connect(patient.dsn(), autocommit=True) as connection:
            connection.execute(one["hint"])
    assert use.look()["state"] == "ok"


@shows("pg.certificate-expiry")
def test_a_certificate_that_expires(tmp_path: Path, own_server: Callable[..., Server]) -> None:
    server = own_server(password="sesame")
    use = Use(tmp_path, {**server.options(), "host": "127.0.0.1", "password": "sesame"})
    use.write("pg.certificate-expiry")
    plain = use.look()
    assert (plain["state"], "ssl is off" in plain["skipped"]) == ("skipped", True)
    wanted = "select setting from pg_settings where name = 'ssl'"
    if database_of(server).value("select setting from pg_settings where name = 'ssl_library'") == "":
        pytest.skip("this server's programs are built without TLS")
    for days, state in ((90, "ok"), (20, "warning"), (5, "critical")):
        signed(server, days)
        run_in(server, "alter system set ssl = on", "select pg_reload_conf()")
        eventually(lambda: database_of(server).value(wanted) == "on", what="TLS")
        found = eventually(lambda state=state: (seen := use.look())["state"] == state and seen, what=state)
        assert "(db1) is valid for" in found["summary"]
    use.options = server.options()
    use.write("pg.certificate-expiry")
    assert use.look()["state"] == "critical"
    use.write("pg.certificate-expiry", **{"with": {"port": 1}})
    assert use.look()["state"] == "unknown"


def signed(server: Server, days: int) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed here")
    key, certificate = server.data / "server.key", server.data / "server.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db1", "-days", str(days)]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    key.chmod(0o600)
    embedded._give_away(key, certificate)
