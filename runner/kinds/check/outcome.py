"""From judged rows to an outcome: messages, summary, units for metrics."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime

from runner.api import Column, Finding, Memory, Outcome, Past, Rows, Series, State, Table
from runner.errors import TemplateError
from runner.expr import Quantity, Unknown
from runner.judge import JudgedRow, Judgement, judge
from runner.kinds.check.spec import CheckSpec
from runner.model.quantity import Dimension
from runner.records import dataclass
from runner.template import Template

SHOWN_ROWS = 50
_NUMERIC = frozenset({Dimension.NUMBER, Dimension.BYTES, Dimension.SECONDS, Dimension.RATIO})

UNWRITABLE = "cannot be written"
"""Stands in the note about a template that could not be filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was seen: the rows per database, and the databases that could not be looked at."""

    tables: Mapping[str, Rows]
    blind: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def evaluate(
    spec: CheckSpec,
    looked: Looked,
    *,
    past: Past,
    memory: Memory,
    params: Mapping[str, object],
    now: datetime,
    target: str = "",
) -> Outcome:
    """The outcome without its detail and trends; notes tell of a message that cannot be written."""
    judgement = judge(spec.rule, looked.tables, past, memory, params, now)
    writer = _Writer(spec, params, target)
    findings = [writer.finding(row) for row in (*judgement.whole, *judgement.rows) if row.state is not State.OK]
    cut = {database: _not_judged(rows) for database, rows in looked.tables.items() if rows.truncated}
    findings += [
        Finding(state=State.UNKNOWN, message=reason, series=Series(database), reason=reason)
        for database, reason in (*looked.blind.items(), *cut.items())
    ]
    summary = writer.summary(judgement, looked)
    return Outcome(
        summary=summary,
        findings=tuple(findings),
        observations=judgement.observations,
        columns=_columns(spec, judgement),
        tables=_shown_rows(spec, judgement),
        # What was cut off is neither well nor gone.
        looked=frozenset(looked.tables.keys() - cut.keys()),
        notes=(*judgement.notes, *looked.notes, *writer.notes),
        key=spec.rule.key,
    )


def _not_judged(rows: Rows) -> str:
    return f"only the first {len(rows.rows):,} rows were judged, the others are not known: select fewer, or the worst with limit"


class _Writer:
    """Writes the sentences of one result."""

    def __init__(self, spec: CheckSpec, params: Mapping[str, object], target: str) -> None:
        self._spec = spec
        self._common = {"params": dict(params), "target": target}
        self._message = Template(spec.message, "message") if spec.message else None
        self._summary = Template(spec.summary, "summary") if spec.summary else None
        self._hint = Template(spec.hint, "hint") if spec.hint else None
        given = spec.remedy.params if spec.remedy else {}
        self._remedy = {name: Template(text, "remedy") for name, text in given.items()}
        self._target = target
        self.notes: dict[str, None] = {}

    def _filled(self, template: Template, what: str, context: Mapping[str, object]) -> str:
        """Empty, and a note, when it cannot be filled in: a state must not be lost for want of words."""
        try:
            return template.render(context)
        except TemplateError as error:
            self.notes[f"the {what} {UNWRITABLE}: {error.message}"] = None
            return ""

    def finding(self, row: JudgedRow) -> Finding:
        undecided = row.state in (State.UNKNOWN, State.LEARNING)
        text = self.message(row)
        if undecided and row.reason:
            text = f"{text}: {row.reason}" if row.values else row.reason
        hint = "" if row.state is State.UNKNOWN else self._advice(row)
        return Finding(state=row.state, message=text, series=row.series, reason=row.reason, hint=hint)

    def _advice(self, row: JudgedRow) -> str:
        """The hint, and the command of the remedy; one for the whole result has no row to fill parameters from."""
        hint = self._filled(self._hint, "hint", self._context(row)) if self._hint else ""
        return "; ".join(filter(None, (hint, self._command(row))))

    def _command(self, row: JudgedRow) -> str:
        remedy = self._spec.remedy
        if remedy is None or not row.state.is_problem or (remedy.params and not row.values):
            return ""
        words = ["runner", "run", remedy.job, *(["--target", self._target] if self._target else [])]
        for name, template in self._remedy.items():
            words += ["--param", f"{name}={self._filled(template, 'remedy', self._context(row))}"]
        return shlex.join(words)

    def message(self, row: JudgedRow) -> str:
        """The row's own message; without one, its key and the columns that are recorded."""
        if self._message and row.values and (own := self._filled(self._message, "message", self._context(row))):
            return own
        where = str(row.series)
        shown = ", ".join(
            f"{name} {_shown(value)}"
            for name, value in row.values.items()
            if name in self._spec.rule.record and name not in self._spec.rule.key
        )
        told = shown or row.threshold
        return f"{where}: {told}" if where and told else where or told or "one row"

    def summary(self, judgement: Judgement, looked: Looked) -> str:
        rows = judgement.rows
        found = [row for row in rows if row.state is not State.OK]
        if not looked.tables:
            return next(iter(looked.blind.values()), "nothing was looked at")
        if self._summary:
            context = {
                **self._common,
                "rows": [self._context(row) for row in rows],
                "found": [self._context(row) for row in found],
                "count": len(rows),
            }
            if own := self._filled(self._summary, "summary", context):
                return own
        whole = [row for row in judgement.whole if row.state is not State.OK]
        if len(rows) == 1 and not whole:
            return self.message(rows[0])
        return _count(len(rows), len(found), [self.finding(row).message for row in whole])

    def _context(self, row: JudgedRow) -> dict[str, object]:
        """A column hides what would otherwise have its name."""
        return {
            **self._common,
            "database": row.series.database,
            "state": row.state.value,
            "key": ".".join(row.series.key),
            **{name: _for_template(value) for name, value in row.values.items()},
        }


def _shown_rows(spec: CheckSpec, judgement: Judgement) -> tuple[Table, ...]:
    """The table of `show:`; nothing when there is no row."""
    if not spec.show or not judgement.rows:
        return ()
    several = len({row.series.database for row in judgement.rows}) > 1
    names = ("database", *spec.show) if several and "database" not in spec.show else spec.show
    rows = [
        tuple(_cell(name, row) for name in names)
        for row in sorted(judgement.rows, key=lambda row: -row.state.rank)[:SHOWN_ROWS]
    ]
    numeric = frozenset(
        name
        for name in names
        if any(
            isinstance(found := row.values.get(name), Quantity) and found.dimension in _NUMERIC
            for row in judgement.rows
        )
    )
    more = len(judgement.rows) - len(rows)
    return (Table(title="", columns=names, rows=tuple(rows), numeric=numeric, more=more),)


def _cell(name: str, row: JudgedRow) -> str:
    value = row.values.get(name, row.series.database if name == "database" else None)
    return _shown(value)


def _for_template(value: object) -> object:
    """Texts and truth values as they are, so that templates can test them; numbers with their unit."""
    if value is None or isinstance(value, Unknown):
        return None
    if isinstance(value, Quantity) and value.dimension in (Dimension.BOOL, Dimension.TEXT, Dimension.TIME):
        return value.value
    return value


def _count(rows: int, found: int, whole: Sequence[str]) -> str:
    if whole:
        return "; ".join(whole)
    if not rows:
        return "nothing found"
    noun = "row" if rows == 1 else "rows"
    return f"{found} of {rows} {noun}" if found else f"{rows} {noun}, all ok"


def _shown(value: object) -> str:
    return "n/a" if value is None or isinstance(value, Unknown) else str(value)


def _columns(spec: CheckSpec, judgement: Judgement) -> tuple[Column, ...]:
    """What the recorded numbers measure, with the thresholds when there is one of each."""
    dimensions: dict[str, Dimension] = {}
    for row in judgement.rows[:50]:
        for name, value in row.values.items():
            if name in spec.rule.record and isinstance(value, Quantity):
                dimensions.setdefault(name, value.dimension)
    return tuple(Column(name=name, dimension=dimension) for name, dimension in dimensions.items())
