from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.expr import FUNCTIONS, Scope, analyse, parse
from runner.model.quantity import DURATION_UNITS, KINDS
from tests.expr.sample import KINDS as COLUMNS, PARAMS, evaluated

TEXT = (Path(__file__).parents[2] / "docs" / "thresholds.md").read_text(encoding="utf-8")
CELL = re.compile(r"(?<!\\)\|")
SCOPE = Scope(columns=COLUMNS, params=PARAMS, phases=True)


def tables() -> dict[str, list[list[str]]]:
    """The rows of the document's tables by the first two words of their head."""
    found: dict[str, list[list[str]]] = {}
    head = ""
    for line in TEXT.splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in CELL.split(line)[1:-1]]
        if not line.startswith("|"):
            head = ""
        elif not head:
            head = " ".join(cells[:2])
            found.setdefault(head, [])
        elif not set(cells[0]) <= {"-"}:
            found[head].append(cells)
    return found


FUNCTION_ROWS = tables()["function gives"]


def test_every_function_stands_in_the_document_as_it_is_called() -> None:
    assert [cells[0].strip("`") for cells in FUNCTION_ROWS] == [item.signature for item in FUNCTIONS.values()]
    assert [cells[1] for cells in FUNCTION_ROWS] == [item.summary for item in FUNCTIONS.values()]


@pytest.mark.parametrize(("example", "shown"), [(cells[2].strip("`"), cells[3]) for cells in FUNCTION_ROWS])
def test_every_example_has_the_value_that_the_document_says(example: str, shown: str) -> None:
    assert analyse(parse(example), SCOPE, wanted="value").problems == ()
    assert evaluated(example) == shown


@pytest.mark.parametrize("cells", tables()["write meaning"])
def test_every_operator_is_a_condition(cells: list[str]) -> None:
    assert analyse(parse(cells[0].strip("`")), SCOPE).problems == ()


@pytest.mark.parametrize("cells", tables()["write is"])
def test_every_value_parses(cells: list[str]) -> None:
    assert analyse(parse(cells[0].strip("`")), SCOPE, wanted="value").problems == ()


def test_every_kind_and_unit_is_named() -> None:
    named = {word for cells in tables()["kind the column holds"] for word in re.findall(r"`(\w+)`", cells[0])}
    assert named == set(KINDS)
    durations = next(cells[1] for cells in tables()["write is"] if cells[0] == "`5min`")
    assert set(re.findall(r"`(\w+)`", durations)) == set(DURATION_UNITS)
