"""Reports on their way to sinks: pending, done, failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from runner.errors import StoreError
from runner.model.codec import clean, instant, moment
from runner.model.history import Backlog
from runner.model.report import Delivery, DeliveryState, Report, Told, Waiting
from runner.store.announced import write_told
from runner.store.database import Database
from runner.store.reports import read_report
from runner.store.values import instant_or_none, moment_or_none

_COLUMNS = "id, report, sink, state, attempts, next_try, expires, error"


def add_deliveries(db: Database, report: Report, sinks: Iterable[tuple[str, datetime]], now: datetime) -> None:
    """One pending delivery per sink, due now; a report that is recorded again is delivered again."""
    db.executemany(
        f"insert into deliveries ({_COLUMNS}, \"group\") values (?, ?, ?, 'pending', 0, ?, ?, '', ?)"  # noqa: S608
        " on conflict (id) do update set state = 'pending', attempts = 0, next_try = excluded.next_try,"
        " expires = excluded.expires, error = ''",
        (
            (f"{report.id}:{sink}", report.id, sink, instant(now), instant(expires), report.group)
            for sink, expires in sinks
        ),
    )  # fmt: skip


def waiting_deliveries(db: Database) -> tuple[Waiting, ...]:
    """All that wait, due or not, in the order in which they were recorded."""
    rows = db.execute(
        'select id, report, "group", sink, attempts, next_try, expires, error'
        " from deliveries where state = 'pending' order by seq"
    )
    return tuple(map(_waiting, rows))


def failed_deliveries(db: Database) -> tuple[Delivery, ...]:
    rows: Sequence[tuple[str, str, str, str, int, str | None, str | None, str]] = db.execute(
        f"select {_COLUMNS} from deliveries where state = 'failed' order by seq"  # noqa: S608
    ).fetchall()
    reports = {name: read_report(db, name) for name in dict.fromkeys(row[1] for row in rows)}
    return tuple(
        Delivery(
            id=row[0], report=reports[row[1]], sink=row[2], state=DeliveryState(row[3]), attempts=row[4],
            next_try=moment_or_none(row[5] or None), expires=moment_or_none(row[6]), error=row[7],
        )
        for row in rows
    )  # fmt: skip


def read_backlog(db: Database) -> list[Backlog]:
    """Of the sinks that have something waiting, or given up among the reports of the newest day."""
    newest = db.execute("select max(created) from reports").fetchone()[0]
    if newest is None:
        return []
    day_before = instant(moment(newest) - timedelta(days=1))
    rows = db.execute(
        "select d.sink, count(*) filter (where d.state = 'pending'), min(r.created) filter (where d.state = 'pending'),"
        " count(*) filter (where d.state = 'failed' and r.created >= ?)"
        " from deliveries d join reports r on r.id = d.report"
        " where d.state = 'pending' or r.created >= ? group by d.sink order by d.sink",
        (day_before, day_before),
    )
    return [
        Backlog(sink=sink, waiting=waiting, oldest=moment_or_none(oldest), given_up=given_up)
        for sink, waiting, oldest, given_up in rows
    ]


def count_pending(db: Database) -> int:
    return int(db.execute("select count(*) from deliveries where state = 'pending'").fetchone()[0])


def settle_delivery(db: Database, delivery: Delivery, told: Told) -> None:
    """Keeps what became of a delivery and what its sink was told. A pending one without a next try is due at once."""
    next_try = instant_or_none(delivery.next_try) or ("" if delivery.state is DeliveryState.PENDING else None)
    changed = db.execute(
        "update deliveries set state = ?, attempts = ?, next_try = ?, error = ? where id = ?",
        (delivery.state.value, delivery.attempts, next_try, clean(delivery.error), delivery.id),
    )
    if not changed.rowcount:
        raise StoreError(f"delivery {delivery.id} is not in the store")
    write_told(db, delivery.sink, told, delivery.report.created)


def _waiting(row: Sequence[Any]) -> Waiting:
    name, report, group, sink, attempts, next_try, expires, error = row
    return Waiting(
        id=name, report=report, group=group, sink=sink, attempts=attempts, next_try=moment_or_none(next_try or None),
        expires=moment_or_none(expires), error=error,
    )  # fmt: skip
