"""What plugins call to speak HTTP: signatures here, the work in modules that are imported by the first call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from runner.model.secret import Secret
from runner.net.answer import WORTH_RETRYING, HttpAnswer
from runner.net.deadline import Deadline


def http_send(
    url: str | Secret,
    body: bytes = b"",
    *,
    timeout: float | Deadline,
    method: str = "POST",
    headers: Mapping[str, str | Secret] | None = None,
    ca_file: str = "",
    secrets: Iterable[Secret] = (),
    retry_on: Collection[int] = WORTH_RETRYING,
) -> HttpAnswer:
    """Sends one request, all of it within `timeout` seconds; the answer has a status from 200 to 299.

    Several requests of one report share a `Deadline(context.timeout)`.

    Raises RetryableSinkError for a status in `retry_on` (with the receiver's `Retry-After`) and when there is no answer,
    SinkError for every other. Certificates are verified, by the authorities of `ca_file` where it is given; proxies come
    from the environment; redirects are followed on the same host only. No error shows the path or query of `url`,
    a header that is a Secret, or one of `secrets`.
    """
    # Its modules cost more than a whole quiet tick.
    from runner.net.client import send

    return send(
        url, body, method=method, headers=headers or {}, timeout=timeout, ca_file=ca_file, secrets=secrets,
        retry_on=retry_on,
    )  # fmt: skip


def basic_auth(user: str, password: str) -> Secret:
    """The value of an `Authorization` header with a user and a password (RFC 7617)."""
    from runner.net.address import basic

    return basic(user, password)
