"""docs/reports.md shows what the formats really write, and lists what there really is."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

from runner.formats import nagios, text
from runner.formats.document import report_document
from runner.formats.view import Line, TableView, View
from runner.model.home import Send
from runner.report.queue import Wait
from runner.report.route import Reason
from runner.template import FILTERS
from tests.formats.samples import Templates, bad_night
from tests.plugins.test_docs import example

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text("utf-8")


def test_the_examples_are_what_is_written() -> None:
    report = bad_night()
    assert example(PAGE, "text") == text.render(report, {}, Templates())
    only = replace(report, results=tuple(item for item in report.results if item.job == "connections"), faults=())
    assert example(PAGE, "nagios") == nagios.render(only, {}, Templates())


def test_the_example_template_works(tmp_path: Path) -> None:
    (tmp_path / "report.txt.j2").write_text(example(PAGE, "templates/report.txt.j2"))
    lines = text.render(bad_night(), {}, Templates(tmp_path)).splitlines()
    assert len(lines) == 4
    assert lines[3] == "* dead-rows: public.items: 150,000 dead rows (new)"


def test_everything_that_templates_are_given_is_listed() -> None:
    names = {
        *View(bad_night()).context(),
        *FILTERS,
        *(item.name for kind in (Line, TableView) for item in fields(kind)),
    }
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_every_word_of_send_and_every_reason_is_listed() -> None:
    assert {word for word in get_args(Send) if f"`{word}`" not in PAGE} == set()
    assert dict(re.findall(r"^\| `([A-Z_]+)` \| (.+) \|$", PAGE, re.MULTILINE)) == {
        item.name: item.value for item in (*Reason, *Wait)
    }


def test_every_key_of_the_document_is_listed() -> None:
    document = report_document(bad_night())
    first = document["results"][0]
    keys = {
        *document,
        *first,
        *first["findings"][0],
        *first["transitions"][0],
        *document["targets"][0],
        *document["faults"][0],
    }
    assert {key for key in keys if f"`{key}`" not in PAGE and f'"{key}"' not in PAGE} == set()
