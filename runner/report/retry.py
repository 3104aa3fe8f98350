"""What becomes of a delivery after a try: done, later, or given up."""

from __future__ import annotations

from dataclasses import field, replace
from datetime import datetime, timedelta

from runner.errors import PluginError, RetryableSinkError, RunnerError, SinkError
from runner.model.report import Delivery, DeliveryState, Waiting
from runner.plugins.registry import describe
from runner.records import dataclass
from runner.report.route import GIVE_UP_AFTER

LONGEST_WAIT = timedelta(minutes=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a try failed; `permanent` when another would fail the same way."""

    message: str
    hint: str = ""
    permanent: bool = False
    retry_after: float | None = None
    bug: BaseException | None = field(default=None, repr=False, compare=False)
    """What was raised that the contract does not know."""


def failure_of(error: BaseException) -> Failure:
    """Only a sink's own word makes a failure permanent: a plugin that is broken today may be mended tomorrow."""
    if isinstance(error, RunnerError):
        permanent = isinstance(error, SinkError) and not isinstance(error, RetryableSinkError)
        wish = error.retry_after if isinstance(error, RetryableSinkError) else None
        bug = error if isinstance(error, PluginError) else None
        return Failure(message=error.message, hint=error.hint, permanent=permanent, retry_after=wish, bug=bug)
    return Failure(
        message=describe(error), hint="the sink's plugin has a bug; its author would like to know", bug=error
    )


def after_success(delivery: Delivery) -> Delivery:
    return replace(delivery, state=DeliveryState.DONE, attempts=delivery.attempts + 1, next_try=None, error="")


def after_failure(delivery: Delivery, failure: Failure, now: datetime) -> Delivery:
    """Later, after 1, 2, 4, … 60 minutes; given up when trying is useless or a day has passed."""
    expires = delivery.expires or delivery.report.created + GIVE_UP_AFTER
    tried = replace(delivery, attempts=delivery.attempts + 1, error=failure.message)
    if failure.permanent or now >= expires:
        return replace(tried, state=DeliveryState.FAILED, next_try=None)
    return replace(tried, next_try=now + _wait(tried.attempts, failure.retry_after))


def has_expired(item: Waiting, now: datetime) -> bool:
    return item.expires is not None and now >= item.expires


def after_expiry(delivery: Delivery) -> Delivery:
    """Given up without another try: its turn did not come in time."""
    error = delivery.error or "its turn did not come in time"
    return replace(delivery, state=DeliveryState.FAILED, next_try=None, error=error)


def _wait(attempts: int, wish: float | None) -> timedelta:
    backoff = timedelta(minutes=2 ** min(attempts - 1, 10))
    return min(max(backoff, timedelta(seconds=wish or 0)), LONGEST_WAIT)
