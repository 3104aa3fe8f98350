"""Commands that plugins add: called by their name, with a home or a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import process, runner

PLUGIN = """
import click
from runner.api import Command, hookimpl

print("noise at import")

@click.command()
@click.option("--count", default=1)
@click.pass_context
def top(context, count):
    click.echo(f"top {count} of {context.find_root().obj['home']}")
    return 3

@hookimpl
def runner_register_commands():
    here = __name__
    return [
        Command(name="acme.top", summary="", load=f"{here}:top"),
        Command(name="acme.broken", summary="", load="no_such_module:x"),
        Command(name="acme.number", summary="", load="math:pi"),
    ]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "acme.py").write_text(PLUGIN)
    return tmp_path


def test_a_command_of_a_plugin_is_called_with_its_words(home: Path) -> None:
    said = process("acme.top", "--count", "7", home=home)
    assert (said.code, said.out, said.err) == (3, f"top 7 of {home}\n", "noise at import\n")


def test_it_has_its_own_help(home: Path) -> None:
    said = runner("acme.top", "--help", home=home)
    assert said.code == 0
    assert "Usage: runner acme.top" in said.out


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("acme.tpo", 64, "there is no command `acme.tpo`: did you mean `acme.top`?"),
        ("other.thing", 64, "`runner plugins list` names those of plugins"),
        ("acme.broken", 78, "`no_such_module:x` cannot be loaded: ModuleNotFoundError"),
        ("acme.number", 78, "the command `acme.number` is float and not a command of click"),
    ],
)
def test_one_that_cannot_be_called(home: Path, name: str, code: int, said: str) -> None:
    done = runner(name, home=home)
    assert done.code == code
    assert said in done.err


def test_without_plugins_there_is_none(home: Path) -> None:
    assert runner("--no-plugins", "acme.top", home=home).code == 64


def test_the_list_works_without_a_home_and_says_so(tmp_path: Path) -> None:
    said = process("plugins", "list", cwd=tmp_path)
    assert said.code == 0
    assert "there is no home here: these are the installed plugins" in said.err
    assert "runner  " in said.out
    assert process("--home", str(tmp_path / "nowhere"), "plugins", "list").code == 78
