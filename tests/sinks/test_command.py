"""The sink `command`: the report on standard input, and the exit code decides."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from runner.api import RetryableSinkError, Secret, SinkError
from tests.formats import samples
from tests.sinks.contexts import sink

REPORT = samples.bad_night()
SHELL = ["/bin/sh", "-c"]


def test_the_report_and_what_it_is(tmp_path: Path) -> None:
    script = 'cat > got; printf "%s %s %s %s $1" $RUNNER_SINK $RUNNER_GROUP $RUNNER_STATE $TOKEN > env; pwd > place'
    carrier = sink(
        "command",
        tmp_path,
        run=[*SHELL, script, "x", Secret("hidden-word")],
        env={"TOKEN": Secret("token-word")},
        format_="json",
    )
    carrier.emit(REPORT)
    carrier.close()
    carrier.close()
    assert json.loads((tmp_path / "got").read_text())["id"] == REPORT.id
    assert (tmp_path / "env").read_text() == "receiver db-health-check critical token-word hidden-word"
    assert (tmp_path / "place").read_text().strip() == str(tmp_path.resolve())


def test_no_shell_is_involved_and_a_program_need_not_read(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import sys; open('words', 'w').write(repr(sys.argv[1:]))", "$(id)", "a b", 7]
    sink("command", tmp_path, run=words, format_="json").emit(samples.very_many())
    assert (tmp_path / "words").read_text() == "['$(id)', 'a b', '7']"


@pytest.mark.parametrize(
    ("script", "message", "is_final"),
    [
        ("echo first >&2; echo 'no such team' >&2; exit 65", "/bin/sh ended with exit code 65: no such team", True),
        ("exit 1", "/bin/sh ended with exit code 1", False),
        ("exit 75", "/bin/sh ended with exit code 75", False),
        ("kill -KILL $$", "/bin/sh was ended by SIGKILL", False),
        ("echo the token-word is wrong >&2; exit 2", "/bin/sh ended with exit code 2: the *** is wrong", False),
        ("printf '\\033[31mred\\n' >&2; exit 2", "/bin/sh ended with exit code 2: red", False),
    ],
)
def test_the_exit_code_decides(script: str, message: str, is_final: bool, tmp_path: Path) -> None:
    with pytest.raises(SinkError) as caught:
        sink("command", tmp_path, run=[*SHELL, script], env={"TOKEN": Secret("token-word")}).emit(REPORT)
    assert caught.value.message == message
    assert isinstance(caught.value, RetryableSinkError) is not is_final


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RetryableSinkError, match="no-such-program cannot be started: No such file") as caught:
        sink("command", tmp_path, run=["no-such-program"]).emit(REPORT)
    assert "cron's PATH" in caught.value.hint
    with pytest.raises(RetryableSinkError, match="cannot be started: its words cannot be passed on"):
        sink("command", tmp_path, run=["/bin/true", "a\0b"]).emit(REPORT)


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 600 & echo $! > child; wait"
    with pytest.raises(RetryableSinkError, match=r"/bin/sh took longer than 0\.5 s"):
        sink("command", tmp_path, run=[*SHELL, script], timeout=0.5).emit(REPORT)
    child, end = int((tmp_path / "child").read_text()), time.monotonic() + 30
    while is_alive(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_rehearsal_starts_nothing(tmp_path: Path) -> None:
    sink("command", tmp_path, run=["/bin/touch", "made"], dry_run=True).emit(REPORT)
    assert os.listdir(tmp_path) == []


def test_it_needs_leave(tmp_path: Path) -> None:
    with pytest.raises(RetryableSinkError, match=r"runner\.yaml does not allow that") as caught:
        sink("command", tmp_path, run=["/bin/true"], allow=frozenset())
    assert caught.value.hint == "add `allow: [command]` to runner.yaml"
