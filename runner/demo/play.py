"""The demonstration: a server with real problems, the shipped jobs on it, and whether they found everything."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from runner.demo.binaries import choose
from runner.demo.embedded import Server
from runner.demo.evidence import Verdict, expectations, judge
from runner.demo.home import Place, command, environment, prepare, without_servers, write_home
from runner.demo.oracle import DATABASE, GROWTH, OWNER, ROLE, create, execute, grants
from runner.demo.planted import end_sessions, plant_at_rest, plant_sessions
from runner.errors import RunnerError
from runner.records import dataclass

_STATES = range(4)
"""The exit codes of commands that answer like a monitoring plugin."""
_PAGES = ("db-health-check", "weekly-health-check")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of it, and where its logs and reports lie; `cleaned` when they were removed."""

    verdicts: tuple[Verdict, ...]
    place: Place
    seconds: float
    cleaned: bool

    @property
    def complete(self) -> bool:
        return all(verdict.found for verdict in self.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the demonstration happens and how it speaks."""

    place: Place
    server: Server
    say: Callable[[str], None]
    page_format: str

    def headline(self, text: str) -> None:
        self.say("")
        self.say(f"== {text}")

    def runner(self, *words: str, codes: range = range(1), to: str = "") -> None:
        """Shows a command and runs it in the home; its output goes to the screen, or to a file."""
        self.say(f"$ runner {shlex.join(words)}{f' > {to}' if to else ''}")
        with ExitStack() as stack:
            done = subprocess.run(
                command(*words),
                cwd=self.place.home,
                env=environment(self.place),
                stdin=subprocess.DEVNULL,
                stdout=stack.enter_context(Path(to).open("wb")) if to else None,
                check=False,
            )
        if done.returncode not in codes:
            raise RunnerError(
                f"`runner {shlex.join(words)}` ended with {done.returncode}", hint="its message stands above"
            )

    def sql(self, user: str, *statements: str) -> None:
        """Shows statements and runs them in the application's database."""
        for statement in statements:
            self.say(f"{user}=> {statement};")
        execute(self.server, user, statements)


def play(
    say: Callable[[str], None],
    *,
    folder: str = "",
    programs: Path | None = None,
    clean: bool = False,
    page_format: str = "text",
) -> Played:
    """Plays all of it; the server is stopped and its data removed whatever happens. Raises RunnerError."""
    began = time.monotonic()
    installation = choose(folder=programs)
    place = prepare(folder)
    server = None
    try:
        say(f"A PostgreSQL {installation.major}.{installation.version[1]} of its own: {installation.folder}")
        server = Server.start(place.server, programs=installation.folder)
        say(f"its data: {server.data}, its only door: a socket in {server.sockets}")
        with without_servers():
            verdicts = _acts(Stage(place=place, server=server, say=say, page_format=page_format))
    except RunnerError:
        # The messages name files in there.
        place.remove_server(server)
        raise
    except BaseException:
        place.clean(server)
        raise
    (place.clean if clean else place.remove_server)(server)
    return Played(verdicts=verdicts, place=place, seconds=time.monotonic() - began, cleaned=clean)


def _acts(stage: Stage) -> tuple[Verdict, ...]:
    place = stage.place
    _set_up(stage)
    _first_night(stage)
    pids = _sessions(stage)
    _second_night(stage)
    _rest_of_the_week(stage)
    stage.headline("What is still open, from history alone; and the reports as files")
    stage.runner("status", "--now", "2026-11-30T00:05Z", codes=_STATES)
    for group in _PAGES:
        suffix = "html" if stage.page_format == "html" else "txt"
        page = place.reports / f"{group}.{suffix}"
        words = ("run", group, "--no-deliver", "--format", stage.page_format, "--now", "2026-11-30T00:05Z")
        stage.runner(*words, codes=_STATES, to=str(page))
    return judge(expectations(pids["idle"], pids["blocked"], place.told), place.records)


def _set_up(stage: Stage) -> None:
    stage.headline(f"The database {DATABASE} of the role {OWNER}; the role {ROLE} may log in and nothing else")
    create(stage.server)
    write_home(stage.place, stage.server)
    stage.say(f"$ cd {stage.place.home}")
    stage.runner("init", ".", to=os.devnull)
    stage.say("(the shipped jobs, unchanged; its runner.yaml was there before and stays)")
    stage.headline("What does the role lack? The doctor knows, and we do what it says")
    stage.runner("doctor", codes=range(2))
    stage.sql("postgres", *grants(stage.server))


def _first_night(stage: Stage) -> None:
    stage.headline(
        "Planted: dead rows where autovacuum is off, a table without a primary key, an invalid index, an unread slot"
    )
    plant_at_rest(stage.server)
    stage.headline("Tuesday 01:30, the daily health check; nothing is known yet about growth")
    stage.runner("run-due", "--now", "2026-11-24T01:30Z")


def _sessions(stage: Stage) -> dict[str, str]:
    stage.headline("Planted: oracle-api went away inside a transaction, oracle-worker waits for its lock")
    sessions = plant_sessions(stage.server)
    stage.headline("Tuesday 02:00, the hourly alerts")
    stage.runner("run-due", "--now", "2026-11-24T02:00Z")
    stage.headline("The operator ends the session that is to blame, as the report advises; 03:00, the alerts again")
    stage.sql("postgres", f"select pg_terminate_backend({sessions.pids['idle']})")
    end_sessions(stage.server, sessions)
    stage.runner("run-due", "--now", "2026-11-24T03:00Z")
    return sessions.pids


def _second_night(stage: Stage) -> None:
    stage.headline("A day later the database has grown; Wednesday 01:30, the daily health check says by how much")
    execute(stage.server, OWNER, GROWTH)
    stage.runner("run-due", "--now", "2026-11-25T01:30Z")
    stage.headline("Wednesday 03:00, vacuum and analyze, and what the schema looks like after it")
    stage.runner("run-due", "--now", "2026-11-25T03:00Z")


def _rest_of_the_week(stage: Stage) -> None:
    stage.headline("Thursday 01:30, the daily health check: the dead rows are gone")
    stage.runner("run-due", "--now", "2026-11-26T01:30Z")
    stage.headline(f"Friday 01:00, the restart; pm2 is a stand-in here: {stage.place.home / 'bin' / 'pm2'}")
    stage.runner("run-due", "--now", "2026-11-27T01:00Z")
    stage.headline("Monday 00:00, the weekly check; nobody called runner for days, so the daily one is made up for")
    stage.runner("run-due", "--now", "2026-11-30T00:00Z")
