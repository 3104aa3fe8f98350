"""The servers that lines name, as targets of the home: those that are there, and those that runner.yaml lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from runner.api import Target
from runner.app.imports.calls import Call
from runner.app.readable import scalar
from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A server (and where it matters a database) that a line names; all empty for what the program would choose."""

    host: str = ""
    port: str = ""
    dbname: str = ""
    service: str = ""
    user: str = ""
    has_password: bool = False

    @property
    def is_named(self) -> bool:
        return bool(self.host or self.port or self.dbname or self.service)

    @property
    def name(self) -> str:
        """A name for the target."""
        words = [self.service, self.host, self.port if self.port != "5432" else "", self.dbname]
        joined = "-".join(re.sub(r"[^A-Za-z0-9_-]+", "-", word).strip("-") for word in words if word)
        return joined.strip("-") or "main"


def places_of(call: Call, *, with_database: bool) -> tuple[Place, ...]:
    """Every combination of the hosts and ports of a line, in its order; ports go along with hosts when both are lists."""
    hosts, ports = call.many("host") or ("",), call.many("port") or ("",)
    names = (call.many("dbname") or ("",)) if with_database else ("",)
    pairs = list(zip(hosts, ports, strict=True)) if len(hosts) == len(ports) else [(h, p) for h in hosts for p in ports]
    return tuple(
        Place(
            host=host, port=port, dbname=name, service=call.one("dbservice"), user=call.one("user"),
            has_password=bool(call.one("password")),
        )
        for host, port in pairs
        for name in names
    )  # fmt: skip


def target_of(place: Place, targets: Mapping[str, Target]) -> str:
    """The target that is this place, empty when there is none."""
    for name, target in targets.items():
        options = target.options
        has = {key: str(options.get(key) or "") for key in ("host", "port", "dbname", "service")}
        port = has["port"] or "5432"
        if (
            place.host in ("", has["host"])
            and place.port in ("", port)
            and place.dbname in ("", has["dbname"])
            and place.service in ("", has["service"])
        ):
            return name
    return ""


def as_targets(places: Sequence[Place]) -> Iterator[str]:
    """The lines that runner.yaml lacks; passwords stay where they are."""
    yield "targets:"
    for name, place in {place.name: place for place in places}.items():
        options = {
            "service": place.service,
            "host": place.host,
            "port": place.port,
            "dbname": place.dbname,
            "user": place.user,
        }
        told = [f"{key}: {scalar(value)}" for key, value in options.items() if value]
        if place.has_password:
            told.append(f'password: "${{{re.sub(r"[^A-Z0-9]+", "_", name.upper())}_PASSWORD}}"')
        yield f"  {name}: {{{', '.join(told)}}}"
