"""The host: what it finds, what it refuses and why, and that no plugin can stop another."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest

from runner.api import SinkType, Tick, hookimpl
from runner.plugins.discovery import in_folder
from runner.plugins.host import PluginHost, PluginStatus
from tests.formats.samples import SLOT

SINK = """
from runner.api import SinkType, hookimpl

@hookimpl
def runner_register_sinks():
    yield SinkType(type="{name}.sink", summary="", open="x:y")
"""
TICK = Tick(id="t", now=SLOT, due=1)


def write(folder: Path, name: str, source: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(dedent(source))
    return path


def the_fault(host: PluginHost):
    (fault,) = host.faults
    return fault


def statuses(host: PluginHost) -> dict[str, PluginStatus]:
    return {info.name: info.status for info in host.plugins}


def test_the_built_ins_come_through_the_same_door() -> None:
    host = PluginHost({})
    registry = host.registry()
    assert host.faults == ()
    assert {"stdout", "log_file"} <= set(registry.sinks)
    assert {"text", "json", "json_lines", "nagios"} <= set(registry.formats)
    assert registry.owner("sinks", "stdout") == "runner"
    assert host.plugins[0].hooks == (
        "runner_register_executors",
        "runner_register_formats",
        "runner_register_job_kinds",
        "runner_register_probes",
        "runner_register_sinks",
        "runner_register_target_sources",
    )


def test_files_of_the_home_are_loaded_in_order(tmp_path: Path) -> None:
    write(tmp_path, "b", SINK.format(name="b"))
    write(tmp_path, "a", SINK.format(name="a"))
    write(tmp_path, "_helper", "raise RuntimeError('never imported')")
    (tmp_path / "folder").mkdir()
    host = PluginHost({}, tmp_path)
    assert [info.name for info in host.plugins] == ["runner", "a", "b"]
    assert host.plugins[1].source == str(tmp_path / "a.py")
    assert {"a.sink", "b.sink"} <= set(host.registry().sinks)


def test_the_current_folder_is_never_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "plugins", "evil", "raise SystemExit(66)")
    monkeypatch.chdir(tmp_path)
    assert "evil" not in statuses(PluginHost({}))
    assert "evil" not in statuses(PluginHost({}, tmp_path / "elsewhere"))


@pytest.mark.parametrize(
    ("source", "said", "hint"),
    [
        ("import no_such_module_here", "cannot be imported: ModuleNotFoundError", ""),
        ("def broken(:", "cannot be imported: SyntaxError", ""),
        ("raise SystemExit(3)", "cannot be imported: SystemExit: 3", ""),
        ("__runner_api__ = (1, 99)", "needs version 1.99 of the plugin API, this is 1.0", "update"),
        ("__runner_api__ = (2, 0)", "needs version 2.0", "update"),
        ("__runner_api__ = (0, 9)", "needs version 0.9", "update"),
        ("__runner_api__ = '1'", "is not a pair of numbers", "(1, 0)"),
        (
            "from runner.api import hookimpl\n@hookimpl\ndef runner_register_sink(): return ()",
            "implements a hook that does not exist: runner_register_sink",
            "did you mean `runner_register_sinks`?",
        ),
        (
            "def runner_register_sinks(): return ()",
            "`runner_register_sinks` is not marked as a hook, so nobody would call it",
            "write `@hookimpl` above it",
        ),
        (
            "from runner.api import hookimpl\n@hookimpl\ndef runner_tick_started(tock): ...",
            "does not fit the hooks",
            "",
        ),
        (
            "from runner.api import hookimpl\n@hookimpl(wrapper=True)\ndef runner_tick_started(tick):\n    return (yield)",
            "wraps other plugins' hooks",
            "",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_listed_with_its_reason(
    tmp_path: Path, source: str, said: str, hint: str
) -> None:
    write(tmp_path, "broken", source)
    write(tmp_path, "works", SINK.format(name="works"))
    host = PluginHost({}, tmp_path)
    info = next(info for info in host.plugins if info.name == "broken")
    fault = the_fault(host)
    assert (info.status, fault.where) == (PluginStatus.REFUSED, "plugin broken")
    assert said in info.reason
    assert said in fault.message
    assert hint in fault.hint
    assert "works.sink" in host.registry().sinks
    assert host.notify("runner_tick_started", tick=TICK) == ()


@pytest.mark.parametrize(
    ("environ", "disabled", "no_plugins", "loaded"),
    [
        ({}, (), False, {"runner", "a", "b"}),
        ({"RUNNER_PLUGINS": ""}, (), False, {"runner"}),
        ({"RUNNER_PLUGINS": "a, "}, (), False, {"runner", "a"}),
        ({}, ("a",), False, {"runner", "b"}),
        ({"RUNNER_PLUGINS": "a,b"}, ("a",), False, {"runner", "b"}),
        ({}, (), True, {"runner"}),
    ],
)
def test_switches(tmp_path: Path, environ, disabled, no_plugins: bool, loaded: set[str]) -> None:
    for name in ("a", "b"):
        write(tmp_path, name, SINK.format(name=name))
    host = PluginHost(environ, tmp_path, disabled, no_plugins=no_plugins)
    found = statuses(host)
    assert {name for name, status in found.items() if status is PluginStatus.LOADED} == loaded
    assert set(found.values()) <= {PluginStatus.LOADED, PluginStatus.DISABLED}
    assert no_plugins or set(found) == {"runner", "a", "b"}
    assert host.faults == ()


def test_an_allowed_plugin_that_is_not_there_is_a_fault() -> None:
    host = PluginHost({"RUNNER_PLUGINS": "nowhere"})
    assert the_fault(host).message == "is named in RUNNER_PLUGINS but was not found"


def test_a_disabled_plugin_is_not_even_imported(tmp_path: Path) -> None:
    write(tmp_path, "loud", "raise RuntimeError")
    assert PluginHost({}, tmp_path, ["loud"]).faults == ()


def test_one_name_belongs_to_one_plugin(tmp_path: Path) -> None:
    write(tmp_path, "runner", SINK.format(name="fake"))
    host = PluginHost({}, tmp_path)
    assert the_fault(host).message == "the name is taken by the plugin from runner itself"
    assert "fake.sink" not in host.registry().sinks


def failing(error: BaseException) -> SimpleNamespace:
    @hookimpl
    def runner_register_sinks() -> list[SinkType]:
        raise error

    @hookimpl
    def runner_tick_started(tick: Tick) -> None:
        raise error

    return SimpleNamespace(runner_register_sinks=runner_register_sinks, runner_tick_started=runner_tick_started)


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_a_hook_that_fails_silences_nobody(error: BaseException) -> None:
    seen: list[Tick] = []

    @hookimpl
    def runner_tick_started(tick: Tick) -> None:
        seen.append(tick)

    observer = SimpleNamespace(runner_tick_started=runner_tick_started)
    host = PluginHost({}, objects={"bad": failing(error), "good": observer})
    assert "stdout" in host.registry().sinks
    assert host.notify("runner_tick_started", tick=TICK)[0].where == "plugin bad"
    host.notify("runner_tick_started", tick=TICK)
    assert seen == [TICK, TICK]
    assert len(host.faults) == 2, "the same complaint is kept once"


def test_an_interrupt_passes() -> None:
    host = PluginHost({}, objects={"bad": failing(KeyboardInterrupt())})
    with pytest.raises(KeyboardInterrupt):
        host.notify("runner_tick_started", tick=TICK)


def test_a_hook_that_returns_no_list_is_a_fault() -> None:
    @hookimpl
    def runner_register_sinks() -> None:
        return None

    host = PluginHost({}, objects={"bad": SimpleNamespace(runner_register_sinks=runner_register_sinks)})
    assert "stdout" in host.registry().sinks
    assert the_fault(host).message.startswith("failed in runner_register_sinks: TypeError")


def test_two_hosts_share_nothing(tmp_path: Path) -> None:
    write(tmp_path / "one", "same", SINK.format(name="one"))
    write(tmp_path / "two", "same", SINK.format(name="two"))
    one, two = PluginHost({}, tmp_path / "one"), PluginHost({}, tmp_path / "two")
    assert "one.sink" in one.registry().sinks
    assert "one.sink" not in two.registry().sinks
    assert "same" not in sys.modules


def test_dataclasses_work_in_files_of_the_home(tmp_path: Path) -> None:
    write(
        tmp_path,
        "typed",
        """
        from __future__ import annotations
        from dataclasses import dataclass, KW_ONLY
        @dataclass(slots=True)
        class Thing:
            _: KW_ONLY
            name: str = ""
        """,
    )
    assert PluginHost({}, tmp_path).faults == ()


@pytest.mark.parametrize(
    ("uid", "file_mode", "folder_mode", "said"),
    [
        (0, 0o644, 0o755, ""),
        (0, 0o664, 0o755, "which others may write"),
        (0, 0o646, 0o755, "which others may write"),
        (0, 0o644, 0o777, "which others may write"),
        (1000, 0o666, 0o777, ""),
    ],
)
def test_root_runs_only_what_root_alone_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, file_mode: int, folder_mode: int, said: str
) -> None:
    folder = tmp_path / "plugins"
    path = write(folder, "a", "x = 1")
    path.chmod(file_mode)
    folder.chmod(folder_mode)
    if path.stat().st_uid != 0 and uid == 0:
        said = "which another user owns"
    monkeypatch.setattr("runner.plugins.host.os.geteuid", lambda: uid)
    host = PluginHost({}, folder)
    assert [said in fault.message for fault in host.faults] == ([True] if said else [])
    assert all(fault.hint.startswith("sudo ch") for fault in host.faults)
    assert [candidate.name for candidate in in_folder(folder, uid)] == ["a"]


def test_installed_plugins_are_found_by_their_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "acme_runner-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-runner\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[runner]\nacme = acme_runner_for_tests\nbad = no_such_module_here\n")
    (tmp_path / "acme_runner_for_tests.py").write_text(SINK.format(name="acme"))
    monkeypatch.syspath_prepend(tmp_path)
    host = PluginHost({})
    found = {info.name: info for info in host.plugins}
    loaded = found["acme"]
    assert (loaded.source, loaded.version, loaded.status) == ("acme-runner", "1.2", PluginStatus.LOADED)
    assert found["bad"].status is PluginStatus.REFUSED
    assert host.registry().owner("sinks", "acme.sink") == "acme"


def test_without_plugins_the_installed_distributions_are_not_scanned() -> None:
    import subprocess

    script = (
        "import sys; from runner.plugins.host import PluginHost; PluginHost({}, no_plugins=True).registry(); "
        "heavy = {'importlib.metadata', 'jinja2', 'psycopg', 'yaml', 'jsonschema', 'rich'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_homes_plugin_leaves_no_bytecode_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "own.py").write_text("")
    tmp_path.chmod(0o700)
    assert PluginHost({}, tmp_path).plugins[-1].status is PluginStatus.LOADED
    assert [path.name for path in tmp_path.iterdir()] == ["own.py"]
