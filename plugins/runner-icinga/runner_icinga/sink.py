"""The sink `runner.icinga`: one passive result for each result of a report."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

from runner.api import (
    Deadline,
    HttpAnswer,
    Options,
    Report,
    Result,
    RetryableSinkError,
    Secret,
    SinkContext,
    SinkError,
    basic_auth,
    clean,
    http_send,
)
from runner_icinga.results import body_of

PATH = "/v1/actions/process-check-result"


class Icinga:
    """Every result is tried, so that one service that Icinga does not know costs only itself."""

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._options, self._context = options, context
        self._render = context.format("nagios")
        self._here = socket.gethostname()
        given = options["password"]
        self._password = given if isinstance(given, Secret) else Secret(str(given))

    def emit(self, report: Report) -> None:
        """Raises SinkError naming services that do not exist, RetryableSinkError when Icinga does not take one now."""
        bodies = {self._names(result): self._body(report, result) for result in report.results}
        if self._context.dry_run:
            return
        until = Deadline(self._context.timeout)
        failures: dict[str, SinkError] = {}
        for (host, service), body in bodies.items():
            try:
                _look(self._post(body, until))
            except SinkError as error:
                failures[f"{host}!{service}"] = error
        if failures:
            raise _summary(failures)

    def close(self) -> None:
        """Nothing is kept open."""

    def _names(self, result: Result) -> tuple[str, str]:
        hosts: Mapping[str, str] = self._options.get("hosts", {})
        own = str(self._options.get("own_host", self._here))
        host = hosts.get(result.target, result.target) or own
        return host, f"{self._options.get('service_prefix', '')}{result.job}"

    def _body(self, report: Report, result: Result) -> dict[str, Any]:
        host, service = self._names(result)
        return body_of(report, result, self._render, host=host, service=service, source=self._here)

    def _post(self, body: Mapping[str, Any], until: Deadline) -> HttpAnswer:
        return http_send(
            f"{str(self._options['url']).rstrip('/')}{PATH}",
            json.dumps(body).encode(),
            # https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#requests: without it the answer is no JSON.
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                "Authorization": basic_auth(str(self._options["user"]), self._password.reveal()),
            },
            timeout=until,
            ca_file=str(self._options.get("ca_file", "")),
            secrets=(self._password,),
        )


def open_icinga(options: Options, context: SinkContext) -> Icinga:
    return Icinga(options, context)


def _look(answer: HttpAnswer) -> None:
    """The action can fail for the object although the request was good."""
    try:
        results = json.loads(answer.body).get("results", [])
        bad = [item for item in results if float(item.get("code", 200)) >= 400]
    except (ValueError, AttributeError, TypeError):
        return
    if bad:
        said = clean(str(bad[0].get("status", "")), limit=200)
        kind = RetryableSinkError if float(bad[0]["code"]) >= 500 else SinkError
        raise kind(f"Icinga does not take the result: {said}")


def _summary(failures: Mapping[str, SinkError]) -> SinkError:
    """One error for all: worth another try as soon as one of them is."""
    again = [item for item in failures.values() if isinstance(item, RetryableSinkError)]
    first = again[0] if again else next(iter(failures.values()))
    names = clean(", ".join(failures), limit=300)
    message = f"{len(failures)} results were not taken ({names}): {first.message}"
    if again:
        return RetryableSinkError(message, hint=first.hint, retry_after=again[0].retry_after)
    return SinkError(message, hint="Icinga needs a service with that name, `enable_passive_checks` and a dummy command")
