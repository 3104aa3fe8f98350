"""Writes the figures of all benchmarks into docs/performance.md, between two marks; the words around them stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from figures import RESULTS, Figure, Figures, read

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN = "<!-- figures: `make bench` writes from here -->"
END = "<!-- to here -->"
_DIGITS = {"ms": 1, "s": 2, "times": 2, "MB": 0}


def block(results: Iterable[Figures]) -> str:
    """A table of each figure with its limit, and what was missing."""
    results = sorted(results, key=lambda found: found.bench)
    lines = ["| benchmark | what | median | limit | ratio to the limit |", "|---|---|--:|--:|--:|"]
    lines += [_row(found.bench, figure) for found in results for figure in found.found]
    return "\n".join([*lines, "", *_notes(results)])


def _row(bench: str, figure: Figure) -> str:
    limit = "" if figure.limit is None else f"{'≥' if figure.at_least else '≤'} {_number(figure.limit, figure.unit)}"
    share = "" if figure.share is None else f"{figure.share:.2f}{' (missed)' if figure.share > 1 else ''}"
    return f"| `{bench}` | {figure.what} | {_number(figure.value, figure.unit)} | {limit} | {share} |"


def _number(value: float, unit: str) -> str:
    shown = f"{value:,.{_DIGITS.get(unit, 1)}f}"
    if "." in shown and value == round(value):
        shown = shown.rstrip("0").rstrip(".")
    return f"{shown} {unit}".strip()


def _notes(results: list[Figures]) -> Iterator[str]:
    for machine in dict.fromkeys(found.machine for found in results):
        names = ", ".join(f"`{found.bench}`" for found in results if found.machine == machine)
        dates = sorted({found.date for found in results if found.machine == machine})
        when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        yield f"Measured {when} on {machine}: {names}."
    yield ""
    versions: dict[str, dict[str, None]] = {}
    for found in results:
        for name, version in found.versions.items():
            versions.setdefault(name, {})[version] = None
    yield "Versions: " + ", ".join(f"{name} {' and '.join(each)}" for name, each in versions.items()) + "."
    yield ""
    for found in results:
        yield f"- `{found.bench}`: {found.sizes}." + "".join(f" {text[0].upper()}{text[1:]}." for text in found.absent)


def page(text: str, results: Iterable[Figures]) -> str:
    """The page with the block put between its marks. Raises ValueError when it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no place for figures: it needs the lines {BEGIN} and {END}")
    return f"{before}{begin}\n\n{block(results)}\n\n{end}{after}"


def main() -> None:
    results = [read(file) for file in sorted(RESULTS.glob("*.json"))]
    if not results:
        raise SystemExit("no benchmark has left figures in bench/results: run `make bench`")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    print(f"wrote the figures of {len(results)} benchmarks into {PAGE}")


if __name__ == "__main__":
    main()
