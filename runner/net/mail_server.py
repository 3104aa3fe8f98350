"""A session with a mail server: TLS, login and each recipient's own answer, all within one deadline."""

from __future__ import annotations

import re
import smtplib
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, Self

from runner.errors import RetryableSinkError, SinkError
from runner.model.secret import Secret
from runner.net.deadline import Deadline
from runner.net.wire import TimedSocket, connected, over_tls, trouble
from runner.net.words import excerpt
from runner.records import dataclass

Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where mail is handed over and how; without a user nobody logs in."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: Secret = Secret("")
    ca_file: str = ""

    def __str__(self) -> str:
        return f"the mail server {self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer to one command: its code and its words, made harmless."""

    code: int
    text: str

    @property
    def is_good(self) -> bool:
        return 200 <= self.code <= 399

    @property
    def is_final(self) -> bool:
        """A permanent negative completion, RFC 5321 §4.2.1."""
        return 500 <= self.code <= 599

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class MailServer:
    """A context: connected and logged in when it begins. Raises RetryableSinkError on the way there.

    Also a refused login is retryable: the operator mends it, and the reports should still arrive.
    """

    def __init__(self, account: Account, timeout: float) -> None:
        self._account, self._timeout = account, timeout
        self._secrets = (account.password, Secret(f"\0{account.user}\0{account.password.reveal()}"))

    def __enter__(self) -> Self:
        self._session = _Session(self._account, Deadline(self._timeout))
        try:
            self._greet()
        except BaseException:
            self._session.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        # The mail was taken or refused before; what is said at the end changes nothing.
        with suppress(smtplib.SMTPException, OSError):
            if kind is None:
                self._session.docmd("QUIT")
        self._session.close()

    def offer(self, sender: str, recipients: Iterable[str]) -> Mapping[str, Reply]:
        """What the server says of each recipient of the next mail; raises SinkError when it refuses the sender."""
        try:
            began = self._reply(*self._session.mail(sender))
            if not began.is_good:
                raise self.refused(f"the sender {sender}", began)
            return {name: self._reply(*self._session.rcpt(name)) for name in recipients}
        except (smtplib.SMTPException, OSError) as error:
            raise self._explained(error) from None

    def give(self, mail: bytes) -> None:
        """Hands the mail over for the recipients that were taken; raises SinkError."""
        try:
            taken = self._reply(*self._session.data(mail))
        except smtplib.SMTPDataError as error:
            taken = self._reply(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            raise self._explained(error) from None
        if not taken.is_good:
            raise self.refused("the mail", taken)

    def refused(self, what: str, reply: Reply) -> SinkError:
        """A refusal as the sink raises it: with a code of 500 to 599 it is final."""
        message = f"{self._account} refuses {what}: {reply}"
        return SinkError(message) if reply.is_final else RetryableSinkError(message)

    def _greet(self) -> None:
        account, session = self._account, self._session
        try:
            self._wanted("the connection", *session.connect(account.host, account.port))
            session.ehlo_or_helo_if_needed()
            if account.security == "starttls":
                self._start_tls()
            if account.user:
                session.login(account.user, account.password.reveal())
        except smtplib.SMTPAuthenticationError as error:
            said = self._reply(error.smtp_code, error.smtp_error)
            raise RetryableSinkError(
                f"{account} refuses the login of {account.user}: {said}", hint="look at `user` and `password`"
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise RetryableSinkError(f"{account} offers no login", hint="many offer it only after STARTTLS") from None
        except UnicodeError:
            raise RetryableSinkError(f"{account} cannot be given a user or password that is not ASCII") from None
        except (smtplib.SMTPException, OSError) as error:
            raise self._explained(error) from None

    def _start_tls(self) -> None:
        if not self._session.has_extn("starttls"):
            raise RetryableSinkError(
                f"{self._account} offers no STARTTLS",
                hint="`security: tls` for port 465, `none` for a relay on this host",
            )
        self._wanted("STARTTLS", *self._session.docmd("STARTTLS"))
        self._session.secure()
        self._session.ehlo_or_helo_if_needed()

    def _wanted(self, what: str, code: int, text: bytes) -> None:
        reply = self._reply(code, text)
        if not reply.is_good:
            raise RetryableSinkError(f"{self._account} refuses {what}: {reply}")

    def _reply(self, code: int, text: bytes | str) -> Reply:
        return Reply(code, excerpt(text, self._secrets))

    def _explained(self, error: Exception) -> RetryableSinkError:
        if isinstance(error, smtplib.SMTPResponseException):
            return RetryableSinkError(f"{self._account} broke off: {self._reply(error.smtp_code, error.smtp_error)}")
        # smtplib wraps what the socket said.
        inner = error.__context__ if isinstance(error, smtplib.SMTPException) else error
        what, hint = trouble(inner or error, self._timeout)
        return RetryableSinkError(f"{self._account} {what}", hint=hint)


class _Session(smtplib.SMTP):
    """The library's protocol on sockets that keep to the deadline and verify certificates."""

    def __init__(self, account: Account, deadline: Deadline) -> None:
        # Without a name of its own the library asks the name server for one, outside of every deadline.
        name = re.sub(r"[^A-Za-z0-9.-]", "", socket.gethostname()) or "localhost"
        super().__init__(local_hostname=name)
        self._account, self._deadline = account, deadline
        self._host = account.host

    def _get_socket(self, host: str, port: int, _timeout: float) -> Any:
        sock = TimedSocket(connected(host, port, self._deadline), self._deadline)
        if self._account.security != "tls":
            return sock
        try:
            return over_tls(sock, host, self._account.ca_file)
        except BaseException:
            sock.close()
            raise

    def secure(self) -> None:
        """After a good answer to STARTTLS: whatever was said before counts no more, RFC 3207 §4.2."""
        self.sock = over_tls(self.sock, self._account.host, self._account.ca_file)  # type: ignore[arg-type, assignment]
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
