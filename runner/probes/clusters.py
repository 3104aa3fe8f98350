"""The targets that one label puts into clusters, all asked at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from runner.api import Answer, Options, Query, RunContext, RunnerError, Target

T = TypeVar("T")

_AT_ONCE = 8
_TIMEOUT = 15.0


def ask_clusters(
    context: RunContext, options: Options, sql: str, read: Callable[[Target, Answer], T]
) -> Mapping[str, list[T]]:
    """What each target says, by the value of its label. Raises RunnerError when no target has the label."""
    label = str(options.get("label", "cluster"))
    targets = [target for target in context.targets if label in target.labels]
    if not targets:
        hint = f"targets: {{db1: {{labels: {{{label}: NAME}}}}}} in runner.yaml"
        raise RunnerError(f"no target has the label `{label}`", hint=hint)

    def ask(target: Target) -> T:
        [answer] = context.ask(target, [Query(sql=sql, timeout=_TIMEOUT)])
        return read(target, answer)

    with ThreadPoolExecutor(min(_AT_ONCE, len(targets)), thread_name_prefix="runner-cluster") as pool:
        said = list(pool.map(ask, targets))
    clusters: dict[str, list[T]] = {}
    for target, each in zip(targets, said, strict=True):
        clusters.setdefault(target.labels[label], []).append(each)
    return clusters
