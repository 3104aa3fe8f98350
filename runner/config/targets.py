"""The servers of runner.yaml, and the target `main` that the environment describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from runner.config.dsn import KEYWORDS, SECRET_KEYWORDS, Options, parse_dsn
from runner.config.environment import Environment
from runner.config.nodes import text_of, texts_of, value_of
from runner.errors import ConfigurationError
from runner.model.diagnostic import BUILT_IN, Diagnostic, Span
from runner.model.node import MappingNode, Node, Scalar
from runner.model.secret import Secret
from runner.model.target import DatabaseFilter, Target

MAIN: Final = "main"
_PARTS: Final = {
    "DATABASE_HOST": "host",
    "DATABASE_PORT": "port",
    "DATABASE_NAME": "dbname",
    "DATABASE_USER": "user",
    "DATABASE_PASSWORD": "password",
}
_LIBPQ: Final = {
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGPORT": "port",
    "PGDATABASE": "dbname",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGPASSFILE": "passfile",
    "PGSERVICE": "service",
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGOPTIONS": "options",
}
_FALLBACK: Final = {"host": "localhost", "dbname": "postgres", "user": "postgres"}
Complain = Callable[[Diagnostic], None]


def read_targets(
    node: Node | None, environment: Environment, complain: Complain, *, elsewhere: bool = False
) -> dict[str, Target]:
    """The targets by name; without any in the file, `main` from the environment, unless targets stand elsewhere."""
    if not isinstance(node, MappingNode):
        return {} if elsewhere else {MAIN: implicit_main(environment, complain)}
    found: dict[str, Target] = {}
    for name, entry in node.entries.items():
        if isinstance(entry.node, MappingNode):
            target = _read(name, entry.node, entry.key_span, environment, complain)
            if target:
                found[name] = target
    return found


def target_parts(node: Node | None) -> Target:
    """What a mapping says of targets that have no name yet: options, databases and params."""
    if not isinstance(node, MappingNode):
        return Target(name="", options={})
    return Target(
        name="",
        options=_given(node),
        databases=_databases(node.get("databases")),
        params=_params(node.get("params")),
        span=node.span,
    )


def implicit_main(environment: Environment, complain: Complain) -> Target:
    """DATABASE_HOST and its siblings, then DATABASE_URL, then PG*, then a server on this machine."""
    return Target(name=MAIN, options=_filled({}, environment, complain, BUILT_IN))


def _filled(given: Options, environment: Environment, complain: Complain, span: Span) -> Options:
    """The given parts, completed by what the environment says about the database."""
    options: Options = {**_from_url(environment, complain, span), **_from_parts(environment), **given}
    if "service" in options:
        return options
    copied = {keyword: value for name, keyword in _LIBPQ.items() if (value := environment.from_files.get(name))}
    for name, keyword in _LIBPQ.items():
        # The library sees the real environment by itself, but not what stands in an env file.
        if not environment.real.get(name) and keyword in copied and keyword not in options:
            options[keyword] = _guarded(keyword, copied[keyword])
    by_libpq = {keyword for name, keyword in _LIBPQ.items() if environment.real.get(name)}
    if "service" in by_libpq or "service" in options:
        return options
    if "hostaddr" in options or "hostaddr" in by_libpq:
        by_libpq.add("host")
    return {**{key: value for key, value in _FALLBACK.items() if key not in by_libpq}, **options}


def _from_url(environment: Environment, complain: Complain, span: Span) -> Options:
    url = environment.get("DATABASE_URL")
    if not url:
        return {}
    try:
        return parse_dsn(url)
    except ConfigurationError as error:
        message = f"DATABASE_URL: {error.message}"
        complain(Diagnostic(code="bad-dsn", span=span, message=message, hint=error.hint))
        return {}


def _from_parts(environment: Environment) -> Options:
    return {keyword: _guarded(keyword, value) for name, keyword in _PARTS.items() if (value := environment.get(name))}


def _guarded(keyword: str, value: str) -> str | Secret:
    return Secret(value) if keyword in SECRET_KEYWORDS else value


def _read(name: str, node: MappingNode, span: Span, environment: Environment, complain: Complain) -> Target | None:
    try:
        given = _given(node)
    except ConfigurationError as error:
        where = node.entries["dsn"].node.span
        complain(Diagnostic(code="bad-dsn", span=where, message=error.message, hint=error.hint))
        return None
    if name == MAIN and "service" not in given:
        given = _filled(given, environment, complain, span)
    return Target(
        name=name,
        options=given,
        labels=_labels(node.get("labels")),
        databases=_databases(node.get("databases")),
        params=_params(node.get("params")),
        span=span,
    )


def _given(node: MappingNode) -> Options:
    dsn = text_of(node.get("dsn"))
    options: Options = parse_dsn(dsn) if dsn else {}
    for key, entry in node.entries.items():
        text = text_of(entry.node)
        if key in KEYWORDS and text:
            options[key] = _guarded(key, text)
    return options


def _labels(node: Node | None) -> dict[str, str]:
    if not isinstance(node, MappingNode):
        return {}
    return {key: text_of(entry.node) for key, entry in node.entries.items() if isinstance(entry.node, Scalar)}


def _databases(node: Node | None) -> DatabaseFilter:
    if not isinstance(node, MappingNode):
        return DatabaseFilter()
    return DatabaseFilter(include=texts_of(node.get("include"), ("*",)), exclude=texts_of(node.get("exclude")))


def _params(node: Node | None) -> Mapping[str, object]:
    value = value_of(node)
    return value if isinstance(value, dict) else {}
