"""The sink `webhook`: sends each report to a URL, signed when there is a secret to sign with."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

from runner.api import Options, Report, Secret, SinkContext, http_send

SIGNATURE_HEADER = "X-Hub-Signature-256"
"""As GitHub and the WebSub recommendation (W3C, §8) call it; the value is `sha256=` and the digest in hexadecimal."""


class Webhook:
    """A request for each report; its id is the `Idempotency-Key`, so that a receiver can drop what it has."""

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._options, self._context = options, context
        self._render: Callable[[Report], str] = context.format(options["format"])
        self._media_type = context.format_of(options["format"]).media_type

    def emit(self, report: Report) -> None:
        """Raises SinkError when the receiver refuses the report, RetryableSinkError when it does not take it now."""
        body = self._render(report).encode("utf-8", "replace")
        headers = self._headers(report, body)
        if self._context.dry_run:
            return
        http_send(
            self._options["url"],
            body,
            method=str(self._options.get("method", "POST")),
            headers=headers,
            timeout=self._context.timeout,
            ca_file=str(self._options.get("ca_file", "")),
            secrets=[value for value in self._options.values() if isinstance(value, Secret)],
        )

    def close(self) -> None:
        """Nothing is kept open."""

    def _headers(self, report: Report, body: bytes) -> Mapping[str, str | Secret]:
        made: dict[str, str | Secret] = {"Content-Type": self._media_type, "Idempotency-Key": _plain(report.id)}
        given: Mapping[str, str | Secret] = self._options.get("headers", {})
        # Whatever is written there may hold a token, also beside other words.
        made |= {name: value if isinstance(value, Secret) else Secret(str(value)) for name, value in given.items()}
        key = self._options.get("secret")
        if isinstance(key, Secret):
            digest = hmac.new(key.reveal().encode(), body, hashlib.sha256).hexdigest()
            made[str(self._options.get("signature_header", SIGNATURE_HEADER))] = f"sha256={digest}"
        return made


def open_webhook(options: Options, context: SinkContext) -> Webhook:
    """The URL is looked at when the first report is there."""
    return Webhook(options, context)


def _plain(text: str) -> str:
    """A text that a header can hold."""
    return text.encode("ascii", "backslashreplace").decode().replace("\n", " ").replace("\r", " ")[:200]
