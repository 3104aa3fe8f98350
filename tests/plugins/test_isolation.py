"""Real processes with plugins that misbehave: the report is whole, the others go on, and the process ends."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cli.support import Said, clean, process

HEAD = """
import os, subprocess, sys, threading, time
from runner.api import SinkType, hookimpl

class Base:
    def __init__(self, options, context): self.context = context
    def emit(self, report): ...
    def close(self): ...
"""
SINK = """
class Bad(Base):
    def emit(self, report):
        {act}

@hookimpl
def runner_register_sinks():
    return [SinkType(type="bad.sink", summary="", open=Bad)]
"""
SETTINGS = """
version: 1
allow: [command]
sinks:
  {sink}
  good: {{type: stdout, format: json_lines}}
"""
JOB = "command: hello\nschedule: every 1min\nrun: [echo, hi]\n"


def home_with(folder: Path, source: str, *, sink: bool = True) -> Path:
    for name, text in {
        "runner.yaml": SETTINGS.format(sink="bad: {type: bad.sink, timeout: 1s}" if sink else ""),
        "checks.d/hello.yaml": JOB,
        "plugins/bad.py": HEAD + dedent(source),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def the_report(said: Said) -> dict[str, object]:
    """Standard output is exactly one report, whatever else was printed."""
    (line,) = said.out.splitlines()
    return json.loads(line)


NOISE = {
    "print": "print('noise')",
    "sys.stdout": "sys.stdout.write('noise'); sys.stdout.flush()",
    "the descriptor": "os.write(1, b'noise')",
    "a program": "subprocess.run(['echo', 'noise'], check=True)",
    "sys.__stdout__": "print('noise', file=sys.__stdout__, flush=True)",
}


@pytest.mark.parametrize("act", NOISE.values(), ids=NOISE)
def test_what_a_plugin_prints_does_not_tear_the_report(tmp_path: Path, act: str) -> None:
    noisy = f"{act}\n{SINK.format(act=act)}"
    said = process("run-due", home=home_with(tmp_path, noisy))
    assert the_report(said)["state"] == "ok"
    assert said.err.count("noise") == 2
    assert said.code == 0


def test_what_a_plugin_prints_does_not_tear_json_for_other_programs(tmp_path: Path) -> None:
    home = home_with(tmp_path, f"print('noise')\n{SINK.format(act='pass')}")
    said = process("plugins", "list", "--json", home=home)
    assert [item["name"] for item in said.json()["plugins"]] == ["runner", "bad"]
    assert said.err == "noise\n"


FAILURES = {
    "an error": ("raise ValueError('no')", "ValueError: no"),
    "an end of the process": ("sys.exit(7)", "SystemExit: 7"),
    "an interrupt of its own": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "a folder": ("os.chdir('/')", "changed the current folder while it worked; that was put back"),
    "a timeout": ("time.sleep(60)", "no answer within 1 s"),
    "a deaf one": ("self.deaf()", "no answer within 1 s"),
}
DEAF = """
def deaf(self):
    while True:
        try: time.sleep(60)
        except BaseException: pass
Base.deaf = deaf
"""


@pytest.mark.parametrize(("act", "told"), FAILURES.values(), ids=FAILURES)
def test_a_sink_that_misbehaves_costs_nobody_else_the_report(tmp_path: Path, act: str, told: str) -> None:
    started = time.monotonic()
    said = process("run-due", home=home_with(tmp_path, DEAF + SINK.format(act=act)))
    assert the_report(said)["state"] == "ok"
    assert f"sink bad: {'' if 'folder' in told else 'report '}" in said.err
    assert told in said.err
    assert said.code == 0
    assert "Traceback" not in said.err
    assert time.monotonic() - started < 30


BROKEN = {
    "a crash at import": ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
    "an exit at import": ("sys.exit(3)", "cannot be imported: SystemExit: 3"),
    "another version": ("__runner_api__ = (2, 0)", "needs version 2.0 of the plugin API, this is 1.0"),
    "a hook that does not exist": (
        "@hookimpl\ndef runner_register_sink(): ...",
        "implements a hook that does not exist: runner_register_sink",
    ),
    "a hook that fails": ("@hookimpl\ndef runner_tick_started(tick): 1 / 0", "failed in runner_tick_started: ZeroDiv"),
}


@pytest.mark.parametrize(("source", "told"), BROKEN.values(), ids=BROKEN)
def test_a_plugin_that_is_broken_stands_in_the_report_and_stops_nothing(tmp_path: Path, source: str, told: str) -> None:
    said = process("run-due", home=home_with(tmp_path, source, sink=False))
    report = the_report(said)
    assert (said.code, report["state"]) == (0, "ok")
    assert [told in fault["message"] for fault in report["faults"]] == [True]


def test_what_waits_for_a_sink_is_kept_while_its_plugin_is_broken(tmp_path: Path) -> None:
    refuses = SINK.format(act="raise OSError('not now')")
    home = home_with(tmp_path, refuses)
    assert process("run-due", "--now", "2026-03-04T03:00:00Z", home=home).code == 0
    (home / "plugins" / "bad.py").write_text("1 / 0")
    broken = process("run-due", "--now", "2026-03-04T03:02:00Z", home=home)
    assert broken.code == 78
    assert "the sink cannot be used as runner.yaml has it" in broken.err
    home_with(tmp_path, SINK.format(act="print('arrived', report.slot)"))
    mended = process("run-due", "--now", "2026-03-04T03:10:00Z", home=home)
    assert mended.code == 0
    assert "arrived 2026-03-04 03:00:00+00:00" in mended.err


def test_a_thread_that_a_plugin_leaves_behind_does_not_keep_the_process(tmp_path: Path) -> None:
    hook = """
    @hookimpl
    def runner_tick_started(tick):
        threading.Thread(target=time.sleep, args=(300,)).start()
    """
    started = time.monotonic()
    said = process("run-due", home=home_with(tmp_path, hook, sink=False))
    assert the_report(said)["state"] == "ok"
    assert said.code == 0
    assert time.monotonic() - started < 60


def test_a_plugin_that_wants_all_memory_is_a_fault_where_memory_is_limited(tmp_path: Path) -> None:
    home = home_with(tmp_path, SINK.format(act="self.hog = bytearray(8 << 30)"))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    done = subprocess.run(
        [sys.executable, "-m", "runner", "--home", str(home), "run-due"],
        check=False, capture_output=True, text=True, env=clean({}), preexec_fn=limit, timeout=60,
    )  # fmt: skip
    assert the_report(Said(done.returncode, done.stdout, done.stderr))["state"] == "ok"
    assert "sink bad: report" in done.stderr
    assert "MemoryError" in done.stderr
    assert done.returncode == 0


STRICT = {"RUNNER_STRICT_PLUGINS": "1"}


def test_strictly_a_plugin_with_a_fault_ends_the_command_before_it_begins(tmp_path: Path) -> None:
    home = home_with(tmp_path, "1 / 0", sink=False)
    lenient, strict = process("run-due", home=home), process("run-due", home=home, environ=STRICT)
    assert (lenient.code, "Traceback" in lenient.err) == (0, False)
    assert (strict.code, strict.out) == (70, "")
    assert "RUNNER_STRICT_PLUGINS is set, and a plugin has a fault" in strict.err
    assert "plugins/bad.py" in strict.err
    assert "ZeroDivisionError: division by zero" in strict.err


def test_strictly_the_traceback_of_a_sink_is_shown_without_its_secrets(tmp_path: Path) -> None:
    home = home_with(tmp_path, SINK.format(act="raise ValueError('hunter2-secret')"))
    said = process("run-due", home=home, environ={**STRICT, "API_TOKEN": "hunter2-secret"})
    assert the_report(said)["state"] == "ok"
    assert said.code == 70
    assert "in emit" in said.err
    assert said.err.rstrip().endswith("ValueError: ***")


def test_strictly_the_list_of_plugins_is_still_shown(tmp_path: Path) -> None:
    said = process("plugins", "list", home=home_with(tmp_path, "1 / 0", sink=False), environ=STRICT)
    assert said.code == 70
    assert "refused" in said.out
    assert "ZeroDivisionError" in said.err


def test_calls_are_traced_on_standard_error(tmp_path: Path) -> None:
    home = home_with(tmp_path, SINK.format(act="pass"))
    said = process("run-due", home=home, environ={"RUNNER_TRACE_PLUGINS": "1"})
    assert the_report(said)["state"] == "ok"
    assert "runner: plugin bad: runner_register_sinks, " in said.err
    assert " ms, 1 thing\n" in said.err


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_process_without_output_does_its_work(tmp_path: Path, closed: str) -> None:
    home = home_with(tmp_path, f"print('noise')\n{SINK.format(act='print(1)')}")
    command = f"{sys.executable} -m runner --home {home} run-due {closed}"
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True, env=clean({}))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".runner" / "state.db").exists()
    assert "noise" not in done.stdout
    listed = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m runner --home {home} status {closed}"],
        check=False, capture_output=True, text=True, env=clean({}),
    )  # fmt: skip
    assert listed.returncode == 0, listed.stderr


def test_a_reader_that_goes_away_is_no_trouble(tmp_path: Path) -> None:
    home = home_with(tmp_path, "print('noise')", sink=False)
    command = f"{sys.executable} -m runner --home {home} catalogue list | head -n 1"
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True, env=clean({}))
    assert done.stdout.count("\n") == 1
    assert done.stderr == "noise\n"


KIND = """
from runner.api import JobKind, Scope

def read(node, context): ...

def run(context, job):
    return 1 / 0

@hookimpl
def runner_register_job_kinds():
    return [JobKind(name="bad.kind", summary="", read=read, run=run, scope=Scope.HOST)]
"""
FORMAT = """
from runner.api import Format

def render(report, options, context):
    return 1 / 0

@hookimpl
def runner_register_formats():
    return [Format(name="bad.format", summary="", media_type="text/plain", extension="txt", render=render)]
"""


def test_a_kind_that_fails_is_an_unknown_result_and_strictly_a_traceback(tmp_path: Path) -> None:
    home = home_with(tmp_path, KIND, sink=False)
    (home / "checks.d" / "hello.yaml").write_text("bad.kind: hello\nschedule: every 1min\n")
    lenient, strict = process("run", "hello", home=home), process("run", "hello", home=home, environ=STRICT)
    assert (lenient.code, "Traceback" in lenient.err) == (3, False)
    assert "the kind `bad.kind` failed: ZeroDivisionError: division by zero" in lenient.out
    assert strict.code == 70
    assert "job hello:\nTraceback" in strict.err
    assert ", in run\n" in strict.err


def test_a_format_that_fails_costs_its_own_sink_the_report(tmp_path: Path) -> None:
    home = home_with(tmp_path, FORMAT, sink=False)
    settings = home / "runner.yaml"
    settings.write_text(settings.read_text() + "  other: {type: log_file, path: a.log, format: bad.format}\n")
    lenient = process("run-due", home=home)
    assert the_report(lenient)["state"] == "ok"
    assert "sink other: report" in lenient.err
    assert "ZeroDivisionError: division by zero" in lenient.err
    assert not (home / "a.log").exists()
    (home / ".runner" / "state.db").unlink()
    strict = process("run-due", home=home, environ=STRICT)
    assert strict.code == 70
    assert ", in render\n" in strict.err
