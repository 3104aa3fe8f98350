"""A worker of Procrastinate that performs batches, mends its connections, and ends when it is told to."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

import psycopg
import psycopg_pool
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ProcrastinateException
from procrastinate.jobs import Job

from runner.api import PutOff, WorkContext, read_batch
from runner_procrastinate.names import TASK, queue_name
from runner_procrastinate.tables import STALLED_SECONDS, Tables, explained

_HEARTBEAT: Final = STALLED_SECONDS / 4
_PAUSES: Final = (1.0, 2.0, 5.0, 10.0)
_LOOK: Final = 60.0
"""Seconds after which a worker asks whether there are other queues."""
_PARKED: Final = "parked:"


class _AgainError(Exception):
    """Not an error: the batch goes back, under this lock."""

    def __init__(self, seconds: float, lock: str) -> None:
        super().__init__(lock)
        self.seconds, self.lock = seconds, lock


class _GivenBack(BaseRetryStrategy):
    """Whatever else is raised is not tried again: the next tick finds what was begun."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        if not isinstance(exception, _AgainError):
            return None
        return RetryDecision(retry_in={"seconds": int(exception.seconds)}, lock=exception.lock)


def work(dsn: str, prefix: str, poll: float, tables: Tables, context: WorkContext) -> None:
    """Until the context stops, or with `once` until nothing waits."""
    # What Procrastinate and its pool log is told by us, in fewer words.
    for name in ("procrastinate", "psycopg.pool"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    asyncio.run(_work(dsn, prefix, poll, tables, context))


async def _work(dsn: str, prefix: str, poll: float, tables: Tables, context: WorkContext) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(context.jobs + 2, thread_name_prefix="runner-batch"))
    working = asyncio.create_task(_again_and_again(dsn, prefix, poll, tables, context))
    context.on_stop(lambda: loop.call_soon_threadsafe(working.cancel))
    with suppress(asyncio.CancelledError):
        await working


async def _again_and_again(dsn: str, prefix: str, poll: float, tables: Tables, context: WorkContext) -> None:
    """Procrastinate's worker ends when its database goes away; what it performed goes on meanwhile."""
    failures = 0
    while not context.stopping:
        try:
            app = _app(dsn, tables, context)
            async with app.open_async():
                queues = await _queues(prefix, context)
                worker = asyncio.create_task(
                    app.run_worker_async(
                        queues=queues,
                        concurrency=context.jobs,
                        wait=not context.once,
                        fetch_job_polling_interval=poll,
                        delete_jobs="always",
                        install_signal_handlers=False,
                        update_heartbeat_interval=_HEARTBEAT,
                        stalled_worker_timeout=STALLED_SECONDS,
                    )
                )
                await _ended(worker, queues, prefix, context)
            failures = 0
        except (ProcrastinateException, psycopg.Error, psycopg_pool.PoolTimeout, OSError) as error:
            if failures == 0:
                context.tell(explained(error).message)
        if context.once:
            return
        await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
        failures += 1


async def _ended(worker: asyncio.Task[None], queues: list[str], prefix: str, context: WorkContext) -> None:
    """Waits for the worker; ends it, when what it performs is done, as soon as there are other queues."""
    try:
        while not (await asyncio.wait([worker], timeout=_LOOK))[0]:
            if await _queues(prefix, context) != queues:
                break
    finally:
        if not worker.done():
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker
    if not worker.cancelled():
        worker.result()


async def _queues(prefix: str, context: WorkContext) -> list[str]:
    # The home may be read anew for it.
    values = await asyncio.to_thread(lambda: context.queues)
    return sorted(queue_name(prefix, value) for value in values)


def _app(dsn: str, tables: Tables, context: WorkContext) -> App:
    connector = PsycopgConnector(
        conninfo=dsn,
        kwargs={"connect_timeout": 5, "application_name": "runner worker"},
        min_size=1,
        max_size=context.jobs + 3,
        timeout=10.0,
    )
    app = App(connector=connector)

    @app.task(name=TASK, pass_context=True, retry=_GivenBack())
    def perform(job: JobContext, batch: dict[str, Any]) -> None:
        _perform(job, batch, tables, context)

    return app


def _perform(job: JobContext, data: dict[str, Any], tables: Tables, context: WorkContext) -> None:
    batch = read_batch(data)
    lock = tables.lock(batch)
    if job.job.lock != lock:
        raise _AgainError(0, lock)
    answer = context.perform(batch)
    if answer is not None:
        raise _given_back(answer, lock, batch.id)


def _given_back(answer: PutOff, lock: str, batch: str) -> _AgainError:
    """A job that waits for its time would hold up all that have its lock: what was refused waits under another."""
    return _AgainError(answer.seconds, lock if answer.holds else f"{_PARKED}{batch}")
