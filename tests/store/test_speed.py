"""Bounds that are generous for a loaded machine and far below what row-by-row work would take."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from runner.model.history import Form, HistoryNeed, Series
from runner.store.base import Recorded
from runner.store.open import open_store
from tests.store.make import hours, make_claim, make_report, make_result, observed, waiting

ROWS = 100_000


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_hundred_thousand_rows_are_recorded_and_read_in_seconds(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    url = "sqlite:.runner/state.db" if kind == "sqlite" else request.getfixturevalue("shared_url")
    need = HistoryNeed(Form.PREVIOUS, "dead_rows")
    with open_store(url, tmp_path) as store:
        for index in range(2):
            rows = {
                Series(f"db{number % 3}", ("public", f"table_{number}")): {
                    "dead_rows": number + index,
                    "live_rows": 10 * number,
                }
                for number in range(ROWS)
            }
            result = make_result(f"r{index}", hours(index), observations=observed(rows))
            store.claim(make_claim(f"r{index}", hours(index)))
            start = time.process_time()
            store.record(
                [Recorded(result=result)],
                report=make_report(f"g{index}", [result]),
                deliveries=[("log", hours(9))],
                now=hours(index),
            )
            recorded = time.process_time() - start
        start = time.process_time()
        past = store.past("j", "t", [need], hours(3))
        read = time.process_time() - start
        assert len(past.samples) == ROWS
        assert past.of(Series("db0", ("public", "table_99999")), need)[0].value == 100_000
        assert waiting(store)[1].report.results == (result,)
    print(f"{kind}: recorded in {recorded:.2f} s, read in {read:.2f} s of processor time")
    assert recorded < 40
    assert read < 30
