"""Names in Procrastinate's tables: the task, and queues that PostgreSQL can notify of."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

TASK: Final = "runner.perform"
# A channel has at most 63 bytes, and Procrastinate puts `procrastinate_queue_v1#` before the queue.
_LONGEST: Final = 40
_DIGEST: Final = 8


def queue_name(prefix: str, value: str) -> str:
    """The queue of targets whose label has this value; empty for those without the label."""
    name = f"{prefix}.{value}" if value else prefix
    if len(name.encode()) <= _LONGEST:
        return name
    kept = name.encode()[: _LONGEST - _DIGEST - 1].decode(errors="ignore")
    return f"{kept}-{sha256(name.encode()).hexdigest()[:_DIGEST]}"
