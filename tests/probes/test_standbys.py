"""What the probe of standbys makes of the answers of a cluster's members."""

from __future__ import annotations

import pytest

from runner.api import RunnerError
from runner.probes import standbys
from runner.probes.standbys import Said, rows
from tests.probes.test_cluster import Asking
from tests.probes.test_probes import columns, talk

DB1 = Said(name="db1", standby=False, system="7", timeline=4, place=9_000)
DB2 = Said(name="db2", system="7", timeline=4, place=8_200)


@pytest.mark.parametrize(
    ("member", "same_system", "same_timeline", "behind", "told"),
    [
        (DB2, True, True, 800, "follows db1"),
        (Said(name="db2", system="7", timeline=4, place=9_500), True, True, 0, "follows db1"),
        (Said(name="db2", system="7", timeline=3, place=8_200), True, False, None, "is on timeline 3, db1 is on 4"),
        (Said(name="db2", system="8", timeline=4, place=8_200), False, None, None, "is no copy of db1"),
        (Said(name="db2", system="7", place=8_200), True, None, None, "does not say where it is"),
        (Said(name="db2", error="refused"), None, None, None, "does not answer: refused"),
    ],
)
def test_a_standby_beside_its_primary(
    member: Said, same_system: bool | None, same_timeline: bool | None, behind: int | None, told: str
) -> None:
    [row] = rows("shop", [DB1, member])
    assert set(row) == columns("standbys")
    assert (row["same_system"], row["same_timeline"], row["behind"]) == (same_system, same_timeline, behind)
    assert str(row["told"]).startswith(told)


def test_of_two_primaries_the_newer_timeline_counts() -> None:
    old = Said(name="db0", standby=False, system="7", timeline=3, place=99_000)
    assert [row["primary"] for row in rows("shop", [old, DB1, DB2])] == ["db1"]


def test_without_a_primary_nothing_can_be_compared() -> None:
    [row] = rows("shop", [DB2])
    assert (row["behind"], row["told"]) == (None, "cannot be compared: no primary answers")


def test_no_target_has_the_label() -> None:
    with pytest.raises(RunnerError, match="no target has the label `cluster`"):
        talk(standbys.fetch(Asking(), {}), None)
