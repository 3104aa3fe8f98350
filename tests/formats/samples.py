"""Reports as they come: a bad night, a quiet one, a maintenance, hostile content, and very many findings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runner.model.history import Sample, Series
from runner.model.problem import Acknowledgement, Change, Transition
from runner.model.quantity import Dimension
from runner.model.report import Fault, Report, TargetInfo
from runner.model.result import Column, Finding, Observation, Outcome, Result, Table, Trend, skipped, unknown
from runner.model.state import State

SLOT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
MAIN = TargetInfo(
    name="main",
    address="db1.example:5432/app",
    version="16.4",
    role="primary",
    labels={"env": "prod", "role": "primary"},
)


class Templates:
    """A format context with the given template folders."""

    def __init__(self, *folders: Path) -> None:
        self.templates = folders


def result(job: str, outcome: Outcome, *, target: str = "main", **changes: object) -> Result:
    made = Result(
        run=f"run-{job}-{target}",
        job=job,
        kind="check",
        group="db-health-check",
        title=job.replace("-", " "),
        target=target,
        slot=SLOT,
        started=SLOT + timedelta(seconds=1),
        finished=SLOT + timedelta(seconds=2.4),
        outcome=outcome,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def finding(state: State, message: str, *key: str, database: str = "", **changes: object) -> Finding:
    return replace(Finding(state=state, message=message, series=Series(database, key)), **changes)  # type: ignore[arg-type]


def change(
    job: str, kind: Change, before: State, after: State, *key: str, message: str = "", hours: float = 0
) -> Transition:
    since = SLOT - timedelta(hours=hours)
    series = Series("", key)
    return Transition(
        job=job,
        target="main",
        series=series,
        before=before,
        after=after,
        change=kind,
        at=SLOT,
        since=since,
        message=message,
    )


def report(*results: Result, **changes: object) -> Report:
    made = Report(
        id="db-health-check-20261124T013000Z-00000000",
        group="db-health-check",
        title="Daily database health check",
        slot=SLOT,
        created=SLOT + timedelta(seconds=3),
        results=results,
        targets=(MAIN,),
        next_slot=SLOT + timedelta(days=1),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def trend(column: str, *values: float, key: tuple[str, ...] = ()) -> Trend:
    start = SLOT - timedelta(days=len(values) - 1)
    samples = tuple(Sample(start + timedelta(days=day), value) for day, value in enumerate(values))
    return Trend(column=column, series=Series("", key), samples=samples)


def bad_night() -> Report:
    orders = finding(
        State.CRITICAL,
        "public.orders: 1,250,000 dead rows",
        "public",
        "orders",
        since=SLOT - timedelta(hours=27),
        hint="runner run vacuum-table --param table=public.orders",
    )
    items = finding(
        State.WARNING,
        "public.items: 150,000 dead rows",
        "public",
        "items",
        since=SLOT,
        hint="runner run vacuum-table --param table=public.items",
    )
    waits = finding(State.WARNING, "pid 4711 waits for pid 4242 since 2 min", "4711", pending=True)
    dead_rows = Outcome(
        summary="2 of 214 tables over their limit",
        findings=(items, orders),
        columns=(
            Column(
                name="dead_rows",
                dimension=Dimension.NUMBER,
                warning="dead_rows > 100_000",
                critical="dead_rows > 1000000",
            ),
        ),
        observations=(Observation(series=Series("", ("public", "orders")), values={"dead_rows": 1250000}),),
        tables=(
            Table(
                title="Tables with the most dead rows",
                columns=("schema", "table", "dead_rows", "size"),
                rows=(("public", "orders", "1,250,000", "12.3 GB"), ("public", "items", "150,000", "870 MB")),
                numeric=frozenset({"dead_rows", "size"}),
                more=12,
            ),
        ),
        trends=(trend("dead_rows", 200000, 350000, 500000, 800000, 1250000, key=("public", "orders")),),
        notes=("2 relations were locked and not measured: public.a, public.b",),
    )
    used = Outcome(
        summary="42 of 97 usable connections",
        observations=(Observation(values={"used": 42, "share": 0.433}),),
        columns=(
            Column(name="used", dimension=Dimension.NUMBER),
            Column(name="share", dimension=Dimension.RATIO, warning="share > 80%", critical="share > 90%"),
        ),
        trends=(trend("used", 12, 20, 31, 28, 42),),
    )
    return report(
        result(
            "dead-rows",
            dead_rows,
            runbook="https://wiki.example/dead-rows",
            transitions=(
                change("dead-rows", Change.WORSENED, State.WARNING, State.CRITICAL, "public", "orders", hours=27),
                change("dead-rows", Change.OPENED, State.OK, State.WARNING, "public", "items"),
            ),
        ),
        result(
            "backup-age",
            unknown("permission denied for function pg_ls_archive_statusdir", hint="grant pg_monitor to checker;"),
        ),
        result("blocked-sessions", Outcome(summary="1 session waits", findings=(waits,))),
        result("connections", used),
        result(
            "long-transactions",
            Outcome(summary="no transaction is older than 5 min"),
            transitions=(
                change(
                    "long-transactions",
                    Change.RECOVERED,
                    State.CRITICAL,
                    State.OK,
                    "4242",
                    message="pid 4242: open for 6 h",
                    hours=6,
                ),
            ),
        ),
        result("wraparound", Outcome(summary="oldest transaction 12 % of the way")),
        result("growth", Outcome(summary="learning", findings=(finding(State.LEARNING, "2 of 7 days of history"),))),
        result("replication-lag", skipped("this server is not a standby")),
        faults=(
            Fault(where="plugin acme", message="cannot be imported: ImportError: no acme", hint="pip install acme"),
        ),
    )


def quiet_night() -> Report:
    return report(
        result("connections", Outcome(summary="42 of 97 usable connections", trends=(trend("used", 1, 2, 3),))),
        result("dead-rows", Outcome(summary="214 tables within their limits")),
    )


def two_targets() -> Report:
    lag = finding(State.WARNING, "replay is 40 s behind", since=SLOT - timedelta(minutes=12))
    dead = finding(State.WARNING, "public.orders: 150,000 dead rows", "public", "orders", database="shop")
    return report(
        result("replication-lag", Outcome(summary="40 s", findings=(lag,)), target="standby"),
        result("dead-rows", Outcome(summary="1 table", findings=(dead,))),
        result("connections", Outcome(summary="42 of 97 usable connections")),
        result("connections", Outcome(summary="7 of 97 usable connections"), target="standby"),
        targets=(MAIN, TargetInfo(name="standby", address="db2.example:5432/app", version="16.4", role="standby")),
    )


def vacuum_night() -> Report:
    sizes = Table(
        title="Before and after",
        columns=("schema", "table", "dead_rows before", "dead_rows after", "difference"),
        rows=(("public", "orders", "1,250,000", "312", "-1,249,688"), ("public", "items", "150,000", "0", "-150,000")),
        numeric=frozenset({"dead_rows before", "dead_rows after", "difference"}),
    )
    done = Outcome(summary="vacuumed 2 of 2 tables, 3 min 12 s", tables=(sizes,))
    return report(
        result("db-vacuum-analyze", done, kind="maintenance", finished=SLOT + timedelta(minutes=3, seconds=13)),
        title="Weekly vacuum",
        group="db-vacuum-analyze",
    )


def everything() -> Report:
    """All that a report can show at once: also what somebody knows of, what is silenced, and work that was done."""
    known = Acknowledgement(
        job="replication-lag", target="main", series=Series(), state=State.WARNING, author="ana", at=SLOT,
        reason="the standby is rebuilt", until=SLOT + timedelta(hours=6),
    )  # fmt: skip
    lag = finding(State.WARNING, "replay is 40 s behind", since=SLOT - timedelta(hours=5), acknowledged=known)
    night, work = bad_night(), vacuum_night()
    return replace(
        night,
        results=(
            *night.results,
            *work.results,
            result("standby-lag", Outcome(summary="40 s", findings=(lag,)), hint="runner status"),
            result("bloat", skipped("silenced until 2027-01-31 00:00 by ana: bulk load (is warning)")),
        ),
    )


HOSTILE = (
    "\x1b[31mred\x1b]0;title\x07\r\nline two\u2028{{ 1 + 1 }} {% x %} | \x9b2J\u202e \ud800 'a'=1" + "x" * 1_000_000
)


def hostile() -> Report:
    table = Table(
        title=HOSTILE, columns=(HOSTILE, "b"), rows=((HOSTILE, HOSTILE), ("1", "2")), numeric=frozenset({"b"})
    )
    outcome = Outcome(
        summary=HOSTILE,
        findings=(finding(State.CRITICAL, HOSTILE, HOSTILE, database=HOSTILE, reason=HOSTILE),),
        observations=(
            Observation(
                series=Series("", (HOSTILE,)), values={"n": float("nan"), "i": float("inf"), "t": HOSTILE, "b": True}
            ),
        ),
        columns=(Column(name="n", dimension=Dimension.NUMBER, warning=HOSTILE),),
        tables=(table,),
        trends=(
            Trend(
                column=HOSTILE,
                series=Series("", (HOSTILE,)),
                samples=(Sample(SLOT, float("nan")), Sample(SLOT, HOSTILE)),
            ),
        ),
        notes=(HOSTILE,),
    )
    return report(
        result("hostile", outcome, hint=HOSTILE, runbook=HOSTILE),
        result("hostile-too", Outcome(summary=HOSTILE)),
        result("hostile-skipped", skipped(HOSTILE)),
        title=HOSTILE,
        targets=(TargetInfo(name=HOSTILE, address=HOSTILE, version=HOSTILE, role=HOSTILE, labels={HOSTILE: HOSTILE}),),
        faults=(Fault(where=HOSTILE, message=HOSTILE, hint=HOSTILE),),
    )


def empty() -> Report:
    return report(targets=(), next_slot=None, faults=(Fault(where="store", message="the run could not be recorded"),))


def very_many() -> Report:
    """100 jobs with 100 findings each."""
    findings = tuple(
        finding(State.WARNING, f"public.table_{number}: {number:,} dead rows", "public", f"table_{number}", since=SLOT)
        for number in range(100)
    )
    outcome = Outcome(summary="100 tables", findings=findings)
    return report(*(result(f"job-{number}", outcome) for number in range(100)))


ALL = {
    "bad_night": bad_night,
    "quiet_night": quiet_night,
    "two_targets": two_targets,
    "vacuum_night": vacuum_night,
    "everything": everything,
    "hostile": hostile,
    "empty": empty,
    "very_many": very_many,
}
