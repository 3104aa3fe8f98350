"""One call as jobs: the lines of YAML, and what of it is not carried over."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field

from runner.api import Target
from runner.app.catalogue.words import yaml_lines
from runner.app.imports.calls import PGACTIVITY, Call
from runner.app.imports.filters import filter_of, filtered
from runner.app.imports.mapping import CHECK_PGACTIVITY, CHECK_POSTGRES, Check, Refused
from runner.app.imports.own import own_job
from runner.app.imports.places import Place, places_of, target_of
from runner.app.imports.readers import Lost
from runner.app.imports.thresholds import condition
from runner.compile.catalogue import short_name
from runner.errors import RunnerError
from runner.model.suggest import nearest
from runner.records import dataclass

_SECOND = frozenset({"hot_standby_delay"})
"""Actions whose first server is the primary, and whose second is the one that is looked at."""


@dataclass(slots=True, kw_only=True)
class Plan:
    """What the jobs are made for, and what is gathered while they are made. `taken` are names that are in use."""

    targets: Mapping[str, Target]
    catalogue: Collection[str]
    taken: set[str]
    jobs: list[list[str]] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    lacking: list[Place] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def lose(self, call: Call, why: str) -> None:
        self.lost.append(Lost(span=call.span, what=call.name or call.action or call.tool, why=why))


def convert(call: Call, plan: Plan) -> None:
    """Adds the jobs of one call."""
    table = CHECK_PGACTIVITY if call.tool == PGACTIVITY else CHECK_POSTGRES
    if macro := _macro(call):
        plan.lose(call, f"the value of the macro ${macro}$ is not known here")
        return
    try:
        if call.tool != PGACTIVITY and call.action in ("custom_query", "query_runtime"):
            _write(call, own_job(call), True, plan)
            return
        row = table.get(call.action)
        if row is None:
            near = nearest(
                call.action, [*table, *(() if call.tool == PGACTIVITY else ("custom_query", "query_runtime"))]
            )
            plan.lose(call, f"there is no such action{f'; `{near}` may be meant' if near else ''}"
                      if call.action else "it names no action")  # fmt: skip
        elif isinstance(row, Refused):
            plan.lose(call, row.why)
        else:
            for check in row if isinstance(row, tuple) else (row,):
                _one(call, check, plan)
    except RunnerError as error:
        plan.lose(call, error.message)


def _macro(call: Call) -> str:
    for name, values in call.options.items():
        for value in values:
            if name != "password" and (found := re.search(r"\$(\w+)\$", value)):
                return found[1]
    return ""


def _one(call: Call, check: Check, plan: Plan) -> None:
    if check.use not in plan.catalogue:
        plan.lose(call, f"the catalogue has no check {check.use} here")
        return
    keys: dict[str, object] = {"use": check.use}
    params = dict(check.params)
    missing = []
    wanted = filter_of(call, check.filters)
    if check.forms:
        for level, text in _levels(call, check).items():
            if text:
                keys[level] = filtered(condition(text, check.forms), wanted)
                params |= {check.word: text} if check.word else {}
            else:
                missing.append(level)
    elif any(call.one(level) for level in ("warning", "critical")):
        plan.lose(call, f"its thresholds: {check.use} has its own, and these hold")
    elif wanted:
        plan.lose(call, "its filters: the catalogue's own thresholds hold for every row")
    if len(missing) == 2:
        missing = []
    if params:
        keys["params"] = params
    if missing:
        keys["without"] = missing
    if check.note:
        plan.notes[f"{check.use} {check.note}"] = None
    _write(call, keys, check.each, plan)


def _levels(call: Call, check: Check) -> dict[str, str]:
    """The two thresholds as they are written there, or the defaults that held there."""
    given = {level: call.one(level).strip() for level in ("warning", "critical")}
    defaults = dict(zip(given, check.defaults, strict=True))
    return {level: text or defaults[level] for level, text in given.items()}


def _write(call: Call, keys: Mapping[str, object], with_database: bool, plan: Plan) -> None:
    places = places_of(call, with_database=with_database)
    if call.action in _SECOND:
        places = places[1:] or places
    found = {place: target_of(place, plan.targets) for place in places if place.is_named}
    lacking = [place for place, name in found.items() if not name]
    if lacking:
        plan.lacking += [place for place in lacking if place not in plan.lacking]
        plan.lose(call, f"runner.yaml has no target for it yet: {', '.join(place.name for place in lacking)}")
        return
    for option in call.unknown:
        plan.lose(call, f"{option} is left out; the rest is carried over")
    name = free(_slug(call.name) or short_name(str(keys.get("use", ""))) or call.action.replace("_", "-"), plan)
    plan.jobs.append(list(_lines(call, name, keys, list(dict.fromkeys(found.values())))))


def _lines(call: Call, name: str, keys: Mapping[str, object], targets: Sequence[str]) -> Iterator[str]:
    yield f"check: {name}"
    if call.minutes:
        yield f"schedule: every {call.minutes}min"
    if targets:
        yield from yaml_lines("targets", targets[0] if len(targets) == 1 else targets)
    for key, value in keys.items():
        if key == "sql":
            yield "sql: |"
            yield from (f"  {line}".rstrip() for line in str(value).splitlines())
        elif key == "without":
            yield f"without: [{', '.join(map(str, value if isinstance(value, list) else ()))}]"
        else:
            yield from yaml_lines(key, value)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def free(name: str, plan: Plan) -> str:
    """The name, with a number behind it when it is taken."""
    number, free = 1, name
    while free in plan.taken:
        number += 1
        free = f"{name}-{number}"
    plan.taken.add(free)
    return free
