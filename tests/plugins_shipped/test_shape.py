"""The plugins that come with runner are made as a stranger makes them, and say on their page what they can."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.compile.home import load_home
from tests.docs.blocks import blocks
from tests.docs.test_documents import ENVIRONMENT
from tests.plugins_shipped.folders import FOLDERS, ROOT, host, package, project

SECRETS = dict.fromkeys(("SLACK_URL", "PAGERDUTY_KEY", "ICINGA_PASSWORD", "OTLP_TOKEN", "HEALTHCHECKS_URL", "APPRISE_URL", "ALERTMANAGER_PASSWORD", "PUSHGATEWAY_PASSWORD"), "not-a-real-one")  # fmt: skip
each = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


@each
def test_it_is_a_distribution_of_its_own(folder: Path) -> None:
    said = project(folder)
    assert said["name"] == folder.name
    assert re.fullmatch(r"\d+\.\d+\.\d+", said["version"])
    assert any(item.startswith("pgrunner") for item in said["dependencies"])
    assert list(said["entry-points"]["runner"].values()) == [package(folder)]
    assert {path.name for path in folder.iterdir()} - {".gitignore", "__pycache__"} == {
        "README.md", "pyproject.toml", package(folder), "tests",
    }  # fmt: skip
    built = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert built["packages"] == [package(folder)]
    assert list((folder / "tests").glob("test_*.py"))


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""


@each
def test_it_imports_nothing_of_runner_but_the_api(folder: Path) -> None:
    said = project(folder)
    extra = [*said["dependencies"], *said.get("optional-dependencies", {}).get("test", [])]
    declared = {re.split(r"[<>=~!\[ ]", item)[0].replace("-", "_") for item in extra} - {"pgrunner"}
    tests = {"google", "opentelemetry"} if "opentelemetry_proto" in declared else set()
    for path in folder.rglob("*.py"):
        in_tests = path.parent.name == "tests"
        allowed = {package(folder), *declared, *sys.stdlib_module_names, *(tests if in_tests else ())}
        ours = {"runner.api", *(["runner.testing"] if in_tests else [])}
        wrong = {name for name in imported(path) if name not in ours and name.partition(".")[0] not in allowed}
        assert wrong == set(), path


def test_importing_all_of_them_costs_nothing_that_they_may_never_need() -> None:
    names = [package(folder) for folder in FOLDERS]
    heavy = {"http.client", "ssl", "socket", "urllib.request", "email", "apprise", "requests", "uuid"}
    lines = [
        "import sys, runner.api",
        "before = set(sys.modules)",
        f"import {', '.join(names)}",
        f"print(sorted((set(sys.modules) - before) & {heavy!r}))",
    ]
    environ = {"PYTHONPATH": ":".join(map(str, [*FOLDERS, ROOT]))}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], check=True, capture_output=True, text=True, env=environ
    )
    assert done.stdout == "[]\n"


def test_all_of_them_fit_together() -> None:
    found = host()
    found.registry()
    assert found.faults == ()


@each
def test_its_page_names_every_option(folder: Path) -> None:
    registry = host().registry()
    page = (folder / "README.md").read_text("utf-8")
    (plugin,) = project(folder)["entry-points"]["runner"]
    owned = [kind for kind in registry.sinks.values() if registry.owner("sinks", kind.type) == plugin]
    for kind in owned:
        assert kind.type in page
        assert {name for name in kind.options if f"`{name}`" not in page} == set()
        assert kind.summary
    assert f"plugins/{folder.name}/README.md" in (ROOT / "docs" / "reports.md").read_text("utf-8") or not owned


@each
def test_the_yaml_on_its_page_is_valid(folder: Path, tmp_path: Path) -> None:
    registry = host().registry()
    found = [block for block in blocks("yaml", pages=[folder / "README.md"]) if "sinks:" in block.text]
    for number, block in enumerate(found):
        home = tmp_path / str(number)
        (home / "checks.d").mkdir(parents=True)
        (home / "checks.d" / "hourly.yaml").write_text(
            "check: one\nschedule: hourly\nsql: select 1 as n\nwarning: n > 1\n"
        )
        (home / "runner.yaml").write_text(f"version: 1\n{block.text}")
        loaded = load_home(home, registry, {**ENVIRONMENT, **SECRETS})
        errors = [item for item in loaded.diagnostics if item.severity.value == "error"]
        assert errors == []
