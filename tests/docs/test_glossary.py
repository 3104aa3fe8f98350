"""docs/glossary.md has every word once, and the code has what it names."""

from __future__ import annotations

import importlib
import re

import pytest

from runner.model.state import State
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "glossary.md").read_text("utf-8")
ROWS = re.findall(r"^\| \*\*([\w ]+)\*\* \| (.+) \| `([\w.]+)` \|$", PAGE, re.MULTILINE)
WORDS = [
    "home",
    "document",
    "job",
    "group",
    "target",
    "slot",
    "run",
    "tick",
    "row",
    "column",
    "key",
    "threshold",
    "finding",
    "state",
    "result",
    "transition",
    "report",
    "format",
    "sink",
    "route",
    "store",
    "delivery",
    "diagnostic",
    "fault",
    "problem",
    "outcome",
    "observation",
]


def test_every_word_stands_there_once() -> None:
    words = [word for word, _, _ in ROWS]
    assert set(WORDS) <= set(words)
    assert len(words) == len(set(words)) == PAGE.count("\n| **")


@pytest.mark.parametrize(("word", "place"), [(word, place) for word, _, place in ROWS])
def test_what_it_names_exists(word: str, place: str) -> None:
    if place.startswith("Job."):
        place = f"model.job.{place}"
    module, names = f"runner.{place}", []
    while True:
        try:
            thing = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            module, _, name = module.rpartition(".")
            names.insert(0, name)
    for name in names:
        thing = getattr(thing, name)
    assert thing is not None, word


def test_every_state_is_named() -> None:
    [state] = [meaning for word, meaning, _ in ROWS if word == "state"]
    assert set(re.findall(r"`(\w+)`", state)) == {item.value for item in State}


def test_the_order_of_states_is_the_codes() -> None:
    ranked = sorted((item for item in State if item is not State.SKIPPED), key=lambda item: -item.rank)
    assert ", ".join(item.value for item in ranked) in PAGE
