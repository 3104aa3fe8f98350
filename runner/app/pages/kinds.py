"""What the kinds that come with runner say about themselves in procedures.md."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from runner.api import Job
from runner.app.pages.markdown import block, code, listed, text
from runner.expr import in_words
from runner.judge import Rule
from runner.kinds.check.spec import CheckSpec, Remedy
from runner.kinds.command.spec import CommandSpec
from runner.kinds.maintenance.spec import (
    FreezeStep,
    Limits,
    MaintenanceSpec,
    ReindexStep,
    SqlStep,
    Step,
    VacuumStep,
    WorkStep,
)
from runner.model.quantity import show_duration


def kind_lines(job: Job) -> list[str]:
    """List items; nothing for kinds of plugins, whose specs are their own."""
    match job.spec:
        case CheckSpec() as spec:
            return _check(spec)
        case MaintenanceSpec() as spec:
            return _maintenance(spec)
        case CommandSpec() as spec:
            return _command(spec)
    return []


def _check(spec: CheckSpec) -> list[str]:
    lines = []
    if spec.probe:
        options = _options(spec.probe_options)
        lines.append(f"- Reads the probe {code(spec.probe)}{f' with {options}' if options else ''}.")
    if spec.rule.key:
        lines.append(f"- One row is one {listed([code(name) for name in spec.rule.key])}.")
    return [*lines, *_rule(spec.rule), *(_remedy(spec.remedy) if spec.remedy else [])]


def _remedy(remedy: Remedy) -> list[str]:
    if not remedy.auto:
        return [f"- Is mended by {code(remedy.job)}."]
    every = f", at most every {show_duration(remedy.every)}" if remedy.every else ""
    return [f"- Is mended by {code(remedy.job)}, by itself each time that its window opens{every}."]


def _options(options: Mapping[str, object]) -> str:
    return ", ".join(code(f"{name}: {value}") for name, value in options.items())


def _rule(rule: Rule) -> list[str]:
    lines = [f"- {code(name)} is {code(in_words(expression))}." for name, expression in rule.computed.items()]
    for level, conditions in (("Critical", rule.critical), ("Warning", rule.warning)):
        lines += [f"- {_condition(level, in_words(expression))}." for expression in conditions]
    if not rule.thresholds:
        lines.append("- Has no threshold: it measures and shows.")
    if rule.clear is not None:
        lines.append(f"- A problem ends when {code(in_words(rule.clear))}.")
    if rule.on_null != "unknown":
        lines.append(f"- A row whose thresholds cannot be decided is {rule.on_null}.")
    for exception in rule.exceptions:
        lines.append(f"- Leaves out {listed([code(f'{name} = {value}') for name, value in exception.items()])}.")
    return lines


def _condition(level: str, words: str) -> str:
    return f"Every row is {level.lower()}" if words == "true" else f"{level} when {code(words)}"


def _maintenance(spec: MaintenanceSpec) -> list[str]:
    lines = ["- Steps:", ""]
    if spec.measure:
        lines += ["  1. Measure:", "", *block(spec.measure.sql, "sql", indent="     ")]
    number = 2 if spec.measure else 1
    for position, step in enumerate(spec.steps, start=number):
        lines += _step(position, step)
    if spec.measure:
        last = number + len(spec.steps)
        lines += [f"  {last}. Measure again; the report shows both and the difference.", ""]
    return [*lines, *_limits(spec.limits), *(_verify(spec.verify) if spec.verify else [])]


def _limits(limits: Limits) -> list[str]:
    cancelled = " and what still runs is cancelled" if limits.at_end == "cancel" else ""
    said = [
        (limits.budget, f"Starts nothing more after {show_duration(limits.budget or 0)}{cancelled}."),
        (limits.cost_delay, f"Rests {show_duration(limits.cost_delay or 0)} each time its cost limit is used up."),
        (limits.pause_when, f"Pauses while {code(in_words(limits.pause_when)) if limits.pause_when else ''}."),
        (limits.stop_when, f"Stops as soon as {code(in_words(limits.stop_when)) if limits.stop_when else ''}."),
        (not limits.yield_to_waiters, "Goes on although sessions wait for it."),
    ]
    return [f"- {text}" for given, text in said if given]


def _step(number: int, step: Step) -> list[str]:
    name = f"{text(step.name)}: " if step.name else ""
    start = f"  {number}. {name}"
    indent = " " * (len(str(number)) + 4)
    if isinstance(step, SqlStep):
        how = "Without a transaction" if step.autocommit else "In a transaction of its own"
        return [f"{start}{how}; the steps after it are left when it fails:", "", *block(step.sql, "sql", indent=indent)]
    choice = step.indexes if isinstance(step, ReindexStep) else step.tables
    one = "one at a time" if step.jobs == 1 else f"with {step.jobs} connections"
    notes = [f"{start}{code(_verb(step))} for {_chosen(step)}, {one}."]
    if not isinstance(step, ReindexStep) and step.skip_locked:
        notes.append(f"{indent}A locked table is left, and counts as not done.")
    chosen = ["", *block(choice.sql, "sql", indent=indent)] if choice.mode == "sql" else [""]
    return [*notes, *chosen]


def _verb(step: WorkStep) -> str:
    if isinstance(step, ReindexStep):
        return "reindex concurrently"
    if isinstance(step, FreezeStep):
        return "vacuum (freeze)"
    if not isinstance(step, VacuumStep):
        return "analyze"
    words = (("full", step.full), ("analyze", step.analyze), ("freeze", step.freeze))
    options = [word for word, on in words if on]
    options += [f"index_cleanup {step.index_cleanup}"] if step.index_cleanup else []
    options += [f"{name} {'on' if on else 'off'}" for name, on in step.flags.items()]
    options += [f"parallel {step.parallel}"] if step.parallel is not None else []
    return f"vacuum ({', '.join(options)})" if options else "vacuum"


def _chosen(step: WorkStep) -> str:
    choice = step.indexes if isinstance(step, ReindexStep) else step.tables
    what, one = ("indexes", "index") if isinstance(step, ReindexStep) else ("tables", "table")
    if choice.mode == "listed":
        return listed([code(name) for name in choice.names])
    if choice.mode == "findings":
        return f"the {what} that {listed([code(name) for name in choice.names])} complains about"
    if choice.mode == "needed" and isinstance(step, FreezeStep):
        return "the tables whose transaction ids are old"
    return {
        "needed": "the tables that need it (over their own autovacuum trigger, old transaction ids, or never done)",
        "all": f"every {one} that is not the system's",
        "sql": f"the {what} that this query returns",
        "invalid": "indexes that are invalid",
        "bloated": "indexes that are invalid, or much larger than their entries",
    }[choice.mode]


def _verify(rule: Rule) -> list[str]:
    lines = ["- Afterwards each measured row is judged:"]
    for level, conditions in (("critical", rule.critical), ("warning", rule.warning)):
        lines += [f"  - {level} when {code(in_words(expression))}." for expression in conditions]
    return lines


def _command(spec: CommandSpec) -> list[str]:
    lines = [f"- Starts {code(shlex.join(spec.words))}, without a shell."] if spec.words else []
    if spec.script:
        lines += ["- Runs this script with `/bin/sh`:", "", *block(spec.script, "sh", indent="  ")]
    if spec.cwd:
        lines.append(f"- In the folder {code(spec.cwd)}.")
    if spec.env:
        lines.append(f"- With the variables {listed([code(name) for name in spec.env])} set.")
    codes = listed([str(number) for number in sorted(spec.exits)])
    lines.append(f"- Is ok when it exits with {codes}{_matching(spec)}; anything else is critical.")
    return lines


def _matching(spec: CommandSpec) -> str:
    return f" and its output matches {code(spec.stdout_matches.pattern)}" if spec.stdout_matches else ""
