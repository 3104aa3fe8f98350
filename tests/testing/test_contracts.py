"""The contracts fail for what breaks them: a plugin with every fault that they look for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import clean

BROKEN = """
import os, time
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from runner.api import Format, RetryableSinkError, SinkError, SinkType, hookimpl
from runner.testing import CheckPackContract, FormatContract, HttpSinkContract, PluginContract, SinkContract

class Bad:
    def __init__(self, options, context):
        self.url = options["url"]
        self.closed = False
        print("opened")
    def emit(self, report):
        os.environ["LEAK"] = "1"
        if any("\\x1b" in result.title for result in report.results):
            raise ValueError("cannot")
        try:
            urlopen(Request(self.url.reveal(), b"x"), timeout=1).close()
        except HTTPError as error:
            error.close()
            raise SinkError(f"{self.url.reveal()} answered {error.code}")
        except OSError as error:
            raise SinkError("is not there")
    def close(self):
        if self.closed:
            raise RuntimeError("closed twice")
        self.closed = True

class TestBadSink(HttpSinkContract):
    sink_type = SinkType(type="bad", summary="", open=Bad, options={"url": {"type": "integer"}}, required=("uri",))

count = iter(range(10**6))
def render(report, options, context):
    report.results and object.__setattr__(report, "title", "changed")
    return "".join(f.message for r in report.results for f in r.outcome.findings) + str(next(count)) + time.tzname[0]

class TestBadFormat(FormatContract):
    format = Format(name="bad", summary="", media_type="text", extension=".txt", render=render)

class plugin:
    @staticmethod
    @hookimpl
    def runner_tick_started(tick=None): ...
    @staticmethod
    @hookimpl
    def runner_register_sinks():
        return [SinkType(type="bad.sink", summary="", open="no_such_module:x"), SinkType(type="bad", summary="", open="x:y")]

class TestBadPlugin(PluginContract):
    plugin = plugin

class TestHeavyPlugin(PluginContract):
    import heavy_plugin as plugin
"""
CAUGHT = {
    "TestBadSink": {
        "test_it_is_described", "test_its_options_are_those_that_it_describes", "test_it_can_be_closed_at_any_time",
        "test_it_takes_every_report[hostile: terminal]", "test_a_rehearsal_sends_nothing",
        "test_what_may_work_later_is_tried_again", "test_no_secret_is_shown[refuse]", "test_no_secret_is_shown[fail]",
        "test_the_process_is_as_before", "test_the_status_decides[503]",
        "test_a_receiver_that_is_not_there_may_come_back", "test_a_silent_receiver_is_left_in_time",
    },
    "TestBadFormat": {
        "test_it_is_described", "test_it_writes_every_report[one ok]", "test_it_writes_every_report[hostile: unicode]",
        "test_a_text_from_a_database_is_harmless[terminal]", "test_a_text_from_a_database_is_harmless[long]",
        "test_it_does_not_depend_on_where_it_is_called",
    },
    "TestHeavyPlugin": {"test_its_import_is_cheap"},
    "TestBadPlugin": {
        "test_it_is_loaded_without_a_fault", "test_hooks_have_no_default_values",
        "test_everything_that_it_names_can_be_loaded",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("bad")
    (folder / "test_bad.py").write_text(BROKEN)
    (folder / "heavy_plugin.py").write_text("import urllib.request, psycopg")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no", "-p", "no:cacheprovider", "test_bad.py"],
        cwd=folder, env=clean({}), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    found = re.findall(r"^(?:FAILED|ERROR) test_bad.py::(\w+)::(.*?)(?: - .*)?$", done.stdout, re.MULTILINE)
    return set(found)


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, names in CAUGHT.items() for name in sorted(names)]
)
def test_a_breach_is_caught(failed: set[tuple[str, str]], group: str, name: str) -> None:
    assert (group, name) in failed


BROKEN_PACK = '''
import pathlib
from runner.api import CheckPack
from runner.testing import CheckPackContract

folder = pathlib.Path(__file__).parent / "checks"
folder.mkdir(exist_ok=True)
(folder / "a.yaml").write_text("""
jobs:
  - {check: pg.ours, sql: select 1 as n, warning: n > 5}
  - {check: bad.syntax, sql: select 1 as n, warning: "n >"}
  - {check: bad.tests, sql: select 1 as n, warning: n > 5, tests: [{name: wrong, rows: [{n: 1}], expect: {state: warning}}]}
""")

class TestBadPack(CheckPackContract):
    pack = CheckPack(name="bad.pack", version="1", root=folder, summary="")
'''


def test_breaches_of_a_pack_are_caught(tmp_path: Path) -> None:
    (tmp_path / "test_bad.py").write_text(BROKEN_PACK)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_bad.py"],
        cwd=tmp_path, env=clean({}), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "3 failed" in done.stdout, done.stdout
    assert "expression-syntax" in done.stdout
    assert "checks without `tests:`: pg.ours" in done.stdout
