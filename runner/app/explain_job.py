"""`runner explain JOB`: what a job does, when and where, why it is in its state, and where its reports go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime

from runner.api import Job, Result, Scope, TargetInfo
from runner.app.about import WIDTH, check_in_words, paragraphs, requirements
from runner.app.deciding import decisions_of, targets_of, under_way
from runner.app.explain_state import Known, held_in_words, state_lines
from runner.app.imagined import opened
from runner.app.loading import Loaded
from runner.app.pages.kinds import kind_lines
from runner.app.plan import refused
from runner.app.run_job import chosen
from runner.app.show import Shown, show
from runner.clock import Clock
from runner.engine.context import parameters
from runner.engine.publish import info_of
from runner.errors import StoreError
from runner.kinds.check.spec import CheckSpec
from runner.model.diagnostic import BUILT_IN
from runner.model.quantity import show_duration
from runner.report.build import build
from runner.report.route import Reason, Routed, Rules, route, rules_of, sends_of
from runner.schedule import following, in_words, show_delay, show_instant, window_in_words
from runner.store.base import Store
from runner.store.open import open_store

_SLOTS = 3
_ESCAPED = re.compile(r"\\([\\`*\[\]<|~_&#>+.)-])")
_LONG = frozenset({"sql", "detail", "description", "message", "summary", "hint", "measure", "steps", "shell", "tests"})


def explain_job(loaded: Loaded, name: str, clock: Clock) -> str:
    """Plain text about a job, or about each job of a group, from the home and the store alone.

    Raises UsageError for a name that nobody has.
    """
    job = loaded.home.job(name)
    jobs = (job,) if job else chosen(loaded, [name])
    with ExitStack() as stack:
        store: Store | None = None
        trouble = ""
        try:
            store = stack.enter_context(open_store(loaded.home.settings.state, loaded.home.path))
        except StoreError as error:
            trouble = error.message
        return "\n\n".join(_Page(loaded, job, store, clock.now(), trouble).text() for job in jobs) + "\n"


class _Page:
    """The text about one job."""

    def __init__(self, loaded: Loaded, job: Job, store: Store | None, now: datetime, trouble: str) -> None:
        self._loaded, self._job, self._store, self._now, self._trouble = loaded, job, store, now, trouble
        self._targets = targets_of(loaded, job)
        self._timezone = job.schedule.timezone if job.schedule else loaded.home.settings.timezone

    def text(self) -> str:
        job = self._job
        title = f"{job.name}: {job.title}" if job.title != job.name else job.name
        lines = [title, f"{job.kind} in the group {job.group}, {job.span}", *paragraphs(job.description)]
        for heading, section in (
            ("What it does", self._does()),
            ("When", self._when()),
            ("Where", self._where()),
            ("How it is now", self._state()),
            ("Where its reports go", self._reports()),
            ("Where each value comes from", self._origins()),
        ):
            lines += ["", heading, *(f"  {line}" for line in section)]
        return "\n".join(line.rstrip() for line in lines)

    def _does(self) -> Iterator[str]:
        job = self._job
        if isinstance(job.spec, CheckSpec):
            yield from check_in_words(job.spec)
        else:
            yield from _plain(kind_lines(job)) or [f"is a job of the kind {job.kind}, which a plugin brings"]
        if held := held_in_words(job.hold):
            yield held
        if job.on_gone != "ok":
            yield f"a row that is gone is {job.on_gone}"
        if reason := refused(self._loaded, job):
            yield f"is refused: {reason}"

    def _when(self) -> Iterator[str]:
        job, now = self._job, self._now
        if job.schedule is None:
            yield f"only when it is asked for: runner run {job.name}"
            return
        yield in_words(job.schedule) + (f", written `{job.schedule.text}`" if job.schedule.text else "")
        if job.mends:
            yield f"for what {' and '.join(job.mends)} complains about then, if anything"
        slots = following(job.schedule, now, _SLOTS)
        if slots:
            first, *others = [show_instant(slot, self._timezone, now) for slot in slots]
            yield f"next: {first}, {show_delay(slots[0], now)}{''.join(f'; {slot}' for slot in others)}"
        if job.window:
            yield f"starts only in the window {window_in_words(job.window)}"
        yield f"a missed slot is made up for {show_duration(job.catch_up)}" if job.catch_up else "a missed slot is left"
        if self._store is not None:
            for decision in decisions_of(self._loaded, self._store, [job], now, under_way(self._store)):
                yield f"on {decision.target or 'this host'}: {decision.reason}"

    def _where(self) -> Iterator[str]:
        job = self._job
        if not self._targets:
            yield "nowhere: no target fits its `targets:`, so it never runs"
        for name in self._targets:
            target = self._loaded.home.targets.get(name)
            how = ", in each of its databases" if job.scope is Scope.DATABASE else ""
            yield f"{name}, {target.address}{how}" if target else "on this host"
            own = {key: value for key, value in parameters(job, target, {}).items() if job.params.get(key) != value}
            if own:
                yield f"  with its own {', '.join(f'{key} = {value}' for key, value in own.items())}"
        yield from (f"only where {reason}" for reason in requirements(job.requires))
        if job.applies_if:
            yield "only where the query of its `applies_if:` says so"
        if job.precondition:
            yield "is unknown where the query of its `precondition:` says that the role cannot see enough"

    def _state(self) -> Iterator[str]:
        if self._store is None:
            yield f"is not known: {self._trouble}"
            return
        results = {result.target: result for result in self._store.latest(self._job.name)}
        for name in self._targets:
            if name not in results:
                yield f"{name or 'this host'}: has not run yet"
                continue
            yield from state_lines(
                Known(
                    store=self._store,
                    job=self._job,
                    target=name,
                    result=results[name],
                    params=parameters(self._job, self._loaded.home.targets.get(name), {}),
                    now=self._now,
                    timezone=self._timezone,
                )
            )

    def _reports(self) -> Iterator[str]:
        rules = rules_of(self._loaded.home, self._loaded.registry.changes_only)
        if not rules.sinks:
            yield "nowhere: runner.yaml has no sinks"
        newest = [item for item in (self._store.latest(self._job.name) if self._store else ())
                  if item.target in self._targets]  # fmt: skip
        last = {item.sink: item for item in self._route(newest, rules)} if newest else {}
        not_routed = []
        for routed in self._route([opened(self._job, target, self._now) for target in self._targets], rules):
            if routed.reason is Reason.NOT_ROUTED:
                not_routed.append(routed.sink)
                continue
            settings = rules.sinks[routed.sink]
            yield f"{routed.sink} ({settings.type}, sends {', '.join(sends_of(settings, rules.changes_only))})"
            if routed.sink in last:
                yield f"  a result like the last one {_said(last[routed.sink])}"
            yield f"  a new critical problem {_said(routed)}"
        if not_routed:
            yield f"not to {', '.join(not_routed)}: {Reason.NOT_ROUTED.value}"

    def _route(self, results: Sequence[Result], rules: Rules) -> tuple[Routed, ...]:
        home, job = self._loaded.home, self._job
        infos: list[TargetInfo] = [info_of(name, home, None) for name in self._targets]
        report = build(
            group=job.group, title=home.groups.get(job.group, job.group), results=results, targets=infos,
            slot=max((item.slot for item in results), default=self._now), created=self._now,
        )  # fmt: skip
        return route(report, rules)

    def _origins(self) -> Iterator[str]:
        shown = [(f"{item.key}: {_short(item)}", item.origin) for item in show(self._loaded, self._job)]
        width = max((len(text) for text, _ in shown), default=0)
        for text, origin in shown:
            yield f"{text.ljust(width)}  {'built in' if origin == str(BUILT_IN) else origin}"


def _plain(lines: Sequence[str]) -> list[str]:
    """Markdown as plain text."""
    found = []
    for line in lines:
        bare = line.removeprefix("- ")
        if bare.strip() and not bare.lstrip().startswith("```"):
            found.append(_ESCAPED.sub(r"\1", bare.replace("`", "")))
    return found


def _said(routed: Routed) -> str:
    return f"is {'sent' if routed.report is not None else 'not sent'}: {routed.reason.value}"


def _short(item: Shown) -> str:
    lines = item.value.splitlines() or [""]
    if item.key in _LONG and len(lines) > 1:
        return f"{len(lines)} lines"
    line = " ".join(item.value.split())
    room = WIDTH // 2 - len(item.key)
    return line if len(line) <= room else f"{line[: room - 1]}…"
