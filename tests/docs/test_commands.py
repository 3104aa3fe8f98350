"""docs/commands.md is what the commands say about themselves."""

from __future__ import annotations

import re

import pytest

from runner.cli.main import COMMANDS
from runner.cli.reference import command_sections, commands_page
from tests.docs.blocks import ROOT, blocks

PAGE = (ROOT / "docs" / "commands.md").read_text("utf-8")
ANEW = "python -m runner.cli.reference > docs/commands.md writes it anew"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_section_that_its_help_makes(name: str) -> None:
    sections = list(command_sections(name))
    assert sections[0].startswith(f"## runner {name}\n")
    for section in sections:
        assert section in PAGE, ANEW


def test_the_page_has_nothing_else() -> None:
    assert commands_page() == PAGE, ANEW


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example(name: str) -> None:
    for section in command_sections(name):
        is_group = "COMMAND [ARGS]..." in section
        assert is_group or re.search(r"Examples?: .*runner ", section, re.DOTALL)


def test_documents_name_only_commands_that_exist() -> None:
    used = {
        (str(block), found)
        for block in blocks("console", "sh")
        for found in re.findall(r"(?:^|/|\$ |&& )runner (?:--\w+ \S+ )?([a-z][\w-]*)", block.text, re.MULTILINE)
    }
    assert {item for item in used if item[1] not in COMMANDS} == set()
    assert len(used) > 20
