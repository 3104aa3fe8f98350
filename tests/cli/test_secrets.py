"""A password is used and appears nowhere: not on a stream, in a log, in the store, or in a crash file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from runner.demo.embedded import SUPERUSER, Server as Embedded
from tests.app.homes import TempHome
from tests.cli.support import Said, process, runner
from tests.postgres import SETTINGS, Servers

RIGHT = "pl@nted/S3cret#42"
WRONG = "wr0ng%S3cret:77"

JOBS = """
schedule: hourly
jobs:
  - check: fine
    sql: select 1 as n
    warning: n > 5
  - check: leak
    key: [v]
    sql: select v, v as again from leaks
    warning: again matches 'S3cret'
    message: "found {{ v }}"
    detail: select * from leaks
  - check: error
    sql: select cast(v as int) as n from leaks
    warning: n > 5
"""
PLUGIN = """
from pathlib import Path
from runner.api import JobKind, hookimpl

SECRET = Path(__file__).with_name("known.txt").read_text()

def read(node, context): return None
def run(context, job): raise ValueError(f"cannot log in with {SECRET}")

@hookimpl
def runner_register_job_kinds():
    yield JobKind(name="t.leaky", summary="s", read=read, run=run)

@hookimpl
def runner_result_ready(result): raise ValueError(f"cannot tell {SECRET}")
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, server: Servers) -> Iterator[Embedded]:
    """A server that asks for a password over TCP."""
    folder = tmp_path_factory.mktemp("guarded")
    folder.chmod(0o755)
    started = Embedded.start(folder / "pg", SETTINGS, version=server.version, programs=server.programs, password=RIGHT)
    with connect(started) as connection:
        connection.execute("create table leaks (v text)")
        for text in (RIGHT, WRONG):
            connection.execute("insert into leaks values (%s), (%s)", (text, quote(text, safe="")))
    yield started
    started.remove()


def connect(server: Embedded):  # type: ignore[no-untyped-def]
    import psycopg

    return psycopg.connect(server.dsn(), autocommit=True)


@dataclass
class Planted:
    """A home in which the password stands in one way; everything that was printed is kept."""

    home: TempHome
    environ: dict[str, str] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)

    def call(self, *words: str) -> Said:
        self.said.append(runner(*words, home=self.home.path, environ=self.environ))
        return self.said[-1]


def url(server: Embedded, password: str) -> str:
    return f"postgresql://{SUPERUSER}:{quote(password, safe='')}@127.0.0.1:{server.port}/postgres"


def parts(server: Embedded) -> str:
    return f"host: 127.0.0.1, port: {server.port}, dbname: postgres, user: {SUPERUSER}"


def environment(server: Embedded, password: str) -> dict[str, str]:
    return {
        "DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": str(server.port), "DATABASE_NAME": "postgres",
        "DATABASE_USER": SUPERUSER, "DATABASE_PASSWORD": password,
    }  # fmt: skip


def dotenv(values: dict[str, str]) -> str:
    return "".join(f"{name}='{value}'\n" for name, value in values.items())


FORMS: dict[str, Callable[[Planted, Embedded, str], str | None]] = {
    "DATABASE_PASSWORD": lambda it, server, word: it.environ.update(environment(server, word)),
    "DATABASE_PASSWORD in .env": lambda it, server, word: put(it, ".env", dotenv(environment(server, word))),
    "DATABASE_URL": lambda it, server, word: it.environ.update(DATABASE_URL=url(server, word)),
    "DATABASE_URL in .env": lambda it, server, word: put(it, ".env", f"DATABASE_URL={url(server, word)}\n"),
    "PGPASSWORD": lambda it, server, word: (
        it.environ.update(PGPASSWORD=word, PGHOST="127.0.0.1", PGPORT=str(server.port), PGUSER=SUPERUSER,
                          PGDATABASE="postgres")
    ),
    "dsn in runner.yaml": lambda it, server, word: f"dsn: {json.dumps(url(server, word))}",
    "keywords in runner.yaml": lambda it, server, word: (
        f"dsn: {json.dumps(f'host=127.0.0.1 port={server.port} dbname=postgres user={SUPERUSER} password={word}')}"
    ),
    "password in runner.yaml": lambda it, server, word: f"{parts(server)}, password: {json.dumps(word)}",
    "${file:…}": lambda it, server, word: (
        put(it, "password.txt", word + "\n") or f"{parts(server)}, password: '${{file:{it.home.path}/password.txt}}'"
    ),
    "${NAME}": lambda it, server, word: (
        it.environ.update(THE_WORD=word) or f"{parts(server)}, password: '${{THE_WORD}}'"
    ),
    "${NAME} in a dsn": lambda it, server, word: (
        it.environ.update(THE_DSN=url(server, word)) or "dsn: '${THE_DSN}'"
    ),
}  # fmt: skip


def put(planted: Planted, name: str, text: str) -> None:
    (planted.home.path / name).write_text(text)


@pytest.fixture
def plant(tmp_path: Path, guarded: Embedded) -> Callable[[str, str], Planted]:
    def planted(form: str, word: str) -> Planted:
        home = TempHome.make(tmp_path / "home", {}, {"jobs.yaml": JOBS})
        it = Planted(home)
        target = FORMS[form](it, guarded, word)
        targets = f"targets: {{main: {{{target}}}}}\n" if target else ""
        (home.path / "runner.yaml").write_text(f"version: 1\n{targets}{home.sinks()}")
        home.write("leaky.py", PLUGIN)
        home.write("leaky.yaml", "schedule: hourly\nt.leaky: leaky\n")
        (home.path / "plugins" / "known.txt").write_text(word)
        return it

    return planted


def everything(planted: Planted, tmp_path: Path) -> dict[str, bytes]:
    """All that was printed or written, but for what the test itself put there."""
    ours = {"password.txt", ".env", "runner.yaml", "known.txt"}
    found = {f"call {number}": said.all.encode() for number, said in enumerate(planted.said)}
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name not in ours and "__pycache__" not in path.parts:
            found[str(path)] = path.read_bytes()
    return found


def assert_nowhere(planted: Planted, tmp_path: Path, word: str) -> None:
    for where, data in everything(planted, tmp_path).items():
        for form in (word, quote(word, safe=""), json.dumps(word)[1:-1]):
            assert form.encode() not in data, f"{form} in {where}: {data[-2000:]!r}"


@pytest.mark.parametrize(
    ("form", "word"),
    [*((form, RIGHT) for form in FORMS), *((form, WRONG) for form in list(FORMS)[::3])],
)
def test_no_password_is_shown_or_kept(
    plant: Callable[[str, str], Planted], tmp_path: Path, form: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = plant(form, word)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    planted.call("run-due", "--now", "2026-03-04T02:55Z")
    due = planted.call("run-due", "--now", "2026-03-04T03:00Z")
    ran = planted.call("run", "jobs", "--json")
    results = {result["job"]: result for result in ran.json()["results"]}
    if word == RIGHT:
        assert results["fine"]["state"] == "ok"
        assert results["leak"]["state"] == "warning"
        assert "***" in ran.out
    else:
        assert {result["state"] for result in results.values()} == {"unknown"}
        assert "password authentication failed" in ran.out
    assert due.out
    for words in (
        ["run", "leaky"], ["run", "jobs", "--format", "nagios"], ["run", "jobs", "--dry-run"], ["status", "--all"],
        ["history", "--json"], ["show", "leak", "--origin"], ["doctor"], ["validate"], ["sinks", "test", "log"],
    ):  # fmt: skip
        planted.call(*words)

    def bug(*_: object, **__: object) -> None:
        raise ValueError(f"no row for {word} and {quote(word, safe='')}")

    monkeypatch.setattr("runner.cli.commands.list.following", bug)
    assert planted.call("list").code == 70
    assert list(tmp_path.glob("runner-crash-*.txt"))
    assert_nowhere(planted, tmp_path, word)
    assert all("Traceback" not in said.all for said in planted.said)


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ntargets: {main: {dsn: 'DSN', hots: x}}\n",
        "version: 1\ntargets: {main: {dsn: 'DSN'\n",
        "version: 1\ntargets:\n  main:\n    password: 'WORD'\n    pasword: 'WORD'\n",
        "version: 1\ntargets:\n  main:\n   password: 'WORD'\n  - x\n",
        "version: 1\ntargets: {main: {dsn: 'DSN', dsn: 'DSN'}}\n",
        "version: 1\ntargets: {main: {dsn: 'DSN?sslmode'}}\n",
        "version: 1\ntargets: {main: {dsn: 'host=x password=WORD por'}}\n",
        "version: 1\nstate: 'DSN'\n",
    ],
)
def test_no_password_in_complaints_about_its_own_line(
    tmp_path: Path, guarded: Embedded, text: str, plant: Callable[[str, str], Planted]
) -> None:
    planted = plant("DATABASE_PASSWORD", "something-else")
    word = WRONG.replace("%", "-").replace(":", "-")
    settings = text.replace("DSN", url(guarded, word)).replace("WORD", word)
    (planted.home.path / "runner.yaml").write_text(settings)
    codes = [planted.call(*words).code for words in (["validate"], ["validate", "--json"], ["run", "fine"], ["status"])]
    assert codes[2] != 0
    assert_nowhere(planted, tmp_path, word)


def test_no_password_in_the_list_of_processes(plant: Callable[[str, str], Planted], tmp_path: Path) -> None:
    """The same in a process of its own, started as cron does it."""
    planted = plant("DATABASE_URL", RIGHT)
    planted.said.append(process("run", "leak", home=planted.home.path, environ=planted.environ))
    assert planted.said[-1].code == 1
    assert_nowhere(planted, tmp_path, RIGHT)
