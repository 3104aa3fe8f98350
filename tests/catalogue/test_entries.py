"""Every check of the catalogue says all that somebody needs who is woken by it."""

from __future__ import annotations

from typing import Any

import pytest

from runner.app.catalogue.entries import catalogue_of
from runner.app.loading import load
from runner.compile.catalogue import PRESET_TAGS
from runner.compile.catalogued import compile_entry
from runner.kinds.check.spec import CheckSpec
from runner.model.node import plain
from tests.catalogue.structure import entries
from tests.shipped.support import ROOT

NAMES = sorted(entries())
NO_CHECK = {
    "A14": "obsolete since 9.0",
    "B14": "any check with `sql:`",
    "B15": "any check with the probe `latency`",
    "C6": "begins with PostgreSQL 19",
    "F5": "advice about the order of columns: nothing is wrong",
    "G7": "needs an extension that few have",
    "G8": "advice about single queries: nothing is wrong",
    "H15": "any check with `sql:`",
    "L21": "Slony and Bucardo are another program's affair",
    "N14": "the server itself refuses to start otherwise",
    "N18": "Pgpool is another program's affair",
    "N20": "Patroni is another program's affair",
    "N21": "clouds are another program's affair",
    "N23": "obsolete since 8.4",
}
"""Rows of the list that no check answers, and why."""
LETTERS = {
    "A": 15, "B": 15, "C": 6, "D": 8, "E": 14, "F": 5, "G": 12, "H": 15, "I": 3, "J": 9, "K": 16, "L": 21, "M": 16, "N": 23,
}  # fmt: skip
"""How many rows the list has under each letter."""
LIST = {f"{letter}{number}" for letter, count in LETTERS.items() for number in range(1, count + 1)}


def keys_of(name: str) -> Any:
    """The check's YAML as plain data."""
    return plain(entries()[name].entry.node)


def spec_of(name: str) -> CheckSpec:
    spec = entries()[name].job.spec
    assert isinstance(spec, CheckSpec)
    return spec


def looks_of(name: str) -> list[list[dict[str, Any]]]:
    """The rows of each look that the check's `tests:` have."""
    return [look.get("rows") or [] for test in keys_of(name)["tests"] for look in _looks(test)]


def _looks(test: dict[str, Any]) -> list[dict[str, Any]]:
    return [*test.get("ticks", ()), *([test] if "rows" in test or "expect" in test else ())]


def test_they_compile_without_a_complaint() -> None:
    """The compiler knows units: what compares a duration with a bare number is told."""
    loaded = load(str(ROOT), no_plugins=True, environ={})
    found = {
        name: compile_entry(entry, loaded.registry, loaded.home.settings, loaded.home.path).diagnostics
        for name, entry in catalogue_of(loaded).entries.items()
    }
    assert {name: complaints for name, complaints in found.items() if complaints} == {}


@pytest.mark.parametrize("key", ["title", "description", "tests", "tags", "x-rows"])
def test_they_have(key: str) -> None:
    assert [name for name in NAMES if not keys_of(name).get(key)] == []


def test_the_description_says_what_it_means_and_what_to_do_first() -> None:
    short = {name: text for name in NAMES if len(text := keys_of(name)["description"].split()) < 18}
    assert short == {}
    one = [
        name
        for name in NAMES
        if keys_of(name)["description"].count(". ") + keys_of(name)["description"].count(".\n") < 2
    ]
    assert one == []


def test_findings_come_with_what_to_do() -> None:
    assert [name for name in NAMES if not keys_of(name).get("hint") and spec_of(name).rule.thresholds] == []


def test_numbers_have_units() -> None:
    """Every number of the rows in `tests:`, unless it is part of the key."""
    registry = load(str(ROOT), no_plugins=True, environ={}).registry
    bare = set()
    for name in NAMES:
        spec = spec_of(name)
        known = {*spec.rule.kinds, *spec.rule.key, *spec.rule.computed}
        known |= set(registry.probes[spec.probe].columns) if spec.probe else set()
        bare |= {
            f"{name}: {column}"
            for look in looks_of(name)
            for row in look
            for column, value in row.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and column not in known
        }
    assert bare == set()


def test_rows_have_a_key() -> None:
    registry = load(str(ROOT), no_plugins=True, environ={}).registry
    several = [name for name in NAMES if any(len(look) > 1 for look in looks_of(name))]
    assert len(several) > 30
    keyless = [
        name
        for name in several
        if not spec_of(name).rule.key and not (spec_of(name).probe and registry.probes[spec_of(name).probe].key)
    ]
    assert keyless == []


def test_thresholds_that_look_back_last() -> None:
    """What compares with the run before says so in `tests:` with several looks."""
    lonely = [
        name
        for name in NAMES
        if entries()[name].job.hold.runs > 1 and not any("ticks" in test for test in keys_of(name)["tests"])
    ]
    assert lonely == []


def test_their_tests_have_a_good_and_a_bad_state() -> None:
    judged = [name for name in NAMES if spec_of(name).rule.thresholds]
    assert [name for name in judged if not expected_of(name) & {"warning", "critical"}] == []
    assert [name for name in NAMES if "ok" not in expected_of(name)] == []


def expected_of(name: str) -> set[str]:
    """All states that the check's `tests:` expect; a row that they do not name is ok."""
    found: set[str] = set()
    for test in keys_of(name)["tests"]:
        for look in _looks(test):
            expected = look.get("expect") or {}
            found |= {expected} if isinstance(expected, str) else {*expected, str(expected.get("state", ""))}
            named = 0 if isinstance(expected, str) else sum(len(v) for v in expected.values() if isinstance(v, list))
            if not isinstance(expected, str) and len(look.get("rows") or []) > named:
                found.add("ok")
    return found


def test_every_row_of_the_list_has_a_check_or_a_reason() -> None:
    taken = {row for name in NAMES for row in keys_of(name)["x-rows"]}
    assert taken - LIST == set()
    assert taken & set(NO_CHECK) == set()
    assert sorted(LIST - taken - set(NO_CHECK)) == []


def test_presets_are_made_of_tags_that_there_are() -> None:
    counts = {
        preset: sum(not tags.isdisjoint(entries()[name].entry.tags) for name in NAMES)
        for preset, tags in PRESET_TAGS.items()
    }
    assert counts["minimal"] < counts["standard"] < counts["full"]
    assert counts["schema-review"] > 20
