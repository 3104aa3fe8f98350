"""`runner worker`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from runner.app.current import Current
from runner.app.executors import guarded, open_executor, queues_of
from runner.app.runs import Manner
from runner.app.work import Worker
from runner.cli import exits
from runner.cli.console import complain, say, say_diagnostics, write_report
from runner.cli.loading import complain_of, load_for, refuse_broken_plugins
from runner.clock import SystemClock
from runner.errors import UsageError
from runner.model.executor import ExecutorSettings
from runner.model.home import Home
from runner.store.open import open_store


@click.command("worker", epilog="Example: runner worker --labels network=dmz --jobs 4")
@click.option("--labels", metavar="NAME=VALUE,…", default="", help="Serve only targets with one of these labels.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Servers looked at side by side."
)
@click.option("--once", is_flag=True, help="End when nothing waits any more.")
@click.option("--setup", is_flag=True, help="Make what the executor needs, such as its tables, and end.")
@click.pass_context
def command(context: click.Context, labels: str, jobs: int, once: bool, setup: bool) -> int:
    """Perform the runs that `run-due` hands out on any host, until SIGTERM.

    Needs `executor:` in runner.yaml. The first SIGTERM (or Ctrl-C) lets what runs end and takes nothing new; the second
    ends it on the servers. Files of the home are read anew when they change; a worker whose files differ from those of
    the host that handed a run out gives the run back and says so.
    """
    loaded = load_for(context, kept=True, sources="due")
    refuse_broken_plugins(loaded)
    say_diagnostics(loaded.home.errors, loaded.home.sources)
    complain_of(loaded, (*loaded.host.faults, *loaded.faults))
    settings = loaded.home.settings.executor
    if settings is None:
        raise UsageError(
            "there is nothing for a worker here: `run-due` performs what is due itself",
            hint="name another executor under `executor:` in runner.yaml",
        )
    queues = chosen_queues(labels, settings, loaded.home)
    with closing(guarded(lambda: open_executor(loaded, settings))) as executor:
        if setup:
            say(guarded(executor.set_up))
            return exits.OK
        current = Current(loaded, lambda: load_for(context, kept=True, sources="due"))
        manner = Manner(stdout=write_report, tell=complain)
        with open_store(loaded.home.settings.state, loaded.home.path) as store:
            worker = Worker(current, store, SystemClock(), manner, queues=queues, jobs=jobs, once=once)
            with closing(worker), _signals(worker) as seen:
                guarded(lambda: executor.work(worker))
    return exits.TERMINATED if len(seen) > 1 else exits.OK


def chosen_queues(labels: str, settings: ExecutorSettings, home: Home) -> tuple[str, ...] | None:
    """The queues of `--labels network=a,network=b`; None for all. Raises UsageError."""
    if not labels:
        return None
    found = []
    for word in labels.split(","):
        name, sign, value = word.strip().partition("=")
        if not sign:
            raise UsageError(f"`{word}` is not a label", hint="write --labels network=dmz")
        if name != settings.queue_by:
            hint = f"queues follow the label `{settings.queue_by}`" if settings.queue_by else "add `queue_by:` to it"
            raise UsageError(f"`executor:` does not choose workers by the label `{name}`", hint=hint)
        if value not in queues_of(home):
            complain(f"no target has the label {name}={value} now")
        found.append(value)
    return tuple(dict.fromkeys(found))


@contextmanager
def _signals(worker: Worker) -> Iterator[list[int]]:
    """The signals that came: the first stops the worker, the second cancels what it performs."""
    seen: list[int] = []

    def came(number: int, _frame: object) -> None:
        seen.append(number)
        if len(seen) > 1:
            worker.cancel()
        worker.stop()

    before = {number: signal.signal(number, came) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
