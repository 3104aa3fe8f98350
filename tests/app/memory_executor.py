"""An executor that keeps batches in this process: as many queues as there are homes, by the folder that they share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.api import Batch, Executor, ExecutorContext, ExecutorError, ExecutorType, PutOff, WorkContext, read_batch


@dataclass
class Queue:
    """What waits, what is performed, what was put off; `broken` refuses every call."""

    waiting: list[dict[str, Any]] = field(default_factory=list)
    doing: list[dict[str, Any]] = field(default_factory=list)
    put_off: list[tuple[Batch, PutOff]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    broken: bool = False
    twice: bool = False
    """Every batch is given to two workers."""


QUEUES: dict[str, Queue] = defaultdict(Queue)


class MemoryExecutor:
    def __init__(self, options: Mapping[str, Any], context: ExecutorContext) -> None:
        self.queue = QUEUES[options["name"]]

    def hand_out(self, batches: Sequence[Batch]) -> None:
        self._ask("hand_out")
        self.queue.waiting += [batch.plain() for batch in batches]

    def holding(self, waves: Collection[str]) -> frozenset[str]:
        self._ask("holding")
        return frozenset(item["wave"] for item in (*self.queue.waiting, *self.queue.doing)) & frozenset(waves)

    def work(self, context: WorkContext) -> None:
        kept = []
        while self.queue.waiting and not context.stopping:
            item = self.queue.waiting.pop(0)
            batch = read_batch(item)
            if batch.queue not in context.queues:
                kept.append(item)
                continue
            for _ in range(2 if self.queue.twice else 1):
                answer = context.perform(batch)
                if answer is not None:
                    kept.append(item)
                    self.queue.put_off.append((batch, answer))
        self.queue.waiting += kept

    def set_up(self) -> str:
        return "there is nothing to set up"

    def close(self) -> None:
        self.queue.calls.append("close")

    def _ask(self, call: str) -> None:
        self.queue.calls.append(call)
        if self.queue.broken:
            raise ExecutorError("the queue cannot be reached", hint="start it")


MEMORY = ExecutorType(
    type="test.memory",
    summary="Keeps batches in the process",
    open=MemoryExecutor,
    options={"name": {"type": "string", "description": "Which one.", "examples": ["a"]}},
    required=("name",),
)
PLUGIN = """
from runner.api import hookimpl
from tests.app.memory_executor import MEMORY

__runner_api__ = (1, 0)


@hookimpl
def runner_register_executors():
    return (MEMORY,)
"""


def check_types(executor: MemoryExecutor) -> Executor:
    return executor
