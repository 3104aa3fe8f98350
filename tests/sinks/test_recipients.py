"""What the sink `smtp` remembers of recipients: little, bounded, and never worth a report."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runner.sinks.recipients import Recipients


def test_what_is_remembered_is_there_for_the_next_process(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    Recipients(folder, "mail").remember("one", ["ana@x", "ben@x"])
    Recipients(folder, "mail").remember("one", ["eva@x"])
    assert Recipients(folder, "mail").settled("one") == {"ana@x", "ben@x", "eva@x"}
    assert Recipients(folder, "mail").settled("two") == frozenset()
    assert Recipients(folder, "other").settled("one") == frozenset()
    Recipients(folder, "mail").forget("one")
    assert list(folder.iterdir()) == []


def test_a_name_of_a_sink_leads_nowhere_else(tmp_path: Path) -> None:
    Recipients(tmp_path / "state", "../../x/y").remember("one", ["ana@x"])
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["mail-.._.._x_y.json"]


def test_the_oldest_reports_are_forgotten_first(tmp_path: Path) -> None:
    many = {str(number): ["ana@x"] for number in range(600)}
    (tmp_path / "mail-mail.json").write_text(json.dumps(many))
    kept = Recipients(tmp_path, "mail")
    kept.remember("newest", ["ana@x"])
    assert len(json.loads((tmp_path / "mail-mail.json").read_text())) == 501
    assert (kept.settled("0"), kept.settled("599"), kept.settled("newest")) == (frozenset(), {"ana@x"}, {"ana@x"})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    Recipients(tmp_path, "mail").remember("one", ["ana@x"])
    tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    Recipients(tmp_path / "state", "mail").remember("one", ["ana@x"])
    assert Recipients(tmp_path / "state", "mail").settled("one") == frozenset()
