"""The text of new job files: YAML with a comment for each guess."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runner.app.catalogue.words import numbers_of, yaml_lines
from runner.app.propose import Example, Guess, Proposal
from runner.app.readable import quoted, scalar
from runner.compile.catalogue import CatalogueEntry
from runner.records import dataclass

MODELINE = "# yaml-language-server: $schema=../schema/checks.schema.json"
_COMMENT_AT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every new job begins with; without a schedule it is left to the file's own."""

    kind: str
    name: str
    title: str
    schedule: str = ""
    why_schedule: str = ""

    def lines(self) -> Iterator[str]:
        yield f"{self.kind}: {self.name}"
        yield f"title: {scalar(self.title)}"
        if self.schedule:
            yield _noted(f"schedule: {scalar(self.schedule)}", self.why_schedule)


def check_lines(head: Head, sql: str, proposal: Proposal, source: str) -> Iterator[str]:
    """A check with guesses; `source` says what they were made from."""
    yield f"# The guesses below come from {source}: look at each."
    yield from head.lines()
    if proposal.key:
        yield _noted(f"key: [{', '.join(map(scalar, proposal.key))}]", f"guess: {proposal.why_key}")
    elif proposal.why_key.startswith("no "):
        yield f"# key: […] could not be guessed: {proposal.why_key}. Without it history cannot follow each row."
    if proposal.kinds:
        yield "columns:"
        for name, guess in proposal.kinds.items():
            yield _noted(f"  {name}: {guess.value}", f"guess: {guess.why}")
    yield from _sql(sql)
    yield from _threshold("warning", proposal.warning)
    yield from _threshold("critical", proposal.critical)
    if proposal.warning is None:
        yield "# warning: … could not be guessed: there is no room between what the query returns now and 100 %."
    if proposal.message:
        yield f"message: {quoted(proposal.message)}"
    if proposal.examples:
        yield "tests:"
        yield from (line for example in proposal.examples for line in _example(example))


def offline_lines(head: Head, sql: str) -> Iterator[str]:
    """A check whose query nobody has run yet."""
    yield "# The query was not run, so its columns are not known. Fill in what is commented out."
    yield from head.lines()
    yield "# key: [schema, table]                 the columns that tell the rows apart"
    yield "# columns: {used: count, size: bytes}  what the columns measure"
    yield from _sql(sql)
    yield "# warning: used > 100"
    yield '# message: "{{ schema }}.{{ table }}: {{ used }} used"'


def used_lines(head: Head, entry: CatalogueEntry) -> Iterator[str]:
    """A job that takes over a check of the catalogue; what may be changed stands there as comments."""
    yield from head.lines()
    yield f"use: {entry.name}"
    yield from own_numbers(entry)


def own_numbers(entry: CatalogueEntry) -> Iterator[str]:
    """The entry's own numbers as comments that become keys when their `#` is taken away."""
    told = numbers_of(entry)
    if told:
        yield "# The catalogue's own values; what stands here without `#` holds instead:"
    for key, value in told.items():
        yield from (f"# {line}" for line in yaml_lines(key, value))


def maintenance_lines(head: Head) -> Iterator[str]:
    """A vacuum of what needs it, measured before and after."""
    yield from head.lines()
    yield "for_each: database"
    yield "requires: {role: primary}"
    yield _noted("timeout: 2h", "stops taking tables then")
    yield "measure:"
    yield "  key: [schema, table]"
    yield "  columns: {total_size: bytes, dead_rows: count}"
    yield "  sql: |"
    yield '    select schemaname::text as schema, relname::text as "table",'
    yield "           pg_total_relation_size(relid) as total_size, n_dead_tup as dead_rows"
    yield "    from pg_stat_user_tables"
    yield "    order by 3 desc"
    yield "    limit 200"
    yield "steps:"
    yield _noted("  - vacuum: {tables: needed, analyze: true}", "or `all`, or a list of names")
    yield "verify:"
    yield "  warning: after.dead_rows > 10% of before.dead_rows and before.dead_rows > 10000"


def item_of(lines: Sequence[str], indent: int) -> str:
    """The lines of a job as an item of `jobs:`; comments that stand before the name stay before it."""
    before = [line for index, line in enumerate(lines) if line.startswith("#") and not _begun(lines[:index])]
    rest = lines[len(before) :]
    space = " " * indent
    made = [*(f"{space}{line}" for line in before), f"{space}- {rest[0]}", *(f"{space}  {line}" for line in rest[1:])]
    return "\n".join(line.rstrip() for line in made) + "\n"


def _begun(lines: Sequence[str]) -> bool:
    return any(not line.startswith("#") for line in lines)


def _sql(sql: str) -> Iterator[str]:
    yield "sql: |"
    yield from (f"  {line}".rstrip() for line in sql.splitlines())


def _threshold(level: str, guess: Guess | None) -> Iterator[str]:
    if guess:
        yield _noted(f"{level}: {guess.value}", f"guess: {guess.why}")


def _example(example: Example) -> Iterator[str]:
    yield f"  - name: {scalar(example.name)}"
    yield f"    rows: [{_inline(example.row)}]"
    yield f"    expect: {f'{{warning: [{scalar(example.key)}]}}' if example.key else 'ok'}"


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return scalar(value)


def _noted(text: str, why: str) -> str:
    return f"{text.ljust(_COMMENT_AT)}  # {why}" if why else text
