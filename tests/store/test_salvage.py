"""Real damage to real files: what can be read is saved, what cannot is counted, and the old bytes stay."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runner.errors import StoreError
from runner.model.history import Form, HistoryNeed, Number, Series
from runner.model.state import State
from runner.store.base import Recorded
from runner.store.open import open_store
from runner.store.salvage import Repaired, Saved, examine, repair
from runner.store.schema import VERSION
from tests.store.make import T0, finish, hours, make_claim, make_report, make_result, observed
from tests.store.test_record import problem

PAGE = 4096
URL = "sqlite:.runner/state.db"
A = Series("", ("a",))
RUNS = 120


def fill(home: Path, runs: int = RUNS) -> None:
    """Runs with rows, reports, deliveries, and an open problem."""
    with open_store(URL, home) as store:
        for index in range(runs):
            at = hours(index)
            rows: dict[Series, dict[str, Number]] = {
                Series("", (f"table {number}",)): {"x": index * number, "t": "text" * 5} for number in range(20)
            }
            result = make_result(f"r{index}", at, observations=observed(rows), state=State.WARNING)
            assert store.claim(make_claim(f"r{index}", at))
            report = make_report(f"p{index}", [result], at)
            recorded = Recorded(result=result, problems={A: problem(A)})
            store.record([recorded], report=report, deliveries=[("log", hours(9999))], now=at)
        store.tick("tick", hours(runs))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store in one file, everything in it."""
    home = tmp_path_factory.mktemp("whole")
    fill(home)
    path = home / ".runner" / "state.db"
    raw = sqlite3.connect(path)
    raw.execute("pragma wal_checkpoint(truncate)")
    raw.close()
    return path.read_bytes()


@pytest.fixture
def damaged(path: Path, whole: bytes) -> Callable[[Callable[[bytearray], object]], Path]:
    def make(change: Callable[[bytearray], object]) -> Path:
        data = bytearray(whole)
        change(data)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    return make


def by_table(done: Repaired) -> Mapping[str, Saved]:
    return {table.table: table for table in done.tables}


def kept(done: Repaired, before: bytes) -> None:
    """The old file is there, byte for byte; nothing else is left beside the store."""
    assert done.aside is not None
    assert done.aside.read_bytes() == before
    assert [file.name for file in done.path.parent.iterdir() if "repair" in file.name or ".part" in file.name] == []


def is_sound(path: Path) -> None:
    """The new store passes every check and can be used."""
    raw = sqlite3.connect(path)
    assert raw.execute("pragma integrity_check").fetchall() == [("ok",)]
    assert raw.execute("pragma foreign_key_check").fetchall() == []
    assert raw.execute("pragma user_version").fetchone() == (VERSION,)
    raw.close()
    assert examine(path) == ()
    with open_store(URL, path.parent.parent) as store:
        store.cursors(), store.running(), store.problems(), store.transitions(), store.latest(), store.unreported()
        store.failed_deliveries(), store.last_tick(), store.run_statistics(T0)
        store.past("j", "t", [HistoryNeed(Form.PREVIOUS, "x"), HistoryNeed(Form.WINDOW, "x", 1e7)], hours(RUNS + 1))
        list(store.sweeps("j", "t", T0))
        finish(store, make_result("after", hours(5000), observations=observed({A: {"x": 1}})))
        assert store.prune(hours(9000), 86400.0, 86400.0, keep_hourly=2 * 86400.0, keep_daily=9e9) is not None


def rows_of(path: Path, table: str) -> int:
    raw = sqlite3.connect(path)
    number: int = raw.execute(f"select count(*) from {table}").fetchone()[0]
    raw.close()
    return number


def page_of(data: bytes, table: str) -> int:
    """The offset of the first page of a table or an index."""
    raw = sqlite3.connect(":memory:")
    raw.deserialize(bytes(data[:18] + b"\x01\x01" + data[20:]))  # in memory there is no log
    page: int = raw.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()[0]
    raw.close()
    return (page - 1) * PAGE


def test_a_sound_store_is_left_alone(tmp_path: Path, path: Path) -> None:
    fill(tmp_path, 5)
    before = path.read_bytes()
    assert repair(path, T0) == Repaired(path=path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir() if "lock" not in file.name) == ["state.db"]


def test_pages_in_the_middle(damaged: Callable[..., Path]) -> None:
    def spoil(data: bytearray) -> None:
        random = Random(7)
        for page in random.sample(range(len(data) // PAGE // 2, len(data) // PAGE), 6):
            data[page * PAGE : (page + 1) * PAGE] = b"\xa5" * PAGE

    path = damaged(spoil)
    before = path.read_bytes()
    assert examine(path) != ()
    done = repair(path, T0)
    kept(done, before)
    assert done.aside is not None
    assert done.aside.name == "state.db.damaged-20270101T000000Z"
    assert done.complaints
    saved = by_table(done)
    assert not all(table.is_whole for table in done.tables)
    assert saved["runs"].rows >= RUNS // 2
    assert saved["samples"].rows >= RUNS * 20 // 3
    assert all(table.rows == rows_of(path, table.table) for table in done.tables)
    is_sound(path)


def test_a_truncated_file(damaged: Callable[..., Path]) -> None:
    def cut(data: bytearray) -> None:
        del data[len(data) * 3 // 5 // PAGE * PAGE + 1000 :]

    path = damaged(cut)
    before = path.read_bytes()
    done = repair(path, T0)
    kept(done, before)
    assert by_table(done)["runs"].rows > 10
    assert not by_table(done)["samples"].is_whole
    is_sound(path)


def test_a_zeroed_header(damaged: Callable[..., Path]) -> None:
    def zero(data: bytearray) -> None:
        data[:100] = bytes(100)

    path = damaged(zero)
    with pytest.raises(StoreError) as caught:
        open_store(URL, path.parent.parent)
    assert "runner doctor --repair" in caught.value.hint
    before = path.read_bytes()
    done = repair(path, T0)
    kept(done, before)
    assert all(table.is_whole for table in done.tables)
    assert by_table(done)["runs"].rows == RUNS
    is_sound(path)


def test_a_first_page_that_is_gone(damaged: Callable[..., Path]) -> None:
    def zero(data: bytearray) -> None:
        data[:PAGE] = bytes(PAGE)

    path = damaged(zero)
    before = path.read_bytes()
    done = repair(path, T0)
    kept(done, before)
    assert by_table(done)["samples"].rows == RUNS * 20
    is_sound(path)


def test_nothing_but_zeros_may_not_be_ours(damaged: Callable[..., Path]) -> None:
    def zero(data: bytearray) -> None:
        data[:] = bytes(len(data))

    path = damaged(zero)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="or its first page is lost") as caught:
        repair(path, T0)
    assert "move it aside" in caught.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize("table", ["runs", "results", "reports", "samples", "series", "batches", "cursors", "newest"])
def test_the_root_of_a_table_is_gone(damaged: Callable[..., Path], whole: bytes, table: str) -> None:
    start = page_of(whole, table)

    def zero(data: bytearray) -> None:
        data[start : start + PAGE] = bytes(PAGE)

    path = damaged(zero)
    before = path.read_bytes()
    done = repair(path, T0)
    kept(done, before)
    saved = by_table(done)
    assert (saved[table].lost, saved[table].rows) == (None, 0) or table == "newest"
    assert saved["transitions"].is_whole
    if table not in {"runs", "reports"}:
        assert saved["runs"].rows == RUNS
    if table == "series":
        assert saved["samples"].orphans == RUNS * 20, "a sample without its series says nothing"
    if table == "newest":
        assert saved["newest"].rows == 1, "which is the newest can be told from the results"
    is_sound(path)


def test_an_index_is_gone_and_no_row_is_lost(damaged: Callable[..., Path], whole: bytes) -> None:
    start = page_of(whole, "batches_at")

    def zero(data: bytearray) -> None:
        data[start : start + PAGE] = bytes(PAGE)

    done = repair(damaged(zero), T0)
    assert all(table.is_whole for table in done.tables)
    assert by_table(done)["samples"].rows == RUNS * 20
    is_sound(done.path)


def test_a_log_of_garbage_costs_nothing_that_was_in_the_file(damaged: Callable[..., Path]) -> None:
    path = damaged(lambda data: None)
    log = path.with_name("state.db-wal")
    log.write_bytes(b"garbage" * 5000)
    assert repair(path, T0).aside is None
    assert log.read_bytes() == b"garbage" * 5000
    with open_store(URL, path.parent.parent) as store:
        assert len(store.runs(limit=1000)) == RUNS


KILLED = """
import os, sys
from pathlib import Path
from tests.store.test_salvage import fill
from tests.store.make import *
import runner.store.connection as connection
fill(Path(sys.argv[1]), 30)
"""


def test_what_was_only_in_the_log_is_saved_too(tmp_path: Path, path: Path) -> None:
    code = KILLED + "from tests.store.test_salvage import URL\nfrom runner.store.open import open_store\n" + (
        "store = open_store(URL, Path(sys.argv[1]))\n"
        "for number in range(30, 60): finish(store, make_result(f'r{number}', hours(number)))\n"
        "os._exit(0)\n"
    )  # fmt: skip
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    log = path.with_name("state.db-wal")
    assert log.stat().st_size
    data, log_bytes = bytearray(path.read_bytes()), log.read_bytes()
    data[-PAGE:] = b"\xa5" * PAGE
    data[-5 * PAGE : -4 * PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)
    done = repair(path, T0)
    kept(done, bytes(data))
    assert done.aside is not None
    assert done.aside.with_name(f"{done.aside.name}-wal").read_bytes() == log_bytes
    assert by_table(done)["runs"].rows > 30
    is_sound(path)


def test_an_empty_file_is_how_a_store_begins(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"")
    assert repair(path, T0).aside is None
    assert path.read_bytes() == b""


def test_a_file_that_is_not_there_is_a_sentence(path: Path) -> None:
    path.parent.mkdir()
    with pytest.raises(StoreError, match="there is no store"):
        repair(path, T0)


def test_files_that_are_not_ours_or_newer_are_refused_and_stay(tmp_path: Path, whole: bytes) -> None:
    foreign = tmp_path / "firefox.db"
    raw = sqlite3.connect(foreign)
    raw.execute("create table bookmarks (url)")
    raw.commit()
    raw.close()
    notes = tmp_path / "notes.txt"
    notes.write_text("hello\n" * 900)
    newer = tmp_path / "newer.db"
    newer.write_bytes(whole[:60] + (VERSION + 1).to_bytes(4, "big") + whole[64:])
    for path, words in ((foreign, "another program"), (notes, "not an SQLite database"), (newer, "newer runner")):
        before = path.read_bytes()
        with pytest.raises(StoreError, match=words):
            repair(path, T0)
        assert path.read_bytes() == before


def test_a_tick_that_is_at_work_is_waited_for_and_never_robbed(tmp_path: Path, damaged: Callable[..., Path]) -> None:
    def spoil(data: bytearray) -> None:
        data[-PAGE:] = b"\xa5" * PAGE

    path = damaged(spoil)
    before = path.read_bytes()
    with open_store(URL, tmp_path), pytest.raises(StoreError, match="is in use") as caught:
        repair(path, T0, wait=0.1)
    assert "nothing was changed" in caught.value.hint
    assert len(path.read_bytes()) >= len(before)
    assert not list(path.parent.glob("*damaged*"))
    assert repair(path, T0, wait=0.1).aside is not None


def test_who_wants_to_open_it_waits_for_the_repair(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.store.presence import alone

    fill(tmp_path, 1)
    monkeypatch.setattr("runner.store.connection.BUSY_SECONDS", 0.1)
    with alone(path, 1), pytest.raises(StoreError, match="is being repaired"):
        open_store(URL, tmp_path)
    open_store(URL, tmp_path).close()


def test_a_second_repair_in_the_same_second_keeps_both(damaged: Callable[..., Path]) -> None:
    def spoil(data: bytearray) -> None:
        data[-PAGE:] = b"\xa5" * PAGE

    first = repair(damaged(spoil), T0)
    second = repair(damaged(spoil), T0)
    assert first.aside != second.aside
    assert first.aside is not None
    assert first.aside.exists()


def test_a_store_of_the_first_version_is_repaired_to_the_present_one(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from runner.store import schema

    with monkeypatch.context() as old:
        old.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        old.setattr("runner.store.connection.VERSION", 1)
        open_store(URL, tmp_path).close()
    raw = sqlite3.connect(path)
    raw.executemany(
        "insert into runs (run, job, kind, \"group\", target, slot, attempt, status) values (?, 'j', 'check', 'g', 't', ?, 1, 'done')",
        [(f"r{index}", f"2027-01-01T00:{index // 60:02}:{index % 60:02}.000000Z") for index in range(1000)],
    )
    raw.commit()
    raw.execute("pragma wal_checkpoint(truncate)")
    raw.close()
    data = bytearray(path.read_bytes())
    data[-3 * PAGE :] = b"\xa5" * 3 * PAGE
    path.write_bytes(data)
    done = repair(path, T0)
    assert by_table(done)["runs"].rows > 500
    assert by_table(done)["announced"].is_whole, "the old version did not have it"
    is_sound(path)


def test_a_row_whose_text_is_nonsense_is_lost_and_not_carried_along(damaged: Callable[..., Path]) -> None:
    def spoil(data: bytearray) -> None:
        place = data.find(b'"summary of r77"')
        assert place > 0
        data[place : place + 5] = b"\xff\xfe{{{"
        data[-PAGE:] = b"\xa5" * PAGE

    done = repair(damaged(spoil), T0)
    is_sound(done.path)


def test_a_disk_without_room_changes_nothing(damaged: Callable[..., Path]) -> None:
    def spoil(data: bytearray) -> None:
        data[-PAGE:] = b"\xa5" * PAGE

    path = damaged(spoil)
    before = path.read_bytes()
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom runner.errors import StoreError\n"
        "from runner.store.salvage import repair\nfrom tests.store.make import T0\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))\n"
        "try:\n    repair(Path(sys.argv[1]), T0)\nexcept StoreError as error:\n    print('refused', error.message)\n"
    )
    for limit in (PAGE, len(before) // 2, len(before) - PAGE):
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), str(limit)], capture_output=True, text=True, check=False
        )
        assert done.stderr == ""
        assert done.stdout.startswith("refused"), limit
        assert path.read_bytes() == before
        assert [file.name for file in path.parent.iterdir() if "lock" not in file.name] == ["state.db"]


DAMAGE = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.one_of(st.binary(min_size=1, max_size=40), st.sampled_from([bytes(PAGE), b"\xff" * 200, b"\x00" * 900])),
    ),
    min_size=1,
    max_size=12,
)


@given(DAMAGE, st.integers(0, 2**32), st.one_of(st.none(), st.floats(0, 1)))
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_whatever_the_damage_nothing_is_raised_but_sentences(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[float, bytes]], seed: int, cut: float | None
) -> None:
    home = tmp_path_factory.mktemp("damage")
    path = home / ".runner" / "state.db"
    path.parent.mkdir()
    data = bytearray(_small(tmp_path_factory))
    for place, change in damage:
        start = int(place * len(data))
        data[start : start + len(change)] = change[: len(data) - start]
    if cut is not None:
        del data[int(cut * len(data)) :]
    path.write_bytes(data)
    try:
        done = repair(path, T0 + timedelta(seconds=seed % 100))
    except StoreError:
        assert path.read_bytes() == bytes(data)
        return
    if done.aside is None:
        assert path.read_bytes() == bytes(data)
    else:
        kept(done, bytes(data))
        is_sound(path)


_SMALL: list[bytes] = []


def _small(factory: pytest.TempPathFactory) -> bytes:
    if not _SMALL:
        home = factory.mktemp("small")
        fill(home, 25)
        _SMALL.append((home / ".runner" / "state.db").read_bytes())
    return _SMALL[0]
