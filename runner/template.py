"""Jinja templates in a sandbox, and the cleaning of text that came from elsewhere."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, cast

from runner.errors import TemplateError
from runner.model.quantity import Dimension, show
from runner.model.sql_text import quote_identifier
from runner.model.suggest import did_you_mean
from runner.plain_template import PlainTemplate, read_plain
from runner.records import dataclass

if TYPE_CHECKING:
    from io import StringIO
    from types import TracebackType

    import jinja2
    from jinja2.meta import TrackingCodeGenerator

MESSAGE_LIMIT = 2000
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC and its kin: titles, links
    r"|\x1b[ -/]*[0-~]?"
)
_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
# Controls, and the invisible characters that reorder the text around them.
_CONTROLS = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def clean(text: str, *, newlines: bool = False, limit: int | None = MESSAGE_LIMIT) -> str:
    """Text that cannot harm a terminal or a log: no escapes or controls, one line unless `newlines`, clipped."""
    if limit is not None:
        text = text[: limit * 8]
    if not text.isprintable():
        text = _BREAKS.sub("\n" if newlines else " ", _ESCAPES.sub("", text.replace("\t", " ")))
        text = _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))
    return clip(text, limit)


def clip(text: str, limit: int | None) -> str:
    """At most `limit` characters, the last one an ellipsis when something is missing."""
    return text if limit is None or len(text) <= limit else f"{text[: max(limit - 1, 0)].rstrip()}…"


@dataclass(frozen=True, slots=True)
class Template:
    """A template, compiled when it is first used; templates with the same source are compiled once.

    The output is cleaned: one line of at most `limit` characters unless `multiline`.
    """

    source: str
    name: str = "template"
    multiline: bool = False
    limit: int | None = MESSAGE_LIMIT

    def render(self, context: Mapping[str, object]) -> str:
        """Fills the template in; raises TemplateError that names what is missing and what there is."""
        if not self.is_dynamic:
            return clean(self.source, newlines=self.multiline, limit=self.limit)
        text = self._filled_plainly(context)
        if text is None:
            compiled = self._compiled().template
            try:
                text = compiled.render(context)
            except Exception as error:
                raise self._explained(error, context) from error
        return clean(text, newlines=self.multiline, limit=self.limit)

    def _filled_plainly(self, context: Mapping[str, object]) -> str | None:
        """None when that needs the template engine, or when it fails: the engine says best why."""
        plain = _plain(self.source)
        try:
            return plain.fill(context) if plain else None
        except Exception:
            return None

    def names(self) -> frozenset[str]:
        """The variables that the template takes from its context; raises TemplateError for bad syntax."""
        if not self.is_dynamic:
            return frozenset()
        if (plain := _plain(self.source)) is not None:
            return plain.names
        return self._compiled().names

    @property
    def is_dynamic(self) -> bool:
        """Whether there is anything to fill in; a plain text needs no template engine."""
        return "{" in self.source

    def _compiled(self) -> _Compiled:
        from jinja2 import TemplateSyntaxError

        try:
            return _compile(self.source)
        except TemplateSyntaxError as error:
            message = f"{self.name} cannot be read: {_sentence(error.message or 'bad syntax')}"
            raise TemplateError(message, line=error.lineno, hint=_filter_hint(error.message or "")) from error
        except RecursionError as error:
            raise TemplateError(f"{self.name} cannot be read: it is nested too deep") from error
        except SyntaxError as error:
            # Python's own limits on what Jinja makes of a template.
            raise TemplateError(f"{self.name} cannot be read: {_sentence(error.msg)}") from error

    def _explained(self, error: Exception, context: Mapping[str, object]) -> TemplateError:
        from jinja2 import UndefinedError

        line = _line(error.__traceback__)
        missing = re.fullmatch(r"'([^']+)' is undefined", str(error))
        if isinstance(error, UndefinedError) and missing:
            name = missing[1]
            message = f"{self.name} names `{name}`, which does not exist"
            return TemplateError(message, line=line, hint=_choices(name, [str(key) for key in context]))
        reason = clean(str(error).strip(), limit=300) or type(error).__name__
        return TemplateError(f"{self.name} cannot be filled in: {_sentence(reason)}", line=line)


@cache
def _environment() -> jinja2.Environment:
    from jinja2 import StrictUndefined, pass_context
    from jinja2.sandbox import SandboxedEnvironment

    # Reading a template computes nothing, not even what is constant in it: neither folded by the optimizer nor by an
    # output function that needs no context.
    @pass_context
    def shown(_: object, value: object) -> object:
        return _shown(value)

    environment = SandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=shown,
        optimized=False,
    )
    environment.filters.update(FILTERS)
    return environment


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What Jinja makes of a source, and the variables that it takes from its context."""

    template: jinja2.Template
    names: frozenset[str]


@lru_cache(maxsize=512)
def _compile(source: str) -> _Compiled:
    """As `Environment.from_string` and `jinja2.meta.find_undeclared_variables` do it, in one pass over the source."""
    environment = _environment()
    generator = _generator()
    generator.visit(environment.parse(source))
    code = compile(cast("StringIO", generator.stream).getvalue(), "<template>", "exec")
    template = environment.template_class.from_code(environment, code, environment.make_globals(None))
    return _Compiled(template, frozenset(generator.undeclared_identifiers))


@cache
def _generator_class() -> type[TrackingCodeGenerator]:
    from jinja2.compiler import CodeGenerator
    from jinja2.meta import TrackingCodeGenerator

    class Naming(TrackingCodeGenerator):
        """Gathers the names of variables, and writes the code all the same."""

        write = CodeGenerator.write

    return Naming


def _generator() -> TrackingCodeGenerator:
    generator = _generator_class()(_environment())
    generator.optimizer = None
    return generator


def _shown(value: object) -> object:
    """What `{{ value }}` prints when no filter says otherwise."""
    if value is None:
        return "n/a"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return show_time(value)
    dimension = getattr(value, "dimension", None)
    if isinstance(dimension, Dimension):
        return _in(dimension, value)
    return value


def _in(dimension: Dimension, value: object) -> str:
    raw = _raw(value)
    if isinstance(raw, (float, Decimal)) and not math.isfinite(raw):
        return str(float(raw))
    return show_time(raw) if isinstance(raw, datetime) else show(raw, dimension)


def _raw(value: object) -> object:
    return getattr(value, "value", value)


def _count(value: object) -> str:
    raw = _raw(value)
    if isinstance(raw, (list, tuple, dict, set, frozenset)):
        return str(len(raw))
    return _in(Dimension.NUMBER, raw)


def _signed(value: object) -> object:
    """A change in its unit, with its sign."""
    raw = _raw(value)
    positive = isinstance(raw, (int, float, Decimal)) and raw > 0
    return f"+{_shown(value)}" if positive else _shown(value)


def _of(value: object, noun: str, several: str = "") -> str:
    """A number and its noun: `1 table`, `3 tables`; `several` for nouns that do not just take an s."""
    raw = _raw(value)
    number = len(raw) if isinstance(raw, (list, tuple)) else raw
    return f"{_count(number)} {noun if number == 1 else several or noun + 's'}"


def _ident(value: object) -> str:
    """An identifier as SQL takes it: quoted unless it is plain lower case."""
    text = str(_raw(value))
    return text if re.fullmatch(r"[a-z_][a-z0-9_]*", text, re.ASCII) else quote_identifier(text.replace("\0", ""))


def show_time(value: object) -> str:
    """A moment as `2026-11-24 01:30 UTC`; ISO 8601 text is understood, other values pass unchanged."""
    raw = _raw(value)
    if isinstance(raw, str):
        text = raw
        try:
            raw = datetime.fromisoformat(text)
        except ValueError:
            return text
    if not isinstance(raw, datetime):
        return "n/a" if raw is None else str(raw)
    return f"{raw:%Y-%m-%d %H:%M}" if raw.tzinfo is None else f"{raw.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


FILTERS: dict[str, Callable[..., object]] = {
    "count": _count,
    "number": partial(_in, Dimension.NUMBER),
    "bytes": partial(_in, Dimension.BYTES),
    "duration": partial(_in, Dimension.SECONDS),
    "percent": partial(_in, Dimension.RATIO),
    "signed": _signed,
    "of": _of,
    "ident": _ident,
    "time": show_time,
}
"""The filters beside Jinja's own: each takes a number in its base unit, null, or a value with its unit."""


@lru_cache(maxsize=512)
def _plain(source: str) -> PlainTemplate | None:
    return read_plain(source, FILTERS, _shown)


def _line(traceback: TracebackType | None) -> int:
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _choices(name: str, known: list[str]) -> str:
    if hint := did_you_mean(name, known):
        return hint
    return f"there is {', '.join(f'`{item}`' for item in sorted(known)[:12])}" if known else ""


def _filter_hint(message: str) -> str:
    missing = re.match(r"No filter named '([^']+)'", message)
    if not missing:
        return ""
    hint = did_you_mean(missing[1], _environment().filters)
    return hint or f"there is {', '.join(f'`{name}`' for name in FILTERS)}"


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".") if text[1:2].islower() else text.rstrip(".")
