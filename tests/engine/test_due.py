"""The decisions of a tick: one table row per verdict, and a clock that does what it wants."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runner.engine.decision import Decision, Verdict
from runner.engine.due import LATE_AFTER, RETURNS_WITHIN, decide
from runner.engine.passed import schedule_digest, schedule_of
from runner.engine.spread import offset
from runner.model.job import Job, Schedule
from runner.model.state import State
from runner.model.target import HOST
from runner.schedule import MISSED_CAP, following, latest, parse, parse_window, period
from runner.store.base import CursorRecord, RunRecord, Status

SEEN = datetime(2026, 11, 1, tzinfo=UTC)
NIGHT = parse_window("night", "02:00", "05:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}Z")


def job(schedule: str | None = "daily at 01:30", timezone: str = "UTC", **changes: object) -> Job:
    made = Job(name="size", kind="check", group="health", title="Size", spec=None)
    return replace(made, schedule=parse(schedule, timezone) if schedule else None, **changes)


def cursor(slot: str, schedule: str = "daily at 01:30", timezone: str = "UTC") -> CursorRecord:
    digest = schedule_digest(parse(schedule, timezone))
    return CursorRecord(job="size", target="main", slot=at(slot), digest=digest, first_seen=SEEN)


def one(job: Job, now: str, old: CursorRecord | None = None, *, live: bool = False, ran: bool = False) -> Decision:
    cursors = {("size", "main"): old} if old else {}
    going = frozenset({("size", "main")}) if live else frozenset()
    (decision,) = decide(
        (job,), lambda _: ("main",), cursors, going, at(now), row=lambda *where: row(*where) if ran else None
    )
    return decision


def row(job: str, target: str, slot: datetime, status: Status = "done", state: State | None = State.OK) -> RunRecord:
    return RunRecord(
        run="r", job=job, kind="check", group="g", target=target, slot=slot, attempt=1, status=status, state=state
    )


KEY = ("size", "main")
RUN, LATE, MISSED, SKIPPED = Verdict.RUN, Verdict.RUN_LATE, Verdict.MISSED, Verdict.SKIPPED
QUIET, OUTSIDE, WAITING = Verdict.NOT_DUE, Verdict.OUTSIDE_WINDOW, Verdict.WAITING
FIRST, EDITED, BACK = Verdict.FIRST_SEEN, Verdict.EDITED, Verdict.CLOCK_BACK
DAY = cursor("23T01:30")
WINDOWED = job("daily at 01:30", window=NIGHT)
HOURLY = job("hourly")


# Columns: job, now, cursor, a run is going, verdict, slot, missed, where the cursor stands afterwards, next.
CASES = {
    "on its minute": (job(), "24T01:30:04", DAY, False, RUN, "24T01:30", 0, "24T01:30", "25T01:30"),
    "on the second": (job(), "24T01:30", DAY, False, RUN, "24T01:30", 0, "24T01:30", "25T01:30"),
    "not yet late": (job(), "24T01:31:30", DAY, False, RUN, "24T01:30", 0, "24T01:30", "25T01:30"),
    "late": (job(), "24T01:31:31", DAY, False, LATE, "24T01:30", 0, "24T01:30", "25T01:30"),
    "not due": (job(), "24T01:29:59", DAY, False, QUIET, None, 0, "23T01:30", "24T01:30"),
    "already settled": (job(), "24T01:30:59", cursor("24T01:30"), False, QUIET, None, 0, "24T01:30", "25T01:30"),
    "off for a week": (job(), "24T09:00", cursor("17T01:30"), False, LATE, "24T01:30", 6, "24T01:30", "25T01:30"),
    "at the end of catch_up": (
        job(catch_up=3600.0), "24T02:30", DAY, False, LATE, "24T01:30", 0, "24T01:30", "25T01:30",
    ),
    "after catch_up": (
        job(catch_up=3600.0), "24T02:30:01", cursor("20T01:30"), False, MISSED, "24T01:30", 3, "24T01:30", "25T01:30",
    ),
    "no catch_up": (job(catch_up=0.0), "24T01:40", DAY, False, MISSED, "24T01:30", 0, "24T01:30", "25T01:30"),
    "no catch_up, on time": (job(catch_up=0.0), "24T01:31", DAY, False, RUN, "24T01:30", 0, "24T01:30", "25T01:30"),
    "an hourly job after a break": (
        HOURLY, "24T09:00:10", cursor("24T06:00", "hourly"), False, RUN, "24T09:00", 2, "24T09:00", "24T10:00",
    ),
    "overlap is skipped": (job(), "24T01:30:04", DAY, True, SKIPPED, "24T01:30", 0, "24T01:30", "25T01:30"),
    "overlap waits": (
        job(overlap="wait"), "24T01:30:00", DAY, True, WAITING, "24T01:30", 0, "23T01:30", "24T01:31",
    ),
    "overlap waits too long": (
        job(overlap="wait", catch_up=3600.0), "24T03:00", DAY, True, MISSED, "24T01:30", 0, "24T01:30", "25T01:30",
    ),
    "a run is going, none is due": (job(), "24T01:00", DAY, True, QUIET, None, 0, "23T01:30", "24T01:30"),
    "outside the window": (WINDOWED, "24T01:30:04", DAY, False, OUTSIDE, "24T01:30", 0, "23T01:30", "24T02:00"),
    "outside while a run is going": (WINDOWED, "24T01:30", DAY, True, OUTSIDE, "24T01:30", 0, "23T01:30", "24T02:00"),
    "the window opens": (WINDOWED, "24T02:00", DAY, False, LATE, "24T01:30", 0, "24T01:30", "25T01:30"),
    "given up before the window opens": (
        job("daily at 23:00", window=NIGHT, catch_up=3600.0), "24T00:10", cursor("22T23:00", "daily at 23:00"), False,
        MISSED, "23T23:00", 0, "23T23:00", "24T23:00",
    ),
    "first seen": (job(), "24T09:00", None, False, FIRST, None, 0, "24T01:30", "25T01:30"),
    "first seen in its minute": (job(), "24T01:30:59", None, False, RUN, "24T01:30", 0, "24T01:30", "25T01:30"),
    "first seen a minute later": (job(), "24T01:31", None, False, FIRST, None, 0, "24T01:30", "25T01:30"),
    "first seen in its minute, outside": (
        WINDOWED, "24T01:30", None, False, OUTSIDE, "24T01:30", 0, "23T01:30", "24T02:00",
    ),
    "edited": (job("daily at 03:00"), "24T09:00", DAY, False, EDITED, None, 1, "24T03:00", "25T03:00"),
    "edited to this minute": (job("daily at 09:00"), "24T09:00:30", DAY, False, RUN, "24T09:00", 1, "24T09:00", "25T09:00"),
    "edited in the minute that was run": (
        job("hourly at :30"), "24T01:30:40", cursor("24T01:30"), False, EDITED, None, 0, "24T01:30", "24T02:30",
    ),
    "edited to a slot before the cursor": (
        job("daily at 01:25"), "24T01:25", cursor("24T01:30"), False, EDITED, None, 0, "24T01:30", "25T01:25",
    ),
    "the clock went back a little": (
        job(), "24T01:10", cursor("24T01:30"), False, BACK, None, 0, "24T01:30", "25T01:30",
    ),
    "the clock went back a lot": (HOURLY, "24T09:10", cursor("24T12:00", "hourly"), False, BACK, None, 0, "24T09:00", "24T10:00"),
    "edited while the clock is far back": (
        job("hourly"), "24T09:10", cursor("27T01:30"), False, EDITED, None, 0, "24T09:00", "24T10:00",
    ),
    "unscheduled": (job(None), "24T01:30", None, False, Verdict.UNSCHEDULED, None, 0, None, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_verdicts(
    case: tuple[Job, str, CursorRecord | None, bool, Verdict, str | None, int, str | None, str | None],
) -> None:
    what, now, old, live, verdict, slot, missed, after, then = case
    decision = one(what, now, old, live=live)
    stands = decision.cursor or old
    assert (decision.verdict, decision.slot, decision.missed) == (verdict, at(slot) if slot else None, missed)
    assert (stands.slot if stands else None) == (at(after) if after else None)
    assert decision.next == (at(then) if then else None)


def test_a_slot_that_was_run_before_the_clock_went_back_is_settled_without_a_run() -> None:
    decision = one(job("hourly"), "24T10:00:05", cursor("24T09:00", "hourly"), ran=True)
    assert decision.verdict is Verdict.NOT_DUE
    assert decision.cursor is not None
    assert decision.cursor.slot == at("24T10:00")
    assert "was run before the clock was set back" in decision.reason


def test_the_cursor_keeps_when_the_job_was_first_seen_and_moves_only_when_it_must() -> None:
    assert one(job(), "24T01:00", DAY).cursor is None
    moved = one(job(), "24T01:30", DAY).cursor
    assert moved == replace(DAY, slot=at("24T01:30"))
    new = one(job(), "24T09:00").cursor
    assert new is not None
    assert new.first_seen == at("24T09:00")


def test_the_same_schedule_in_other_words_is_no_edit() -> None:
    assert one(job("30 1 * * *"), "24T09:00", cursor("24T01:30")).verdict is Verdict.NOT_DUE
    assert one(job("@hourly", "UTC"), "24T09:00", cursor("24T09:00", "hourly")).verdict is Verdict.NOT_DUE
    assert one(job(timezone="Europe/Berlin"), "24T09:00", cursor("24T01:30")).verdict is Verdict.EDITED


def test_every_target_of_every_job_is_decided_on_its_own() -> None:
    jobs = (job(), replace(job("hourly"), name="restart"))
    targets = {"size": ("main", "standby"), "restart": (HOST,)}
    old = {("size", "main"): DAY}
    decisions = decide(jobs, lambda item: targets[item.name], old, frozenset({("size", "standby")}), at("24T01:30"))
    assert [(item.job, item.target, item.verdict) for item in decisions] == [
        ("size", "main", Verdict.RUN),
        ("size", "standby", Verdict.SKIPPED),
        ("restart", HOST, Verdict.FIRST_SEEN),
    ]


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (one(job("weekly on wednesday at 03:00"), "24T07:00", cursor("18T03:00", "weekly on wednesday at 03:00")),
         "next Wednesday 25 Nov 03:00 UTC, in 20 h"),
        (one(job("daily at 03:00", "Europe/Berlin"), "24T01:00", cursor("23T02:00", "daily at 03:00", "Europe/Berlin")),
         "next Tuesday 24 Nov 03:00 Europe/Berlin, in 1 h"),
        (one(job(), "24T01:30", DAY), "due Tuesday 24 Nov 01:30 UTC, now"),
        (one(job(), "24T09:00", cursor("17T01:30")),
         "due Tuesday 24 Nov 01:30 UTC, 7 h 30 min ago; runs once, late; stands for 6 older slots too"),
        (one(job("every minute"), "24T09:00", cursor("20T09:00", "every minute")),
         "due Tuesday 24 Nov 09:00 UTC, now; stands for at least 1000 older slots too"),
        (one(job(catch_up=3600.0), "24T09:00", DAY),
         "was due Tuesday 24 Nov 01:30 UTC, 7 h 30 min ago, later than its catch_up of 1 h allows: missed"),
        (one(job(catch_up=0.0), "24T09:00", DAY),
         "was due Tuesday 24 Nov 01:30 UTC, 7 h 30 min ago, and catch_up is off: missed"),
        (one(job(), "24T01:30", DAY, live=True),
         "due Tuesday 24 Nov 01:30 UTC, now, but an earlier run is still going: this slot is skipped (overlap: skip)"),
        (one(job(overlap="wait"), "24T01:30", DAY, live=True),
         "due Tuesday 24 Nov 01:30 UTC, now, but an earlier run is still going: waits for its end (overlap: wait)"),
        (one(WINDOWED, "24T01:30", DAY),
         "due Tuesday 24 Nov 01:30 UTC, now, outside window night (02:00 to 05:00 UTC), which opens Tuesday 24 Nov 02:00 UTC"),
        (one(replace(WINDOWED, catch_up=60.0), "24T01:30", DAY),
         "due Tuesday 24 Nov 01:30 UTC, now, outside window night (02:00 to 05:00 UTC), "  # noqa: ISC004
         "which opens Tuesday 24 Nov 02:00 UTC, after its catch_up has ended"),
        (one(job(), "24T09:00"),
         "seen for the first time, so nothing from before is run; next Wednesday 25 Nov 01:30 UTC, in 16 h 30 min"),
        (one(job("daily at 03:00"), "24T09:00", DAY),
         "its schedule was changed, so nothing from before is run; next Wednesday 25 Nov 03:00 UTC, in 18 h"),
        (one(job(), "24T01:10", cursor("24T01:30")),
         "the clock was set back, so nothing is run again; next Wednesday 25 Nov 01:30 UTC, in 1 d"),
        (one(job("yearly"), "24T01:00", cursor("23T00:00", "yearly")),
         "next Friday 1 Jan 2027 00:00 UTC, in 37 d 23 h"),
        (one(job(None), "24T01:00"), "no schedule: runs only when it is asked for by name"),
    ],
    ids=lambda value: "" if isinstance(value, Decision) else value[:40],
)  # fmt: skip
def test_every_decision_says_why(decision: Decision, sentence: str) -> None:
    assert decision.reason == sentence


# ---- slots that pass without a run


def passed(decision: Decision) -> tuple[str, str, int, str]:
    assert decision.passed is not None
    return (
        f"{decision.passed.since:%dT%H:%M}", f"{decision.passed.slot:%dT%H:%M}", decision.passed.slots,
        decision.passed.status,
    )  # fmt: skip


def test_a_week_off_leaves_one_row_for_the_older_slots() -> None:
    decision = one(job(), "24T01:30:05", cursor("17T01:30"))
    assert decision.slot == at("24T01:30")
    assert passed(decision) == ("18T01:30", "23T01:30", 6, "missed")


def test_slots_of_the_schedule_before_an_edit_are_accounted_for() -> None:
    edited = one(job("daily at 12:00"), "24T09:00", cursor("21T01:30"))
    assert passed(edited) == ("22T01:30", "24T01:30", 3, "skipped")
    assert edited.passed is not None
    assert "changed before it was run" in edited.passed.reason
    same_minute = one(job("hourly at :30"), "24T01:30:20", cursor("22T01:30"))
    assert same_minute.verdict is Verdict.RUN
    assert passed(same_minute) == ("23T01:30", "23T01:30", 1, "skipped"), "the slot that is run now is not skipped too"


@pytest.mark.parametrize(
    "schedule", [parse("daily at 01:30", "Europe/Paris"), parse("every 7min"), parse("0,20 1-3 * * 1-5")]
)
def test_a_digest_gives_back_the_slots_of_its_schedule(schedule: Schedule) -> None:
    again = schedule_of(schedule_digest(schedule))
    assert again is not None
    assert following(again, SEEN, 9) == following(schedule, SEEN, 9)
    assert schedule_of("written by another version") is None


# ---- jobs that come back


@pytest.mark.parametrize(
    ("gone", "now", "verdict"),
    [("24T01:20", "24T01:31", RUN), ("24T00:20", "24T01:31", FIRST), ("20T00:00", "24T01:30:30", RUN)],
    ids=["for ten minutes", "for longer than an hour", "in its minute"],
)
def test_a_job_that_was_away(gone: str, now: str, verdict: Verdict) -> None:
    decision = one(job(), now, replace(cursor("22T01:30"), retired=at(gone)))
    assert decision.verdict is verdict
    assert decision.cursor is not None, "it is not away any more"
    assert decision.cursor.retired is None
    assert (decision.passed is None) == (at(now) - at(gone) > RETURNS_WITHIN), "nothing is owed from before"


# ---- spread


def test_a_spread_job_starts_later_and_always_as_much_later() -> None:
    what = job(spread=600.0)
    late = offset(what, "main", "host-1")
    assert timedelta(0) < late < timedelta(minutes=10)
    assert offset(what, "main", "host-1") == late != offset(what, "main", "host-2")

    def verdict(now: datetime, old: CursorRecord | None = DAY) -> Decision:
        cursors = {KEY: old} if old else {}
        return decide((what,), lambda _: ("main",), cursors, frozenset(), now, machine="host-1")[0]

    slot = at("24T01:30")
    early = verdict(slot + late - timedelta(seconds=1))
    assert (early.verdict, early.next) == (Verdict.NOT_DUE, slot + late)
    assert "are its spread" in early.reason
    due = verdict(slot + late)
    assert (due.verdict, due.slot, due.next) == (Verdict.RUN, slot, slot + timedelta(days=1) + late)
    assert verdict(slot + late, None).verdict is Verdict.RUN, "first seen in its minute"
    assert verdict(slot + late, cursor("24T01:30")).verdict is Verdict.NOT_DUE


def test_the_spread_of_many_jobs_is_even() -> None:
    what = job(spread=600.0)
    minutes = [offset(replace(what, name=f"job-{number}"), "main", "h").seconds // 60 for number in range(1000)]
    assert set(minutes) == set(range(10))
    assert max(map(minutes.count, range(10))) < 150


# ---- blackout


def test_nothing_runs_in_a_blackout() -> None:
    (decision,) = decide(
        (job(),), lambda _: ("main",), {KEY: DAY}, frozenset(), at("24T01:30"), blackout=lambda job, target: "moving house"
    )  # fmt: skip
    assert (decision.verdict, decision.slot) == (Verdict.SKIPPED, at("24T01:30"))
    assert "moving house: this slot is skipped" in decision.reason


# ---- after


FOLLOWER = replace(job(after=("size",)), name="restart")


def follower(
    now: str,
    became: RunRecord | None,
    *,
    followed: Job | None = None,
    first: CursorRecord = DAY,
    targets: tuple[str, ...] = ("main",),
) -> Decision:
    """What is decided about a job that follows `size`."""
    jobs = (FOLLOWER, followed or job())
    cursors = {("restart", "main"): replace(DAY, job="restart"), **{("size", name): first for name in targets}}

    def look(name: str, target: str, slot: datetime) -> RunRecord | None:
        return became if became and (name, target, slot) == (became.job, became.target, became.slot) else None

    decisions = decide(
        jobs, lambda item: targets if item.name == "size" else ("main",), cursors, frozenset(), at(now), row=look
    )  # fmt: skip
    return decisions[0]


def became(status: Status, state: State | None = None, slot: str = "24T01:30", target: str = "main") -> RunRecord:
    return row("size", target, at(slot), status, state)


SETTLED = cursor("24T01:30")


@pytest.mark.parametrize(
    ("record", "settled", "verdict", "why"),
    [
        (None, DAY, RUN, "due"),
        (became("done", State.OK), SETTLED, RUN, "due"),
        (became("done", State.WARNING), SETTLED, SKIPPED, "runs after `size` on main, which was warning"),
        (became("done", State.SKIPPED), SETTLED, SKIPPED, "which was skipped"),
        (became("missed"), SETTLED, SKIPPED, "which was missed"),
        (became("skipped"), SETTLED, SKIPPED, "which was skipped"),
        (became("running"), SETTLED, WAITING, "which has not ended"),
        (became("interrupted"), SETTLED, WAITING, "which has not ended"),
        (None, SETTLED, SKIPPED, "which was not run for"),
    ],
)
def test_a_job_runs_after_another_that_was_ok(
    record: RunRecord | None, settled: CursorRecord, verdict: Verdict, why: str
) -> None:
    decision = follower("24T01:30:05", record, first=settled)
    assert (decision.verdict, decision.slot) == (verdict, at("24T01:30"))
    assert why in decision.reason
    assert (decision.cursor is None) == verdict.waits


def test_a_job_follows_the_newest_slot_of_the_other_that_is_not_later_than_its_own() -> None:
    hourly = job("hourly at :10")
    old = cursor("24T01:10", "hourly at :10")
    assert follower("24T01:30", became("done", State.OK, "24T01:10"), followed=hourly, first=old).verdict is RUN
    skipped = follower("24T01:30", became("done", State.CRITICAL, "24T01:10"), followed=hourly, first=old)
    assert skipped.verdict is SKIPPED
    assert "which was critical for Tuesday 24 Nov 01:10 UTC" in skipped.reason


def test_a_job_of_one_target_waits_for_the_other_on_all_of_its_targets() -> None:
    decision = follower("24T01:30", became("done", State.OK, target="b"), targets=("b", "c"))
    assert decision.verdict is WAITING, "it is due on c in this very tick, and not told yet"
    assert decision.next == at("24T01:31")


def test_a_job_that_cannot_be_used_is_waited_for_and_then_given_up() -> None:
    alone = replace(FOLLOWER, catch_up=3600.0)

    def at_time(now: str) -> Decision:
        old = {("restart", "main"): replace(DAY, job="restart")}
        return decide((alone,), lambda _: ("main",), old, frozenset(), at(now))[0]

    assert at_time("24T01:30").verdict is WAITING
    assert "which cannot be used now" in at_time("24T01:30").reason
    assert at_time("24T02:31").verdict is MISSED


SCHEDULES = ("every 1min", "every 7min", "hourly", "hourly at :30", "daily at 01:30", "0,20 1-3 * * *")
ZONES = ("UTC", "Europe/Berlin")


class Ticks(RuleBasedStateMachine):
    """A host that ticks, sleeps, edits its job, and whose clock is set forward and back."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 3, 28, 20, tzinfo=UTC)
        self.job = job("hourly")
        self.cursor: CursorRecord | None = None
        self.ran: list[datetime] = []

    @initialize(
        schedule=st.sampled_from(SCHEDULES),
        zone=st.sampled_from(ZONES),
        catch_up=st.sampled_from([0.0, 600.0, 86400.0]),
        window=st.sampled_from([None, NIGHT]),
        overlap=st.sampled_from(["skip", "wait"]),
    )
    def configure(self, schedule: str, zone: str, catch_up: float, window: object, overlap: str) -> None:
        self.job = job(schedule, zone, catch_up=catch_up, window=window, overlap=overlap)

    @rule(seconds=st.sampled_from([1, 20, 60, 61, 3600, 7200, 90000]), live=st.booleans())
    def time_goes_on(self, seconds: int, live: bool) -> None:
        self.now += timedelta(seconds=seconds)
        self.tick(live=live)

    @rule(minutes=st.sampled_from([1, 9, 61, 200, 3000]))
    def the_clock_is_set_back(self, minutes: int) -> None:
        self.now -= timedelta(minutes=minutes)
        self.tick(live=False)

    @rule(schedule=st.sampled_from(SCHEDULES), zone=st.sampled_from(ZONES))
    def the_job_is_edited(self, schedule: str, zone: str) -> None:
        self.job = replace(self.job, schedule=parse(schedule, zone))
        self.tick(live=False)

    def tick(self, *, live: bool) -> None:
        cursors = {KEY: self.cursor} if self.cursor else {}
        going = frozenset({KEY}) if live else frozenset()
        (decision,) = decide(
            (self.job,),
            lambda _: ("main",),
            cursors,
            going,
            self.now,
            row=lambda job, target, slot: row(job, target, slot) if slot in self.ran else None,
        )
        self.check(decision, live=live)
        if decision.verdict.runs:
            assert decision.slot is not None
            self.ran.append(decision.slot)
        self.cursor = decision.cursor or self.cursor

    def check(self, decision: Decision, *, live: bool) -> None:
        schedule, old = self.job.schedule, self.cursor
        assert schedule is not None
        newest = latest(schedule, self.now)
        same = old is not None and old.digest == schedule_digest(schedule)
        if decision.verdict.runs:
            assert not live
            assert decision.slot == newest
            assert self.now - decision.slot <= max(LATE_AFTER, timedelta(seconds=self.job.catch_up))
            assert old is None or decision.slot > old.slot or (old.slot - self.now).total_seconds() > period(schedule)
            # What a new or edited schedule runs lies in the current minute.
            assert same or decision.slot >= self.now.replace(second=0)
        if same and old.slot < newest and newest not in self.ran:
            self.accounts_for_what_is_owed(decision, old.slot, newest)
        assert decision.next is None or decision.next >= self.now

    def accounts_for_what_is_owed(self, decision: Decision, settled: datetime, newest: datetime) -> None:
        """A slot that is owed is run, recorded, or still waited for; the older ones are counted."""
        assert decision.slot == newest
        waits = decision.verdict in {Verdict.WAITING, Verdict.OUTSIDE_WINDOW}
        assert decision.verdict.runs or decision.verdict.recorded or waits
        assert waits == (decision.cursor is None)
        after = following(self.job.schedule, settled, decision.missed + 1)
        assert all(slot < newest for slot in after[:-1])
        assert after[-1] == newest or decision.missed == MISSED_CAP

    @invariant()
    def no_slot_is_run_twice(self) -> None:
        assert len(self.ran) == len(set(self.ran))


Ticks.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestTicks = Ticks.TestCase
