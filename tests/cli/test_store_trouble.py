"""Stores in trouble, through the real command: checks run, the report goes out with the fault, nothing is overwritten."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.store.schema import VERSION
from tests.app.homes import TempHome
from tests.cli.support import Said, clean, process
from tests.postgres import Database

GOOD = "schedule: hourly\ncheck: good\nsql: select 1 as n\nwarning: n > 5\n"
FIRST, DUE, AGAIN, LATER = (
    ("run-due", "--now", f"2026-03-04T{at}Z") for at in ("02:55", "03:00", "03:01", "04:00")
)  # fmt: skip
PAGE = 4096
WITHOUT_RIGHTS = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)


@pytest.fixture
def home(tmp_path: Path, shared: Database) -> TempHome:
    return TempHome.make(tmp_path / "home", shared.options(), {"good.yaml": GOOD})


def told(said: Said, home: TempHome, words: str) -> None:
    """Exit 4; the check ran, and its report says on standard output and in the log what is wrong, and what to do."""
    assert said.code == 4, said.all
    assert "Traceback" not in said.all
    assert words in said.out
    assert [(report["group"], report["state"]) for report in home.logged()] == [("good", "ok")]
    (fault,) = home.logged()[0]["faults"]
    assert fault["where"] == "store"
    assert words in fault["message"]
    assert fault["hint"]


def started(home: TempHome) -> Path:
    """The store after the first tick."""
    assert process(*FIRST, home=home.path).code == 0
    return home.path / ".runner" / "state.db"


def damage(path: Path, place: slice) -> None:
    data = bytearray(path.read_bytes())
    data[place] = b"\xa5" * len(data[place])
    path.write_bytes(data)


def first_page(path: Path) -> None:
    damage(path, slice(100, PAGE))


def half_written(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 100)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def another_program(path: Path) -> None:
    path.unlink()
    raw = sqlite3.connect(path)
    raw.execute("create table bookmarks (url)")
    raw.commit()
    raw.close()


def newer(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute(f"pragma user_version = {VERSION + 1}")
    raw.execute("pragma wal_checkpoint(truncate)")
    raw.close()


TROUBLE: dict[str, tuple[Callable[[Path], None], str, bool]] = {
    "damaged": (first_page, "is damaged", True),
    "half-written": (half_written, "is damaged", True),
    "nothing but zeros": (zeroed, "is not an SQLite database, or it is damaged", True),
    "of another program": (another_program, "is the database of another program", False),
    "of a newer version": (newer, "was written by a newer runner", False),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_a_file_that_cannot_be_used(home: TempHome, name: str) -> None:
    change, words, is_damage = TROUBLE[name]
    path = started(home)
    change(path)
    before = path.read_bytes()
    said = process(*DUE, home=home.path)
    told(said, home, words)
    assert ("runner doctor --repair" in said.out) == is_damage
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*damaged*"))


@pytest.mark.parametrize(("change", "code"), [(first_page, 0), (half_written, 1), (zeroed, 4)])
def test_the_hint_leads_out_of_it(home: TempHome, change: Callable[[Path], None], code: int) -> None:
    path = started(home)
    change(path)
    before = path.read_bytes()
    assert "runner doctor --repair" in process("doctor", "--offline", home=home.path).out
    said = process("doctor", "--repair", "--json", "--now", "2026-03-04T02:56Z", home=home.path)
    assert said.code == code, said.all
    if code == 4:
        assert "move it aside" in said.err
        assert path.read_bytes() == before
        path.rename(path.with_name("aside"))
    else:
        done = said.json()
        assert (done["schema"], done["sound"], done["store"]) == ("runner.repair/1", False, str(path))
        assert Path(done["kept"]).read_bytes() == before
        assert {table["table"] for table in done["tables"]} >= {"runs", "samples", "reports"}
    assert process(*FIRST, home=home.path).code == 0
    assert process(*DUE, home=home.path).code == 0
    assert home.logged()[0]["faults"] == []
    sound = process("doctor", "--repair", home=home.path)
    assert (sound.code, "is sound; nothing was changed" in sound.out) == (0, True)


def test_a_repair_tells_a_tired_operator_what_is_saved_and_what_is_lost(home: TempHome) -> None:
    path = started(home)
    assert process(*DUE, home=home.path).code == 0
    raw = sqlite3.connect(path)
    root: int = raw.execute("select rootpage from sqlite_master where name = 'results'").fetchone()[0]
    raw.execute("pragma wal_checkpoint(truncate)")
    raw.close()
    damage(path, slice((root - 1) * PAGE, root * PAGE))
    looked = process("doctor", "--offline", home=home.path)
    assert (looked.code, "is damaged" in looked.out, "runner doctor --repair" in looked.out) == (1, True, True)
    said = process("doctor", "--repair", home=home.path)
    assert said.code == 1
    lines = said.out.splitlines()
    assert lines[0].startswith(f"store {path} was damaged: ")
    assert "the old file is kept as" in lines[1]
    assert "runs (1)" in lines[2]
    assert any(line.split()[:2] == ["results", "0"] and "nobody can tell how many" in line for line in lines)
    assert process(*LATER, home=home.path).code == 0


def as_owner_without_rights(*words: str, home: TempHome) -> Said:
    """The mode of files counts: root would pass it by."""
    prefix = WITHOUT_RIGHTS if os.geteuid() == 0 else ()
    if prefix and shutil.which(prefix[0]) is None:
        pytest.skip("needs setpriv of util-linux, because root may write everywhere")
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "runner", "--home", str(home.path), *words],
        capture_output=True, check=False, env=clean({}), stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("what", ["file", "folder", "both", "folder that is new"])
def test_what_may_not_be_written(home: TempHome, what: str) -> None:
    state = home.path / ".runner"
    if what == "folder that is new":
        state.mkdir(mode=0o555)
    else:
        path = started(home)
        path.chmod(0o444 if what != "folder" else 0o600)
        state.chmod(0o555 if what != "file" else 0o700)
    before = sorted((file.name, file.read_bytes()) for file in state.glob("state.db"))
    try:
        said = as_owner_without_rights(*DUE, home=home)
    finally:
        state.chmod(0o700)
    told(said, home, "cannot be opened")
    assert f"must be able to write to {state}" in said.out
    assert sorted((file.name, file.read_bytes()) for file in state.glob("state.db")) == before
    for file in state.glob("state.db"):
        file.chmod(0o600)
    assert process(*LATER, home=home.path).code == 0
    assert [len(report["faults"]) for report in home.logged()] == [1, 0]


BUSY = """
import runner.store.connection as connection
connection.BUSY_SECONDS = 0.3
import sys
from runner.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def test_a_store_that_another_program_holds_for_too_long(home: TempHome) -> None:
    path = started(home)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin immediate")
    try:
        done = subprocess.run(
            [sys.executable, "-c", BUSY, "--home", str(home.path), *DUE],
            capture_output=True, check=False, env=clean({}), stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
    finally:
        holder.execute("rollback")
        holder.close()
    told(Said(done.returncode, done.stdout, done.stderr), home, "is kept busy by another process")
    assert process(*LATER, home=home.path).code == 0
    assert home.runs("good")[-1] == ("good", "done", 1)


# ---- full disks

FULL = """
import json, os, subprocess, sys
from pathlib import Path

home, plan = Path(sys.argv[1]), json.loads(sys.argv[2])
disk = Path(plan["disk"])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)

def fill(leave=0):
    with open(disk / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
        file.truncate(max(0, file.tell() - leave))

said = []
for step in plan["steps"]:
    if step == "fill":
        fill()
    elif step == "free":
        (disk / "filler").unlink()
    else:
        done = subprocess.run([sys.executable, "-m", "runner", "--home", str(home), *step], capture_output=True, text=True)
        said.append([done.returncode, done.stdout, done.stderr])
files = {file.name: file.stat().st_size for file in sorted(disk.iterdir()) if file.is_file()}
log = disk / "runner.log"
print(json.dumps({"said": said, "files": files, "log": log.read_text() if log.exists() else ""}))
"""


def on_a_small_disk(home: TempHome, disk: Path, *steps: object) -> tuple[list[Said], dict[str, Any]]:
    """The steps in a process that has a disk of 1 MB there for itself."""
    prefix = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs mount namespaces: unshare of util-linux, as root or with user namespaces")
    disk.mkdir(exist_ok=True)
    done = subprocess.run(
        [*prefix, sys.executable, "-c", FULL, str(home.path), json.dumps({"disk": str(disk), "steps": steps})],
        capture_output=True, check=False, env=clean({}), stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return [Said(*said) for said in answer["said"]], answer


def no_traceback(said: list[Said]) -> None:
    for one in said:
        assert "Traceback" not in one.all
        assert "bug in runner" not in one.all


def test_a_disk_that_is_full_before_the_tick(home: TempHome) -> None:
    (_, full, freed), _ = on_a_small_disk(
        home, home.path / ".runner", FIRST, "fill", DUE, "free", ("run-due", "--now", "2026-03-04T04:00Z")
    )
    no_traceback([full, freed])
    assert full.code == 4, full.all
    assert "the disk is full" in full.out
    assert "nothing was lost" not in full.out
    assert freed.code == 0, freed.all
    reports = home.logged()
    assert [(report["group"], report["state"], len(report["faults"])) for report in reports] == [
        ("good", "ok", 1), ("good", "ok", 0)
    ]  # fmt: skip


def filler(disk: Path, home: TempHome) -> str:
    """A command that fills the disk of the store, as a backup does that goes to the wrong place."""
    script = f"echo x >> {home.path}/ran; dd if=/dev/zero of={disk}/filler bs=4096 2>/dev/null; true"
    return f"schedule: hourly\ncommand: backup\nrun: [sh, -c, {json.dumps(script)}]\n"


def test_a_disk_that_fills_between_the_claim_and_the_record(home: TempHome) -> None:
    disk = home.path / ".runner"
    home.write("backup.yaml", filler(disk, home))
    home.settings("allow: [command]\n")
    (_, full, still, freed, later), _ = on_a_small_disk(
        home, disk, FIRST, DUE, AGAIN, "free", ("run-due", "--now", "2026-03-04T03:02Z"),
        ("status", "--now", "2026-03-04T03:03Z"),
    )  # fmt: skip
    no_traceback([full, still, freed, later])
    assert full.code == 4, full.all
    assert "the disk is full" in full.out
    assert still.code == 4, still.all
    assert (home.path / "ran").read_text() == "x\n", "what ran and could not be recorded is not run again"
    reports = [report for report in home.logged() if report["group"] == "backup"]
    assert reports[0]["state"] == "ok", "what it did was told at once"
    assert "store" in {fault["where"] for fault in reports[0]["faults"]}
    assert any("is not run again" in json.dumps(report) for report in reports[1:]), "and then that it is not recorded"
    assert freed.code == 0, freed.all


def test_the_disk_of_the_log_is_full_while_the_store_is_well(home: TempHome, tmp_path: Path) -> None:
    disk = tmp_path / "logs"
    disk.mkdir()
    (home.path / "runner.yaml").write_text(
        (home.path / "runner.yaml").read_text().replace(str(home.log), str(disk / "runner.log"))
    )
    (_, full, freed), answer = on_a_small_disk(
        home, disk, FIRST, "fill", DUE, "free", ("run-due", "--now", "2026-03-04T04:00Z")
    )
    no_traceback([full, freed])
    assert "[good]" in full.out or "good" in full.out
    assert "sink log" in full.out + full.err
    assert freed.code == 0, freed.all
    written = [json.loads(line) for line in answer["log"].splitlines()]
    assert [(report["group"], report["slot"][11:16]) for report in written] == [("good", "03:00"), ("good", "04:00")]
    assert home.runs("good")[-2:] == [("good", "done", 1)] * 2
