"""Many queries on one connection: each alone with its errors, its timeout and its rows."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from runner.engine.database import server as server_module
from runner.engine.database.server import Server
from runner.model.query import Answer, Query, QueryError, Rows
from runner.model.target import Target
from tests.postgres import Database, Servers, eventually


def target_of(database: Database, user: str = "", **options: str) -> Target:
    return Target(name="main", options={**database.options(user), **options})


@pytest.fixture
def asked(shared: Database) -> Iterator[Server]:
    server = Server(target_of(shared), lock_timeout=0.2)
    yield server
    server.close()


def one(number: int) -> Query:
    return Query(sql=f"select {number} as n")


def rows(answer: Answer) -> tuple[tuple[object, ...], ...]:
    assert isinstance(answer, Rows), answer
    return answer.rows


def error(answer: Answer) -> QueryError:
    assert isinstance(answer, QueryError), answer
    return answer


BAD = {
    "a syntax error": (Query(sql="selec 1"), "42601"),
    "its own timeout": (Query(sql="select pg_sleep(60)", timeout=0.1), "57014"),
    "a write": (Query(sql="create table written (a int)"), "25006"),
    "a way around read-only": (Query(sql="select set_config('transaction_read_only', 'off', true)"), "25001"),
    "two statements": (Query(sql="select 1; select 2"), "42601"),
    "a division by zero": (Query(sql="select 1/0"), "22012"),
    "an unknown table": (Query(sql="select * from nowhere"), "42P01"),
    "vacuum": (Query(sql="vacuum"), "25001"),
    "a parameter nobody set": (Query(sql="select :missing"), "42601"),
    "a value that does not fit": (Query(sql="select cast(:n as int)", params={"n": "many"}), "22P02"),
    "an error raised in a function": (
        Query(sql="select pg_read_file('/nonexistent')"),
        "58P01",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_an_error_stays_with_its_query(asked: Server, name: str) -> None:
    query, sqlstate = BAD[name]
    first, second, third = asked.answer([one(1), query, one(3)])
    assert (rows(first), rows(third)) == (((1,),), ((3,),))
    assert error(second).sqlstate == sqlstate
    assert "\n" not in str(second)


def test_a_query_is_read_only_and_is_not_compiled(asked: Server) -> None:
    names = ("transaction_read_only", "jit", "statement_timeout", "lock_timeout")
    shown = ", ".join(f"current_setting('{name}')" for name in names)
    (answer,) = asked.answer([Query(sql=f"select {shown}", timeout=7.5)])
    assert rows(answer) == (("on", "off", "7500ms", "200ms"),)


def test_every_kind_of_error_at_once_leaves_the_others_whole(asked: Server) -> None:
    bad = [query for query, _ in BAD.values()]
    mixed = [query for pair in zip((one(n) for n in range(len(bad))), bad, strict=True) for query in pair]
    answers = asked.answer(mixed)
    assert [rows(answer) for answer in answers[::2]] == [((n,),) for n in range(len(bad))]
    assert [error(answer).sqlstate for answer in answers[1::2]] == [state for _, state in BAD.values()]


def test_an_empty_query_has_no_rows(asked: Server) -> None:
    answers = asked.answer([Query(sql=""), Query(sql="-- nothing"), one(3)])
    assert [rows(answer) for answer in answers] == [(), (), ((3,),)]


@pytest.mark.parametrize(
    "killer",
    [
        pytest.param("select pg_terminate_backend(pg_backend_pid())", id="kills its own backend"),
        pytest.param("copy (select 1) to stdout", id="begins a copy"),
    ],
)
def test_a_query_that_ends_the_connection_loses_only_itself(asked: Server, killer: str) -> None:
    answers = asked.answer([one(1), Query(sql=killer), one(3), Query(sql="selec"), one(5)])
    assert [rows(answers[index]) for index in (0, 2, 4)] == [((1,),), ((3,),), ((5,),)]
    assert error(answers[1]).message
    assert error(answers[3]).sqlstate == "42601"
    assert rows(asked.answer([one(6)])[0]) == ((6,),)


def test_several_killers_cost_themselves_alone(asked: Server) -> None:
    killer = Query(sql="select pg_terminate_backend(pg_backend_pid())")
    answers = asked.answer([killer, killer, one(1), killer, one(2)])
    assert [type(answer) for answer in answers] == [QueryError, QueryError, Rows, QueryError, Rows]


def test_a_statement_that_opens_a_transaction_does_not_keep_it(asked: Server, shared: Database) -> None:
    asked.answer([Query(sql="begin"), one(1)])
    states = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'"
    eventually(lambda: shared.value(states) == 0, what="no open transaction")
    assert [rows(answer) for answer in asked.answer([one(1), Query(sql="selec"), one(2)])[::2]] == [((1,),), ((2,),)]


def test_a_locked_table_is_given_up(asked: Server, shared: Database) -> None:
    shared.execute("create table locked (a int)")
    with shared.session("begin", "lock table locked in access exclusive mode"):
        first, second, third = asked.answer([one(1), Query(sql="select * from locked"), one(3)])
    assert error(second).sqlstate == "55P03"
    assert (rows(first), rows(third)) == (((1,),), ((3,),))


def test_five_hundred_queries(asked: Server) -> None:
    queries = [one(n) if n % 7 else Query(sql=f"select {n} / 0") for n in range(500)]
    answers = asked.answer(queries)
    assert [rows(answer)[0][0] for n, answer in enumerate(answers) if n % 7] == [n for n in range(500) if n % 7]
    assert {error(answer).sqlstate for answer in answers[::7]} == {"22012"}


def test_large_values_travel_in_both_directions(asked: Server) -> None:
    large = "x" * 8_000_000
    queries = [
        Query(sql="select repeat('a', 20000000)"),
        *(Query(sql="select length(:text)", params={"text": large}) for _ in range(3)),
        *(Query(sql="select repeat('b', 1000000)") for _ in range(20)),
        one(5),
    ]
    answers = asked.answer(queries)
    assert len(str(rows(answers[0])[0][0])) == 20_000_000
    assert [rows(answer)[0][0] for answer in answers[1:4]] == [8_000_000] * 3
    assert {len(str(rows(answer)[0][0])) for answer in answers[4:-1]} == {1_000_000}
    assert rows(answers[-1]) == ((5,),)


def test_notices_belong_to_their_query(asked: Server) -> None:
    says = "do $$ begin raise warning 'it %', 'says'; end $$"
    answers = asked.answer([one(1), Query(sql=says), Query(sql="select 2 as n")])
    assert [[notice.message for notice in answer.notices] for answer in answers if isinstance(answer, Rows)] == [
        [], ["it says"], [],
    ]  # fmt: skip
    assert isinstance(answers[1], Rows)
    assert (answers[1].notices[0].severity, answers[1].notices[0].sqlstate) == ("WARNING", "01000")


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("null", None),
        ("true", True),
        ("9223372036854775807::int8", 9223372036854775807),
        ("1.5::float8", 1.5),
        ("0.1::numeric", Decimal("0.1")),
        ("'infinity'::timestamptz", "infinity"),
        ("'-infinity'::timestamp", "-infinity"),
        ("'infinity'::date", "infinity"),
        ("'20000-01-01'::date", "20000-01-01"),
        ("'0044-03-15 BC'::date", "0044-03-15 BC"),
        ("'24:00'::time", "24:00:00"),
        ("'{1,2,NULL}'::int[]", [1, 2, None]),
        ("'{{a,b},{c,d}}'::text[]", [["a", "b"], ["c", "d"]]),
        ("'{infinity,2020-01-01}'::date[]", "{infinity,2020-01-01}"),
        ("'10.0.0.1'::inet", "10.0.0.1"),
        ("'10.0.0.0/8'::cidr", "10.0.0.0/8"),
        (r"'\x00ff'::bytea", b"\x00\xff"),
        ("array[1, 2]::oidvector", "1 2"),
        ("'1/2'::pg_lsn", "1/2"),
        ("'pg_class'::regclass", "pg_class"),
        ("'(1,2)'::point", "(1,2)"),
        ("'12.34'::money", "$12.34"),
        ("row(1, 'a')", ["1", "a"]),
        ("'ä€😀'::text", "ä€😀"),
        ("'550e8400-e29b-41d4-a716-446655440000'::uuid", "550e8400-e29b-41d4-a716-446655440000"),
    ],
)
def test_values(asked: Server, sql: str, value: object) -> None:
    (answer,) = asked.answer([Query(sql=f"select {sql} as v")])
    assert rows(answer) == ((value,),)


def test_values_that_compare_in_their_own_way(asked: Server) -> None:
    (answer,) = asked.answer(
        [
            Query(
                sql="""select 'NaN'::numeric, 'Infinity'::numeric, 'NaN'::float8, '1 day 01:00'::interval,
                             '{"a": [1, null]}'::jsonb, '2026-01-02 03:04+02'::timestamptz"""
            )
        ]
    )
    nan, infinite, not_a_number, interval, document, moment = rows(answer)[0]
    assert isinstance(nan, Decimal)
    assert nan.is_nan()
    assert infinite == Decimal("Infinity")
    assert not_a_number != not_a_number
    assert getattr(interval, "total_seconds", lambda: 0)() == 90000
    assert str(document).replace("'", '"').replace("None", "null") == '{"a": [1, null]}'
    assert str(moment).startswith("2026-01-02 01:04") or str(moment).startswith("2026-01-02 02:04")


def test_intervals_and_times_are_read_whatever_the_role_prefers(database: Database) -> None:
    database.execute(
        f"alter database {database.name} set intervalstyle = 'iso_8601'",
        f"alter database {database.name} set datestyle = 'SQL, DMY'",
        f"alter database {database.name} set bytea_output = 'escape'",
    )
    server = Server(target_of(database))
    sql = r"select interval '1 day 2 hours', timestamptz '2026-03-04 05:06+00', date '2026-03-04', '\x00ff'::bytea"
    (answer,) = server.answer([Query(sql=sql)])
    server.close()
    span, moment, day, data = rows(answer)[0]
    assert getattr(span, "total_seconds", lambda: 0)() == 93600
    assert getattr(moment, "isoformat", str)().startswith("2026-03-04")
    assert getattr(day, "isoformat", str)() == "2026-03-04"
    assert data == b"\x00\xff"


def test_repeated_and_odd_column_names(asked: Server) -> None:
    (answer,) = asked.answer([Query(sql='select 1 as a, 2 as a, 3, 4 as "größe", 5 as ""\u3042""'.replace('""', '"'))])
    assert isinstance(answer, Rows)
    assert len(set(answer.columns)) == 5
    assert answer.columns[0] == "a"
    assert {"größe", "\u3042"} <= set(answer.columns)
    assert len(answer.dicts()[0]) == 5


@pytest.mark.parametrize(
    ("encoding", "statement", "shown"),
    [
        ("SQL_ASCII", r"select convert_from('\xff41', 'SQL_ASCII') as v", "\ufffdA"),
        ("SQL_ASCII", "select 'ä'::text as v", "ä"),
        ("LATIN1", "select 'ä'::text as v", "ä"),
        ("LATIN1", 'select 1 as "ä"', 1),
    ],
)
def test_databases_in_other_encodings(server: Servers, encoding: str, statement: str, shown: object) -> None:
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            f"create database {name} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'"
        )
        asked = Server(target_of(Database(name=name, base=server.dsn, major=server.major)))
        try:
            answers = asked.answer([Query(sql=statement), Query(sql="select 'ü' from nowhere")])
        finally:
            asked.close()
            connection.execute(f"drop database {name} with (force)")
    assert rows(answers[0]) == ((shown,),)
    assert isinstance(answers[0], Rows)
    assert answers[0].columns[0] in {"v", "ä"}
    assert error(answers[1]).sqlstate == "42P01"


INJECTIONS = ["'; drop table precious; --", 'x" from precious; drop table precious; --', "$1", ":other", "\\", "\ud800"]


@pytest.mark.parametrize("text", INJECTIONS)
def test_parameters_are_values(asked: Server, shared: Database, text: str) -> None:
    shared.execute("create table if not exists precious (a int)")
    (answer,) = asked.answer([Query(sql="select :text as v, ':text' as w, $$:text$$ as x", params={"text": text})])
    assert rows(answer)[0][1:] == (":text", ":text")
    assert rows(answer)[0][0] == text.encode("utf-8", "replace").decode()
    assert shared.value("select count(*) from precious") == 0


@pytest.mark.parametrize("text", INJECTIONS)
def test_identifiers_are_quoted(asked: Server, shared: Database, text: str) -> None:
    shared.execute("create table if not exists precious (a int)")
    (answer,) = asked.answer([Query(sql='select * from :"table"', params={"table": text})])
    assert isinstance(answer, QueryError)
    assert shared.value("select count(*) from precious") == 0


def test_identifiers_reach_their_tables(asked: Server, shared: Database) -> None:
    shared.execute('create schema "Odd One"', 'create table "Odd One"."a""b" as select 7 as n')
    (answer,) = asked.answer([Query(sql='select n from :"t"', params={"t": '"Odd One"."a""b"'})])
    assert rows(answer) == ((7,),)


@pytest.mark.parametrize(
    "query",
    [
        Query(sql="select :v", params={"v": "a\0b"}),
        Query(sql='select * from :"v"', params={"v": "a\0b"}),
        Query(sql="select 1 \0 where false"),
    ],
)
def test_a_nul_character_is_refused_and_costs_nobody_else(asked: Server, query: Query) -> None:
    first, second, third = asked.answer([one(1), query, one(3)])
    assert (rows(first), rows(third)) == (((1,),), ((3,),))
    assert "NUL" in error(second).message


@pytest.mark.parametrize(
    ("value", "sql", "expected"),
    [
        (["a", 'b"c', "d\\e", None, "f,g"], "cast(:v as text[])", ["a", 'b"c', "d\\e", None, "f,g"]),
        (True, "cast(:v as bool)", True),
        (None, "cast(:v as int)", None),
        (1.5, "cast(:v as float8)", 1.5),
        ([1, 2], "cast(:v as int[])", [1, 2]),
    ],
)
def test_parameters_of_every_kind(asked: Server, value: object, sql: str, expected: object) -> None:
    (answer,) = asked.answer([Query(sql=f"select {sql}", params={"v": value})])
    assert rows(answer) == ((expected,),)


@pytest.mark.parametrize(("limit", "kept", "cut"), [(3, 3, True), (5, 5, False), (0, 0, True)])
def test_rows_beyond_the_limit_are_cut_and_said(asked: Server, limit: int, kept: int, cut: bool) -> None:
    (answer,) = asked.answer([Query(sql="select generate_series(1, 5)", max_rows=limit)])
    assert isinstance(answer, Rows)
    assert (len(answer.rows), answer.truncated) == (kept, cut)


def test_other_databases_are_asked_too(asked: Server, server: Servers, shared: Database) -> None:
    with server.fresh_database() as other:
        queries = [
            Query(sql="select current_database()", database=name)
            for name in ("", other.name, shared.name, "no_such_database", other.name)
        ]
        answers = asked.answer(queries)
    assert [rows(answers[index])[0][0] for index in (0, 1, 2, 4)] == [
        shared.name, other.name, shared.name, other.name,
    ]  # fmt: skip
    assert "no_such_database" in error(answers[3]).message


def test_the_session_says_who_it_is(asked: Server) -> None:
    (answer,) = asked.answer([Query(sql="select current_setting('application_name')")])
    assert str(rows(answer)[0][0]).startswith("runner")


def test_a_server_that_hangs_is_given_up(asked: Server, shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that is stopped (as by a hung disk) does not even obey its statement_timeout."""
    monkeypatch.setattr("runner.engine.database.pipeline._GRACE", 0.3)
    stop = "select pg_backend_pid(), pg_sleep(0.5)"

    def freeze() -> None:
        look = "select pid from pg_stat_activity where datname = current_database() and query like '%pg_sleep(0.5)%'"
        look += " and pid <> pg_backend_pid() and state = 'active'"
        frozen.append(eventually(lambda: shared.execute(look))[0][0])
        os.kill(frozen[0], signal.SIGSTOP)

    frozen: list[int] = []
    thread = threading.Thread(target=freeze)
    thread.start()
    try:
        answers = asked.answer([one(1), Query(sql=stop, timeout=2.0), one(3)])
    finally:
        thread.join()
        os.kill(frozen[0], signal.SIGCONT)
    assert rows(answers[0]) == ((1,),)
    assert "did not answer in time" in error(answers[1]).message
    assert rows(asked.answer([one(4)])[0]) == ((4,),)


def test_facts(asked: Server, shared: Database, minimal_role: str) -> None:
    facts = asked.facts
    assert isinstance(facts, server_module.ServerFacts)
    assert (facts.major, facts.database, facts.superuser, facts.in_recovery) == (
        shared.major, shared.name, True, False,
    )  # fmt: skip
    assert shared.name in facts.databases
    small = Server(target_of(shared, minimal_role))
    found = small.facts
    small.close()
    assert isinstance(found, server_module.ServerFacts)
    assert (found.superuser, "pg_monitor" in found.roles, found.user) == (False, True, minimal_role)


def test_a_connection_that_is_ended_while_queries_are_still_sent_blames_the_right_one(asked: Server) -> None:
    killer = Query(sql="select pg_terminate_backend(pg_backend_pid())")
    long = Query(sql=f"select 2 as n /* {'x' * 3_000_000} */")
    first, ended, *others, last = asked.answer([one(1), killer, long, long, long, one(3)])
    assert rows(first) == ((1,),)
    assert "terminating connection" in error(ended).message
    assert [rows(answer) for answer in (*others, last)] == [((2,),)] * 3 + [((3,),)]
