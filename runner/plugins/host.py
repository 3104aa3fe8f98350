"""Finds plugins, loads each in isolation, and calls their hooks one plugin at a time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import pluggy

from runner.api import API_VERSION, Fault, PluginError
from runner.model.quantity import counted
from runner.model.suggest import did_you_mean
from runner.plugins import guard
from runner.plugins.discovery import Candidate, built_in, in_folder, installed
from runner.plugins.hookspecs import RunnerHooks
from runner.plugins.markers import PROJECT
from runner.plugins.registry import BUILT_IN_PLUGIN, CATEGORIES, Offer, Registry, build_registry, describe
from runner.records import dataclass

_OFF = ("", "0", "no", "false")
_MARK = "write `@hookimpl` above it: from runner.api import hookimpl"
_HOOKS = tuple(name for name in vars(RunnerHooks) if name.startswith(f"{PROJECT}_"))


class PluginStatus(Enum):
    """What became of a plugin that was found."""

    LOADED = "loaded"
    DISABLED = "disabled"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """One plugin that was found: where, what became of it and why, and how long its import took."""

    name: str
    source: str
    status: PluginStatus
    version: str = ""
    reason: str = ""
    hooks: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """An error that a plugin let out, with its traceback: for its developer, and unmasked."""

    where: str
    traceback: str


class PluginHost:
    """The plugins of one home. They are loaded when it is made; a broken one becomes a fault.

    `plugins_dir` is the home's own folder of one-file plugins. `RUNNER_PLUGINS` in `environ` is an allow-list
    (empty: none); `no_plugins` leaves only the built-ins. `objects` are further plugins by name, for tests.
    With RUNNER_TRACE_PLUGINS=1 each import and each call of a hook is told to `tell`; with RUNNER_STRICT_PLUGINS=1
    the tracebacks of all that plugins let out are kept in `bugs`.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        plugins_dir: Path | None = None,
        disabled: Collection[str] = (),
        *,
        no_plugins: bool = False,
        objects: Mapping[str, object] | None = None,
        tell: Callable[[str], object] | None = None,
    ) -> None:
        self.strict = environ.get("RUNNER_STRICT_PLUGINS", "") not in _OFF
        self._trace = (tell or _to_stderr) if environ.get("RUNNER_TRACE_PLUGINS", "") not in _OFF else None
        self._bugs: list[Bug] = []
        self._hung: set[str] = set()
        self._faults: dict[Fault, None] = {}
        self._plugins: dict[str, PluginInfo] = {}
        self._listed: list[PluginInfo] = []
        self._registry: Registry | None = None
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(RunnerHooks)
        self._load(built_in())
        if not no_plugins:
            self._load_others(_Switches.read(environ, disabled), plugins_dir, objects or {})

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Everything that went wrong with plugins so far, each once, those of the registry included."""
        return tuple(self._faults)

    @property
    def bugs(self) -> tuple[Bug, ...]:
        """What plugins let out so far, where RUNNER_STRICT_PLUGINS asks for it."""
        return tuple(self._bugs)

    def broke(self, where: str, error: BaseException) -> None:
        """Keeps the traceback of what a plugin let out, for a developer who asked for it."""
        if self.strict:
            import traceback

            self._bugs.append(Bug(where=where, traceback="".join(traceback.format_exception(error))))

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """All that was found, in the order of discovery, also what was disabled or refused."""
        return tuple(self._listed)

    def registry(self) -> Registry:
        """What the loaded plugins registered; the hooks are called once."""
        if self._registry is None:
            offers = [
                Offer(category, plugin, thing)
                for category in CATEGORIES
                for plugin, things in self._call(category.hook, tuple)
                for thing in things
            ]
            self._registry = build_registry(offers)
            self._faults.update(dict.fromkeys(self._registry.faults))
        return self._registry

    def notify(self, hook: str, **arguments: object) -> tuple[Fault, ...]:
        """Tells every plugin that observes `hook`; returns the faults of those that failed."""
        before = len(self._faults)
        for _ in self._call(hook, lambda _: None, **arguments):
            pass
        return tuple(self._faults)[before:]

    def _call(self, hook: str, finish: Callable[[Any], Any], **arguments: object) -> Iterator[tuple[str, Any]]:
        order = {name: position for position, name in enumerate(self._plugins)}
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        for implementation in sorted(implementations, key=lambda item: order[item.plugin_name]):
            name, started = implementation.plugin_name, time.perf_counter()
            if name in self._hung:
                continue
            given = [arguments[argument] for argument in implementation.argnames]
            try:
                result = self._watched(name, hook, partial(_finished, finish, implementation.function, given))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._fault(name, f"failed in {hook}: {describe(error)}", error=error)
            else:
                self._tell(name, hook, started, result)
                yield name, result

    def _watched(self, name: str, what: str, work: Callable[[], Any]) -> Any:
        """Bounds the time of foreign code, and puts back what it changed in the process."""
        if name == BUILT_IN_PLUGIN:
            return work()
        ground = guard.Ground()
        try:
            return guard.within(guard.CALL_LIMIT, work)
        except guard.OverdueError:
            # Once is enough: the next calls would take as long.
            self._hung.add(name)
            raise
        finally:
            if changed := ground.put_back():
                self._fault(name, f"changed {' and '.join(changed)} in {what}; that was put back")

    def _tell(self, name: str, what: str, started: float, result: object = None) -> None:
        if self._trace:
            spent = f"{(time.perf_counter() - started) * 1000:.1f} ms"
            count = f", {counted(len(result), 'thing')}" if isinstance(result, tuple) else ""
            self._trace(f"plugin {name}: {what}, {spent}{count}")

    def _load_others(self, switches: _Switches, plugins_dir: Path | None, objects: Mapping[str, object]) -> None:
        found = [*installed(), *(in_folder(plugins_dir, os.geteuid()) if plugins_dir else ())]
        found += [Candidate(name, "object", partial(_same, thing)) for name, thing in objects.items()]
        for candidate in found:
            off = switches.reason_off(candidate.name)
            if off:
                self._listed.append(_info(candidate, PluginStatus.DISABLED, off))
            else:
                self._load(candidate)
        for name in sorted(switches.allowed or ()):
            if name not in {candidate.name for candidate in found}:
                self._fault(name, "is named in RUNNER_PLUGINS but was not found", "run `runner plugins list`")

    def _load(self, candidate: Candidate) -> None:
        started = time.perf_counter()
        try:
            self._check_name(candidate.name)
            plugin = self._watched(candidate.name, "its import", candidate.load)
            _check_version(plugin)
            seconds = time.perf_counter() - started
            self._tell(candidate.name, "import", started)
            hooks = self._register(candidate.name, plugin)
        except KeyboardInterrupt:
            raise
        except PluginError as refusal:
            self._refuse(candidate, refusal.message, refusal.hint, error=refusal)
        except BaseException as error:
            self._refuse(candidate, f"cannot be imported: {describe(error)}", error=error)
        else:
            info = _info(candidate, PluginStatus.LOADED, hooks=hooks, seconds=seconds, version=_version(plugin))
            self._plugins[candidate.name] = info
            self._listed.append(info)

    def _check_name(self, name: str) -> None:
        if name in self._plugins:
            other = self._plugins[name].source
            raise PluginError(f"the name is taken by the plugin from {other}", hint="rename one of them")

    def _register(self, name: str, plugin: object) -> tuple[str, ...]:
        if unmarked := _unmarked(plugin):
            raise PluginError(f"`{unmarked[0]}` is not marked as a hook, so nobody would call it", hint=_MARK)
        try:
            self._manager.register(plugin, name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"does not fit the hooks: {_flat(error)}") from error
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            unknown = sorted(_implemented(self._manager, plugin) - set(_HOOKS))
            self._manager.unregister(plugin)
            hint = (did_you_mean(unknown[0], _HOOKS) if unknown else "") or "docs/plugins.md lists every hook"
            raise PluginError(f"implements a hook that does not exist: {', '.join(unknown)}", hint=hint) from error
        if any(item.wrapper or item.hookwrapper for item in self._implementations(plugin)):
            self._manager.unregister(plugin)
            raise PluginError("wraps other plugins' hooks, which runner does not allow")
        return tuple(sorted(_implemented(self._manager, plugin)))

    def _implementations(self, plugin: object) -> list[Any]:
        callers = self._manager.get_hookcallers(plugin) or ()
        return [item for caller in callers for item in caller.get_hookimpls() if item.plugin is plugin]

    def _refuse(self, candidate: Candidate, message: str, hint: str = "", *, error: BaseException) -> None:
        self._listed.append(_info(candidate, PluginStatus.REFUSED, message))
        self._fault(candidate.name, message, hint, error=error)

    def _fault(self, plugin: str, message: str, hint: str = "", *, error: BaseException | None = None) -> None:
        self._faults[Fault(where=f"plugin {plugin}", message=message, hint=hint)] = None
        if error is not None:
            self.broke(f"plugin {plugin}", error)


@dataclass(frozen=True, slots=True)
class _Switches:
    allowed: frozenset[str] | None
    disabled: frozenset[str]

    @classmethod
    def read(cls, environ: Mapping[str, str], disabled: Collection[str]) -> _Switches:
        text = environ.get("RUNNER_PLUGINS")
        allowed = None if text is None else frozenset(name.strip() for name in text.split(",") if name.strip())
        return cls(allowed, frozenset(disabled))

    def reason_off(self, name: str) -> str:
        if name in self.disabled:
            return "disabled in runner.yaml"
        if self.allowed is not None and name not in self.allowed:
            return "not named in RUNNER_PLUGINS"
        return ""


def _check_version(plugin: object) -> None:
    wanted = getattr(plugin, "__runner_api__", API_VERSION)
    if not (isinstance(wanted, tuple) and len(wanted) == 2 and all(isinstance(part, int) for part in wanted)):
        raise PluginError("`__runner_api__` is not a pair of numbers", hint="write it as `__runner_api__ = (1, 0)`")
    if wanted[0] != API_VERSION[0] or wanted > API_VERSION:
        have, need = (".".join(map(str, version)) for version in (API_VERSION, wanted))
        raise PluginError(f"needs version {need} of the plugin API, this is {have}", hint="update runner or the plugin")


def _finished(finish: Callable[[Any], Any], hook: Callable[..., Any], given: Sequence[object]) -> Any:
    """What the hook returns, made whole: a generator does its work only when it is read."""
    return finish(hook(*given))


def _unmarked(plugin: object) -> list[str]:
    """The functions that are named like hooks and lack the mark by which they are found."""
    named = [name for name in dir(plugin) if name in _HOOKS]
    return [name for name in named if not hasattr(getattr(plugin, name), f"{PROJECT}_impl")]


def _same(plugin: object) -> object:
    return plugin


def _implemented(manager: pluggy.PluginManager, plugin: object) -> frozenset[str]:
    return frozenset(caller.name for caller in manager.get_hookcallers(plugin) or ())


def _info(
    candidate: Candidate,
    status: PluginStatus,
    reason: str = "",
    *,
    hooks: tuple[str, ...] = (),
    seconds: float = 0.0,
    version: str = "",
) -> PluginInfo:
    return PluginInfo(
        name=candidate.name, source=candidate.source, status=status, reason=reason, hooks=hooks, seconds=seconds,
        version=candidate.version or version,
    )  # fmt: skip


def _version(plugin: object) -> str:
    """What a plugin without a distribution says of itself."""
    version = getattr(plugin, "__version__", "")
    return version if isinstance(version, str) else ""


def _to_stderr(text: str) -> None:
    print(f"runner: {text}", file=sys.stderr, flush=True)


def _flat(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
