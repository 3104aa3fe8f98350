"""The checks of runner itself: runs that failed, jobs that nobody evaluates, deliveries that pile up."""

from __future__ import annotations

import re
from pathlib import Path

from runner.demo.embedded import Server
from tests.catalogue.witness import shows
from tests.cli.support import runner
from tests.shipped.support import Use


@shows("runner.failed-runs")
def test_runs_that_failed(tmp_path: Path, patient: Server) -> None:
    use = Use(tmp_path / "home", patient.options())
    use.write("runner.failed-runs")
    assert use.look()["state"] == "ok"
    (use.path / "checks.d" / "bad.yaml").write_text("check: bad\nsql: select 1 / 0 as n\nwarning: n > 5\n")
    assert runner("run", "bad", home=use.path).code == 3
    found = use.look()
    assert found["state"] == "warning"
    assert any("bad: 1 of 1 runs failed" in finding["message"] for finding in found["findings"])


@shows("runner.self")
def test_a_job_that_nobody_evaluates_and_a_sink_that_takes_nothing(tmp_path: Path, patient: Server) -> None:
    use = Use(tmp_path / "home", patient.options())
    use.write("runner.self")
    (use.path / "checks.d" / "often.yaml").write_text(
        "schedule: hourly\ncheck: often\nsql: select 1 as n\nwarning: n > 5\n"
    )
    for now in ("2026-03-04T02:55Z", "2026-03-04T03:00Z"):
        assert runner("run-due", "--now", now, home=use.path).code == 0
    assert use.look("--now", "2026-03-04T06:00Z")["state"] == "ok"
    late = use.look("--now", "2026-03-04T09:00Z")
    assert late["state"] == "critical"
    told = [finding["message"] for finding in late["findings"]]
    assert told == ["often on main was not evaluated for 5 slots, since 2026-03-04 03:00 UTC"]
    settings = use.path / "runner.yaml"
    settings.write_text(re.sub("sinks: .*", "sinks: {log: {type: log_file, path: /dev/full}}", settings.read_text()))
    runner("run-due", "--now", "2026-03-04T09:00Z", home=use.path)
    stuck = runner("run", "it", "--json", "--now", "2026-03-04T09:40:30Z", home=use.path).json()["results"][0]
    assert stuck["state"] == "warning"
    assert "sink log: 2 reports wait, the oldest for 40 min" in stuck["findings"][0]["message"]
