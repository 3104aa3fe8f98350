"""The demonstration: it finds all that it plants, touches nobody's server, and leaves nothing running."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from runner.config.files import shipped
from runner.demo import embedded
from runner.demo.binaries import installations
from runner.demo.embedded import Server
from runner.demo.evidence import expectations, judge
from runner.demo.home import environment, prepare, without_servers
from runner.errors import RunnerError, UsageError
from tests.postgres import eventually

# Whoever is asked instead of the demonstration's own server does not answer.
ELSEWHERE = {
    "DATABASE_HOST": "elsewhere.invalid",
    "DATABASE_URL": "postgresql://nobody@elsewhere.invalid/nothing",
    "DATABASE_PASSWORD": "not-for-the-demo",
    "PGHOST": "elsewhere.invalid",
    "PGPORT": "1",
    "PGDATABASE": "nothing",
    "PGSERVICE": "nothing",
    "PGOPTIONS": "-c nonsense=1",
    "RUNNER_HOME": "/nonexistent",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that is not there yet, where whoever the server runs as can get at it."""
    with tempfile.TemporaryDirectory(prefix="runner-") as parent:
        Path(parent).chmod(0o755)
        yield Path(parent) / "demo"


def start(*words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "runner", "demo", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, **(env or {})},
    )


def is_running(folder: Path) -> bool:
    """Whether any process was started with this folder in its words."""
    words = [_words(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
    return any(str(folder).encode() in each for each in words)


def _words(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_everything_that_was_planted_is_found_and_nothing_is_left_running(folder: Path) -> None:
    process = start("--dir", str(folder), env=ELSEWHERE)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, ""), out
    assert out.count("\n✓ ") == 14
    assert "MISSING" not in out
    assert "\x1b" not in out
    for slot in ("24T01:30", "24T02:00", "24T03:00", "25T01:30", "25T03:00", "26T01:30", "27T01:00", "30T00:00"):
        assert f"$ runner run-due --now 2026-11-{slot}Z\n" in out
    assert "elsewhere" not in out
    assert str(folder / "logs") in out.rpartition("\nlogs ")[2]

    assert not (folder / "server" / "data").exists()
    assert not is_running(folder)
    logs = {path.name for path in (folder / "logs").iterdir()}
    assert logs >= {"twzrd-db-health.log", "twzrd-db-maint.log", "twzrd-weekly-health.log", "twzrd-alerts.log"}
    assert len(list((folder / "reports").iterdir())) == 2
    for record in (folder / "logs" / "reports.jsonl").read_text(encoding="utf-8").splitlines():
        assert json.loads(record)["faults"] == []
    shipped_jobs = shipped("checks.d")
    for path in (folder / "home" / "checks.d").rglob("*.yaml"):
        assert path.read_bytes() == (shipped_jobs / path.relative_to(folder / "home" / "checks.d")).read_bytes()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 143)], ids=str
)
def test_a_demonstration_that_is_told_to_end_takes_its_server_with_it(
    folder: Path, number: signal.Signals, code: int
) -> None:
    process = start("--dir", str(folder))
    eventually((folder / "home" / "checks.d").exists, what="the home", seconds=60)
    assert is_running(folder)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in err
    assert not folder.exists()
    assert not is_running(folder)


def test_without_server_programs_one_message_says_where_to_get_them(tmp_path: Path) -> None:
    process = start("--pg-bin", str(tmp_path), "--dir", str(tmp_path / "demo"))
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert err.splitlines() == [
        f"runner: no PostgreSQL server programs found in {tmp_path}",
        "  help: pip install 'pgrunner[demo]', or install your system's PostgreSQL server package",
    ]
    assert not (tmp_path / "demo").exists()


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "precious").touch()
    with pytest.raises(UsageError, match="is not empty"):
        prepare(str(tmp_path))
    assert (tmp_path / "logs" / "precious").exists()


def test_the_folder_of_an_earlier_demonstration_is_used_again(tmp_path: Path) -> None:
    first = prepare(str(tmp_path / "demo"))
    (first.logs / "old.log").touch()
    second = prepare(str(tmp_path / "demo"))
    assert second == first
    assert list(second.logs.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunnerError, match="cannot write") as caught:
        prepare(str(tmp_path / "file" / "demo"))
    assert "--dir" in caught.value.hint


def test_the_jobs_see_no_server_but_the_demonstrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = prepare(str(tmp_path / "demo"))
    for name, value in {**ELSEWHERE, "PATH": "/bin", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    with without_servers():
        seen = environment(place)
    assert seen["PATH"] == f"{place.home / 'bin'}:/bin"
    assert seen["NO_COLOR"] == "1"
    assert not seen.keys() & ELSEWHERE.keys()
    assert os.environ["PGHOST"] == ELSEWHERE["PGHOST"]


def record(job: str, **parts: object) -> str:
    blank = {"state": "ok", "summary": "", "findings": [], "transitions": [], "observations": []}
    return json.dumps({"results": [{"job": job, **blank, **parts}]})


def test_nothing_counts_as_found_without_a_report_that_names_it(tmp_path: Path) -> None:
    records, told = tmp_path / "reports.jsonl", tmp_path / "told"
    expected = expectations("7", "8", told)
    assert all(not verdict.found for verdict in judge(expected, records))

    other = {"state": "warning", "row": ["public", "proofs"], "message": "another table"}
    silent = {"state": "ok", "row": ["public", "epochs"], "message": "150,000 dead rows"}
    wrong_root = {"state": "warning", "row": ["8"], "message": "blocked by pid 9"}
    lines = [
        record("dead-rows", findings=[other, silent]),
        record("blocked-sessions", findings=[wrong_root]),
        record("app-restart", summary="ended with 0"),
        record("migrations", state="critical", summary="11 migrations are applied"),
        record("db-vacuum-analyze", state="warning", summary="NOT completed"),
    ]
    records.write_text("\n".join(lines) + "\n")
    assert [verdict.what for verdict in judge(expected, records) if verdict.found] == []


def test_the_first_report_that_names_it_is_the_proof(tmp_path: Path) -> None:
    records, told = tmp_path / "reports.jsonl", tmp_path / "told"
    told.write_text("restart all\n")
    dead = {"state": "warning", "row": ["public", "epochs"], "message": "many dead rows"}
    gone = {"change": "recovered", "before": "warning", "row": ["public", "epochs"]}
    grown = {"row": ["attention_oracle"], "values": {"change": 5}}
    size = {"state": "learning", "row": ["attention_oracle"], "message": "+5 B"}
    lines = [
        record("dead-rows", findings=[dead]),
        record("dead-rows", findings=[{**dead, "message": "later"}], transitions=[gone]),
        record("database-size", findings=[size], observations=[grown]),
        record("app-restart", summary="ended with 0"),
    ]
    records.write_text("\n".join(lines) + "\n")
    found = {verdict.what: verdict.found for verdict in judge(expectations("7", "8", told), records) if verdict.found}
    assert found == {
        "150,000 dead rows": "many dead rows",
        "growth in a day": "+5 B",
        "no dead rows after it": "dead-rows: public.epochs is well again (was warning)",
        "the restart (by a stand-in)": "pm2 was told `restart all`: ended with 0",
    }


def test_as_root_without_namespaces_programs_in_a_closed_folder_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = [item for item in installations() if item.origin == "wheel"]
    if os.geteuid() or not wheels:
        pytest.skip("needs root and the wheel of the extra `demo`")
    package = wheels[0].folder.parent.parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, tmp_path / folder.name, symlinks=True)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(embedded, "_disguise", lambda: ())
    place = prepare("")
    try:
        server = Server.start(place.server, programs=tmp_path / wheels[0].folder.relative_to(package.parent))
        assert server.installation.folder.is_relative_to(place.server)
        assert (server.data / "PG_VERSION").stat().st_uid == 65534
        assert server.pid
        server.remove()
        assert list(place.server.iterdir()) == []
    finally:
        place.clean()
    assert not place.root.exists()
