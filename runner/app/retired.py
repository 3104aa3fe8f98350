"""Jobs that the home has no more: their slots are accounted for, and after a while their problems end."""

from __future__ import annotations

from datetime import datetime, timedelta

from runner.api import Job, Result
from runner.app.deciding import targets_of
from runner.app.loading import Loaded
from runner.engine.claims import Claimed, claim_now, settle_passed
from runner.engine.due import RETURNS_WITHIN
from runner.engine.passed import REMOVED, dropped
from runner.store.base import CursorRecord, Store

_JUST = timedelta(seconds=1)
GONE = "the job was removed from the home"
AWAY = "it does not run on this target any more, or the target is gone"


def retire(loaded: Loaded, store: Store, tick: str, now: datetime) -> list[Claimed]:
    """Notes what is gone, and claims a last run for what stays away: it looks at nothing and ends the job's problems.

    While anything in the home is wrong nothing is gone: a job with a mistake must come back as it was.
    """
    if loaded.home.errors:
        return []
    placed = {(job.name, target) for job in loaded.home.jobs for target in targets_of(loaded, job)}
    gone = [cursor for whose, cursor in store.cursors().items() if whose not in placed]
    if not gone:
        return []
    known = {(result.job, result.target): result for result in store.latest()}
    for cursor in gone:
        if cursor.retired is None:
            _account_for_the_rest(store, cursor, known.get((cursor.job, cursor.target)), now)
            store.retire(cursor.job, cursor.target, now)
    away = {(c.job, c.target) for c in gone if c.retired is not None and now - c.retired > RETURNS_WITHIN}
    troubled = {(problem.job, problem.target) for problem in store.problems(open_only=False)}
    last = [known[whose] for whose in sorted(away & troubled & known.keys())]
    places = [(_what_is_known(item.job, item), item.target) for item in last if item.kind in loaded.registry.kinds]
    here = {job.name for job in loaded.home.jobs}
    moved = [place for place in places if place[0].name in here]
    removed = [place for place in places if place[0].name not in here]
    claimed = claim_now(store, removed, tick, now, ended=GONE)
    return claimed + claim_now(store, moved, tick, now, ended=AWAY)


def next_end(store: Store, now: datetime) -> datetime | None:
    """When the next job that is gone has been away for so long that its problems end."""
    ends = {whose: cursor.retired + RETURNS_WITHIN for whose, cursor in store.cursors().items() if cursor.retired}
    coming = {whose: end for whose, end in ends.items() if end >= now}
    troubled = {(problem.job, problem.target) for problem in store.problems(open_only=False)} if coming else set()
    return min((end + _JUST for whose, end in coming.items() if whose in troubled), default=None)


def _account_for_the_rest(store: Store, cursor: CursorRecord, last: Result | None, now: datetime) -> None:
    if passed := dropped(cursor.digest, cursor.slot, now, REMOVED):
        settle_passed(store, passed, _what_is_known(cursor.job, last), cursor.target, now)


def _what_is_known(name: str, last: Result | None) -> Job:
    """What the newest result says of a job that the home does not have any more."""
    if last is None:
        return Job(name=name, kind="", group="", title=name, spec=None)
    return Job(
        name=name, kind=last.kind, group=last.group, title=last.title, spec=None, tags=last.tags, order=last.order
    )  # fmt: skip
