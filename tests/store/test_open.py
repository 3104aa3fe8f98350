from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runner.errors import StoreError
from runner.model.history import Series
from runner.store.base import Recorded
from runner.store.connection import APPLICATION_ID
from runner.store.open import open_store, store_path
from runner.store.schema import MIGRATIONS, VERSION
from runner.store.sqlite import SqliteEngine
from runner.store.sqlstore import SqlStore
from tests.store.make import T0, finish, hours, make_claim, make_result, observed

URL = "sqlite:.runner/state.db"


def refusal(path: Path) -> StoreError:
    """The error of opening the file, which stays as it is, byte for byte."""
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        SqliteEngine(path)
    assert path.read_bytes() == before
    assert caught.value.hint
    assert "Traceback" not in caught.value.message
    return caught.value


def test_the_file_and_its_folder_belong_to_the_owner_alone(tmp_path: Path, path: Path) -> None:
    old = os.umask(0)
    try:
        with open_store(URL, tmp_path) as store:
            finish(store, make_result("a"))
            files = sorted(path.parent.iterdir())
            assert [file.name for file in files] == ["state.db", "state.db-shm", "state.db-wal", "state.db.lock"]
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(old)


def test_what_was_recorded_is_there_when_it_is_opened_again(tmp_path: Path, path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        finish(store, make_result("a"))
        assert store.durable
    with open_store(URL, tmp_path) as store:
        assert [run.run for run in store.runs()] == ["a"]
    with sqlite3.connect(path) as raw:
        assert raw.execute("pragma journal_mode").fetchone() == ("wal",)
        assert raw.execute("pragma application_id").fetchone() == (APPLICATION_ID,)
        assert raw.execute("pragma user_version").fetchone() == (VERSION,)
        assert raw.execute("pragma integrity_check").fetchone() == ("ok",)
        assert raw.execute("pragma foreign_key_check").fetchall() == []
    raw.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:.runner/state.db", "/home/x/.runner/state.db"),
        ("sqlite:state.db", "/home/x/state.db"),
        ("sqlite:/var/lib/runner/state.db", "/var/lib/runner/state.db"),
        ("sqlite:///var/lib/runner/state.db", "/var/lib/runner/state.db"),
    ],
)
def test_the_url_names_a_file_relative_to_the_home(url: str, expected: str) -> None:
    assert store_path(url, Path("/home/x")) == Path(expected)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://user:hunter2@host/db", "`mysql:` is not a scheme for a store; there are `sqlite:` and `postgresql:`"),
        ("redis://localhost", "`redis:` is not"),
        ("postgresql:db", "`state:` names no server after `postgresql:`"),
        ("postgresql://user:hunter2@host", "names no database"),
        ("postgresql://user:hunter2@host/db?colour=blue", "unknown keyword"),
        ("postgres://user:hunter2@host:port/db", "a host of the connection URL cannot be read"),
        ("postgres://user:hunter2%@host/db", "a % that starts no percent-encoding"),
        ("state.db", "`state:` does not name a scheme"),
        ("", "`state:` does not name a scheme"),
        ("sqlite:", "names no file"),
        ("sqlite://host/file", "names no file"),
        ("sqlite:.runner/", "names no file"),
    ],
)
def test_other_urls_are_refused_without_their_secrets(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url, tmp_path)
    assert message in caught.value.message
    assert "hunter2" not in caught.value.message + caught.value.hint
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_newer_schema_is_refused(tmp_path: Path, path: Path) -> None:
    open_store(URL, tmp_path).close()
    raw = sqlite3.connect(path)
    raw.execute(f"pragma user_version = {VERSION + 1}")
    raw.close()
    assert "newer runner" in refusal(path).message


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(URL, tmp_path) as store:
        finish(store, make_result("a"))
    monkeypatch.setattr(
        "runner.store.schema.MIGRATIONS", (*MIGRATIONS, ("create table later (a)", "insert into later values (1)"))
    )
    monkeypatch.setattr("runner.store.schema.VERSION", VERSION + 1)
    monkeypatch.setattr("runner.store.connection.VERSION", VERSION + 1)
    for _ in range(2):
        with open_store(URL, tmp_path) as store:
            assert [run.run for run in store.runs()] == ["a"]
    raw = sqlite3.connect(path)
    assert raw.execute("select * from later").fetchall() == [(1,)]
    assert raw.execute("pragma user_version").fetchone() == (VERSION + 1,)
    raw.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(URL, tmp_path).close()
    monkeypatch.setattr(
        "runner.store.schema.MIGRATIONS", (*MIGRATIONS, ("create table later (a)", "no such statement"))
    )
    monkeypatch.setattr("runner.store.schema.VERSION", VERSION + 1)
    monkeypatch.setattr("runner.store.connection.VERSION", VERSION + 1)
    with pytest.raises(StoreError, match="cannot be used"):
        open_store(URL, tmp_path)
    raw = sqlite3.connect(path)
    assert raw.execute("select count(*) from sqlite_schema where name = 'later'").fetchone() == (0,)
    assert raw.execute("pragma user_version").fetchone() == (VERSION,)
    raw.close()


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "firefox.db"
    raw = sqlite3.connect(path)
    raw.execute("create table bookmarks (url)")
    raw.commit()
    raw.close()
    assert "another program" in refusal(path).message
    assert [file.name for file in tmp_path.iterdir()] == ["firefox.db"]


@pytest.mark.parametrize("content", [b"hello", b"# notes\n" * 500, b"SQLite format 3\x01" + b"x" * 4096])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    assert "not an SQLite database" in refusal(path).message


def test_a_damaged_file_is_refused(tmp_path: Path, path: Path) -> None:
    open_store(URL, tmp_path).close()
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xa5" * 3996
    path.write_bytes(data)
    error = refusal(path)
    assert "is damaged" in error.message
    assert "runner doctor --repair" in error.hint


def test_damage_deeper_in_the_file_is_a_sentence_when_it_is_met(tmp_path: Path, path: Path) -> None:
    with open_store(URL, tmp_path) as store:
        for index in range(300):
            finish(store, make_result(f"r{index}", hours(index)))
    data = bytearray(path.read_bytes())
    for page in range(30, len(data) // 4096):
        data[page * 4096 : page * 4096 + 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    with open_store(URL, tmp_path) as store, pytest.raises(StoreError, match="is damaged"):
        store.runs(limit=1000)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".runner").write_text("a file, not a folder")
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        open_store(URL, tmp_path)
    assert "write to" in caught.value.hint
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be opened: Is a directory"):
        open_store("sqlite:folder", tmp_path)


OPEN_AS_NOBODY = """
import os, sys
from pathlib import Path
from runner.errors import StoreError
from runner.store.open import open_store
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    open_store(sys.argv[1], Path(sys.argv[2]))
except StoreError as error:
    print(error.message, "|", error.hint)
"""


@pytest.mark.parametrize("writable_file", [False, True])
def test_a_folder_that_cannot_be_written_is_a_sentence(writable_file: bool) -> None:
    home = Path(tempfile.mkdtemp())
    try:
        if writable_file:
            open_store("sqlite:state.db", home).close()
            (home / "state.db").chmod(0o666)
        home.chmod(0o555)
        # The modules are read before the rights are given up: nobody may not see the checkout.
        code = "import runner.store.sqlite, runner.store.sqlstore\n" + OPEN_AS_NOBODY
        done = subprocess.run(
            [sys.executable, "-c", code, "sqlite:state.db", str(home)], capture_output=True, text=True, check=False
        )
    finally:
        home.chmod(0o755)
        shutil.rmtree(home)
    assert done.stderr == ""
    assert "cannot be opened" in done.stdout
    assert f"must be able to write to {home}" in done.stdout


def large_result(run: str) -> Recorded:
    rows = {Series("", (f"table {number}",)): {"x": number} for number in range(20_000)}
    return Recorded(result=make_result(run, observations=observed(rows)))


def test_a_full_disk_is_a_sentence_and_nothing_is_half_recorded(tmp_path: Path, path: Path) -> None:
    engine = SqliteEngine(path)
    with SqlStore(engine) as store:
        store.claim(make_claim("a"))
        assert engine._connection is not None
        pages = engine._connection.execute("pragma page_count").fetchone()[0]
        engine._connection.execute(f"pragma max_page_count = {pages + 20}")
        with pytest.raises(StoreError, match="the disk is full"):
            store.record([large_result("a")], report=None, deliveries=[], now=T0)
        assert store.latest() == ()
        assert [run.run for run in store.running()] == ["a"]
        engine._connection.execute("pragma max_page_count = 1000000")
        store.record([large_result("a")], report=None, deliveries=[], now=T0)
        assert len(store.latest()[0].outcome.observations) == 20_000


WRITE_UNTIL_FULL = """
import resource, sys
from pathlib import Path
from runner.errors import StoreError
from runner.store.open import open_store
from tests.store.make import T0, make_claim
from tests.store.test_open import URL, large_result
store = open_store(URL, Path(sys.argv[1]))
store.claim(make_claim("a"))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    store.record([large_result("a")], report=None, deliveries=[], now=T0)
except StoreError as error:
    print(error.message)
print([run.status for run in store.runs()])
"""


def test_a_file_that_may_not_grow_is_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITE_UNTIL_FULL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert "the store" in done.stdout
    assert "['running']" in done.stdout
    with open_store(URL, tmp_path) as store:
        assert [run.run for run in store.running()] == ["a"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_store_that_another_process_holds_is_a_sentence(tmp_path: Path, path: Path) -> None:
    engine = SqliteEngine(path)
    with SqlStore(engine) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("begin immediate")
        assert engine._connection is not None
        engine._connection.execute("pragma busy_timeout = 50")
        with pytest.raises(StoreError, match="kept busy by another process"):
            store.tick("t", T0)
        assert store.runs() == (), "reading does not wait for a writer"
        other.execute("rollback")
        other.close()
        store.tick("t", T0)
