"""No check of the catalogue is without a real state that makes it loud and a real one that leaves it ok."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.catalogue.frame import CANNOT_TELL, Case
from tests.catalogue.structure import entries
from tests.catalogue.uses import Calm
from tests.catalogue.witness import LOUD, promises, shows
from tests.cli.support import runner
from tests.shipped.support import LOOKS

NEVER_LOUD = {
    "host.oom-kills": "the kernel would have to run out of memory on the machine that tests",
    "host.swapping": "the machine that tests would have to swap",
    "pg.storage-parameters": "it shows settings and judges nothing",
}
"""Checks that no test makes loud, and why; their own `tests:` do."""
NEVER_CALM = {
    "pg.huge-pages": "the machine that tests would have to set memory aside for huge pages",
}


@dataclass
class Shown:
    """The tests that promise a state, by check. Cases prove theirs in `examine`, others in `shows`."""

    loud: dict[str, list[str]] = field(default_factory=dict)
    calm: dict[str, list[str]] = field(default_factory=dict)


def shown() -> Shown:
    found = Shown()
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        for check, loud, calm, where in _of_module(import_module(f"tests.catalogue.{file.stem}")):
            if loud:
                found.loud.setdefault(check, []).append(where)
            if calm:
                found.calm.setdefault(check, []).append(where)
    return found


def _of_module(module: ModuleType) -> Iterator[tuple[str, bool, bool, str]]:
    for name, value in vars(module).items():
        if name.startswith("test_"):
            yield from ((each.check, each.loud, each.calm, name) for each in promises(value))
        elif isinstance(value, dict):
            for case in value.values():
                if isinstance(case, Case):
                    yield case.check, case.state in LOUD, _is_calm(case), f"{module.__name__}: {name}"
                elif isinstance(case, Calm):
                    yield case.check, False, True, f"{module.__name__}: {name}"


def _is_calm(case: Case) -> bool:
    """Whether the healthy server had to be ok by the check's own judgement."""
    thresholds = [value for name, value in case.healthy.items() if name in {"warning", "critical"}]
    return case.quiet == {"ok"} and (not thresholds or any(value is not False for value in thresholds))


def test_every_check_is_seen_loud() -> None:
    silent = set(entries()) - set(shown().loud)
    assert silent == set(NEVER_LOUD), sorted(silent ^ set(NEVER_LOUD))


def test_every_check_is_seen_ok() -> None:
    never = set(entries()) - set(shown().calm)
    assert never == set(NEVER_CALM), sorted(never ^ set(NEVER_CALM))


def test_no_test_is_about_a_check_that_is_gone() -> None:
    found = shown()
    assert {*found.loud, *found.calm} - set(entries()) == set()


def test_a_role_that_sees_less_may_only_say_that_it_cannot_tell() -> None:
    """What `examine` allows the minimal role beside the superuser's own state."""
    modules = [import_module(f"tests.catalogue.{file.stem}") for file in Path(__file__).parent.glob("test_*.py")]
    dicts = [value for module in modules for value in vars(module).values() if isinstance(value, dict)]
    others = {case.minimal for cases in dicts for case in cases.values() if isinstance(case, Case) and case.minimal}
    assert others <= CANNOT_TELL
    assert others


def test_a_promise_that_is_not_kept_fails() -> None:
    @shows("pg.x")
    def never_ok() -> None:
        LOOKS.append(("pg.x", "critical"))

    @shows("pg.x", calm=False)
    def loud() -> None:
        LOOKS.append(("pg.x", "critical"))

    loud()
    with pytest.raises(pytest.fail.Exception, match=r"pg\.x was never ok, only \['critical'\]"):
        never_ok()


def test_what_the_checks_say_of_their_own_rows(tmp_path: Path) -> None:
    """The `tests:` block of every check, through `runner test`."""
    names = sorted(entries())
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "runner.yaml").write_text("version: 1\n")
    jobs = [{"check": name.replace(".", "-"), "use": name} for name in names]
    (tmp_path / "checks.d" / "all.yaml").write_text(json.dumps({"schedule": "hourly", "jobs": jobs}))
    said = runner("test", home=tmp_path)
    assert said.code == 0, said.all
    passed = int(said.out.splitlines()[-1].split()[0])
    assert passed > 2 * len(names), "some checks have hardly any"
