"""`runner replay`: recorded history judged again, with the job's own thresholds and with others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta

from runner.api import Dimension, ExpressionError, Job, Observation, Past, Series, State
from runner.app.episodes import Judge, Tally
from runner.app.loading import Loaded
from runner.app.remembered import Remembered
from runner.app.run_job import chosen, places
from runner.engine.context import parameters
from runner.errors import UsageError
from runner.expr import Expression, Scope, analyse, facts, parse
from runner.expr.problems import COLUMN
from runner.judge import Rule, needs
from runner.kinds.check.spec import CheckSpec
from runner.model.diagnostic import Diagnostic, Span
from runner.model.history import Form, Number
from runner.model.quantity import show_duration
from runner.model.suggest import nearest
from runner.records import dataclass
from runner.store.base import Store, Sweep
from runner.store.open import open_store

_KIND_OF = {
    Dimension.NUMBER: "number", Dimension.BYTES: "bytes", Dimension.SECONDS: "seconds", Dimension.RATIO: "ratio",
    Dimension.TEXT: "text", Dimension.BOOL: "bool", Dimension.TIME: "timestamp",
}  # fmt: skip


class WrongThresholdError(UsageError):
    """A threshold on the command line that cannot be used; `sources` hold the text that the diagnostics point at."""

    def __init__(self, option: str, text: str, problems: Sequence[ExpressionError]) -> None:
        super().__init__(f"{option} is no threshold that could be tried", hint="runner replay --help")
        self.sources = {option: text}
        self.diagnostics = tuple(
            Diagnostic(
                code=item.code, span=_span(option, text, item.start, item.end), message=item.message, hint=item.hint
            )
            for item in problems
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One target's history: how many runs were judged again, and what the thresholds would have said.

    `merged` are the hours and days of which single runs are not kept any more: they were looked back at, not judged.
    `own` is None when the job's own thresholds look at what was never recorded, `tried` when none were given.
    """

    job: str
    target: str
    first: datetime | None = None
    last: datetime | None = None
    runs: int = 0
    blind: int = 0
    merged: int = 0
    recorded: tuple[str, ...] = ()
    own: Tally | None = None
    tried: Tally | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Thresholds to try, as texts; an empty one leaves the job's own."""

    warning: str = ""
    critical: str = ""

    @property
    def given(self) -> dict[str, str]:
        """By option."""
        return {name: text for name, text in (("--warning", self.warning), ("--critical", self.critical)) if text}


def replay(
    loaded: Loaded,
    name: str,
    trial: Trial,
    *,
    since: float,
    target: str,
    now: datetime,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Replayed, ...]:
    """Reads the store alone; `since` is in seconds; `tell` hears of each day that is judged.

    Raises UsageError for what cannot be replayed.
    """
    job = _check(loaded, name)
    parsed = {option: _parsed(option, text) for option, text in trial.given.items()}
    wanted = [place for _, place in places(loaded, [job], target)]
    settings = loaded.home.settings
    with open_store(settings.state, loaded.home.path) as store:
        return tuple(
            _Replay(loaded, store, job, place, tell).run(parsed, now - timedelta(seconds=since), now)
            for place in wanted
        )


def _check(loaded: Loaded, name: str) -> Job:
    jobs = chosen(loaded, [name])
    if len(jobs) != 1:
        listed = ", ".join(job.name for job in jobs)
        raise UsageError(f"`{name}` is {len(jobs)} jobs; replay takes one", hint=f"choose from: {listed}")
    if not isinstance(jobs[0].spec, CheckSpec):
        raise UsageError(f"`{name}` is a {jobs[0].kind}; replay judges the history of checks")
    return jobs[0]


def _parsed(option: str, text: str) -> Expression:
    try:
        return parse(text)
    except ExpressionError as error:
        raise WrongThresholdError(option, text, [error]) from error


@dataclass(slots=True)
class _Recorded:
    """What the history holds: columns and since when, the runs with rows, and how much of it is merged."""

    columns: dict[str, datetime] = field(default_factory=dict)
    first_rows: datetime | None = None
    merged: int = 0
    first_run: datetime | None = None
    """The oldest run after everything that is merged."""

    def see(self, sweep: Sweep) -> None:
        if sweep.span:
            self.merged, self.first_run = self.merged + 1, None
        elif self.first_run is None:
            self.first_run = sweep.at
        if sweep.observations and self.first_rows is None:
            self.first_rows = sweep.at
        for seen in sweep.observations:
            for name in seen.values:
                self.columns.setdefault(name, sweep.at)


class _Replay:
    """The history of one job on one target."""

    def __init__(self, loaded: Loaded, store: Store, job: Job, target: str, tell: Callable[[str], None]) -> None:
        assert isinstance(job.spec, CheckSpec)
        self._loaded, self._store, self._job, self._target, self._tell = loaded, store, job, target, tell
        self._rule = job.spec.rule
        self._dimensions = self._measured()

    def run(self, parsed: Mapping[str, Expression], since: datetime, now: datetime) -> Replayed:
        notes = []
        kept = now - timedelta(seconds=self._loaded.home.settings.keep_daily)
        if since < kept:
            notes.append(
                f"rows are kept for {show_duration((now - kept).total_seconds())}, so it looks back no further"
            )
            since = kept
        recorded = _Recorded()
        for sweep in self._store.sweeps(self._job.name, self._target, since):
            recorded.see(sweep)
        self._refuse_wrong(parsed, recorded)
        tried = replace(
            self._rule,
            warning=(parsed["--warning"],) if "--warning" in parsed else self._rule.warning,
            critical=(parsed["--critical"],) if "--critical" in parsed else self._rule.critical,
        )
        rules = {"own": self._rule, **({"tried": tried} if parsed else {})}
        gone = {name: found for name, rule in rules.items() if (found := _never(rule, recorded))}
        if gone:
            missing = _listed(sorted(set().union(*gone.values())))
            notes.append(f"the job's own thresholds name {missing}, which was never recorded; {_known(recorded)}")
            rules = {name: rule for name, rule in rules.items() if name not in gone}
        notes += _merged(recorded)
        if recorded.merged:
            since = recorded.first_run or now
        since, late = self._begin(rules.values(), recorded, since)
        return self._judge(rules, since, now, recorded, (*notes, *late))

    def _measured(self) -> dict[str, Dimension]:
        """What columns measured that nobody declared, by the newest result."""
        newest = [item for item in self._store.latest(self._job.name) if item.target == self._target]
        return {column.name: column.dimension for item in newest for column in item.outcome.columns}

    def _refuse_wrong(self, parsed: Mapping[str, Expression], recorded: _Recorded) -> None:
        rule, names = self._rule, [*self._rule.key, *(recorded.columns or self._rule.record)]
        kinds = {name: rule.kinds.get(name) or _kind(self._dimensions.get(name)) for name in names}
        scope = Scope(
            columns=kinds,
            params=self._job.params,
            functions=rule.functions,
            computed=rule.computed,
        )
        for option, expression in parsed.items():
            problems = [self._said(item, expression, recorded) for item in analyse(expression, scope).problems]
            if problems:
                raise WrongThresholdError(option, expression.text, problems)

    def _said(self, problem: ExpressionError, expression: Expression, recorded: _Recorded) -> ExpressionError:
        if problem.code != COLUMN:
            return problem
        name = expression.text[problem.start : problem.end].rpartition(".")[2]
        near = nearest(name, recorded.columns)
        return ExpressionError(
            f"`{name}` was never recorded for {self._job.name}{f' on {self._target}' if self._target else ''}",
            start=problem.start,
            end=problem.end,
            hint=f"did you mean `{near}`? {_known(recorded)}" if near else
            f"{_known(recorded)}; what `columns:` declares is kept from the next run on",
            code=problem.code,
        )  # fmt: skip

    def _begin(self, rules: Collection[Rule], recorded: _Recorded, since: datetime) -> tuple[datetime, list[str]]:
        """Where every column that is named was recorded already."""
        named = {name for rule in rules for name in _columns(rule)}
        late = {name: at for name, at in recorded.columns.items() if name in named and at != recorded.first_rows}
        if not late:
            return since, []
        begin = max(late.values())
        if begin <= since:
            return since, []
        names = _listed([name for name, at in late.items() if at == begin])
        return begin, [f"{names} is recorded since {begin:%Y-%m-%d %H:%M}; the runs before are left out"]

    def _judge(
        self,
        rules: Mapping[str, Rule],
        since: datetime,
        now: datetime,
        recorded: _Recorded,
        notes: Sequence[str],
    ) -> Replayed:
        params = parameters(self._job, self._loaded.home.targets.get(self._target), {})
        judges = {name: Judge(self._job, self._target, rule, params, self._dimensions) for name, rule in rules.items()}
        remembered, runs, blind = self._before(rules.values(), since), 0, 0
        first = last = None
        for sweep in self._store.sweeps(self._job.name, self._target, since):
            if sweep.at > now:
                break
            if sweep.span:
                remembered.add_sweep(sweep)
                continue
            if last is None or sweep.at.date() != last.date():
                self._tell(f"judging {sweep.at:%Y-%m-%d}")
            first, last, runs = first or sweep.at, sweep.at, runs + 1
            blind += not sweep.looked and sweep.state is not State.SKIPPED
            for judge in judges.values():
                judge.see(sweep, remembered)
            remembered.add_sweep(sweep)
        return Replayed(
            job=self._job.name, target=self._target, first=first, last=last, runs=runs, blind=blind,
            merged=recorded.merged,
            recorded=tuple(recorded.columns), notes=tuple(notes),
            own=judges["own"].tally() if "own" in judges else None,
            tried=judges["tried"].tally() if "tried" in judges else None,
        )  # fmt: skip

    def _before(self, rules: Collection[Rule], since: datetime) -> Remembered:
        """What history functions may look back at when the first run is judged."""
        wanted = frozenset(need for rule in rules for need in needs(rule))
        remembered = Remembered()
        if not wanted:
            return remembered
        span = max(need.span * 1.25 for need in wanted)
        begin = since - timedelta(seconds=span)
        older = [need for need in wanted if need.form is Form.PREVIOUS]
        for at, seen in _in_order(self._store.past(self._job.name, self._target, older, begin)):
            remembered.add(at, [seen])
        for sweep in self._store.sweeps(self._job.name, self._target, begin):
            if sweep.at >= since:
                break
            remembered.add_sweep(sweep)
        return remembered


def _merged(recorded: _Recorded) -> list[str]:
    """Says what cannot be judged: an hour's lowest, highest and mean are no run."""
    if not recorded.merged:
        return []
    many = "hours or days" if recorded.merged > 1 else "hour or day"
    until = f"before {recorded.first_run:%Y-%m-%d %H:%M}" if recorded.first_run else "of that time"
    what = "kept as lowest, highest, mean and last value, without their runs"
    return [f"{recorded.merged:,} {many} {until} are {what}: functions look back at them, they are not judged"]


def _in_order(past: Past) -> list[tuple[datetime, Observation]]:
    """The samples of a past as observations, the oldest first."""
    found: dict[tuple[datetime, Series], dict[str, Number]] = {}
    for series, by_need in past.samples.items():
        for need, samples in by_need.items():
            for sample in samples:
                found.setdefault((sample.at, series), {})[need.column] = sample.value
    return [(at, Observation(series=series, values=found[at, series])) for at, series in sorted(found)]


def _columns(rule: Rule) -> frozenset[str]:
    """The columns of the result that the rule's expressions name."""
    named = {name for expression in rule.expressions for name in facts(expression).columns}
    return frozenset(named - set(rule.computed) - set(rule.key))


def _never(rule: Rule, recorded: _Recorded) -> frozenset[str]:
    """Columns that are named and were in no run; without any rows nothing can be said to be missing."""
    return _columns(rule) - set(recorded.columns) if recorded.columns else frozenset()


def _known(recorded: _Recorded) -> str:
    names = sorted(recorded.columns)
    return f"recorded {'is' if len(names) == 1 else 'are'} {_listed(names)}" if names else "no run had any rows"


def _listed(names: Iterable[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _kind(dimension: Dimension | None) -> str | None:
    return _KIND_OF[dimension] if dimension else None


def _span(option: str, text: str, start: int, end: int) -> Span:
    before, until = text[:start].split("\n"), text[:end].split("\n")
    return Span(option, len(before), len(before[-1]) + 1, len(until), len(until[-1]) + 1)
