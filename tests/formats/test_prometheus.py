"""The format `prometheus`: what Prometheus' own tool thinks of it, and what each value is called."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from runner.formats import prometheus
from runner.model.history import Series
from runner.model.quantity import Dimension
from runner.model.report import Report
from runner.model.result import Column, Observation, Outcome
from tests.formats import samples
from tests.formats.hostile import CELLS, everywhere
from tests.formats.samples import Templates


def written(report: Report, **options: object) -> list[str]:
    return prometheus.render(report, options, Templates()).splitlines()


def values(outcome: Outcome, **options: object) -> list[str]:
    """The lines of observed values, without the labels that all have."""
    lines = written(samples.report(samples.result("job", outcome)), **options)
    common = 'job_name="job",target="main",group="db-health-check"'
    found = [line.replace(common, "").replace("{,", "{").replace("{}", "") for line in lines]
    return [line.removeprefix("runner_value_") for line in found if line.startswith("runner_value_")]


def observed(value: object, dimension: Dimension = Dimension.NUMBER, column: str = "x", *key: str) -> Outcome:
    return Outcome(
        summary="",
        columns=(Column(name=column, dimension=dimension),),
        observations=(Observation(series=Series("", key), values={column: value}),),
    )


@pytest.mark.parametrize(
    ("value", "dimension", "column", "expected"),
    [
        (1536, Dimension.BYTES, "size", ["size_bytes 1536"]),
        (1536, Dimension.BYTES, "size_bytes", ["size_bytes 1536"]),
        (0.25, Dimension.RATIO, "used", ["used_ratio 0.25"]),
        (90.5, Dimension.SECONDS, "lag", ["lag_seconds 90.5"]),
        ("2026-11-24T01:30:00Z", Dimension.TIME, "last_vacuum", ["last_vacuum_timestamp_seconds 1795483800"]),
        ("never", Dimension.TIME, "last_vacuum", []),
        (True, Dimension.BOOL, "fsync", ["fsync 1"]),
        (None, Dimension.NUMBER, "x", []),
        ("text", Dimension.TEXT, "x", []),
        (float("nan"), Dimension.NUMBER, "x", ["x NaN"]),
        (float("-inf"), Dimension.NUMBER, "x", ["x -Inf"]),
        (10**400, Dimension.NUMBER, "x", ["x +Inf"]),
        (2**60, Dimension.NUMBER, "x", ["x 1.152921504606847e+18"]),
        (1, Dimension.NUMBER, "deadRows größe", ["dead_rows_gr__e 1"]),
    ],
)
def test_values(value: object, dimension: Dimension, column: str, expected: list[str]) -> None:
    assert values(observed(value, dimension, column)) == expected


@pytest.mark.parametrize(
    ("database", "key", "names", "labels"),
    [
        ("shop", ("public", "a"), ("schema", "table"), 'database="shop",schema="public",table="a"'),
        ("", ("app",), ("database",), 'database="app"'),
        ("shop", ("app",), ("database",), 'database="shop",key_database="app"'),
        ("", ("a", "b"), ("job", "2nd"), 'key_job="a",key_2nd="b"'),
        ("", ("a", "b"), (), 'row="a.b"'),
        ("", ('"\\\n',), ("name",), 'name="\\"\\\\ "'),
    ],
)
def test_labels(database: str, key: tuple[str, ...], names: tuple[str, ...], labels: str) -> None:
    observation = Observation(series=Series(database, key), values={"x": 1})
    assert values(Outcome(summary="", observations=(observation,), key=names)) == [f"x{{{labels}}} 1"]


def test_what_jobs_say() -> None:
    lines = written(samples.bad_night())
    job = 'job_name="dead-rows",target="main",group="db-health-check"'
    assert f'runner_job_state{{{job},state="critical"}} 1' in lines
    assert f'runner_job_state{{{job},state="ok"}} 0' in lines
    assert f'runner_job_findings{{{job},state="warning"}} 1' in lines
    assert f"runner_job_finished_timestamp_seconds{{{job}}} 1795483802.4" in lines
    assert 'runner_report_faults{group="db-health-check"} 1' in lines
    assert 'runner_report_next_timestamp_seconds{group="db-health-check"} 1795570200' in lines


def test_what_is_beyond_the_limit_is_counted() -> None:
    many = tuple(Observation(series=Series("", (str(number),)), values={"x": number}) for number in range(10))
    lines = written(samples.report(samples.result("job", Outcome(summary="", observations=many))), values=4)
    assert sum(line.startswith("runner_value_x{") for line in lines) == 4
    assert 'runner_report_values_left_out{group="db-health-check"} 6' in lines


def test_two_values_with_one_name_cost_only_the_second() -> None:
    twice = (Observation(values={"x": 1}), Observation(values={"x": 2}))
    report = samples.report(samples.result("job", Outcome(summary="", observations=twice)))
    assert [line.split()[-1] for line in written(report) if line.startswith("runner_value_x{")] == ["1"]
    assert 'runner_report_values_left_out{group="db-health-check"} 1' in written(report)


def test_families_of_two_groups_fit_together() -> None:
    """A collector joins the files of all groups: one help and one type for each name."""
    first = observed(1, Dimension.BYTES, "size")
    second = observed(1, Dimension.NUMBER, "size_bytes")
    heads = [
        {line for line in written(samples.report(samples.result("job", outcome))) if line.startswith("# ")}
        for outcome in (first, second)
    ]
    assert heads[0] == heads[1]


@pytest.mark.parametrize("name", [*samples.ALL, *CELLS])
def test_promtool_reads_it(name: str) -> None:
    program = shutil.which("promtool")
    if not program:
        pytest.skip("needs promtool: apt-get install prometheus")
    report = samples.ALL[name]() if name in samples.ALL else everywhere(CELLS[name])
    text = prometheus.render(report, {}, Templates())
    ran = subprocess.run([program, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    # 3 is advice about names, and columns are called as their owner likes; 1 is a text that cannot be read.
    assert ran.returncode in (0, 3), ran.stderr
    assert set(re.findall(r"^runner_(?!value_)\w+.*", ran.stderr, re.MULTILINE)) == set()


def test_columns_that_look_like_counters_are_none_of_the_types() -> None:
    lines = written(samples.report(samples.result("job", observed(1, Dimension.NUMBER, "calls_total"))))
    assert "# TYPE runner_value_calls_total untyped" in lines


def test_the_order_does_not_change() -> None:
    report = samples.everything()
    turned = replace(report, results=tuple(reversed(report.results)))
    assert written(report) == written(turned)
