"""Load, memory, swap and pressure of this host, from /proc of Linux."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from runner.api import Answer, Options, Query, Row, RunContext, RunnerError

PROC = Path("/proc")
_KILOBYTES = 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PRESSURE = re.compile(r"^some .*?avg300=([0-9.]+)", re.MULTILINE)


def fetch(_context: RunContext, _options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row; what the kernel does not tell is null. Raises RunnerError where there is no /proc."""
    yield from ()
    return [host_row(PROC, os.cpu_count())]


def host_row(proc: Path, cpus: int | None) -> Row:
    """The row from the texts of proc(5)."""
    load = _text(proc / "loadavg").split()
    if len(load) < 3:
        raise RunnerError("the load of this host cannot be read: there is no /proc/loadavg (Linux has it)")
    memory, events = _numbers(proc / "meminfo"), _numbers(proc / "vmstat")
    total, free = memory.get("SwapTotal"), memory.get("SwapFree")
    pages = [events[name] for name in ("pswpin", "pswpout") if name in events]
    booted = _numbers(proc / "stat").get("btime")
    return {
        "cpus": cpus,
        **dict(zip(("load1", "load5", "load15"), map(float, load), strict=False)),
        "memory": _bytes(memory.get("MemTotal")),
        "available": _bytes(memory.get("MemAvailable")),
        "swap": _bytes(total),
        "swap_used": None if total is None or free is None else _bytes(total - free),
        "swapped": sum(pages) * _PAGE if pages else None,
        "oom_kills": events.get("oom_kill"),
        **{f"{what}_pressure": _pressure(proc / "pressure" / what) for what in ("cpu", "memory", "io")},
        "booted": None if booted is None else datetime.fromtimestamp(booted, UTC),
    }


def _numbers(path: Path) -> Mapping[str, int]:
    """Lines of a name and a number, such as those of /proc/meminfo and /proc/vmstat."""
    found = re.findall(r"^([A-Za-z_()]+):?\s+(\d+)(?: kB)?$", _text(path), re.MULTILINE)
    return {name: int(value) for name, value in found}


def _pressure(path: Path) -> float | None:
    """The share of the last five minutes in which something waited, in percent (Pressure Stall Information)."""
    found = _PRESSURE.search(_text(path))
    return float(found[1]) if found else None


def _bytes(kilobytes: int | None) -> int | None:
    return None if kilobytes is None else kilobytes * _KILOBYTES


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
