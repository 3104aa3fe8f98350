"""procedures.md: for each job what it means, what it looks at, what it does, and what to do first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.api import Job, Scope, Target
from runner.app.pages.home import groups_of, targets_for
from runner.app.pages.kinds import kind_lines
from runner.app.pages.markdown import block, code, heading, link, listed, paragraphs, text
from runner.app.pages.schedule import BY_HAND, rules
from runner.model.home import Home
from runner.model.job import Requires
from runner.model.quantity import show_duration
from runner.model.sql_text import quote_identifier
from runner.plugins.registry import Registry
from runner.schedule import in_words


def procedures_page(home: Home, registry: Registry) -> list[str]:
    """The page's lines: one section a job, in the order in which they run."""
    lines = heading(1, "Procedures")
    for group in groups_of(home):
        lines += [f"**{text(group.title)}** ({code(group.name)})", ""]
        for job in group.jobs:
            lines += _job(home, registry, job)
    return lines


def _job(home: Home, registry: Registry, job: Job) -> list[str]:
    targets = targets_for(home, job)
    summary = registry.kinds[job.kind].summary
    return [
        *heading(2, job.name),
        f"{text(job.title)}.".replace("..", "."), "",
        *paragraphs(job.description),
        *_first(job),
        f"- Kind: {code(job.kind)}. {text(summary)}.",
        f"- Runs {text(in_words(job.schedule)) if job.schedule else BY_HAND}.",
        *(f"- {item[0].upper()}{item[1:]}." for item in rules(job)),
        f"- Where: {_where(job, targets)}.",
        *_words(job), *_grants(job, targets), *kind_lines(job), *_remaining(job), "",
        *_params(job), *_statements(job),
    ]  # fmt: skip


def _first(job: Job) -> list[str]:
    hint = getattr(job.spec, "hint", "") or job.hint
    lines = [f"What to do first: {code(hint)}", ""] if hint else []
    return [*lines, *([f"Runbook: {link(job.runbook)}", ""] if job.runbook else [])]


def _where(job: Job, targets: tuple[Target, ...]) -> str:
    if job.scope is Scope.HOST:
        return "on the host that runs `runner`"
    names = listed([code(target.name) for target in targets]) or "no target: none fits its `targets:`"
    return f"in each database of {names}" if job.scope is Scope.DATABASE else f"once on {names}"


def _words(job: Job) -> list[str]:
    found = []
    if needed := requires_in_words(job.requires):
        found.append(f"- Needs {needed}; elsewhere it is skipped with the reason.")
    if job.tags:
        found.append(f"- Tags: {', '.join(code(tag) for tag in job.tags)}.")
    if job.owner:
        found.append(f"- Owner: {text(job.owner)}.")
    return found


def requires_in_words(requires: Requires) -> str:
    """`PostgreSQL 14 or newer and a primary`; empty when everything will do."""
    found = []
    if requires.version:
        low, high = requires.version
        span = f"{low} or newer" if high is None else str(low) if low == high else f"{low} to {high}"
        found.append(f"PostgreSQL {span}")
    if requires.role:
        found.append(f"a {requires.role}")
    for name, version in requires.extensions.items():
        found.append(f"the extension {code(f'{name} {version}'.strip())}")
    for name, value in requires.settings.items():
        found.append(f"the setting {code(f'{name} = {value}' if value else name)}")
    return listed(found)


def _grants(job: Job, targets: tuple[Target, ...]) -> list[str]:
    users = dict.fromkeys(str(target.options.get("user") or "") for target in targets)
    roles = [quote_identifier(user) for user in users if user] or ["ROLE"]
    return [f"- Grant it needs: {code(f'grant {grant} to {role};')}" for grant in job.requires.grants for role in roles]


def _remaining(job: Job) -> list[str]:
    found = []
    if job.hold.runs > 1:
        found.append(f"- Counts only when it is seen in {job.hold.runs} runs in a row.")
    if job.hold.seconds:
        found.append(f"- Counts only when it lasts {show_duration(job.hold.seconds)}.")
    if job.on_gone != "ok":
        found.append(f"- A row that is gone is {job.on_gone}.")
    if job.retry.times:
        found.append(f"- A failed run is tried again {job.retry.times} times, after {show_duration(job.retry.wait)}.")
    every = show_duration(job.remind_every)
    found.append(f"- Reminds every {every} while a problem lasts." if job.remind_every else "- Never reminds.")
    return found


def _params(job: Job) -> list[str]:
    if not job.params:
        return []
    values = [f"- {code(f'{name} = {_value(value)}')}" for name, value in job.params.items()]
    return ["Parameters (`--param NAME=VALUE`, or `params:` of a target):", "", *values, ""]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_value(item)}" for name, item in value.items()) + "}"
    return f"[{', '.join(_value(item) for item in value)}]" if isinstance(value, (list, tuple)) else str(value)


def _statements(job: Job) -> list[str]:
    lines = []
    for what, sql in (("Applies where this is true", job.applies_if), ("Can look when this is true", job.precondition)):
        lines += [f"{what}:", "", *block(sql, "sql")] if sql else []
    spec: Any = job.spec
    for what, key in (("SQL", "sql"), ("Shown in the report", "detail")):
        variants = getattr(getattr(spec, key, None), "variants", {})
        for major, sql in sorted(variants.items()):
            lines += [f"{what}{f' from PostgreSQL {major} on' if major else ''}:", "", *block(sql, "sql")]
    return lines
