"""What is registered, by name: one owner per name, and factories that are looked up on first use."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from importlib import import_module
from typing import Any

from runner.api import (
    CheckPack,
    Command,
    DoctorCheck,
    ExecutorType,
    Fault,
    Format,
    Function,
    JobKind,
    PluginError,
    ProbeType,
    SecretSource,
    SinkType,
    TargetSourceType,
)
from runner.records import dataclass

BUILT_IN_PLUGIN = "runner"
_DOTTED = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+")


@dataclass(frozen=True, slots=True)
class Category:
    """One sort of registered thing: its hook, its type, and the attribute that holds its name."""

    name: str
    noun: str
    hook: str
    type: type
    key: str = "name"


CATEGORIES = (
    Category("kinds", "kind of job", "runner_register_job_kinds", JobKind),
    Category("probes", "probe", "runner_register_probes", ProbeType),
    Category("sinks", "sink type", "runner_register_sinks", SinkType, "type"),
    Category("formats", "format", "runner_register_formats", Format),
    Category("functions", "function", "runner_register_functions", Function),
    Category("secret_sources", "secret source", "runner_register_secret_sources", SecretSource, "scheme"),
    Category("packs", "check pack", "runner_register_check_packs", CheckPack),
    Category("commands", "command", "runner_register_commands", Command),
    Category("target_sources", "source of targets", "runner_register_target_sources", TargetSourceType, "type"),
    Category("executors", "executor", "runner_register_executors", ExecutorType, "type"),
    Category("doctor_checks", "doctor check", "runner_register_doctor_checks", DoctorCheck),
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A thing as a plugin's hook returned it, not yet looked at."""

    category: Category
    plugin: str
    thing: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Descriptions by name. `owners` names the plugin of each (category, name)."""

    kinds: Mapping[str, JobKind] = field(default_factory=dict)
    probes: Mapping[str, ProbeType] = field(default_factory=dict)
    sinks: Mapping[str, SinkType] = field(default_factory=dict)
    formats: Mapping[str, Format] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    secret_sources: Mapping[str, SecretSource] = field(default_factory=dict)
    packs: tuple[CheckPack, ...] = ()
    commands: Mapping[str, Command] = field(default_factory=dict)
    doctor_checks: Mapping[str, DoctorCheck] = field(default_factory=dict)
    target_sources: Mapping[str, TargetSourceType] = field(default_factory=dict)
    executors: Mapping[str, ExecutorType] = field(default_factory=dict)
    owners: Mapping[tuple[str, str], str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @property
    def changes_only(self) -> frozenset[str]:
        """The types of sinks that are told of changes alone, unless their `send:` says otherwise."""
        return frozenset(name for name, kind in self.sinks.items() if kind.delivery == "changes")

    def owner(self, category: str, name: str) -> str:
        """The plugin that registered the name, empty when nobody did."""
        return self.owners.get((category, name), "")


def build_registry(offers: Iterable[Offer]) -> Registry:
    """Gives each name to its one owner; whatever is wrong is left out and named in `faults`."""
    faults: list[Fault] = []
    by_name: dict[tuple[str, str], list[Offer]] = defaultdict(list)
    for offer in offers:
        complaint = _complaint(offer)
        if complaint:
            faults.append(Fault(where=f"plugin {offer.plugin}", message=complaint))
        else:
            by_name[offer.category.name, getattr(offer.thing, offer.category.key)].append(offer)
    tables: dict[str, dict[str, Any]] = {category.name: {} for category in CATEGORIES}
    owners: dict[tuple[str, str], str] = {}
    for (category, name), rivals in by_name.items():
        winner = _winner(name, rivals, faults)
        if winner:
            tables[category][name] = winner.thing
            owners[category, name] = winner.plugin
    packs = tuple(tables.pop("packs").values())
    return Registry(**tables, packs=packs, owners=owners, faults=tuple(faults))


def _complaint(offer: Offer) -> str:
    category, thing = offer.category, offer.thing
    if not isinstance(thing, category.type):
        return f"{category.hook} returned {_a(type(thing).__name__)} where {_a(category.type.__name__)} belongs"
    name = getattr(thing, category.key)
    if not isinstance(name, str):
        return f"a {category.noun} has a name that is not text"
    if offer.plugin != BUILT_IN_PLUGIN and not _DOTTED.fullmatch(name):
        return f"the {category.noun} `{name}` needs a name with a dot, such as `acme.{_word(name)}`"
    if isinstance(thing, JobKind) and (thing.run is None) == (thing.converse is None):
        return f"the kind of job `{name}` must have exactly one of `run` and `converse`"
    return ""


def _winner(name: str, rivals: list[Offer], faults: list[Fault]) -> Offer | None:
    if len(rivals) == 1:
        return rivals[0]
    plugins = [offer.plugin for offer in rivals]
    noun = rivals[0].category.noun
    built_in = [offer for offer in rivals if offer.plugin == BUILT_IN_PLUGIN]
    if len(built_in) == 1:
        others = ", ".join(plugin for plugin in plugins if plugin != BUILT_IN_PLUGIN)
        faults.append(
            Fault(where=f"plugin {others}", message=f"the {noun} `{name}` is built in and cannot be replaced")
        )
        return built_in[0]
    if len(set(plugins)) == 1:
        message, hint = f"the {noun} `{name}` is registered twice, so it is not used", "register it once"
    else:
        message = f"the {noun} `{name}` is offered by {' and by '.join(plugins)}, so neither is used"
        hint = f"disable one of them: plugins: {{disabled: [{plugins[-1]}]}} in runner.yaml"
    faults.append(Fault(where=f"plugin {', '.join(dict.fromkeys(plugins))}", message=message, hint=hint))
    return None


def resolve(factory: str | Callable[..., Any]) -> Any:
    """The object behind a factory; `"module:attr"` is imported now. Raises PluginError."""
    if not isinstance(factory, str):
        return factory
    module_name, separator, path = factory.partition(":")
    if not separator or not module_name or not path:
        raise PluginError(f"`{factory}` does not name an object", hint="write it as `package.module:attribute`")
    try:
        found: Any = import_module(module_name)
        for attribute in path.split("."):
            found = getattr(found, attribute)
    except (Exception, SystemExit) as error:
        raise PluginError(f"`{factory}` cannot be loaded: {describe(error)}") from error
    return found


def describe(error: BaseException) -> str:
    """A foreign error in one short line: its type and the first line of its text."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 300 else f"{text[:299]}…"


def _a(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeiouAEIOU' else 'a'} {noun}"


def _word(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-.") or "name"
