"""Reads `postgresql://…` of `state:` without connecting; nothing that it shows holds a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from runner.config.dsn import SECRET_KEYWORDS, parse_dsn, passwords_in
from runner.errors import ConfigurationError, StoreError
from runner.model.secret import Secret
from runner.records import dataclass

SCHEMES: Final = ("postgresql", "postgres")
DEFAULT_PORT: Final = "5432"
_HINT: Final = "write `state: postgresql://USER@HOST:5432/DATABASE`, and the password in .env as PGPASSWORD or ${NAME}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a store is: libpq's keywords, and how they are shown."""

    options: Mapping[str, str | Secret] = field(repr=False)
    secrets: tuple[Secret, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        hosts = [f"{_bracketed(host)}{port and f':{port}'}" for host, port in _hosts(self.options)]
        return f"postgresql://{','.join(hosts)}/{self.options.get('dbname', '')}"


def is_postgres(url: str) -> bool:
    return url.partition(":")[0].lower() in SCHEMES


def read_address(url: str) -> Address:
    """The address that the URL names. Raises StoreError, in whose words nothing of the URL is repeated."""
    if not url.partition(":")[2].startswith("//"):
        raise StoreError("`state:` names no server after `postgresql:`", hint=_HINT)
    try:
        options = parse_dsn(url)
    except ConfigurationError as error:
        raise StoreError(f"`state:` cannot be read: {error.message}", hint=error.hint) from None
    if not options.get("dbname") and not options.get("service"):
        raise StoreError("`state:` names no database after the server", hint=_HINT)
    return Address(options=options, secrets=_secrets(url, options))


def places(options: Mapping[str, str | Secret]) -> frozenset[tuple[str, str, str]]:
    """Host, port and database of every server that the keywords name."""
    database = str(options.get("dbname") or options.get("user") or "")
    return frozenset((host.lower() or "localhost", port or DEFAULT_PORT, database) for host, port in _hosts(options))


def _hosts(options: Mapping[str, str | Secret]) -> list[tuple[str, str]]:
    hosts = str(options.get("host") or options.get("hostaddr") or "").split(",")
    ports = str(options.get("port") or "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    return list(zip(hosts, ports, strict=False))


def _secrets(url: str, options: Mapping[str, str | Secret]) -> tuple[Secret, ...]:
    given = [value for key in sorted(SECRET_KEYWORDS) if isinstance(value := options.get(key), Secret)]
    return tuple(dict.fromkeys([*given, *map(Secret, passwords_in(url))]))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
