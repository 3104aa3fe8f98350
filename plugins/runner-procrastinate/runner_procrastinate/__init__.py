"""The plugin `procrastinate`: an executor whose batches wait in PostgreSQL for workers on any host."""

from __future__ import annotations

from runner.api import ExecutorType, hookimpl

__runner_api__ = (1, 0)

PROCRASTINATE = ExecutorType(
    type="runner.procrastinate",
    summary="Batches wait in PostgreSQL, in Procrastinate's tables, for workers on any host",
    open="runner_procrastinate.executor:open_executor",
    options={
        "dsn": {
            "type": "string",
            "minLength": 1,
            "writeOnly": True,
            "description": "The database with Procrastinate's tables, as a URL or keywords. It is a secret.",
            "examples": ["${QUEUE_URL}"],
        },
        "queue": {
            "type": "string",
            "pattern": "^[a-z][a-z0-9_-]{0,19}$",
            "description": "What the names of the queues begin with; one word for each home that shares the tables.",
            "examples": ["runner"],
        },
        "poll": {
            "type": "number",
            "minimum": 0.1,
            "maximum": 60,
            "description": "Seconds after which a worker looks for what waited for a lock; 1 by default.",
            "examples": [1],
        },
    },
    required=("dsn",),
)


@hookimpl
def runner_register_executors() -> tuple[ExecutorType, ...]:
    return (PROCRASTINATE,)
