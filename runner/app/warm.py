"""Ticks of `--loop` begin warm: as forks of a process that has imported, and read, what a tick needs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module

from runner.app.loading import Loaded
from runner.compile.kept import keep_in_memory, program_mark
from runner.engine.database.libpq import libpq
from runner.errors import PluginError, TargetError
from runner.plugins.host import PluginStatus
from runner.plugins.registry import BUILT_IN_PLUGIN, resolve
from runner.store.address import is_postgres
from runner.template import Template

_CRASHED = 70


class Starter:
    """Starts ticks: forks while the program is the one that was loaded, else processes that load it anew."""

    def __init__(self, loaded: Loaded, tick: Callable[[], int], command: Sequence[str]) -> None:
        """`tick` runs one tick in this process and returns its exit code; `command` starts one as a program."""
        self._tick = tick
        self._command = list(command)
        # What plugins import may be updated without a trace in our own files.
        self._mark = "" if _has_plugins(loaded) else program_mark()
        if self._mark:
            _import_what_a_tick_needs(loaded)
            keep_in_memory(loaded.home.path, loaded.registry, os.environ)

    def start(self) -> int:
        """The pid of a new tick. Raises OSError."""
        if self._mark and self._mark == _mark_now():
            return fork(self._tick)
        return os.posix_spawnp(self._command[0], self._command, os.environ, setsigmask=[])


def fork(work: Callable[[], int]) -> int:
    """The pid of a child that does the work and exits with its code; nothing of the caller's goes on in it."""
    _flush()
    if pid := os.fork():
        return pid
    code = _CRASHED
    try:
        # The loop does not listen while it starts a tick; the tick does.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        code = work()
    finally:
        _flush()
        os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _mark_now() -> str:
    try:
        return program_mark()
    except OSError:
        # In the middle of an update.
        return ""


def _has_plugins(loaded: Loaded) -> bool:
    return any(item.name != BUILT_IN_PLUGIN for item in loaded.host.plugins if item.status is PluginStatus.LOADED)


def _import_what_a_tick_needs(loaded: Loaded) -> None:
    postgres = is_postgres(loaded.home.settings.state)
    for module in ("sqlstore", "sqlite", *(["postgres.engine"] if postgres else [])):
        import_module(f"runner.store.{module}")
    # A template for which the engine is needed, and the library that talks to servers.
    Template("{% set one = 1 %}").names()
    with suppress(TargetError):
        libpq()
    for factory in _factories(loaded):
        with suppress(PluginError):
            resolve(factory)


def _factories(loaded: Loaded) -> Iterator[str | Callable[..., object]]:
    registry, settings = loaded.registry, loaded.home.settings
    for kind in registry.kinds.values():
        yield from filter(None, (kind.run, kind.converse, kind.spec))
    for sink in settings.sinks.values():
        if sink.type in registry.sinks:
            yield registry.sinks[sink.type].open
        if sink.format in registry.formats:
            yield registry.formats[sink.format].render
