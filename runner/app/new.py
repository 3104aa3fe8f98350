"""`runner new`: writes a job file that validates, from a query that was looked at, or from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from runner.api import ExpressionError, QueryError, RunnerError, Target, TargetError
from runner.app.loading import Loaded
from runner.app.new_text import (
    MODELINE,
    Head,
    check_lines,
    item_of,
    maintenance_lines,
    offline_lines,
    used_lines,
)
from runner.app.propose import Seen, propose
from runner.app.run_job import known
from runner.compile.catalogue import load_catalogue
from runner.config.assemble import JOBS, checks_schema
from runner.config.document import parse as parse_yaml
from runner.config.files import JOBS_FOLDER, display_name
from runner.config.job_keys import NAME_PATTERN, NAME_WORDS
from runner.config.schema import Checker
from runner.engine.database.server import Server
from runner.errors import UsageError
from runner.expr import parse
from runner.expr.tree import Compare, Name
from runner.model.node import MappingNode, SequenceNode
from runner.model.query import Query, Rows
from runner.model.sql_text import placeholders, quote_identifier
from runner.records import dataclass

_ROWS = 10_000
_GUESSED_SCHEDULE = "guess: `every 5min`, `daily at 01:30`, a cron line in quotes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the new job is to be; `group` names another file than the job's own, without one the file has its name."""

    name: str
    schedule: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new file (or a file with one more job): its whole text, and what it was before."""

    path: Path
    text: str
    added: str
    before: str | None = None

    def write(self) -> None:
        """Writes the file; raises RunnerError when it cannot, or when somebody else was quicker."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.before is None:
                with self.path.open("x", encoding="utf-8") as file:
                    file.write(self.text)
            else:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(self.text[len(self.before) :])
        except FileExistsError:
            raise UsageError(f"{self.path} is there already, and is never overwritten") from None
        except OSError as error:
            raise RunnerError(f"cannot write {self.path}: {error.strerror}") from error

    def undo(self) -> None:
        """Puts back what was there before."""
        with suppress(OSError):
            if self.before is None:
                self.path.unlink()
            else:
                self.path.write_text(self.before, encoding="utf-8")


def new_check(
    loaded: Loaded, wish: Wish, sql: str, *, target: str, key: Sequence[str], offline: bool, now: datetime
) -> Made:
    """A check made from what its query returns on the target now. Raises TargetError without a server."""
    place = Place(loaded, wish)
    text = _statement(sql)
    head = place.head("check", "hourly")
    if offline:
        return place.made(list(offline_lines(head, text)))
    chosen = _target(loaded, target)
    seen = _look(chosen, text)
    unknown = [name for name in key if name not in seen.columns]
    if unknown:
        raise UsageError(f"the query returns no column `{unknown[0]}`", hint=f"it returns {', '.join(seen.columns)}")
    count = f"{len(seen.rows):,} row{'' if len(seen.rows) == 1 else 's'}"
    source = f"{count} of {chosen.name} at {now:%Y-%m-%d %H:%M} UTC"
    return place.made(list(check_lines(head, text, propose(seen, key), source)))


def new_from_catalogue(loaded: Loaded, wish: Wish, wanted: str) -> Made:
    """A job that takes over one check of the catalogue."""
    place = Place(loaded, wish)
    registry = loaded.registry
    catalogue = load_catalogue(loaded.home.path, registry, Checker(checks_schema(registry)))
    found = catalogue.find(wanted)
    if len(found) != 1:
        raise UsageError(
            f"`{wanted}` stands for {len(found)} checks; a new job takes one",
            hint=f"choose from: {', '.join(entry.name for entry in found[:12])}",
        )
    head = place.head(found[0].kind, "hourly", found[0].title)
    return place.made(list(used_lines(head, found[0])))


def new_maintenance(loaded: Loaded, wish: Wish) -> Made:
    """A vacuum job."""
    place = Place(loaded, wish)
    head = place.head("maintenance", "weekly on sunday at 03:00", "Vacuum and analyze what needs it")
    return place.made(list(maintenance_lines(head)))


class Place:
    """Where a new job goes: a file of its own, or the end of another file's `jobs:`."""

    def __init__(self, loaded: Loaded, wish: Wish) -> None:
        home, self._wish = loaded.home, wish
        if not re.fullmatch(NAME_PATTERN, wish.name):
            raise UsageError(f"`{wish.name}` {NAME_WORDS}")
        job = home.job(wish.name)
        if job or wish.name in home.broken:
            where = f" at {job.span}" if job else ""
            raise UsageError(f"there is a job `{wish.name}` already{where}", hint="names identify a job's history")
        stem = wish.group.removesuffix(".yaml") or wish.name
        if not re.fullmatch(NAME_PATTERN, stem):
            raise UsageError(f"`{wish.group}` is no name for a file in {JOBS_FOLDER}", hint="--group daily-alerts")
        self.path = home.path / JOBS_FOLDER / f"{stem}.yaml"
        self._shown = display_name(self.path, home.path)
        self._before = self._read(is_group=bool(wish.group))
        self._shared = self._root()

    @property
    def has_schedule(self) -> bool:
        """Whether the file is there and says when its jobs are due."""
        return self._shared is not None and "schedule" in self._shared

    @property
    def is_new(self) -> bool:
        return self._before is None

    def head(self, kind: str, schedule: str, title: str = "") -> Head:
        """The job's first lines; the file's own schedule is left to it."""
        words = title or self._wish.name.replace("-", " ").replace("_", " ").capitalize()
        if not self._wish.schedule and self.has_schedule:
            return Head(kind=kind, name=self._wish.name, title=words)
        said = self._wish.schedule
        return Head(
            kind=kind, name=self._wish.name, title=words, schedule=said or schedule,
            why_schedule="" if said else _GUESSED_SCHEDULE,
        )  # fmt: skip

    def made(self, lines: list[str]) -> Made:
        return self.made_of([lines])

    def made_of(self, jobs: Sequence[list[str]], head: Sequence[str] = ()) -> Made:
        """Several jobs in one file; `head` are the keys that a new group's file begins with."""
        if self._before is not None:
            added = "\n".join(item_of(lines, self._indent()) for lines in jobs)
            gap = "" if self._before.endswith("\n") else "\n"
            text = f"{self._before}{gap}\n{added}"
            return Made(path=self.path, text=text, added=added, before=self._before)
        if self._wish.group:
            title = self.path.stem.replace("-", " ").capitalize()
            items = "\n".join(item_of(lines, 2) for lines in jobs)
            text = "\n".join((MODELINE, *(head or (f"title: {title}",)), f"jobs:\n{items}"))
        else:
            text = "\n".join([MODELINE, *jobs[0]]) + "\n"
        return Made(path=self.path, text=text, added=text)

    def _read(self, *, is_group: bool) -> str | None:
        if not self.path.exists():
            return None
        if not is_group:
            raise UsageError(
                f"{self._shown} is there already, and is never overwritten",
                hint=f"choose another name, or add to it with --group {self.path.stem}",
            )
        try:
            return self.path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise RunnerError(f"{self._shown} cannot be read: {error}") from error

    def _root(self) -> MappingNode | None:
        if self._before is None:
            return None
        root = parse_yaml(self._before, self._shown).root
        # Text can be added at the end only where the list is the last thing in the file.
        if root is None or list(root.entries)[-1:] != [JOBS] or not self._is_block(root):
            raise UsageError(
                f"{self._shown} does not end with a list under `jobs:`, so nothing can be added to it",
                hint="leave --group out, or name another file",
            )
        return root

    def _is_block(self, root: MappingNode) -> bool:
        items = root.get(JOBS)
        lines = (self._before or "").splitlines()
        return isinstance(items, SequenceNode) and all(
            lines[item.span.line - 1][: item.span.column - 1].strip() == "-" for item in items.items
        ) and bool(items.items)  # fmt: skip

    def _indent(self) -> int:
        items = self._shared.get(JOBS) if self._shared else None
        assert isinstance(items, SequenceNode)
        line = (self._before or "").splitlines()[items.items[0].span.line - 1]
        return len(line) - len(line.lstrip())


def _statement(sql: str) -> str:
    """One statement without its end sign, with plain line ends."""
    text = "\n".join(line.rstrip().expandtabs() for line in sql.strip().splitlines()).rstrip(";").strip()
    if not text:
        raise UsageError("the query is empty", hint='runner new check used --sql "select count(*) as used from …"')
    found = placeholders(text)
    if found:
        raise UsageError(
            f"the query has the parameter `:{found[0].name}`, whose value is not known here",
            hint="write a value in its place; a parameter can be brought in afterwards, with `params:`",
        )
    return text


def _target(loaded: Loaded, name: str) -> Target:
    """The named target, `main`, or the first one."""
    targets = loaded.home.targets
    if not targets:
        raise UsageError("there is no target to run the query on", hint="set DATABASE_HOST, or use --offline")
    known("target", [name] if name else [], targets)
    return targets[name] if name else targets.get("main") or next(iter(targets.values()))


def _look(target: Target, sql: str) -> Seen:
    """The rows of the query, read-only, and the types of its columns."""
    with closing(Server(target)) as server:
        facts = server.facts
        if isinstance(facts, TargetError):
            hint = f"{facts.hint}; --offline writes the file without looking" if facts.hint else ""
            raise TargetError(facts.message, hint=hint)
        answer = server.answer([Query(sql=sql, max_rows=_ROWS)])[0]
        if isinstance(answer, QueryError):
            raise RunnerError(f"the query cannot be run on {target.name}: {answer}", hint=answer.hint)
        _refuse_columns(answer.columns)
        types = server.answer([Query(sql=_types(sql, answer.columns))])[0]
    return Seen(columns=answer.columns, rows=tuple(answer.dicts()), types=_by_column(answer.columns, types))


def _types(sql: str, columns: Sequence[str]) -> str:
    """Asks for the types alone: of a row that is not there every column is null, and still has its type."""
    asked = ", ".join(f"pg_typeof(q.{quote_identifier(name)})::text" for name in columns)
    return f"select {asked} from (select 1) as one left join (\n{sql}\n) as q on false"  # noqa: S608


def _by_column(columns: Sequence[str], answer: Rows | QueryError) -> Mapping[str, str]:
    """Nothing for queries that cannot be part of another one (`show`); their values tell enough."""
    if isinstance(answer, QueryError) or not answer.rows:
        return {}
    return dict(zip(columns, map(str, answer.rows[0]), strict=True))


def _refuse_columns(columns: Sequence[str]) -> None:
    """Names that a threshold could not name."""
    if not columns:
        raise UsageError("the query returns no columns", hint="a check needs rows: select …")
    for name in columns:
        if not _is_nameable(name):
            raise UsageError(
                f"a threshold cannot name the column `{name}`",
                hint="give it a name of small letters, digits and `_`: select … as used",
            )


def _is_nameable(name: str) -> bool:
    try:
        tree = parse(f"{name} > 1").tree
    except ExpressionError:
        return False
    return isinstance(tree, Compare) and isinstance(tree.left, Name) and tree.left.name == name
