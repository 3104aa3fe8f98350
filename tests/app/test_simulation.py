"""Whatever happens to clock, home, sinks and ticks: no slot is lost or run twice, and every change is told.

`SIMULATION=200 pytest tests/app/test_simulation.py -s` tries so many stories; a story that fails is printed as a
program, and `pytest --hypothesis-seed=N` repeats the others.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runner.app.acks import Meant, acknowledge
from runner.app.silencing import add as add_silence
from runner.crashpoints import POINTS
from runner.errors import RunnerError
from runner.report import deliver
from tests.app.accounts import Accounts, check_deliveries, check_runs
from tests.app.simulated import SCRIPT, SetClock, Simulated, Ticked

STORIES = int(os.environ.get("SIMULATION", "0"))
BEGIN = datetime(2026, 3, 4, 2, 58, tzinfo=UTC)
STEPS = [timedelta(seconds=7), timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=16), timedelta(hours=1),
         timedelta(hours=5), timedelta(days=1), timedelta(weeks=2)]  # fmt: skip
SCHEDULES = ("hourly", "every 15min", "daily at 03:00", "'*/7 * * * *'", "'30 2-4 * * *'")
PAIR = f"""jobs:
  - sim.work: first
  - command: second
    shell: '{SCRIPT}; test ! -e fail-second'
"""
FILES = {
    "look": "sim.look: look\n",
    "pair": PAIR,
    "once": f"command: once\nshell: '{SCRIPT}; test ! -e fail-once'\n",
    "again": f"command: again\nretry: {{times: 1, wait: 0s}}\nshell: '{SCRIPT}; test ! -e fail-again'\n",
    "nightly": "sim.work: nightly\nwindow: night\noverlap: wait\n",
}
REPEATS = {"look": True, "first": True, "second": False, "once": False, "again": True, "nightly": True}
NAMES = st.sampled_from(sorted(FILES))
KEYS = st.lists(st.sampled_from(["k:warning", "k:critical", "m:warning", "m:critical"]), max_size=2, unique=True)


class Stories(RuleBasedStateMachine):
    """One home, from its first tick until all faults have ended."""

    @initialize(schedules=st.tuples(*(st.sampled_from(SCHEDULES) for _ in FILES)))
    def begin(self, schedules: tuple[str, ...]) -> None:
        self.folder = Path(mkdtemp(prefix="story-"))
        self.world = Simulated(self.folder / "home", SetClock(BEGIN))
        self.accounts = Accounts()
        self.schedules = dict(zip(FILES, schedules, strict=True))
        self.extras = dict.fromkeys(FILES, "")
        self.there = set(FILES)
        self.long: tuple[threading.Thread, str] | None = None
        self.patches = ExitStack()
        self.patches.enter_context(self.world.deaths.installed())
        # A sink that hangs costs a story no second.
        self.patches.enter_context(patch.object(deliver, "_GRACE", 0.02))
        for name in FILES:
            self.write(name)
        assert self.world.errors() == ""
        self.tick()

    def write(self, name: str) -> None:
        text = f"schedule: {self.schedules[name]}\n{self.extras[name]}{FILES[name]}"
        self.world.write(name, text if name in self.there else None)

    # ---- time and ticks

    @rule(step=st.sampled_from(STEPS), ticks=st.booleans())
    def time_goes_on(self, step: timedelta, ticks: bool) -> None:
        self.world.clock.at += step
        if ticks:
            self.tick()

    @rule(step=st.sampled_from(STEPS[1:7]))
    def the_clock_is_set_back(self, step: timedelta) -> None:
        before = self.world.clock.at
        self.world.clock.at -= step
        self.accounts.set_back(before, self.world.clock.at)

    @rule()
    def tick(self) -> None:
        self.note(self.world.tick())

    @rule(point=st.sampled_from(POINTS), times=st.integers(1, 3), step=st.sampled_from(STEPS[:6]))
    def a_tick_dies(self, point: str, times: int, step: timedelta) -> None:
        self.world.clock.at += step
        self.note(self.world.tick(point, times))

    @rule(points=st.tuples(*[st.sampled_from(("", *POINTS))] * 2), step=st.sampled_from(STEPS[:6]))
    def two_ticks_at_once(self, points: tuple[str, str], step: timedelta) -> None:
        self.world.clock.at += step
        self.world.loaded()
        done: list[Ticked] = []
        threads = [threading.Thread(target=lambda p=point: done.append(self.world.tick(p))) for point in points]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(done) == 2
        for each in sorted(done, key=lambda one: one.at):
            self.note(each)

    @precondition(lambda self: self.long is None)
    @rule(
        job=st.sampled_from(["first", "nightly"]),
        point=st.sampled_from(["", "after-run", "before-report", "after-emit"]),
    )
    def a_tick_takes_long(self, job: str, point: str) -> None:
        self.world.say(f"hold-{job}", "")
        begun = len(self.world.ran())
        self.world.loaded()
        thread = threading.Thread(target=lambda: self.note(self.world.tick(point)))
        thread.start()
        end = time.monotonic() + 10
        while thread.is_alive() and time.monotonic() < end:
            if any(name == job for name, *_ in self.world.ran()[begun:]):
                break
            time.sleep(0.002)
        self.long = (thread, job)
        if not thread.is_alive():
            self.the_long_tick_ends()

    @precondition(lambda self: self.long is not None)
    @rule()
    def the_long_tick_ends(self) -> None:
        assert self.long
        thread, job = self.long
        self.long = None
        self.world.say(f"hold-{job}", None)
        thread.join(60)
        assert not thread.is_alive()

    @rule(name=st.sampled_from(["look", "once", "pair"]))
    def somebody_runs_it_by_name(self, name: str) -> None:
        if name in self.there and self.long is None and not self.world.errors():
            self.world.run_by_name(name)

    # ---- the home

    @rule(name=NAMES, schedule=st.sampled_from(SCHEDULES))
    def a_schedule_is_edited(self, name: str, schedule: str) -> None:
        self.schedules[name] = schedule
        self.write(name)

    @rule(name=NAMES, extra=st.sampled_from(["", "catch_up: no\n", "catch_up: 1h\n", "catch_up: 3 days\n"]))
    def catch_up_is_edited(self, name: str, extra: str) -> None:
        self.extras[name] = extra
        self.write(name)

    @rule(name=NAMES)
    def a_job_goes_or_returns(self, name: str) -> None:
        self.there ^= {name}
        self.write(name)

    @rule(name=NAMES)
    def a_file_is_broken(self, name: str) -> None:
        self.world.write(name, "schedule: sometimes\n")

    @rule()
    def files_are_mended(self) -> None:
        for name in FILES:
            self.write(name)

    # ---- problems and sinks

    @rule(job=st.sampled_from(["look", "look", "first", "nightly"]), found=KEYS)
    def problems_open_and_end(self, job: str, found: list[str]) -> None:
        self.world.say(f"found-{job}", " ".join(found))

    @rule(job=st.sampled_from(["second", "once", "again"]), fails=st.booleans())
    def commands_fail(self, job: str, fails: bool) -> None:
        self.world.say(f"fail-{job}", "" if fails else None)

    @rule(sink=st.sampled_from(["everything", "pager"]), mood=st.sampled_from(["fail", "hang", "refuse", None, None]))
    def a_sink_fails_or_comes_back(self, sink: str, mood: str | None) -> None:
        self.world.say(f"mood-{sink}", mood)

    @rule(job=st.sampled_from(["look", "once"]))
    def somebody_acknowledges(self, job: str) -> None:
        try:
            acknowledge(
                self.world.loaded(), Meant(job=job), author="me", reason="", until=None, now=self.world.clock.now()
            )
        except RunnerError as error:
            if "no open problem" not in error.message:
                raise

    @rule(hours=st.integers(1, 30))
    def somebody_silences(self, hours: int) -> None:
        if "nightly" in {job.name for job in self.world.loaded().home.jobs}:
            now = self.world.clock.now()
            self.accounts.quieted.add("nightly")
            add_silence(
                self.world.loaded(), jobs=["nightly"], targets=[], keys=[], reason="noise", author="me",
                until=now + timedelta(hours=hours), now=now,
            )  # fmt: skip

    # ---- what holds

    def note(self, tick: Ticked) -> None:
        self.accounts.after(self.world, tick)

    @invariant()
    def all_is_well(self) -> None:
        if hasattr(self, "accounts"):
            self.check(settled=False)

    def check(self, *, settled: bool) -> None:
        self.accounts.check_slots(self.world, settled=settled)
        check_runs(self.world, REPEATS)
        check_deliveries(self.world, self.accounts.quieted, settled=settled)

    def teardown(self) -> None:
        if not hasattr(self, "accounts"):
            return
        try:
            self.all_faults_end()
        finally:
            self.patches.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def all_faults_end(self) -> None:
        if self.long:
            self.the_long_tick_ends()
        for sink in ("everything", "pager"):
            self.world.say(f"mood-{sink}", None)
        self.there = set(FILES)
        self.files_are_mended()
        with self.world.store() as store:
            for _ in range(20):
                self.world.clock.at += timedelta(minutes=61)
                self.tick()
                if not (store.running() or store.unreported() or store.pending_count()):
                    break
            assert store.running() == ()
            assert store.unreported() == ()
            assert store.pending() == ()
        self.check(settled=True)


Stories.TestCase.settings = settings(
    max_examples=STORIES or 12,
    stateful_step_count=40 if STORIES else 20,
    deadline=None,
    # The short run tells the same stories every time; new ones are looked for with SIMULATION=200.
    derandomize=not STORIES,
    print_blob=True,
    phases=[phase for phase in Phase if STORIES == 0 or phase is not Phase.shrink or os.environ.get("SHRINK")],
    suppress_health_check=list(HealthCheck),
)
TestStories = Stories.TestCase
