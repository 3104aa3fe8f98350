"""Secrets that came back in rows, errors or a program's output are masked before anything is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from runner.model.secret import Secret, mask

Kept = TypeVar("Kept")


def masked(thing: Kept, secrets: Sequence[Secret]) -> Kept:
    """The same dataclass with `***` for every secret in its texts, however deep."""
    return _masked(thing, secrets) if secrets else thing


def _masked(value: Any, secrets: Sequence[Secret]) -> Any:
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, tuple):
        items = [_masked(item, secrets) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, Mapping):
        return {key: _masked(item, secrets) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        found = {field.name: getattr(value, field.name) for field in fields(value)}
        changed = {name: new for name, old in found.items() if (new := _masked(old, secrets)) != old}
        return replace(value, **changed) if changed else value
    return value
