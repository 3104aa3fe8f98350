"""Values of every type as psycopg reads them too, and the forms for which both would be wrong alike."""

from __future__ import annotations

from datetime import datetime, timedelta

import psycopg
import pytest

from runner.engine.database.arrays import array_of
from runner.engine.database.server import Server
from runner.model.query import Query, Rows
from runner.model.target import Target
from tests.postgres import Database

VALUES = [
    "true", "false", "null::bool", "(-32768)::int2", "2147483647", "(-9223372036854775808)::int8", "4294967295::oid",
    "0.1::float4", "-1.5e300::float8", "'-Infinity'::float8", "123456789012345678901234567890.123456789::numeric",
    "'Infinity'::numeric", "1e-20::numeric", "''::text", "null::text", "' '::char(3)", "'ä€😀'::varchar", "'a'::\"char\"",
    "'pg_class'::name", "'2026-11-24'::date", "'0001-01-01'::date", "'9999-12-31'::date", "'2026-11-24 01:02:03.456789'::timestamp",
    "'2026-11-24 01:02:03'::timestamptz", "'1900-01-01 00:00:00+00'::timestamptz", "'2026-11-24 01:02:03.4+05:45'::timestamptz",
    "'0'::interval", "'1 year 2 mons 3 days 04:05:06.789'::interval", "'-1 year'::interval", "'-3 days'::interval",
    "'1 mon -1 day'::interval", "'-1 day +02:03:04.5'::interval", "'-00:00:00.000001'::interval", "'100:00:00'::interval",
    "'-838:59:59'::interval", "'\\x'::bytea", "'\\x00ff5c27'::bytea", "'{}'::int[]", "'{1,NULL,-3}'::int8[]",
    "'{{1,2},{3,4}}'::int[]", "'[0:1]={7,8}'::int[]", "'{true,f}'::bool[]", "'{1.5,NaN}'::numeric[]", "'{a,\"b c\",NULL,\"NULL\",\"\"}'::text[]",
    "array['x\"y', 'a\\b', '{', '}', ',', E'tab\\t', 'ä']", "'{\"a\",\"b\"}'::name[]", "'{2026-01-02,2026-01-03}'::date[]",
    "array[timestamptz '2026-11-24 01:02:03+00']", "array[interval '1 day', '02:00']", "array['\\x01'::bytea, '\\xff']",
    "row(1, 'a', null, '', 'x,y', 'q\"z', '(', 'b\\c')", "row()",
]  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
def test_values_are_what_psycopg_reads(shared: Database, zone: str) -> None:
    server = Server(Target(name="main", options={**shared.options(), "options": f"-c timezone={zone}"}))
    sql = "select " + ", ".join(f"{value} as v{number}" for number, value in enumerate(VALUES))
    (answer,) = server.answer([Query(sql=sql)])
    server.close()
    with psycopg.connect(**shared.options(), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute(f"set timezone = '{zone}'".encode())
        theirs = connection.execute(sql.encode()).fetchone()
    assert isinstance(answer, Rows), answer
    assert theirs is not None
    for value, mine, other in zip(VALUES, answer.rows[0], theirs, strict=True):
        assert repr_of(mine) == repr_of(other), value


def repr_of(value: object) -> object:
    """Rows are lists here and tuples there; a zone may be named or be an offset."""
    if isinstance(value, (list, tuple)):
        return [repr_of(item) for item in value]
    if isinstance(value, datetime) and value.tzinfo:
        return value.isoformat()
    return (type(value), repr(value))


@pytest.mark.parametrize("text", ["", "x", "1,2", "x{1}"])
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text or "^$"):
        array_of(text, str)


def test_an_interval_out_of_range_stays_text(shared: Database) -> None:
    server = Server(Target(name="main", options=shared.options()))
    (answer,) = server.answer([Query(sql="select interval '100000000 years' as a, interval '1 day' as b")])
    server.close()
    assert isinstance(answer, Rows)
    assert answer.rows == (("100000000 years", timedelta(days=1)),)
