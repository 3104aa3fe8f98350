"""`runner show`: one job as it takes effect, and where each value comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runner.api import Job
from runner.app.loading import Loaded
from runner.model.node import Node, plain
from runner.model.secret import mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A key, its value as text, and where that stands."""

    key: str
    value: str
    origin: str


def show(loaded: Loaded, job: Job) -> tuple[Shown, ...]:
    """Every key that takes effect; the values of secrets are masked."""
    nodes = job.documented.get("keys")
    found: list[Shown] = []
    for key, node in nodes.items() if isinstance(nodes, dict) else ():
        text = mask(_text(node), loaded.home.secrets)
        origin = job.origins.get(key)
        found.append(Shown(key=key, value=text, origin=str(origin) if origin else "(built in)"))
    return tuple(found)


def _text(node: Node) -> str:
    value = plain(node)
    if isinstance(value, str):
        return value.rstrip("\n")
    return json.dumps(value, ensure_ascii=False)
