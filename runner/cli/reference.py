"""docs/commands.md, made from the commands themselves: `python -m runner.cli.reference > docs/commands.md`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from runner.cli.main import COMMANDS, cli

WIDTH = 100
_HEAD = """\
# Commands

What `runner COMMAND --help` prints. Every command takes `--home DIR`; `--no-plugins` stands before the command's name.
Standard output is the result, standard error is for messages. Exit codes stand in
[operating.md](operating.md#exit-codes).

<!-- Generated. `python -m runner.cli.reference > docs/commands.md` writes this page. -->
"""


def commands_page() -> str:
    """The whole page."""
    sections = [f"## runner\n\n{_help(cli, cli.make_context('runner', [], resilient_parsing=True))}"]
    sections += [section for name in COMMANDS for section in command_sections(name)]
    return "\n".join((_HEAD, *sections))


def command_sections(name: str) -> Iterator[str]:
    """The section of a command, and those of the commands below it."""
    root = cli.make_context("runner", [], resilient_parsing=True)
    command = cli.get_command(root, name)
    if command is None:
        raise KeyError(name)
    yield from _sections(command, f"runner {name}", root, level=2)


def _sections(command: click.Command, title: str, parent: click.Context, *, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=title.rpartition(" ")[2], parent=parent, **command.context_settings)
    yield f"{'#' * level} {title}\n\n{_help(command, context)}"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _sections(below, f"{title} {name}", context, level=level + 1)


def _help(command: click.Command, context: click.Context) -> str:
    context.terminal_width = WIDTH
    context.max_content_width = WIDTH
    text = command.get_help(context).strip()
    return f"```text\n{text}\n```\n"


if __name__ == "__main__":
    print(commands_page(), end="")
