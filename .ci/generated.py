# ruff: noqa: INP001
"""Tells which generated files are not what the program makes of them; `--write` writes them anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from runner.app.docs import catalogue_text, pages
from runner.app.loading import load
from runner.cli.reference import commands_page
from runner.config.assemble import schema_texts
from runner.config.reference import BEGIN, format_reference
from runner.plugins.host import PluginHost

ROOT = Path(__file__).resolve().parent.parent


def generated() -> Iterator[tuple[Path, str]]:
    """Every generated file and its text; only what comes with runner counts, whatever else is installed."""
    registry = PluginHost({}, no_plugins=True).registry()
    for name, text in schema_texts(registry).items():
        yield ROOT / "schema" / name, text
    reference = ROOT / "docs" / "format.md"
    yield reference, reference.read_text(encoding="utf-8").partition(BEGIN)[0] + format_reference(registry)
    yield ROOT / "docs" / "commands.md", commands_page()
    home = load(str(ROOT), no_plugins=True, environ={})
    yield ROOT / "docs" / "catalogue.md", catalogue_text(home)
    for page in pages(home, ROOT / "docs"):
        if page.path.exists():
            yield page.path, page.text


def main(words: list[str]) -> int:
    stale = [(path, text) for path, text in generated() if not path.exists() or path.read_text("utf-8") != text]
    for path, text in stale:
        if "--write" in words:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
        else:
            print(f"{path.relative_to(ROOT)} is not what the program makes of it: make generated", file=sys.stderr)
    if not stale:
        print("generated files are current")
    return int(bool(stale) and "--write" not in words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
