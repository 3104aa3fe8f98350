"""`--label KEY=VALUE`: targets by their labels."""

from __future__ import annotations

from collections.abc import Iterable

import click

from runner.errors import UsageError

label_option = click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    help="Only targets with this label; with several, with all.",
)


def read_labels(words: Iterable[str]) -> dict[str, str]:
    """Labels by key. Raises UsageError."""
    found: dict[str, str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise UsageError(f"`{word}` is not a label", hint="write --label env=prod")
        if found.get(key, value) != value:
            raise UsageError(f"no target has two values of the label `{key}`", hint="leave one of them out")
        found[key] = value
    return found
