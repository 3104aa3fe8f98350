"""What plugins change in the process is put back and told; what takes too long is ended; what they let out is kept."""

from __future__ import annotations

import asyncio
import locale
import os
import signal
import time
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from runner.api import SinkType, Tick, hookimpl
from runner.plugins import guard
from runner.plugins.host import PluginHost, PluginStatus
from tests.formats.samples import SLOT
from tests.plugins.test_host import the_fault, write

TICK = Tick(id="t", now=SLOT, due=1)


def watching(act) -> SimpleNamespace:
    @hookimpl
    def runner_tick_started(tick: Tick) -> None:
        act()

    return SimpleNamespace(runner_tick_started=runner_tick_started)


def another_locale() -> None:
    now = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, "C" if now != "C" else "C.UTF-8")


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: os.chdir("/"), "changed the current folder in runner_tick_started"),
        (another_locale, "changed the locale in"),
        (lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN), "changed the handler of SIGTERM in"),
        (lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN), "changed the handler of SIGCHLD in"),
        (
            lambda: (os.chdir("/"), signal.signal(signal.SIGINT, signal.SIG_IGN)),
            "changed the current folder and the handler of SIGINT in runner_tick_started; that was put back",
        ),
    ],
)
def test_what_a_hook_changes_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    before = (locale.setlocale(locale.LC_ALL), [signal.getsignal(number) for number in signal.Signals])
    host = PluginHost({}, objects={"bad": watching(act)})
    (fault,) = host.notify("runner_tick_started", tick=TICK)
    assert fault.where == "plugin bad"
    assert said in fault.message
    assert Path.cwd() == tmp_path
    assert before == (locale.setlocale(locale.LC_ALL), [signal.getsignal(number) for number in signal.Signals])


def test_what_an_import_changes_is_put_back_and_the_plugin_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "plugins", "bad", "import os\nos.chdir('/')")
    host = PluginHost({}, tmp_path / "plugins")
    assert the_fault(host).message == "changed the current folder in its import; that was put back"
    assert host.plugins[-1].status is PluginStatus.LOADED
    assert Path.cwd() == tmp_path


def test_a_folder_that_is_gone_is_nothing_that_a_plugin_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (gone := tmp_path / "gone").mkdir()
    os.chdir(gone)
    gone.rmdir()
    assert PluginHost({}, objects={"good": watching(lambda: None)}).notify("runner_tick_started", tick=TICK) == ()


@pytest.mark.parametrize("deaf", [False, True])
def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch, deaf: bool) -> None:
    def hang() -> None:
        for _ in range(2 if deaf else 1):
            try:
                time.sleep(60)
            except BaseException:
                if not deaf:
                    raise
                deaf_once.append(1)
                if len(deaf_once) > 1:
                    raise

    deaf_once: list[int] = []
    monkeypatch.setattr(guard, "CALL_LIMIT", 0.1)
    host = PluginHost({}, objects={"slow": watching(hang)})
    (fault,) = host.notify("runner_tick_started", tick=TICK)
    assert fault.message == "failed in runner_tick_started: OverdueError: it took longer than 0.1 s"
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_an_import_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "CALL_LIMIT", 0.1)
    write(tmp_path, "slow", "import time\ntime.sleep(60)")
    host = PluginHost({}, tmp_path)
    assert host.plugins[-1].status is PluginStatus.REFUSED
    assert the_fault(host).message == "cannot be imported: OverdueError: it took longer than 0.1 s"


def in_a_thread(work):
    found: list[object] = []
    thread = Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_in_another_thread_it_is_left_behind_and_not_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "CALL_LIMIT", 0.1)
    released, calls = Event(), []

    def hang() -> None:
        calls.append(1)
        released.wait(60)

    seen: list[int] = []
    host = PluginHost({}, objects={"slow": watching(hang), "good": watching(lambda: seen.append(1))})
    (fault,) = in_a_thread(lambda: host.notify("runner_tick_started", tick=TICK))
    assert fault.message == "failed in runner_tick_started: OverdueError: it took longer than 0.1 s"
    assert in_a_thread(lambda: host.notify("runner_tick_started", tick=TICK)) == ()
    assert (calls, seen) == ([1], [1, 1])
    released.set()


def test_in_another_thread_what_is_raised_and_changed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    host = PluginHost({}, objects={"bad": watching(lambda: (os.chdir("/"), 1 / 0))})
    faults = in_a_thread(lambda: host.notify("runner_tick_started", tick=TICK))
    assert [fault.message for fault in faults] == [
        "changed the current folder in runner_tick_started; that was put back",
        "failed in runner_tick_started: ZeroDivisionError: division by zero",
    ]


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit(), MemoryError(), RecursionError()])
def test_whatever_is_raised_is_a_fault(error: BaseException) -> None:
    def act() -> None:
        raise error

    host = PluginHost({}, objects={"bad": watching(act)})
    assert type(error).__name__ in host.notify("runner_tick_started", tick=TICK)[0].message


def test_each_call_can_be_traced() -> None:
    @hookimpl
    def runner_register_sinks() -> list[SinkType]:
        return [SinkType(type="a.b", summary="", open="x:y")]

    told: list[str] = []
    plugin = SimpleNamespace(
        runner_register_sinks=runner_register_sinks, runner_tick_started=watching(lambda: None).runner_tick_started
    )
    host = PluginHost({"RUNNER_TRACE_PLUGINS": "1"}, objects={"acme": plugin}, tell=told.append)
    host.registry()
    host.notify("runner_tick_started", tick=TICK)
    mine = [line for line in told if line.startswith("plugin acme: ")]
    words = [line.removeprefix("plugin acme: ").split(", ") for line in mine]
    assert [item[0] for item in words] == ["import", "runner_register_sinks", "runner_tick_started"]
    assert all(item[1].endswith(" ms") for item in words)
    assert words[1][2] == "1 thing"


@pytest.mark.parametrize("value", ["", "0", "no"])
def test_nothing_is_traced_or_kept_when_nobody_asks(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    host = PluginHost({"RUNNER_TRACE_PLUGINS": value, "RUNNER_STRICT_PLUGINS": value}, objects={"bad": object()})
    host.broke("somewhere", ValueError())
    assert (host.strict, host.bugs, capsys.readouterr().err) == (False, (), "")


def test_tracebacks_are_kept_for_a_developer(tmp_path: Path) -> None:
    write(tmp_path, "broken", "raise ValueError('at import')")
    host = PluginHost({"RUNNER_STRICT_PLUGINS": "1"}, tmp_path, objects={"bad": watching(lambda: 1 / 0)})
    host.notify("runner_tick_started", tick=TICK)
    assert [bug.where for bug in host.bugs] == ["plugin broken", "plugin bad"]
    assert "broken.py" in host.bugs[0].traceback
    assert host.bugs[1].traceback.endswith("ZeroDivisionError: division by zero\n")
