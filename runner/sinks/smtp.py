"""The sink `smtp`: mails each report, as text with an HTML page beside it or with another format attached."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from runner.api import Options, Report, RetryableSinkError, RunnerError, Secret, SinkContext, SinkError, revealed
from runner.net.mail_server import Account, MailServer, Reply
from runner.sinks.mail import DEFAULT_SUBJECT, Letterhead, address, facts, written
from runner.sinks.recipients import Recipients
from runner.template import Template

_PORTS = {"none": 25, "starttls": 587, "tls": 465}
"""RFC 5321 for relays; RFC 6409 and RFC 8314 for handing mail over."""


class Smtp:
    """A session for each report. Recipients that the server puts off are tried again, without the others."""

    def __init__(self, account: Account, head: Letterhead, context: SinkContext) -> None:
        self._account, self._head, self._context = account, head, context
        self._recipients = Recipients(context.state_dir, context.name)

    def emit(self, report: Report) -> None:
        """A recipient refused with 4xx is tried later (RetryableSinkError); SinkError when nobody can be reached.

        When some are refused for good, the mail to the others says so.
        """
        names = [item.addr_spec for item in self._head.recipients]
        if self._context.dry_run:
            written(report, self._head, self._context)
            return
        settled = self._recipients.settled(report.id)
        with MailServer(self._account, self._context.timeout) as server:
            answers = server.offer(self._head.sender.addr_spec, [name for name in names if name not in settled])
            taken = [name for name, reply in answers.items() if reply.is_good]
            never = {name: reply for name, reply in answers.items() if reply.is_final}
            later = {name: reply for name, reply in answers.items() if not (reply.is_good or reply.is_final)}
            if taken:
                notes = [f"{name} does not get this mail: {reply}" for name, reply in never.items()]
                server.give(written(report, self._head, self._context, notes))
        if later:
            if taken:
                self._recipients.remember(report.id, [*taken, *never])
            raise RetryableSinkError(_refusal(self._account, later))
        self._recipients.forget(report.id)
        if never and not taken:
            raise SinkError(_refusal(self._account, never))

    def close(self) -> None:
        """Every session has ended."""


def open_smtp(options: Options, context: SinkContext) -> Smtp:
    """Raises SinkError for an address that is none; a login without TLS and a bad subject can be mended in time."""
    listed = options["to"] if isinstance(options["to"], list) else [options["to"]]
    head = Letterhead(
        sender=address(revealed(options["from"])),
        recipients=tuple({item.addr_spec: item for item in map(address, map(revealed, listed))}.values()),
        subject=_subject(str(options.get("subject", DEFAULT_SUBJECT)), context),
        format=str(options["format"]),
        threads=bool(options.get("threads", False)),
    )
    return Smtp(_account(options, context), head, context)


def _account(options: Options, context: SinkContext) -> Account:
    security = options.get("security", "starttls")
    password = options.get("password", "")
    account = Account(
        host=str(options["host"]),
        port=int(options.get("port", _PORTS[security])),
        security=security,
        user=revealed(options.get("user", "")),
        password=password if isinstance(password, Secret) else Secret(str(password)),
        ca_file=str(options.get("ca_file", "")),
    )
    if account.user and security == "none" and not _is_here(account.host):
        raise RetryableSinkError(
            f"the sink `{context.name}` would send its password to {account.host} in clear text, and does not",
            hint="`security: starttls` or `security: tls`",
        )
    return account


def _subject(source: str, context: SinkContext) -> Template:
    template = Template(source, name="`subject`", limit=1000)
    try:
        unknown = sorted(template.names() - facts(_NOTHING).keys())
    except RunnerError as error:
        raise RetryableSinkError(f"{error.message} (sink `{context.name}`)", hint=error.hint) from None
    if unknown:
        choices = ", ".join(f"`{name}`" for name in facts(_NOTHING))
        message = f"`subject` of the sink `{context.name}` names `{unknown[0]}`, which does not exist"
        raise RetryableSinkError(message, hint=f"there is {choices}")
    return template


_NOTHING: Mapping[str, Any] = {"results": (), "title": "", "group": "", "slot": "", "counts": {}}


def _refusal(account: Account, answers: Mapping[str, Reply]) -> str:
    said = "; ".join(f"{name}: {reply}" for name, reply in list(answers.items())[:5])
    return f"{account} does not take mail for {said}"


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
