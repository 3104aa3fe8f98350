"""The reference page and the list of codes are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import runner
from runner.config.codes import CODES, meaning
from runner.config.reference import BEGIN, format_reference
from runner.plugins.host import PluginHost

PACKAGE = Path(runner.__file__).parent
PAGE = PACKAGE.parent / "docs" / "format.md"
_COMPLAINT = re.compile(r"(?:complain|advise|_complaint|code=|Complaint)\(?\s*\"([a-z]+(?:-[a-z0-9]+)*)\"")


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    generated = format_reference(PluginHost({}, no_plugins=True).registry())
    assert text[text.index(BEGIN) :] == generated, "python -m runner.config.regenerate refreshes it"


@pytest.mark.parametrize("folder", ["config", "compile", "kinds"])
def test_every_code_in_use_has_a_meaning(folder: str) -> None:
    used = {code for path in (PACKAGE / folder).rglob("*.py") for code in _COMPLAINT.findall(path.read_text())}
    assert used
    assert used <= set(CODES)


def test_meanings_are_sentences() -> None:
    assert all((text.endswith(".") and text[0].isupper()) or text.startswith("`") for text in CODES.values())
    assert meaning("acme.unknown") == ""


def test_a_text_with_a_comma_is_quoted_inside_brackets() -> None:
    """Unquoted, YAML would end it at the comma."""
    assert '`computed: {week: "growth(size, 7d)"}`' in format_reference(PluginHost({}, no_plugins=True).registry())
