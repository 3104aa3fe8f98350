"""A result as the body of Icinga 2's action `process-check-result`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from runner.api import Report, Result, State, clean

# https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#process-check-result: the states of services are 0 to 3;
# `plugin_output` is without performance data, which is a list; after `ttl` seconds Icinga checks for freshness itself.
_EXITS = {State.WARNING: 1, State.CRITICAL: 2, State.UNKNOWN: 3}
_ITEM = re.compile(r"'(?:[^']|'')*'=\S+|[^\s=']+=\S+")
_LATE = timedelta(minutes=1)
_USUAL = timedelta(hours=25)
_NAME = 250


def body_of(
    report: Report, result: Result, render: Callable[[Report], str], *, host: str, service: str, source: str
) -> dict[str, Any]:
    """`render` writes the output of a monitoring plugin, the format `nagios`."""
    output, performance = parts(render(replace(report, results=(result,), faults=())))
    return {
        "type": "Service",
        # By its name and not by a filter: whatever a name holds, it means no other object; and one that is not there is
        # 404, where a filter that finds nothing is 500.
        "service": f"{clean(host, limit=_NAME)}!{clean(service, limit=_NAME)}",
        "exit_status": _EXITS.get(result.state, 0),
        "plugin_output": output,
        "performance_data": performance,
        "check_source": source,
        "execution_start": result.started.timestamp(),
        "execution_end": result.finished.timestamp(),
        "ttl": round(lasting(report).total_seconds()),
    }


def lasting(report: Report) -> timedelta:
    """Until when the next result must have come: a report may be as late as one interval and a bit."""
    if report.next_slot is None:
        return _USUAL
    interval = report.next_slot - report.slot
    return max(report.next_slot - report.created, timedelta()) + interval + _LATE


def parts(output: str) -> tuple[str, list[str]]:
    """The text without, and the items of, the performance data."""
    first, newline, rest = output.partition("\n")
    text, _, data = first.partition("|")
    return f"{text.rstrip()}{newline}{rest}".rstrip("\n"), _ITEM.findall(data)
