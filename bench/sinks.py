"""What delivering adds to a usual tick: the same 20 checks, with sinks that have nothing to send and with sinks that do.

Each tick is a process of `run-due` on a real server, and all kinds of ticks take turns. The sinks are local: a log file, an
HTML page, metrics for node_exporter, and syslog on a socket that somebody reads. Before that each sink is opened, given one
report and closed in a process of its own, which says how much work it is by itself, its imports included.
"""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from costs import ENVIRONMENT
from figures import Figures, arguments

from runner.api import Outcome, Report, Result
from runner.app.crontab import own_command
from runner.demo.embedded import Server
from runner.model.home import Home, Settings, SinkSettings
from runner.plugins.host import PluginHost
from runner.report.context import open_sink

CHECKS, ROUNDS, AIM = 20, 15, 20.0


def local_sinks(folder: Path, listener: str) -> dict[str, dict[str, Any]]:
    """The sinks of a usual home."""
    return {
        "log": {"type": "log_file", "path": str(folder / "log")},
        "page": {"type": "atomic_file", "path": str(folder / "page.html")},
        "metrics": {"type": "atomic_file", "format": "prometheus", "path": str(folder / "runner.prom")},
        "syslog": {"type": "syslog", "address": listener, "send": ["all", "ok"]},
    }


def write_home(home: Path, server: Server, sinks: Mapping[str, Mapping[str, Any]]) -> None:
    """Twenty checks that are ok, due each minute."""
    (home / "checks.d").mkdir(parents=True)
    settings = {"version": 1, "targets": {"main": server.options()}, "sinks": sinks}
    (home / "runner.yaml").write_text(json.dumps(settings))
    jobs = [
        {
            "check": f"number-{number}",
            "sql": f"select {number} as n, 'row' as name",
            "key": ["name"],
            "warning": "n > 99",
        }
        for number in range(CHECKS)
    ]
    (home / "checks.d" / "usual.yaml").write_text(json.dumps({"schedule": "* * * * *", "jobs": jobs}))


def tick(home: Path, minute: int) -> tuple[float, float]:
    """Milliseconds of one `run-due` for a minute of its own: from its start to its end, and of the processor."""
    now = datetime(2026, 11, 24, tzinfo=UTC) + timedelta(minutes=minute)
    words = [*own_command(), "--home", str(home), "run-due", "--now", f"{now:%Y-%m-%dT%H:%M:%SZ}"]
    began, before = time.perf_counter(), worked()
    done = subprocess.run(words, env=ENVIRONMENT, check=False, capture_output=True, text=True)
    took = (time.perf_counter() - began) * 1000, worked() - before
    if done.returncode or done.stdout or done.stderr:
        raise SystemExit(f"the tick ended with {done.returncode}: {done.stdout}{done.stderr}")
    return took


def worked() -> float:
    """Milliseconds of the processor that ended children have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1000


def read(sock: socket.socket) -> None:
    while sock.recv(65536):
        pass


def alone(name: str, folder: Path) -> None:
    """Prints the milliseconds of the processor that one sink costs a process that has done everything else."""
    options = local_sinks(folder, str(folder / "syslog"))[name]
    kept = {key: value for key, value in options.items() if key not in ("type", "format", "send")}
    registry = PluginHost({}, no_plugins=True).registry()
    settings = SinkSettings(name=name, type=options["type"], options=kept, format=options.get("format", ""))
    home, made = Home(path=folder, settings=Settings(sinks={name: settings})), _report()
    before = time.process_time()
    sink = open_sink(settings, home, registry, print)
    sink.emit(made)
    sink.close()
    print((time.process_time() - before) * 1000)


def _report() -> Report:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    results = tuple(
        Result(
            run=str(number), job=f"number-{number}", kind="check", group="usual", title="", target="main", slot=now,
            started=now, finished=now, outcome=Outcome(summary="1 row within its limit"),
        )
        for number in range(CHECKS)
    )  # fmt: skip
    return Report(id="bench", group="usual", title="Usual", slot=now, created=now, results=results)


def measure_alone(folder: Path, rounds: int, figures: Figures) -> None:
    total = 0.0
    for name in local_sinks(folder, ""):
        words = [sys.executable, __file__, "--alone", name, "--folder", str(folder)]
        found = [float(subprocess.run(words, check=True, capture_output=True, text=True).stdout) for _ in range(rounds)]
        total += min(found)
        print(f"{name:16} {min(found):7.1f} ms of the processor by itself")
        figures.add(f"`{name}` alone: the processor, the quickest", min(found), "ms")
    print(f"{'together':16} {total:7.1f} ms of the processor")


def main() -> None:
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--alone", default="", help="only this sink, in this process")
    parser.add_argument("--folder", type=Path, default=Path())
    given = parser.parse_args()
    if given.alone:
        alone(given.alone, given.folder)
        return
    rounds = 1 if given.quick else given.rounds
    figures = Figures("sinks", f"{CHECKS} checks on one server, four local sinks; {rounds} ticks", given.quick)
    with (
        tempfile.TemporaryDirectory(prefix="runner-bench-") as name,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
    ):
        folder = Path(name)
        sock.bind(str(folder / "syslog"))
        threading.Thread(target=read, args=(sock,), daemon=True).start()
        measure_alone(folder, rounds, figures)
        server = Server.start(folder / "pg")
        try:
            measure(folder, server, rounds, figures)
        finally:
            server.remove()
    figures.write()


def measure(folder: Path, server: Server, count: int, figures: Figures) -> None:
    sinks = local_sinks(folder, str(folder / "syslog"))
    silent = {name: {**sink, "send": ["critical"]} for name, sink in sinks.items()}
    each = {} if figures.quick else {name: {name: sink} for name, sink in sinks.items()}
    kinds = {"nothing to send": silent, **each, "all four": sinks}
    homes = {kind: folder / f"home-{number}" for number, kind in enumerate(kinds)}
    for kind, home in homes.items():
        write_home(home, server, kinds[kind])
        tick(home, 0)
    rounds = [{kind: tick(home, minute) for kind, home in homes.items()} for minute in range(1, count + 1)]
    # As with timeit, the quickest says what the work costs; the others say what else the machine did.
    quickest = {kind: [min(item[kind][place] for item in rounds) for place in (0, 1)] for kind in kinds}
    base = quickest["nothing to send"]
    print(f"{CHECKS} checks on one server; the quickest of {count} ticks of each kind by turns, and what the sinks add")
    for kind, (wall, work) in quickest.items():
        line = f"{kind:16} {wall:7.1f} ms ({work:6.1f} ms of the processor)"
        print(line if kind == "nothing to send" else f"{line}   {wall - base[0]:+6.1f} ms ({work - base[1]:+6.1f} ms)")
    more = quickest["all four"][0] - base[0]
    figures.add("what all four add to a tick", more, "ms", AIM)
    print(f"the aim is {AIM:g} ms for all four: {'reached' if more <= AIM else 'missed'}")


if __name__ == "__main__":
    main()
