"""A real SMTP server on the loopback, with TLS and logins where a test wants them, and answers that it writes."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Mailbox:
    """What came, and what is answered instead of `250 OK`: by recipient, for `from`, `data` and `data after`."""

    says: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if "from" in self.says:
            return self.says["from"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.says.get(address, "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self.says.get("data", "250 OK")
        if answer == "hang":
            await asyncio.sleep(30)
        if answer.startswith("2"):
            self.envelopes.append(envelope)
            self.over_tls.append(session.ssl is not None)
        return answer

    def login(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        name, word = given.login.decode(), given.password.decode()
        self.logins.append(name)
        good = self.passwords.get(name) == word
        # Not handled: the server says 535 itself.
        return AuthResult(success=good, handled=good)

    @property
    def mails(self) -> list[EmailMessage]:
        return [parsed(envelope) for envelope in self.envelopes]


def parsed(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    assert envelope.content.isascii()
    return message_from_bytes(envelope.content, policy=default)  # type: ignore[return-value]


class _OnAnyPort(Controller):
    """Asks for port 0, and then knocks at the one that it got."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def serving(mailbox: Mailbox, *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None) -> Any:
    """A controller that is to be used as a context."""
    logins = {"authenticator": mailbox.login, "auth_require_tls": starttls is not None} if mailbox.passwords else {}
    return _Running(_OnAnyPort(
        mailbox, hostname="127.0.0.1", port=0, ssl_context=tls, tls_context=starttls, require_starttls=False, **logins
    ))  # fmt: skip


class _Running:
    def __init__(self, controller: Any) -> None:
        self._controller = controller

    def __enter__(self) -> int:
        """The port."""
        self._controller.start()
        port: int = self._controller.port
        return port

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
