"""Families of metrics in Prometheus' text exposition format 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import TypeAlias

from runner.formats.layout import finite
from runner.records import dataclass
from runner.template import clean

Labels: TypeAlias = Mapping[str, str]
_LABEL = 200
_SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(slots=True)
class Family:
    """One metric: its samples by their labels."""

    name: str
    kind: str
    text: str
    samples: dict[str, float] = field(default_factory=dict)

    def add(self, labels: Labels, value: float) -> bool:
        """False when there is a sample with these labels already."""
        written_labels = _labels(labels)
        if written_labels in self.samples:
            return False
        self.samples[written_labels] = value
        return True


def written(families: Iterable[Family]) -> str:
    """The families by name, the samples of each by their labels; it ends with a newline."""
    return "".join(line for family in sorted(families, key=lambda item: item.name) for line in _lines(family))


def number(value: object) -> float | None:
    """A number of the report's document; truth values are 0 and 1, texts that are no number None."""
    if isinstance(value, bool) or finite(value):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, (int, float)):
        return float("inf") if value > 0 else float("-inf")
    return _SPECIAL.get(value) if isinstance(value, str) else None


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.text}\n"
    yield f"# TYPE {family.name} {family.kind}\n"
    for labels in sorted(family.samples):
        yield f"{family.name}{labels} {_value(family.samples[labels])}\n"


def _labels(labels: Labels) -> str:
    """Labels without a text are left out: to Prometheus they are the same."""
    texts = ((name, clean(labels[name], limit=_LABEL)) for name in labels)
    inner = ",".join(f'{name}="{text.translate(_ESCAPED)}"' for name, text in texts if text)
    return f"{{{inner}}}" if inner else ""


def _value(value: float) -> str:
    if value != value:  # noqa: PLR0124 - only NaN is not itself
        return "NaN"
    if abs(value) == float("inf"):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
