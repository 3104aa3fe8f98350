"""The TLS certificate that the server shows, whoever signed it, and how long it is still valid."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from runner.api import Answer, Options, Query, Row, RunContext, RunnerError

TIMEOUT = 10.0
# PostgreSQL documentation, "Message Formats", SSLRequest: the length, and a code that is no protocol version.
_SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)
# ITU-T X.690: the tags of DER that lead to the dates and the name (RFC 5280, 4.1).
_UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x17, 0x18, 0xA0
_COMMON_NAME = bytes.fromhex("550403")


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row; without TLS its certificate is null. Raises RunnerError when nobody answers."""
    yield from ()
    host, port = _address(context, options)
    der = _shown(host, port)
    subject, until = read_certificate(der) if der else (None, None)
    valid_for = (until - context.now).total_seconds() if until else None
    return [
        {
            "server": f"{host}:{port}",
            "tls": der is not None,
            "subject": subject,
            "valid_until": until,
            "valid_for": valid_for,
        }
    ]


def _address(context: RunContext, options: Options) -> tuple[str, int]:
    target = context.target.options if context.target else {}
    host = str(options.get("host") or target.get("host") or target.get("hostaddr") or "").split(",")[0]
    port = int(str(options.get("port") or target.get("port") or 5432).split(",")[0])
    # A socket has no TLS, and leads to this host.
    return ("localhost" if not host or host.startswith(("/", "@")) else host), port


def _shown(host: str, port: int) -> bytes | None:
    """The certificate in DER; None when the server refuses TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # An expired or foreign certificate is what we came to look at.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), TIMEOUT) as plain:
            plain.sendall(_SSL_REQUEST)
            if plain.recv(1) != b"S":
                return None
            with context.wrap_socket(plain, server_hostname=host) as secure:
                return secure.getpeercert(binary_form=True)
    except OSError as error:
        hint = "name where the server listens for everybody else: with: {host: db1.example.org, port: 5432}"
        raise RunnerError(f"no TLS certificate from {host}:{port}: {error}", hint=hint) from None


def read_certificate(der: bytes) -> tuple[str, datetime]:
    """The common name and the last moment of validity. Raises RunnerError when it is no X.509 certificate."""
    try:
        fields = list(_parts(_first(_first(der))))
        if fields[0][0] == _VERSION:
            fields = fields[1:]
        # serial number, signature, issuer, validity, subject
        dates, subject = list(_parts(fields[3][1])), fields[4][1]
        return _common_name(subject), _moment(*dates[1])
    except (IndexError, ValueError):
        raise RunnerError("the server's certificate cannot be read: it is not as X.509 has it") from None


def _first(der: bytes) -> bytes:
    return next(_parts(der), (0, b""))[1]


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag and the content of each value in a row of them."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size]), at + size
        yield tag, der[at : at + length]
        at += length


def _moment(tag: int, text: bytes) -> datetime:
    if tag not in (_UTC_TIME, _GENERALIZED_TIME):
        raise ValueError("it has no date where one belongs")
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC)


def _common_name(subject: bytes) -> str:
    for _, names in _parts(subject):
        for _, name in _parts(names):
            (_, kind), (_, value) = _parts(name)
            if kind == _COMMON_NAME:
                return value.decode("utf-8", "replace")
    return ""
