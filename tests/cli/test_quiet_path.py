"""A tick with nothing due ends before anything heavy is imported, and nothing that matters is overlooked for it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner import gate
from runner.version import VERSION

HEAVY = {"psycopg", "yaml", "jsonschema", "jinja2", "rich", "click", "pluggy", "sqlite3", "json", "re", "typing"}
AGED = time.time() - 3600
HOURLY = """\
command: note
schedule: hourly
run: [sh, -c, "echo ran >> .runner/ran.txt"]
"""
# Both clocks of the program are set forward by the first word; the modules that were imported are the last line.
CALL = """\
import sys, time
shift = float(sys.argv.pop(1))
if shift:
    from datetime import timedelta
    from runner.clock import SystemClock
    host, host_clock = time.time, SystemClock.now
    time.time = lambda: host() + shift
    SystemClock.now = lambda self: host_clock(self) + timedelta(seconds=shift)
from runner.__main__ import main
code = main()
sys.stdout.flush()
print("\\n" + " ".join(sorted(sys.modules)))
sys.exit(code)
"""


@dataclass(frozen=True, kw_only=True)
class Call:
    code: int
    out: str
    err: str
    modules: frozenset[str]

    @property
    def opened(self) -> bool:
        """Whether the gate let it through to the program itself."""
        return "runner.cli.main" in self.modules


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DATABASE_", "RUNNER_"))}


def call(*words: str, cwd: Path, shift: float = 0.0, env: dict[str, str] | None = None) -> Call:
    done = subprocess.run(
        [sys.executable, "-c", CALL, str(shift), *words],
        cwd=cwd,
        env={**environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    out, _, modules = done.stdout.rstrip("\n").rpartition("\n")
    return Call(code=done.returncode, out=out, err=done.stderr, modules=frozenset(modules.split()))


def age(home: Path, at: float = AGED) -> None:
    """Makes everything look as if it had been written an hour ago, the folders last."""
    for path in (*sorted(home.rglob("*"), reverse=True), home):
        os.utime(path, (at, at))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one hourly job, written long ago."""
    home = tmp_path / "home"
    for name in ("checks.d/later", "plugins", ".runner"):
        (home / name).mkdir(parents=True)
    (home / "runner.yaml").write_text(
        "version: 1\nallow: [command]\nsinks: {log: {type: log_file, path: .runner/out.log}}\n"
    )
    (home / "checks.d" / "notes.yaml").write_text(HOURLY)
    (home / "plugins" / "own.py").write_text("")
    age(home)
    return home


@pytest.fixture
def quiet(home: Path) -> Path:
    """The same after a tick that found nothing due."""
    first = call("run-due", cwd=home)
    assert (first.code, first.out, first.err, first.opened) == (0, "", "", True)
    assert (home / ".runner" / gate.FILE).exists()
    return home


def test_a_quiet_tick_imports_nothing_heavy_and_says_nothing(quiet: Path) -> None:
    beat = quiet / ".runner" / gate.HEARTBEAT
    os.utime(beat, (AGED, AGED))
    tick = call("run-due", cwd=quiet)
    assert (tick.code, tick.out, tick.err, tick.opened) == (0, "", "", False)
    assert not {name.partition(".")[0] for name in tick.modules} & HEAVY
    assert beat.stat().st_mtime > AGED


@pytest.mark.parametrize(
    "words", [("run-due", "--home", "home"), ("--home", "home", "run-due"), ("run-due", "--home=home")]
)
def test_a_home_that_is_named_has_its_quiet_path(quiet: Path, words: tuple[str, ...]) -> None:
    tick = call(*words, cwd=quiet.parent)
    assert (tick.code, tick.err, tick.opened) == (0, "", False)


def test_the_home_of_the_environment_has_its_quiet_path(quiet: Path) -> None:
    assert not call("run-due", cwd=Path("/"), env={"RUNNER_HOME": str(quiet)}).opened


def test_the_line_for_cron_is_one_that_the_program_understands(quiet: Path) -> None:
    """Also when the gate is open: cron's words are then read by the real command line."""
    (line,) = call("crontab", "show", "--home", str(quiet), cwd=Path("/")).out.splitlines()
    words = shlex.split(line.removeprefix("* * * * * "), comments=True)
    assert words[-3:] == ["run-due", "--home", str(quiet)]
    gate.open_again(str(quiet))
    done = subprocess.run(words, cwd="/", env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (quiet / ".runner" / gate.FILE).exists()


def edit(path: str, text: str) -> Callable[[Path], None]:
    return lambda home: (home / path).write_text(text) and None


CHANGES: dict[str, Callable[[Path], None]] = {
    "a job is edited": edit("checks.d/notes.yaml", HOURLY.replace("hourly", "daily")),
    "a file is added": edit("checks.d/more.yaml", HOURLY.replace("note", "more")),
    "a file is added in a folder that was empty": edit("checks.d/later/more.yaml", HOURLY.replace("note", "more")),
    "a file is removed": lambda home: (home / "checks.d" / "notes.yaml").unlink(),
    "a file is replaced by one of the same size and time": lambda home: _replace(home / "checks.d" / "notes.yaml"),
    "the settings are edited": edit("runner.yaml", "version: 1\n"),
    "an env file arrives": edit(".env", "A=1\n"),
    "a plugin is edited": edit("plugins/own.py", "A = 1\n"),
    "a plugin is added": edit("plugins/more.py", ""),
    "an old file takes its place": lambda home: os.utime(home / "runner.yaml", (AGED - 9, AGED - 9)),
}


def _replace(path: Path) -> None:
    beside = path.with_name("beside")
    beside.write_text(path.read_text().replace("echo ran", "echo ohh"))
    os.utime(beside, (AGED, AGED))
    beside.replace(path)
    os.utime(path.parent, (AGED, AGED))


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_change_opens_the_gate_until_it_was_looked_at(quiet: Path, change: Callable[[Path], None]) -> None:
    change(quiet)
    tick = call("run-due", cwd=quiet)
    assert (tick.code, tick.err, tick.opened) == (0, "", True)
    age(quiet, AGED + 60)
    call("run-due", cwd=quiet)
    assert not call("run-due", cwd=quiet).opened


def test_a_slot_that_is_due_opens_the_gate_and_runs_once(quiet: Path) -> None:
    an_hour_later = 3600.0
    ran = quiet / ".runner" / "ran.txt"
    tick = call("run-due", cwd=quiet, shift=an_hour_later)
    assert (tick.code, tick.err, tick.opened) == (0, "", True)
    assert ran.read_text() == "ran\n"
    call("run-due", cwd=quiet, shift=an_hour_later)
    gate.open_again(str(quiet))
    assert call("run-due", cwd=quiet, shift=an_hour_later).opened
    assert ran.read_text() == "ran\n"


def test_the_same_instant_twice_runs_nothing_twice(home: Path) -> None:
    for _ in range(2):
        tick = call("run-due", "--now", "2026-11-25T03:00Z", cwd=home)
        assert (tick.code, tick.err, tick.opened) == (0, "", True)
    assert (home / ".runner" / "ran.txt").read_text() == "ran\n"


def test_the_tick_after_one_that_ran_something_looks_again(home: Path) -> None:
    call("run-due", "--now", "2026-11-25T03:00Z", cwd=home)
    _, until = (home / ".runner" / gate.FILE).read_text().partition("\n")[0].rpartition("\t")[2].split()
    begun = time.mktime(time.strptime("2026-11-25 03:00", "%Y-%m-%d %H:%M")) - time.timezone
    assert begun < float(until) < begun + 59


def test_a_run_by_hand_opens_the_gate(quiet: Path) -> None:
    assert call("run", "note", cwd=quiet).code == 0
    assert not (quiet / ".runner" / gate.FILE).exists()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["plan"],
        ["run-due", "--now", "2026-11-25T03:00Z"],
        ["run-due", "--now=2026-11-25T03:00Z"],
        ["run-due", "--group", "notes"],
        ["run-due", "--exit-state"],
        ["run-due", "--help"],
        ["run-due", "run"],
        ["--no-plugins", "run-due"],
        ["--home", "run-due"],
        ["history", "run-due"],
    ],
    ids=" ".join,
)
def test_other_words_have_no_quiet_path(quiet: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_HOME", str(quiet))
    assert gate.is_quiet_call(["run-due"], VERSION)
    assert not gate.is_quiet_call(words, VERSION)


def test_a_folder_that_is_gone_has_no_quiet_path(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os; from runner.gate import is_quiet_call; os.rmdir(os.getcwd()); print(is_quiet_call(['run-due'], ''))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=gone, env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def closed(home: Path, paths: list[Path], *, read: float, until: float = 60.0) -> bool:
    now = time.time()
    return gate.close(
        str(home), VERSION, read=read, made=now, until=now + until, paths=[str(path) for path in paths]
    ) and gate.is_closed(str(home), VERSION, time.time())


def test_a_file_that_was_changed_while_the_home_was_read_keeps_the_gate_open(home: Path) -> None:
    file = home / "runner.yaml"
    read = time.time()
    assert closed(home, [file], read=read)
    gate.open_again(str(home))
    file.touch()
    assert not closed(home, [file], read=read)
    assert not (home / ".runner" / gate.FILE).exists()


def test_a_file_from_the_future_does_not_keep_the_gate_open_for_ever(home: Path) -> None:
    file = home / "runner.yaml"
    os.utime(file, (time.time() + 86400, time.time() + 86400))
    assert closed(home, [file], read=time.time())


def test_paths_of_any_kind_are_kept_or_keep_the_gate_open(home: Path) -> None:
    odd = [home / "a b\tc", home / "\x85\u2028 ü", Path(os.fsdecode(os.fsencode(home) + b"/\xff")), home / "r\rn"]
    for path in odd:
        path.touch()
        os.utime(path, (AGED, AGED))
    assert closed(home, odd, read=time.time())
    odd[2].unlink()
    assert not gate.is_closed(str(home), VERSION, time.time())
    assert not closed(home, [home / "two\nlines"], read=time.time())


DAMAGES: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "garbage": lambda _: "\x00garbage\n",
    "JSON": lambda _: json.dumps({"next": 9e9}),
    "cut off in its head": lambda text: text[:12],
    "without files": lambda text: text.partition("\n")[0],
    "of another version": lambda text: text.replace(VERSION, "0.0.0"),
    "of another format": lambda text: text.replace("runner-gate-", "runner-gate-9"),
    "of another home": lambda text: text.replace("home", "elsewhere", 1),
    "from the future": lambda text: text.replace(text.split()[3], "9e9", 1),
    "without end": lambda text: text.replace(text.split()[4], "nan", 1),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_a_gate_that_is_not_as_it_should_be_is_open(home: Path, damage: Callable[[str], str]) -> None:
    assert closed(home, [home / "runner.yaml"], read=time.time())
    file = home / ".runner" / gate.FILE
    text = file.read_text()
    assert damage(text) != text
    file.write_text(damage(text))
    assert not gate.is_closed(str(home), VERSION, time.time())


def test_the_gate_is_open_before_it_was_made_and_from_the_next_slot_on(home: Path) -> None:
    assert closed(home, [home / "runner.yaml"], read=time.time(), until=60)
    assert gate.is_closed(str(home), VERSION, time.time() + 30)
    assert not gate.is_closed(str(home), VERSION, time.time() + 61)
    assert not gate.is_closed(str(home), VERSION, time.time() - 5)


def test_a_link_that_was_set_to_another_home_opens_the_gate(home: Path, tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "link"
    other.mkdir()
    (other / ".runner").symlink_to(home / ".runner")
    link.symlink_to(home)
    assert closed(home, [home / "runner.yaml"], read=time.time())
    assert gate.is_closed(str(link), VERSION, time.time())
    link.unlink()
    link.symlink_to(other)
    assert not gate.is_closed(str(link), VERSION, time.time())
