"""What needs maintenance and why, in which order, and with which SQL: decisions without a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.kinds.maintenance.choose import select
from runner.kinds.maintenance.facts import TableFacts, analyze_reason, read_options, vacuum_reason
from runner.kinds.maintenance.indexes import IndexFacts, select_indexes
from runner.kinds.maintenance.measure import base_value
from runner.kinds.maintenance.read import read
from runner.kinds.maintenance.spec import AnalyzeStep, Choice, FreezeStep, ReindexStep, SqlStep, VacuumStep
from runner.kinds.maintenance.statements import refuses_transaction, table_statement, unknown_options
from runner.kinds.maintenance.watch import FACTS
from tests.kinds.support import Complaints, mapping

SETTINGS = {
    "autovacuum_vacuum_threshold": "50",
    "autovacuum_vacuum_scale_factor": "0.2",
    "autovacuum_analyze_threshold": "50",
    "autovacuum_analyze_scale_factor": "0.1",
    "autovacuum_freeze_max_age": "200000000",
    "autovacuum_multixact_freeze_max_age": "400000000",
}
INSERTS = {"autovacuum_vacuum_insert_threshold": "1000", "autovacuum_vacuum_insert_scale_factor": "0.2"}


def table(name: str = "t", **values: Any) -> TableFacts:
    defaults: dict[str, Any] = {"oid": sum(name.encode()), "schema": "public", "rows": 1000.0, "pages": 10}
    return TableFacts(**{**defaults, "name": name, "vacuumed": True, "analyzed": True, **values})


@pytest.mark.parametrize(
    ("values", "settings", "reason"),
    [
        ({"dead": 250}, {}, ""),
        ({"dead": 251}, {}, "251 dead rows, its trigger is 250"),
        ({"dead": 100, "options": {"autovacuum_vacuum_scale_factor": "0.01"}}, {}, "100 dead rows, its trigger is 60"),
        ({"dead": 251, "options": {"autovacuum_vacuum_threshold": "1000"}}, {}, ""),
        ({"dead": 130, "rows": 1e9}, {"autovacuum_vacuum_max_threshold": "100"}, "130 dead rows, its trigger is 100"),
        ({"dead": 251}, {"autovacuum_vacuum_max_threshold": "-1"}, "251 dead rows"),
        ({"xid_age": 100_000_001}, {}, "transaction age 100,000,001, more than half of autovacuum_freeze_max_age"),
        ({"xid_age": 100_000_000}, {}, ""),
        ({"xid_age": 60, "options": {"autovacuum_freeze_max_age": "100"}}, {}, "transaction age 60"),
        ({"mxid_age": 200_000_001}, {}, "multixact age"),
        ({"vacuumed": False}, {}, "never vacuumed, although it has rows"),
        ({"vacuumed": False, "rows": 0, "pages": 0}, {}, ""),
        ({"vacuumed": False, "rows": -1, "pages": 0}, {}, "nothing says whether it has rows"),
        ({"kind": "p", "vacuumed": False, "dead": 1000}, {}, ""),
        ({"toast_dead": 60, "toast_rows": 10.0}, {}, "60 dead rows in its TOAST table, its trigger is 52"),
        ({"inserted": 2000}, INSERTS, "2,000 rows inserted since vacuum, its trigger is 1,200"),
        ({"inserted": 1200}, INSERTS, ""),
        ({"inserted": 1150, "frozen": 5}, INSERTS, "1,150 rows inserted since vacuum, its trigger is 1,100"),
        ({"inserted": 10**9}, {**INSERTS, "autovacuum_vacuum_insert_threshold": "-1"}, ""),
        ({"inserted": 2000, "options": {"autovacuum_vacuum_insert_threshold": "5000"}}, INSERTS, ""),
    ],
)
def test_why_a_table_needs_vacuum(values: dict[str, Any], settings: dict[str, str], reason: str) -> None:
    found = vacuum_reason(table(**values), {**SETTINGS, **settings})
    assert found.startswith(reason) if reason and "nothing" not in reason else reason in found
    assert bool(found) is bool(reason)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"changed": 150}, ""),
        ({"changed": 151}, "151 rows changed since analyze, its trigger is 150"),
        (
            {"changed": 20, "options": {"autovacuum_analyze_threshold": "1", "autovacuum_analyze_scale_factor": "0"}},
            "20 ",
        ),
        ({"analyzed": False}, "never analyzed"),
        ({"kind": "p", "analyzed": False}, "autovacuum never does it"),
        ({"kind": "p"}, ""),
    ],
)
def test_why_a_table_needs_analyze(values: dict[str, Any], reason: str) -> None:
    found = analyze_reason(table(**values), SETTINGS)
    assert reason in found
    assert bool(found) is bool(reason)


def test_options_that_cannot_be_read_are_left_out() -> None:
    assert read_options(["fillfactor=70", "odd"]) == {"fillfactor": "70"}
    assert read_options(None) == {}


def names(step: VacuumStep | AnalyzeStep, *tables: TableFacts, **extra: Any) -> list[str]:
    return [item.table.title for item in select(step, tables, SETTINGS, **extra).chosen]


def test_order_is_left_undone_then_size_then_partitioned_tables() -> None:
    tables = (table("parent", kind="p", pages=0), table("a", pages=1), table("b", pages=99), table("c", pages=5))
    step = VacuumStep(tables=Choice(mode="all"), analyze=True)
    assert names(step, *tables, first={("public", "a")}) == ["public.a", "public.b", "public.c", "public.parent"]


def test_what_is_most_urgent_comes_first() -> None:
    tables = (
        table("big", pages=1000, live=900, dead=100),
        table("worn", pages=500, live=100, dead=900),
        table("filled", pages=0, rows=-1, live=80_000, dead=20_000),
        table("old", pages=1, xid_age=150_000_000),
        table("older", pages=1, xid_age=50_000_000, mxid_age=390_000_000),
    )
    order = ["older", "old", "worn", "filled", "big"]
    assert names(VacuumStep(tables=Choice(mode="all")), *tables) == [f"public.{name}" for name in order]


def test_catalogues_are_taken_only_when_named() -> None:
    system = table("pg_class", schema="pg_catalog", system=True, dead=10_000)
    for choice in (Choice(mode="all"), Choice(), Choice(mode="listed", names=("*.*",))):
        assert names(VacuumStep(tables=choice), system) == []
    assert names(VacuumStep(tables=Choice(mode="listed", names=("pg_catalog.pg_class",))), system) == [system.title]


def test_partitioned_tables_follow_their_partitions_and_are_nothing_for_vacuum_alone() -> None:
    parent, part = table("p", kind="p", pages=0), table("part", dead=9999)
    part = replace(part, parents=(parent.oid,))
    assert names(VacuumStep(analyze=True), parent, part) == ["public.part", "public.p"]
    assert names(VacuumStep(), parent, part) == ["public.part"]
    assert names(AnalyzeStep(), parent, part) == []


def test_rows_of_a_query_that_are_no_table_are_missing() -> None:
    step = VacuumStep(tables=Choice(mode="sql", sql="…"))
    found = select(step, [table("a")], SETTINGS, named={("public", "a"): "why", ("x", "y"): "why"})
    assert ([item.table.name for item in found.chosen], found.missing) == (["a"], ("x.y",))


@pytest.mark.parametrize(
    ("step", "kind", "major", "sql"),
    [
        (VacuumStep(), "r", 15, 'vacuum "public"."T ""q"""'),
        (VacuumStep(analyze=True), "r", 16, 'vacuum (analyze, skip_database_stats) "public"."T ""q"""'),
        (VacuumStep(freeze=True, parallel=2), "r", 14, 'vacuum (freeze, parallel 2) "public"."T ""q"""'),
        (VacuumStep(index_cleanup="auto"), "r", 13, 'vacuum "public"."T ""q"""'),
        (VacuumStep(index_cleanup="off"), "r", 14, 'vacuum (index_cleanup off) "public"."T ""q"""'),
        (VacuumStep(analyze=True), "p", 17, 'analyze "public"."T ""q"""'),
        (VacuumStep(analyze=True), "p", 18, 'analyze only "public"."T ""q"""'),
        (AnalyzeStep(skip_locked=True), "r", 18, 'analyze (skip_locked) "public"."T ""q"""'),
        (AnalyzeStep(buffer_usage_limit="2MB"), "r", 16, 'analyze (buffer_usage_limit \'2MB\') "public"."T ""q"""'),
        (AnalyzeStep(buffer_usage_limit="2MB"), "r", 15, 'analyze "public"."T ""q"""'),
        (FreezeStep(flags={"truncate": False}), "r", 15, 'vacuum (freeze, truncate off) "public"."T ""q"""'),
        (
            VacuumStep(flags={"process_toast": False, "process_main": True}, full=False),
            "r",
            15,
            'vacuum (process_toast off) "public"."T ""q"""',
        ),
        (VacuumStep(full=True, analyze=True), "r", 15, 'vacuum (full, analyze) "public"."T ""q"""'),
    ],
)
def test_statements(step: VacuumStep | AnalyzeStep, kind: str, major: int, sql: str) -> None:
    assert table_statement(step, table('T "q"', kind=kind), major) == sql


@pytest.mark.parametrize(
    ("step", "kind", "pages", "major", "sql"),
    [
        (VacuumStep(analyze=True), "r", 128, 15, 'vacuum (verbose, analyze) "public"."t"'),
        (VacuumStep(), "r", 128, 14, 'vacuum "public"."t"'),
        (VacuumStep(), "r", 127, 15, 'vacuum "public"."t"'),
        (VacuumStep(full=True), "r", 128, 15, 'vacuum (full) "public"."t"'),
        (FreezeStep(), "r", 128, 15, 'vacuum (verbose, freeze) "public"."t"'),
        (AnalyzeStep(), "r", 128, 17, 'analyze "public"."t"'),
        (AnalyzeStep(), "r", 128, 18, 'analyze (verbose) "public"."t"'),
        (VacuumStep(analyze=True), "p", 128, 17, 'analyze "public"."t"'),
    ],
)
def test_a_table_of_some_size_is_asked_what_it_cost_where_the_server_tells(
    step: VacuumStep | AnalyzeStep, kind: str, pages: int, major: int, sql: str
) -> None:
    assert table_statement(step, table("t", kind=kind, pages=pages), major) == sql


def test_children_are_left_to_themselves_where_the_server_would_take_them_along() -> None:
    parent = table("p", has_children=True)
    assert table_statement(VacuumStep(), parent, 18) == 'vacuum (skip_database_stats) only "public"."p"'
    assert table_statement(AnalyzeStep(), parent, 17) == 'analyze "public"."p"'


@pytest.mark.parametrize(
    ("step", "major", "left_out"),
    [
        (VacuumStep(index_cleanup="auto", flags={"process_toast": True}), 13, ("process_toast", "index_cleanup auto")),
        (VacuumStep(parallel=2, flags={"truncate": True}), 13, ()),
        (AnalyzeStep(buffer_usage_limit="2MB"), 15, ("buffer_usage_limit",)),
        (AnalyzeStep(buffer_usage_limit="2MB"), 16, ()),
        (ReindexStep(), 13, ()),
    ],
)
def test_options_that_a_version_does_not_know(
    step: VacuumStep | AnalyzeStep | ReindexStep, major: int, left_out: tuple[str, ...]
) -> None:
    assert unknown_options(step, major) == left_out


def test_an_index_is_bloated_by_its_estimate_and_its_size() -> None:
    def index(name: str, **values: Any) -> IndexFacts:
        return IndexFacts(**{"oid": sum(name.encode()), "schema": "public", "name": name, "table_oid": 1, **values})

    mega = 1024**2
    indexes = [
        index("fine", size=100 * mega, needed=60 * mega),
        index("worse", size=100 * mega, needed=10 * mega),
        index("bad", size=100 * mega, needed=49 * mega),
        index("small", size=9 * mega, needed=0),
        index("hidden", size=900 * mega),
        index("broken", size=1, valid=False),
        index("building", valid=False, being_built=True),
        index("fine_ccnew", valid=False),
        index("fine_ccold1", valid=False, owned=False, owner="alice"),
    ]
    found = select_indexes(ReindexStep(indexes=Choice(mode="bloated")), indexes)
    assert [item.table.name for item in found.chosen] == ["broken", "worse", "bad"]
    assert found.chosen[1].reason == "about 90.0 MB of 100 MB (90 %) hold no entries"
    assert [(item.index.name, item.why_kept) for item in found.leftovers] == [
        ("fine_ccnew", ""), ("fine_ccold1", "its table belongs to alice"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "refuses"),
    [
        ("vacuum t", True),
        ("-- nightly\n /* x */ REINDEX INDEX CONCURRENTLY i", True),
        ("reindex (verbose) table concurrently t", True),
        ("reindex table t", False),
        ("create unique index concurrently on t (a)", True),
        ("create index on t (a)", False),
        ("alter system set work_mem = '1MB'", True),
        ("refresh materialized view concurrently v", False),
        ("select 'vacuum'", False),
    ],
)
def test_statements_that_refuse_a_transaction(sql: str, refuses: bool) -> None:
    assert refuses_transaction(sql) is refuses


@pytest.mark.parametrize(
    ("value", "kind", "base"),
    [(3, "kB", 3072), (1.5, "percent", 0.015), (None, "bytes", None), (True, "bool", True), ("x", "text", "x")],
)
def test_measured_values_in_base_units(value: object, kind: str, base: object) -> None:
    assert base_value(value, kind) == base


# ---- reading


def spec_of(*steps: object, **keys: object) -> tuple[Any, Complaints]:
    complaints = Complaints(params={"table": "t"})
    return read(mapping({"maintenance": "m", "steps": list(steps), **keys}), complaints), complaints


def test_a_job_with_everything() -> None:
    spec, complaints = spec_of(
        {"vacuum": {"analyze": True, "freeze": True, "index_cleanup": False, "parallel": 2, "tables": ["a"]}},
        {"analyze": None, "name": "fresh statistics"},
        {"sql": "select 1;"},
        {"sql": 'vacuum :"table"', "autocommit": True, "name": "x"},
        measure={"key": ["t"], "columns": {"t": "text", "size": "bytes"}, "sql": "select 1"},
        verify={"warning": "after.size > before.size", "critical": "size > 1TB"},
    )
    assert complaints.found == []
    assert spec.steps == (
        VacuumStep(
            analyze=True, freeze=True, index_cleanup="off", parallel=2, tables=Choice(mode="listed", names=("a",))
        ),
        AnalyzeStep(name="fresh statistics"),
        SqlStep(name="step 3", sql="select 1"),
        SqlStep(name="x", sql='vacuum :"table"', autocommit=True),
    )
    assert (spec.measure.key, dict(spec.measure.columns)) == (("t",), {"size": "bytes"})
    assert len(spec.verify.thresholds) == 2


@pytest.mark.parametrize(
    ("steps", "keys", "message", "hint"),
    [
        ([], {}, "has no steps", "steps:"),
        (["vacuum"], {}, "a step is a mapping", "- vacuum:"),
        ([{"name": "x"}], {}, "this step does nothing", "dash"),
        ([{"vacuum": {}, "sql": "select 1"}], {}, "one thing; this one has `vacuum` and `sql`", "dash"),
        ([{"vacuum": {"full": True, "tables": ["a"]}}], {}, "`full` needs `exclusive: allowed`", "pg_repack"),
        ([{"vacuum": {"full": True, "exclusive": "allowed"}}], {}, "for tables that you name", "tables: ["),
        (
            [{"vacuum": {"full": True, "exclusive": "allowed", "tables": ["a"], "parallel": 2}}],
            {},
            "no `parallel`",
            "remove",
        ),
        ([{"vacuum": {"exclusive": "allowed"}}], {}, "`exclusive: allowed` is for `full: true`", "remove"),
        ([{"freeze": {"xid_age": "150%"}}], {}, "not a share between", "50%"),
        ([{"reindex": {"indexes": "bloted"}}], {}, "does not say which indexes", "did you mean `bloated`?"),
        ([{"reindex": {"indexes": []}}], {}, "does not say which indexes", "invalid, bloated, all"),
        ([{"reindex": {"min_size": "big"}}], {}, "not a size", "100MB"),
        ([{"vacuum": {}, "budget": "soon"}], {}, "not a duration", "30s"),
        ([{"vacuum": {}}], {"budget": "2"}, "not a duration", "30s"),
        ([{"vacuum": {}}], {"cost_delay": "1s"}, "at most 100ms", "2ms"),
        ([{"vacuum": {}}], {"at_end": "wait"}, "`at_end` cannot be `wait`", "finish or cancel"),
        ([{"vacuum": {}}], {"pause_when": "replicaton_lag > 30s"}, "replicaton_lag", "replication_lag"),
        ([{"vacuum": {}}], {"stop_when": "replication_lag > 30MB"}, "", ""),
        ([{"vacuum": {}}], {"stop_when": "previous.active_sessions > 3"}, "no history of these facts", "number"),
        ([{"vacuum": {"tables": {"sql": "select 1", "findings_of": ["a"]}}}], {}, "take one of them", "two steps"),
        ([{"vacuum": {"tables": {}}}], {}, "does not say which tables", "needed, all"),
        ([{"vacuum": {"tables": "some"}}], {}, "does not say which tables", "needed, all"),
        ([{"vacuum": {"tables": []}}], {}, "does not say which tables", "needed, all"),
        ([{"vacuum": {"index_cleanup": "maybe"}}], {}, "cannot be `maybe`", "auto, on or off"),
        ([{"vacuum": {}, "autocommit": True}], {}, "`autocommit` belongs to `sql`", "remove"),
        ([{"sql": " "}], {}, "there is no SQL here", "select"),
        ([{"sql": "reindex index concurrently i"}], {}, "refuses this statement", "autocommit: true"),
        ([{"sql": "select :nobody"}], {}, "the parameter `nobody`", "params: {nobody: …}"),
        ([{"vacuum": {}}], {"verify": {"warning": "x > 1"}}, "there is no `measure`", "measure:"),
        ([{"vacuum": {}}], {"measure": {"sql": "select 1"}}, "columns that identify", "key: ["),
        (
            [{"vacuum": {}}],
            {"measure": {"key": ["t"], "sql": "select 1", "columns": {"a": "feet"}}},
            "no unit",
            "bytes",
        ),
    ],
)
def test_what_is_wrong_is_said_with_a_way_out(
    steps: list[object], keys: dict[str, object], message: str, hint: str
) -> None:
    _, complaints = spec_of(*steps, **keys)
    [(_, said, advice)] = complaints.found
    assert message in said
    assert hint in advice


@pytest.mark.parametrize(("condition", "message"), [("after.sise > 1", "sise"), ("size >", ""), ("after.size", "")])
def test_conditions_are_checked(condition: str, message: str) -> None:
    measure = {"key": ["t"], "columns": {"size": "bytes"}, "sql": "select 1"}
    _, complaints = spec_of({"vacuum": {}}, measure=measure, verify={"warning": condition})
    assert len(complaints.found) >= 1
    assert message in complaints.found[0][1]


def test_the_facts_of_the_conditions_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "maintenance.md").read_text("utf-8")
    for name, (_, meaning) in FACTS.items():
        assert f"| `{name}` | {meaning} |" in page
