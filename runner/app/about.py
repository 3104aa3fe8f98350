"""What a job does and needs, in plain sentences: shared by what explains jobs and what shows the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import wrap

from runner.kinds.check.spec import CheckSpec
from runner.model.job import Requires
from runner.model.quantity import show_duration

WIDTH = 100


def check_in_words(spec: CheckSpec) -> Iterator[str]:
    """Where a check's rows come from and how they are judged, a line each."""
    if spec.probe:
        yield f"reads the probe {spec.probe}"
    elif spec.sql:
        yield f"runs a query, read-only{_variants(spec)}"
    if spec.rule.key:
        yield f"one row is one {' and '.join([', '.join(spec.rule.key[:-1]), spec.rule.key[-1]]).removeprefix(' and ')}"
    for name, expression in spec.rule.computed.items():
        yield f"{name} is {_expression(expression.text)}"
    for level, expressions in (("critical", spec.rule.critical), ("warning", spec.rule.warning)):
        yield from (_condition(level, item.text) for item in expressions)
    if not spec.rule.thresholds:
        yield "has no threshold: it measures and shows"
    if spec.rule.clear is not None:
        yield f"a problem ends when {_expression(spec.rule.clear.text)}"
    if spec.remedy is not None:
        when = ", by itself each time that its window opens" if spec.remedy.auto else ""
        every = f", at most every {show_duration(spec.remedy.every)}" if spec.remedy.every else ""
        yield f"is mended by {spec.remedy.job}{when}{every}"
    if spec.rule.on_null != "unknown":
        yield f"a row whose thresholds cannot be decided is {spec.rule.on_null}"


def requirements(requires: Requires) -> Iterator[str]:
    """What must hold for a job to run, a line each."""
    if requires.version:
        low, high = requires.version
        yield f"PostgreSQL is {low} or newer" if high is None else f"PostgreSQL is {low} to {high}"
    if requires.role:
        yield f"the server is a {requires.role}"
    for name, version in requires.extensions.items():
        yield f"the extension {name}{f' {version}' if version else ''} is installed"
    for name, value in requires.settings.items():
        yield f"{name} is {value}"
    for name in requires.grants:
        yield f"the role has {name}"


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a description, each after an empty line."""
    lines: list[str] = []
    for part in re.split(r"\n\s*\n", text.strip()):
        lines += ["", *wrap(part, WIDTH)] if part.strip() else []
    return lines


def _variants(spec: CheckSpec) -> str:
    majors = sorted(spec.sql.variants) if spec.sql else []
    return f"; there is one for PostgreSQL {', '.join(map(str, majors))} and newer each" if len(majors) > 1 else ""


def _condition(level: str, text: str) -> str:
    words = _expression(text)
    return f"every row is {level}" if words == "true" else f"is {level} when {words}"


def _expression(text: str) -> str:
    return " ".join(text.split())
