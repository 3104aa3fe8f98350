"""Reports on their way to sinks: pending, done, failed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

from runner.errors import StoreError
from runner.model.codec import clean, instant
from runner.model.report import Delivery, DeliveryState, Report
from runner.store.reports import read_report
from runner.store.values import instant_or_none, moment_or_none

_COLUMNS = "id, report, sink, state, attempts, next_try, expires, error"


def add_deliveries(
    connection: sqlite3.Connection, report: Report, sinks: Iterable[tuple[str, datetime]], now: datetime
) -> None:
    """One pending delivery per sink, due now; a report that is recorded again is delivered again."""
    connection.executemany(
        f"insert into deliveries ({_COLUMNS}) values (?, ?, ?, 'pending', 0, ?, ?, '')"  # noqa: S608
        " on conflict (id) do update set state = 'pending', attempts = 0, next_try = excluded.next_try,"
        " expires = excluded.expires, error = ''",
        (
            (f"{report.id}:{sink}", report.id, sink, instant(now), instant(expires))
            for sink, expires in sinks
        ),
    )  # fmt: skip


def due_deliveries(connection: sqlite3.Connection, now: datetime) -> tuple[Delivery, ...]:
    return _read(connection, "state = 'pending' and next_try <= ?", instant(now))


def failed_deliveries(connection: sqlite3.Connection) -> tuple[Delivery, ...]:
    return _read(connection, "state = 'failed'")


def count_pending(connection: sqlite3.Connection) -> int:
    return int(connection.execute("select count(*) from deliveries where state = 'pending'").fetchone()[0])


def settle_delivery(connection: sqlite3.Connection, delivery: Delivery) -> None:
    """Keeps what became of a delivery. A pending one without a next try is due at once."""
    next_try = instant_or_none(delivery.next_try) or ("" if delivery.state is DeliveryState.PENDING else None)
    changed = connection.execute(
        "update deliveries set state = ?, attempts = ?, next_try = ?, error = ? where id = ?",
        (delivery.state.value, delivery.attempts, next_try, clean(delivery.error), delivery.id),
    )
    if not changed.rowcount:
        raise StoreError(f"delivery {delivery.id} is not in the store")


def _read(connection: sqlite3.Connection, condition: str, *values: str) -> tuple[Delivery, ...]:
    rows: Sequence[tuple[str, str, str, str, int, str | None, str | None, str]] = connection.execute(
        f"select {_COLUMNS} from deliveries where {condition} order by seq",  # noqa: S608
        values,
    ).fetchall()
    reports = {name: read_report(connection, name) for name in dict.fromkeys(row[1] for row in rows)}
    return tuple(
        Delivery(
            id=row[0], report=reports[row[1]], sink=row[2], state=DeliveryState(row[3]), attempts=row[4],
            next_try=moment_or_none(row[5] or None), expires=moment_or_none(row[6]), error=row[7],
        )
        for row in rows
    )  # fmt: skip
