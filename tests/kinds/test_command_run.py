"""Commands with real processes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from runner.api import Outcome, State
from runner.kinds.command import process
from runner.kinds.command.read import read
from runner.kinds.command.run import run
from tests.kinds.support import Complaints, Context, job, mapping
from tests.postgres import eventually


def outcome(tmp_path: Path, *, timeout: float | None = None, limit: float | None = None, **keys: object) -> Outcome:
    spec = read(mapping({"command": "x", **keys}), Complaints())
    return run(
        Context(home=tmp_path, limit=limit, params={"db": "shop", "no": None}),
        job("x", "command", spec, timeout=timeout),
    )


def lines(found: Outcome, name: str) -> list[str]:
    return [row[0] for table in found.tables if table.columns == (name,) for row in table.rows]


def alive(pid_file: Path) -> bool:
    """Whether the process still runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid_file.read_text().strip()}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_success_keeps_output_and_measures(tmp_path: Path) -> None:
    found = outcome(tmp_path, shell="echo out; echo err >&2")
    assert found.state is State.OK
    assert (lines(found, "stdout"), lines(found, "stderr")) == (["out"], ["err"])
    assert found.observations[0].values["exit"] == 0
    assert "exit code 0" in found.summary


@pytest.mark.parametrize(
    ("keys", "state", "message"),
    [
        ({"shell": "echo oh dear >&2; exit 3"}, State.CRITICAL, "failed with exit code 3"),
        ({"shell": "exit 3", "expect": {"exit": 3}}, State.OK, "exit code 3"),
        ({"shell": "exit 4", "expect": {"exit": [0, 4]}}, State.OK, "exit code 4"),
        ({"shell": "exit 0", "expect": {"exit": [3]}}, State.CRITICAL, "exit code 0"),
        ({"shell": "kill -9 $$"}, State.CRITICAL, "signal 9 (SIGKILL)"),
        ({"run": ["echo", "all done"], "expect": {"stdout_matches": "^all"}}, State.OK, "exit code 0"),
        ({"run": ["echo", "all"], "expect": {"stdout_matches": "done"}}, State.CRITICAL, "does not match `done`: all"),
        ({"run": ["no-such-program-here"]}, State.CRITICAL, "was not found in the PATH "),
        ({"run": ["x"], "env": {"PATH": "/nowhere"}}, State.CRITICAL, "the PATH /nowhere"),
        ({"run": ["./missing"]}, State.CRITICAL, "write its full path"),
        ({"run": ["true"], "cwd": "missing"}, State.CRITICAL, "correct `cwd`"),
        ({"run": ["/"]}, State.CRITICAL, "may not be run"),
    ],
)  # fmt: skip
def test_how_it_ended(tmp_path: Path, keys: dict[str, object], state: State, message: str) -> None:
    found = outcome(tmp_path, **keys)
    assert found.state is state
    assert message in found.summary


def test_the_last_line_of_the_errors_is_in_the_message(tmp_path: Path) -> None:
    assert outcome(tmp_path, shell="echo first >&2; echo oh dear >&2; exit 1").findings[0].message.endswith(": oh dear")


def test_a_script_whose_interpreter_is_missing(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/shell\n")
    script.chmod(0o755)
    assert "interpreter" in outcome(tmp_path, run=["./script"]).summary


def test_no_shell_looks_at_the_words(tmp_path: Path) -> None:
    assert lines(outcome(tmp_path, run=["echo", "$HOME; *"]), "stdout") == ["$HOME; *"]


def test_it_starts_in_the_home_with_an_empty_standard_input_and_its_circumstances(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    script = "pwd; cat; echo $A-$RUNNER_JOB-$RUNNER_PARAM_DB-$RUNNER_SLOT-${RUNNER_PARAM_NO-unset}"
    found = lines(outcome(tmp_path, shell=script, cwd="sub", env={"A": "a"}), "stdout")
    assert found == [str(tmp_path / "sub"), "a-x-shop-2026-03-04T03:00:00+00:00-unset"]


def test_only_the_last_part_of_much_output_is_kept(tmp_path: Path) -> None:
    found = outcome(tmp_path, shell="i=0; while [ $i -lt 20000 ]; do echo line$i; i=$((i+1)); done")
    assert lines(found, "stdout") == [f"line{number}" for number in range(19980, 20000)]
    assert found.tables[0].title == "stdout, the last 20 lines"


def test_a_pattern_is_looked_for_in_all_that_is_kept(tmp_path: Path) -> None:
    script = "echo early; i=0; while [ $i -lt 500 ]; do echo line$i; i=$((i+1)); done"
    assert outcome(tmp_path, shell=script, expect={"stdout_matches": "^early$"}).state is State.OK
    assert (
        outcome(tmp_path, shell=script + "; head -c 9000 /dev/zero", expect={"stdout_matches": "early"}).state
        is State.CRITICAL
    )


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    assert lines(outcome(tmp_path, shell=r"printf '\377ok\n'"), "stdout") == ["\ufffdok"]


@pytest.mark.parametrize("limits", [{"timeout": 0.3}, {"limit": 0.3}, {"timeout": 0.3, "limit": 60.0}])
def test_a_timeout_ends_it_and_its_children(tmp_path: Path, limits: dict[str, float]) -> None:
    child = tmp_path / "child"
    found = outcome(tmp_path, shell=f"echo begun; sleep 300 & echo $! > {child}; wait", **limits)
    assert found.state is State.CRITICAL
    assert "the script was still running after " in found.summary
    assert found.summary.endswith(": begun")
    assert "by force" not in found.summary
    assert lines(found, "stdout") == ["begun"]
    eventually(lambda: not alive(child), what="the end of the child")


def test_grandchildren_that_ignore_the_polite_signal_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "SECONDS_TO_OBEY", 0.5)
    pid = tmp_path / "pid"
    stubborn = f"trap '' TERM; echo $$ > {pid}; while :; do sleep 0.1; done"
    found = outcome(tmp_path, timeout=0.5, shell=f'sh -c "{stubborn.replace("$", chr(92) + "$")}" & wait')
    assert "by force" in found.summary
    eventually(lambda: not alive(pid), what="the end of the grandchild")


def test_a_program_left_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    start = time.monotonic()
    found = outcome(tmp_path, shell=f"sleep 60 & echo $! > {pid}; echo started")
    try:
        assert found.state is State.OK
        assert lines(found, "stdout") == ["started"]
        assert time.monotonic() - start < 30
        assert alive(pid)
    finally:
        os.kill(int(pid.read_text()), 9)


def test_a_dry_run_starts_nothing(tmp_path: Path) -> None:
    spec = read(mapping({"command": "x", "run": ["touch", "made it"]}), Complaints())
    found = run(Context(home=tmp_path, dry_run=True), job("x", "command", spec))
    assert found.state is State.SKIPPED
    assert "touch 'made it'" in found.summary
    assert not (tmp_path / "made it").exists()
