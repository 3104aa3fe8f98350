"""Connections that are lost and servers that are restarted: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.demo.embedded import Server
from runner.errors import StoreError
from runner.model.history import Series
from runner.store.address import Address, read_address
from runner.store.base import Recorded
from runner.store.database import Database as StoreDatabase
from runner.store.open import open_store
from runner.store.postgres import engine as engine_module
from runner.store.postgres.engine import PostgresEngine
from runner.store.postgres.session import Connection
from runner.store.sqlstore import SqlStore
from tests.postgres import Database
from tests.store.make import T0, hours, make_claim, make_report, make_result, observed
from tests.store.shared import Wire, kill_sessions, url_of

ROWS = {Series("", (f"table {number}",)): {"x": number} for number in range(20)}


@pytest.fixture
def wire(store_database: Database) -> Iterator[Wire]:
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        wire = Wire(Path(folder), store_database.options())
        yield wire
        wire.close()


def test_a_session_that_was_ended_between_two_calls_is_not_noticed(
    tmp_path: Path, store_database: Database, shared_url: str
) -> None:
    with open_store(shared_url, tmp_path) as store:
        for index in range(3):
            assert kill_sessions(store_database) == 1
            assert store.claim(make_claim(f"r{index}", hours(index)))
            assert kill_sessions(store_database) == 1
            assert len(store.running()) == index + 1


def test_a_session_that_is_ended_within_a_transaction_is_repeated_as_a_whole(
    tmp_path: Path, store_database: Database, shared_url: str
) -> None:
    engine = PostgresEngine(read_address(shared_url), tmp_path)
    attempts: list[int] = []

    def work(db: StoreDatabase) -> int:
        db.execute("insert into facts (name, value) values (?, ?)", ("once", "1"))
        attempts.append(len(attempts))
        if len(attempts) < 3:
            kill_sessions(store_database)
        db.execute("update facts set value = '2' where name = ?", ("once",))
        return attempts[-1]

    assert engine.write(work) == 2
    assert store_database.value("select value from runner.facts where name = 'once'") == "2"
    attempts.clear()

    def look(db: StoreDatabase) -> str:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            kill_sessions(store_database)
        return str(db.execute("select value from facts where name = 'once'").fetchone()[0])

    assert (engine.read(look), len(attempts)) == ("2", 3)
    engine.close()


@pytest.mark.parametrize("cut", ["before", "unanswered", "answered"])
def test_a_line_that_breaks_at_commit_leaves_the_work_done_once(tmp_path: Path, wire: Wire, cut: str) -> None:
    """A claim that was committed and repeated would say no, a record would say that it was recorded already."""
    with open_store(url_of(wire.options), tmp_path) as store:
        wire.cut = cut
        assert store.claim(make_claim("a"))
        assert wire.cut == "", "the line broke"
        result = make_result("a", observations=observed(ROWS))
        wire.cut = cut
        store.record(
            [Recorded(result=result)], report=make_report("g", [result]), deliveries=[("log", hours(9))], now=T0
        )
        assert wire.cut == ""
        assert store.latest() == (result,)
        assert store.pending_count() == 1
        assert not store.claim(make_claim("b"))


def test_a_commit_that_takes_its_time_is_waited_for(tmp_path: Path, wire: Wire, store_database: Database) -> None:
    with open_store(url_of(wire.options), tmp_path) as store:
        store_database.execute(
            "create function runner.slow() returns trigger language plpgsql as"
            " $$ begin perform pg_sleep(1); return null; end $$",
            "create constraint trigger slow after insert on runner.runs deferrable initially deferred"
            " for each row execute function runner.slow()",
        )
        wire.cut = "unanswered"
        assert store.claim(make_claim("a")), "the server was still committing when it was asked"
        assert [run.run for run in store.running()] == ["a"]


def test_what_cannot_be_repeated_is_told_at_once(tmp_path: Path, store_database: Database, shared_url: str) -> None:
    with open_store(shared_url, tmp_path) as store:
        store_database.execute("drop schema runner cascade")
        with pytest.raises(StoreError, match="has lost its tables"):
            store.running()


def test_a_server_that_stays_away_is_a_sentence(
    tmp_path: Path, own_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "RETRY_SECONDS", 0.5)
    server = own_server()
    with open_store(url_of(server.options()), tmp_path) as store:
        server.stop("immediate")
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            store.claim(make_claim("a"))
        assert caught.value.hint
        server.resume()
        assert store.claim(make_claim("a")), "the store is usable again"


def test_a_server_that_was_waited_for_in_vain_is_asked_once_by_each_further_call(
    tmp_path: Path, own_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick makes hundreds of calls, and its reports must not wait for each of them."""
    server = own_server()
    monkeypatch.setattr(engine_module, "RETRY_SECONDS", 0.3)
    connect, tried = engine_module.connect, list[int]()

    def counted(address: Address) -> Connection:
        tried.append(1)
        return connect(address)

    monkeypatch.setattr(engine_module, "connect", counted)
    with open_store(url_of(server.options()), tmp_path) as store:
        server.stop("immediate")
        counts = []
        for _ in range(3):
            tried.clear()
            with pytest.raises(StoreError):
                store.running()
            counts.append(len(tried))
        assert counts[0] > 1
        assert counts[1:] == [1, 1]
        server.resume()
        assert store.running() == ()
        server.stop("immediate")
        tried.clear()
        with pytest.raises(StoreError):
            store.running()
        assert len(tried) > 1, "it was back meanwhile"


def test_a_server_that_crashes_again_and_again_loses_nothing_and_doubles_nothing(
    tmp_path: Path, own_server: Callable[..., Server]
) -> None:
    """Two hosts compete for every slot while the server is stopped without mercy."""
    server = own_server()
    url = url_of(server.options())
    open_store(url, tmp_path).close()
    over = threading.Event()
    wrong: list[BaseException] = []
    won: dict[str, list[int]] = {"a": [], "b": []}

    def work(name: str) -> None:
        try:
            with open_store(url, tmp_path / name) as store:
                slot = 0
                while not over.is_set():
                    run, at = f"{name}{slot}", hours(slot)
                    if store.claim(make_claim(run, at)):
                        result = make_result(run, at, observations=observed(ROWS))
                        report = make_report(run, [result], at)
                        store.record([Recorded(result=result)], report=report, deliveries=[("log", hours(9))], now=at)
                        won[name].append(slot)
                    slot += 1
        except BaseException as error:
            wrong.append(error)

    hosts = [threading.Thread(target=work, args=(name,)) for name in won]
    for host in hosts:
        host.start()
    for _ in range(3):
        over.wait(1.0)
        server.restart("immediate")
    over.wait(1.0)
    over.set()
    for host in hosts:
        host.join(60)
    assert wrong == []
    slots = won["a"] + won["b"]
    assert sorted(slots) == list(range(len(slots))), "every slot was won once"
    with open_store(url, tmp_path) as store:
        done = store.runs(status="done", limit=1_000_000)
        assert sorted(run.run for run in done) == sorted(f"{name}{slot}" for name in won for slot in won[name])
        assert store.running() == ()
        assert store.pending_count() == len(slots)
        assert {len(samples) for samples in store.trend("j", "t", "x", T0).values()} == {len(slots)}


def test_a_store_that_is_closed_says_so_and_opens_no_connection(
    tmp_path: Path, store_database: Database, shared_url: str
) -> None:
    store = open_store(shared_url, tmp_path)
    assert isinstance(store, SqlStore)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.claim(make_claim("a"))
    assert kill_sessions(store_database) == 0
