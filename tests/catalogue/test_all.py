"""No check of the catalogue is without a fault that makes it loud."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from runner.compile.catalogue import load_catalogue
from runner.config.assemble import checks_schema
from runner.config.schema import Checker
from runner.plugins.host import PluginHost
from tests.cli.support import runner
from tests.shipped.support import ROOT


def examined() -> set[str]:
    """Checks that an area's module has cases for (`CASES`), or tests of its own (`ELSEWHERE`)."""
    found: set[str] = set()
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        module = import_module(f"tests.catalogue.{file.stem}")
        found |= {case.check for case in getattr(module, "CASES", {}).values()} | set(getattr(module, "ELSEWHERE", ()))
    return found


def test_no_check_is_forgotten() -> None:
    registry = PluginHost({}, no_plugins=True).registry()
    catalogue = load_catalogue(ROOT, registry, Checker(checks_schema(registry)))
    assert examined() == set(catalogue.entries)


def test_what_the_checks_say_of_their_own_rows(tmp_path: Path) -> None:
    """The `tests:` block of every check, through `runner test`."""
    registry = PluginHost({}, no_plugins=True).registry()
    names = sorted(load_catalogue(ROOT, registry, Checker(checks_schema(registry))).entries)
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "runner.yaml").write_text("version: 1\n")
    jobs = [{"check": name.replace(".", "-"), "use": name} for name in names]
    (tmp_path / "checks.d" / "all.yaml").write_text(json.dumps({"schedule": "hourly", "jobs": jobs}))
    said = runner("test", home=tmp_path)
    assert said.code == 0, said.all
    passed = int(said.out.splitlines()[-1].split()[0])
    assert passed > 2 * len(names), "some checks have hardly any"
