"""What a test of the catalogue promises to show of a check, and whether servers really showed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import pytest

from tests.shipped.support import LOOKS

P = ParamSpec("P")
R = TypeVar("R")
LOUD = frozenset({"warning", "critical"})


@dataclass(frozen=True)
class Promise:
    """One check; or, as `of:NAME`, the checks that the test gets as its parameter NAME."""

    check: str
    loud: bool
    calm: bool


def shows(*checks: str, loud: bool = True, calm: bool = True) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The test sees each check warning or critical (`loud`) and ok (`calm`) on a real server, or it fails."""

    def decorate(test: Callable[P, R]) -> Callable[P, R]:
        @wraps(test)
        def watched(*words: P.args, **values: P.kwargs) -> R:
            before = len(LOOKS)
            found = test(*words, **values)
            seen = set(LOOKS[before:])
            for check in checks:
                missing = _missing(str(values.get(check.removeprefix("of:"), check)), seen, loud=loud, calm=calm)
                if missing:
                    pytest.fail(missing)
            return found

        promised: list[Promise] = [*getattr(test, "shows", ()), *(Promise(check, loud, calm) for check in checks)]
        watched.shows = promised  # type: ignore[attr-defined]
        return watched

    return decorate


def _missing(check: str, seen: set[tuple[str, str]], *, loud: bool, calm: bool) -> str:
    states = {state for name, state in seen if name == check}
    absent = [
        word for word, wanted in (("loud", loud and not states & LOUD), ("ok", calm and "ok" not in states)) if wanted
    ]
    return f"{check} was never {' or '.join(absent)}, only {sorted(states)}" if absent else ""


def promises(test: Any) -> list[Promise]:
    """With the values of `of:NAME` put in."""
    found: list[Promise] = []
    for promise in getattr(test, "shows", ()):
        if not promise.check.startswith("of:"):
            found.append(promise)
            continue
        name = promise.check.removeprefix("of:")
        found += [Promise(value, promise.loud, promise.calm) for value in _values(test, name)]
    return found


def _values(test: Any, name: str) -> list[str]:
    for mark in getattr(test, "pytestmark", ()):
        if mark.name != "parametrize":
            continue
        names = [part.strip() for part in mark.args[0].split(",")] if isinstance(mark.args[0], str) else mark.args[0]
        if name in names:
            at = list(names).index(name)
            return [str(value[at] if len(names) > 1 else value) for value in mark.args[1]]
    return []
