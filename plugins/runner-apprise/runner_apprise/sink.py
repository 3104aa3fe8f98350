"""The sink `runner.apprise`: one notification for each report."""

from __future__ import annotations

import logging
from typing import Any

from runner.api import Options, Report, RetryableSinkError, Secret, SinkContext, SinkError, State, clean

# https://github.com/caronc/apprise/wiki/Development_API: the type decides about colours and pictures.
_TYPES = {State.CRITICAL: "failure", State.UNKNOWN: "failure", State.WARNING: "warning", State.OK: "success"}
_BODIES = {"markdown": "markdown", "html": "html"}
_LONGEST = 20_000


class Notifier:
    """Apprise is imported with the first report: it takes a third of a second."""

    def __init__(self, options: Options, context: SinkContext) -> None:
        self._context, self._format = context, str(options["format"])
        self._render = context.format(self._format)
        given = options["url"]
        self._url = given if isinstance(given, Secret) else Secret(str(given))

    def emit(self, report: Report) -> None:
        """Raises SinkError for an address that Apprise does not know, RetryableSinkError when nothing arrived."""
        text = self._render(report)
        service = self._service()
        if self._context.dry_run:
            return
        title = clean(f"{report.state.value.upper()} {report.title or report.group}", limit=200)
        done = service.notify(
            title=title,
            body=clean(text, newlines=True, limit=_LONGEST),
            notify_type=_TYPES.get(report.state, "info"),
            body_format=_BODIES.get(self._format, "text"),
            timeout=self._context.timeout,
        )
        if not done:
            raise self._refusal(done)

    def close(self) -> None:
        """Nothing is kept open."""

    def _service(self) -> Any:
        from apprise import Apprise, AppriseAsset

        # In detail both tell whole addresses, and what they complain of is the fault's to tell and not the terminal's.
        for name in ("apprise", "urllib3"):
            logger = logging.getLogger(name)
            logger.setLevel(logging.WARNING)
            logger.propagate = False
            if not logger.handlers:
                logger.addHandler(logging.NullHandler())
        # What a database says is no escape sequence, emoji or template.
        asset = AppriseAsset(
            app_id="runner", secure_logging=True, async_mode=False, storage_mode="memory", http_redirects=False,
            interpret_escapes=False, interpret_emojis=False, allow_templates=False,
        )  # fmt: skip
        found = Apprise(asset=asset)
        if not found.add(self._url.reveal()):
            raise SinkError(
                f"Apprise does not know the `url` of the sink `{self._context.name}`",
                hint="https://github.com/caronc/apprise/wiki lists how the address of each service is written",
            )
        return found

    def _refusal(self, done: object) -> SinkError:
        """A message that reached some of an address's receivers is not sent to all of them again and again."""
        if getattr(getattr(done, "status", None), "name", "") == "PARTIAL":
            return SinkError("the message reached only some of the receivers", hint="give each a sink of its own")
        said = [clean(entry.message, limit=300) for entry in getattr(done, "logs", tuple)()]
        why = f": {said[-1].replace(self._url.reveal(), '***')}" if said else ""
        return RetryableSinkError(
            f"the service did not take the message{why}", hint="apprise --verbose --body test URL tells more"
        )


def open_apprise(options: Options, context: SinkContext) -> Notifier:
    return Notifier(options, context)
