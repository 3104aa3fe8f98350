"""`plan --at` through the two nights in which the clock is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import runner

NIGHT = """
check: night
schedule: daily at 02:30
timezone: Europe/Berlin
sql: select 1 as n
warning: n > 1
"""


@pytest.mark.parametrize(
    ("at", "due", "said"),
    [
        # 02:30 does not exist on this night: the job runs at the first minute after the gap.
        ("2026-03-28T12:00Z", False, "next Sunday 29 Mar 03:00 Europe/Berlin, in 13 h"),
        ("2026-03-29T01:00Z", True, "due Sunday 29 Mar 03:00 Europe/Berlin, now"),
        ("2026-03-29T01:05Z", False, "next Monday 30 Mar 02:30 Europe/Berlin, in 23 h 25 min"),
        # 02:30 exists twice: only the first is a slot.
        ("2026-10-25T00:30Z", True, "due Sunday 25 Oct 02:30 Europe/Berlin, now"),
        ("2026-10-25T01:30Z", False, "next Monday 26 Oct 02:30 Europe/Berlin, in 1 d"),
    ],
)
def test_a_slot_in_the_night_of_the_change(tmp_path: Path, at: str, due: bool, said: str) -> None:
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "checks.d" / "night.yaml").write_text(NIGHT)
    told = runner("plan", "--at", at, home=tmp_path)
    assert told.code == 0
    assert said in told.out
    assert told.out.startswith("1 of 1" if due else "0 of 1")
