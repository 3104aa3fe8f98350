"""Writes schema/ and the tables of docs/format.md anew: `python -m runner.config.regenerate` in a checkout."""

from __future__ import annotations

from runner.config.assemble import write_schemas
from runner.config.files import shipped
from runner.config.reference import BEGIN, format_reference
from runner.plugins.host import PluginHost


def main() -> None:
    """Only what comes with runner is written, whatever else is installed."""
    registry = PluginHost({}, no_plugins=True).registry()
    written = write_schemas(shipped("schema"), registry)
    page = shipped("docs") / "format.md"
    prose = page.read_text(encoding="utf-8").partition(BEGIN)[0]
    page.write_text(prose + format_reference(registry), encoding="utf-8")
    for path in (*written, page):
        print(path)


if __name__ == "__main__":
    main()
