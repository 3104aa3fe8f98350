"""runner.yaml as a document: read twice at every start, for the plugins and for all that they add to."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from runner.config.document import Document, parse
from runner.config.files import SETTINGS_FILE, is_absent, read_text
from runner.config.nodes import texts_of
from runner.model.node import MappingNode


def settings_document(home: Path) -> Document:
    """Empty when there is no such file; without a root and with diagnostics when it cannot be used."""
    path = home / SETTINGS_FILE
    if is_absent(path):
        return Document(file=SETTINGS_FILE, text="", root=None)
    file = read_text(path, SETTINGS_FILE)
    if file.text is None:
        return Document(file=SETTINGS_FILE, text="", root=None, diagnostics=file.diagnostics)
    return _parsed(file.text)


@lru_cache(maxsize=1)
def _parsed(text: str) -> Document:
    return parse(text, SETTINGS_FILE)


def disabled_plugins(home: Path) -> tuple[str, ...]:
    """`plugins: {disabled: […]}`, needed before plugins are loaded; empty for a broken file."""
    root = settings_document(home).root
    plugins = root.get("plugins") if root else None
    return texts_of(plugins.get("disabled")) if isinstance(plugins, MappingNode) else ()
