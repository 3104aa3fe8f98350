"""What is fuzzed: each subject takes bytes, does all that runner does with them, and raises only what is a bug."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import yaml

from fuzz.mutate import WORDS
from runner.compile.home import load_home
from runner.compile.lint import lint
from runner.config.assemble import checks_schema, runner_schema
from runner.config.diagnostics import render_all
from runner.config.document import parse as parse_document
from runner.config.schema import Checker
from runner.errors import ExpressionError, ScheduleError, TemplateError
from runner.expr import (
    Environment,
    Scope,
    analyse,
    facts,
    in_words as expression_in_words,
    parse,
    quantity,
    truth,
    value,
)
from runner.model.history import Past, Sample, Series
from runner.plugins.host import PluginHost
from runner.plugins.registry import Registry
from runner.schedule import advice, following, in_words, latest, missed, parse as parse_schedule, period
from runner.template import Template

ROOT: Final = Path(__file__).resolve().parent.parent
NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_KINDS: Final[dict[str, str | None]] = {
    "table": "text", "dead_rows": "count", "live_rows": "count", "size": "bytes", "lag": "interval",
    "last_vacuum": "timestamp", "has_pk": "bool", "missing": None,
}  # fmt: skip
_ROW: Final[dict[str, object]] = {
    "table": "orders", "dead_rows": 150_000, "live_rows": 0, "size": 10 * 1024**3, "lag": timedelta(minutes=2),
    "last_vacuum": NOW - timedelta(days=3), "has_pk": True, "missing": None,
}  # fmt: skip
_PARAMS: Final[dict[str, object]] = {"limit": "5GB", "share": "20%", "count": 3}
_SERIES: Final = Series("", ("orders",))


@dataclass(frozen=True, slots=True)
class Subject:
    """`share` says which part of all inputs it gets."""

    run: Callable[[bytes], None]
    seeds: Callable[[], tuple[str, ...]]
    words: tuple[str, ...]
    share: float


@cache
def _registry() -> Registry:
    return PluginHost({}, no_plugins=True).registry()


@cache
def _checkers() -> tuple[Checker, Checker]:
    return Checker(checks_schema(_registry())), Checker(runner_schema(_registry()))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass" if data.find(b"\xed") >= 0 and _decodes(data) else "replace")


def _decodes(data: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        data.decode("utf-8", "surrogatepass")
        return True
    return False


def expression(data: bytes) -> None:
    """Parses, checks, says in words, and evaluates on a row with a past."""
    text = _text(data)
    try:
        tree = parse(text)
    except ExpressionError as error:
        _assert_place(error, text)
        return
    for known in (True, False):
        for problem in analyse(tree, Scope(columns=_KINDS, known=known, params=_PARAMS)).problems:
            _assert_place(problem, text)
    expression_in_words(tree)
    row = {name: quantity(item, _KINDS[name]) for name, item in _ROW.items()}
    samples = tuple(Sample(NOW - timedelta(days=ago), 1000 - ago) for ago in range(9, 0, -1))
    past = Past({_SERIES: dict.fromkeys(facts(tree).needs, samples)})
    environment = Environment(row=row, rows=[row, {}], past=past, series=_SERIES, params=_PARAMS, now=NOW)
    truth(tree, environment)
    value(tree, environment)


def _assert_place(error: ExpressionError, text: str) -> None:
    # What is missing at the end has its place one behind the text.
    if not (0 <= error.start <= len(text) and error.start <= error.end <= max(1, len(text) + 1) and error.message):
        raise AssertionError(f"the place {error.start} to {error.end} of `{error.message}` is not in the text")


def document(data: bytes) -> None:
    """Parses YAML, checks it against both schemas, and draws every complaint with its line."""
    text = _text(data)
    found = parse_document(text, "f.yaml")
    diagnostics = list(found.diagnostics)
    if found.root is None:
        if found.text.strip() and not diagnostics and not _is_empty(found.text):
            raise AssertionError("nothing was read, and nothing was said")
    else:
        for checker in _checkers():
            diagnostics += [item.diagnostic for item in checker.complaints(found.root)]
    render_all(diagnostics, {"f.yaml": found.text})


def _is_empty(text: str) -> bool:
    """Comments and markers alone are an empty file."""
    with suppress(yaml.YAMLError):
        return yaml.safe_load(text) is None
    return False


@cache
def _home() -> Path:
    home = Path(mkdtemp(prefix="runner-fuzz-"))
    (home / "checks.d").mkdir()
    (home / "checks.d" / "neighbour.yaml").write_text(
        "check: neighbour-of-all\nsql: select 1 as one\nwarning: one > 1\n"
    )
    return home


def home(data: bytes) -> None:
    """Loads a home with the input as a file of jobs; the job of the file beside it must be there whatever happens."""
    path = _home() / "checks.d" / "input.yaml"
    path.write_bytes(data)
    _load()


def settings(data: bytes) -> None:
    """Loads a home with the input as runner.yaml."""
    path = _home() / "runner.yaml"
    path.write_bytes(data)
    try:
        _load()
    finally:
        path.unlink()


def _load() -> None:
    loaded = load_home(_home(), _registry(), {"DATABASE_HOST": "localhost", "REPORTING_DSN": "postgresql://db2/app"})
    if "neighbour-of-all" not in {job.name for job in loaded.jobs} and b"neighbour-of-all" not in _written():
        raise AssertionError("a bad file took the job of another file with it")
    lint(loaded, _registry().kinds, NOW)
    render_all(loaded.diagnostics, loaded.sources)


def _written() -> bytes:
    path = _home() / "checks.d" / "input.yaml"
    return path.read_bytes() if path.exists() else b""


def template(data: bytes) -> None:
    """Names and text of a message."""
    with suppress(TemplateError):
        made = Template(_text(data), "message")
        made.names()
        made.render({**_ROW, "rows": [_ROW], "params": _PARAMS})


def schedule(data: bytes) -> None:
    """Parses a schedule, says it in words, and finds its next slots."""
    with suppress(ScheduleError):
        found = parse_schedule(_text(data), "Europe/Paris")
        in_words(found)
        advice(found)
        period(found)
        latest(found, NOW)
        following(found, NOW, 3)
        missed(found, NOW - timedelta(days=2), NOW)


@cache
def yaml_seeds() -> tuple[str, ...]:
    """Every shipped file of jobs."""
    return tuple(path.read_text("utf-8") for path in sorted((ROOT / "checks.d").rglob("*.yaml")))


@cache
def settings_seeds() -> tuple[str, ...]:
    """The shipped runner.yaml, and one with everything in it."""
    return ((ROOT / "runner.yaml").read_text("utf-8"), _EVERYTHING)


_EVERYTHING: Final = """\
version: 1
env_files: [.env]
defaults: {timezone: UTC, statement_timeout: 30s, lock_timeout: 2s, remind_every: 6h}
targets:
  main: {host: "${DATABASE_HOST:-localhost}", dbname: app, labels: {env: prod}, databases: {include: ["*"], exclude: [template*]}}
  reporting: {dsn: "${REPORTING_DSN}", params: {most: 5}}
sinks: {log: {type: log_file, path: health.log, format: text}, screen: {type: stdout, send: [problems]}}
routes: [{groups: [neighbour], sinks: [log]}, {states: [critical], sinks: [screen]}]
windows: {night: {from: "22:30", to: "05:00", days: [tue, wed], timezone: Europe/Paris}}
silences: [{jobs: [neighbour-*], targets: {env: staging}, until: 2027-01-31, reason: bulk load}]
retention: {samples: 90d, runs: 400d}
connections: 4
"""


def _values(*keys: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for seed in yaml_seeds() for text in _below(yaml.safe_load(seed), keys)))


def _below(data: object, keys: tuple[str, ...], wanted: bool = False) -> Iterator[str]:
    if isinstance(data, Mapping):
        for key, item in data.items():
            yield from _below(item, keys, key in keys)
    elif isinstance(data, list):
        for item in data:
            yield from _below(item, keys, wanted)
    elif wanted and isinstance(data, str):
        yield data


@cache
def expression_seeds() -> tuple[str, ...]:
    """Every shipped threshold, and the examples of the documentation."""
    page = (ROOT / "docs" / "thresholds.md").read_text("utf-8")
    rows = [line.split("|")[1 if line.startswith("| `") else 3] for line in page.splitlines() if line.count("|") > 3]
    shown = tuple(cell.strip(" `") for cell in rows if cell.strip().startswith("`"))
    return (*_values("warning", "critical", "clear", "computed"), *shown)


@cache
def template_seeds() -> tuple[str, ...]:
    """Every shipped message, summary and hint."""
    return _values("message", "summary", "hint")


@cache
def schedule_seeds() -> tuple[str, ...]:
    """Every shipped schedule, and some of each form."""
    more = (
        "30 1 * * *",
        "*/5 8-18 * * mon-fri",
        "@daily",
        "hourly",
        "every 15min",
        "daily at 01:30 and 13:30",
        "monthly on 1 at 00:10",
    )
    return (*_values("schedule"), *more)


SUBJECTS: Final[Mapping[str, Subject]] = {
    "expression": Subject(expression, expression_seeds, WORDS["expression"], 0.575),
    "document": Subject(document, yaml_seeds, WORDS["yaml"], 0.15),
    "home": Subject(home, yaml_seeds, WORDS["yaml"], 0.015),
    "settings": Subject(settings, settings_seeds, WORDS["yaml"], 0.01),
    "template": Subject(template, template_seeds, WORDS["template"], 0.1),
    "schedule": Subject(schedule, schedule_seeds, WORDS["schedule"], 0.15),
}
