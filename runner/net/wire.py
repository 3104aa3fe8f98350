"""Sockets with one deadline for everything: finding the way, the handshake, and each byte to and fro."""

from __future__ import annotations

import io
import socket
import ssl
from typing import Any

from runner.errors import RetryableSinkError
from runner.net.deadline import Deadline

_PIECE = 65536


class TimedSocket:
    """The part of a socket that http.client and smtplib use: a peer that sends a byte a second is cut off too."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self.plain, self.deadline = sock, deadline

    def sendall(self, data: Any) -> None:
        left = memoryview(data).cast("B")
        while left:
            self.plain.settimeout(self.deadline.left())
            left = left[self.plain.send(left[:_PIECE]) :]

    def recv_into(self, buffer: Any) -> int:
        self.plain.settimeout(self.deadline.left())
        return self.plain.recv_into(buffer)

    def makefile(self, _mode: str = "rb", *_: object) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        self.plain.close()


class _Reader(io.RawIOBase):
    def __init__(self, sock: TimedSocket) -> None:
        super().__init__()
        # As with every socket, what is read from keeps it open after its own `close`.
        self._sock, self._held = sock, sock.plain.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        self._held.close()
        super().close()


def connected(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A connection to the first address that takes one; each gets its share of the time. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError(f"{host} has no address")
    for number, (family, kind, protocol, _, place) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(deadline.left() / (len(found) - number))
            sock.connect(place)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def over_tls(sock: TimedSocket, host: str, ca_file: str) -> TimedSocket:
    """The connection with TLS: the certificate is always verified, by the system's authorities or those of `ca_file`."""
    context = _trusting(ca_file)
    sock.plain.settimeout(sock.deadline.left())
    return TimedSocket(context.wrap_socket(sock.plain, server_hostname=host), sock.deadline)


def _trusting(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        # Also what OpenSSL says of a file without certificates.
        reason = error.strerror if not isinstance(error, ssl.SSLError) else "it holds no certificate"
        raise RetryableSinkError(
            f"the `ca_file` {ca_file} cannot be used: {reason}", hint=f"openssl x509 -in {ca_file} -noout -subject"
        ) from None


def trouble(error: BaseException, seconds: float) -> tuple[str, str]:
    """What went wrong on the way, as the end of a sentence that begins with the receiver's name, and a hint."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"has a certificate that is not trusted: {error.verify_message}",
            "`ca_file` names the authorities that are trusted",
        )
    if isinstance(error, TimeoutError):
        return f"did not answer within {seconds:g} s", "`timeout:` of the sink gives it longer"
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "no common version").replace("_", " ").lower()
        return f"speaks no TLS that can be used: {reason}", "is it the port for TLS?"
    if isinstance(error, socket.gaierror):
        return f"cannot be found: {error.strerror}", "look at the name, and at the name server in /etc/resolv.conf"
    if isinstance(error, ConnectionRefusedError):
        return "takes no connection: connection refused", "look whether it runs, and at the port"
    reason = (error.strerror if isinstance(error, OSError) else "") or "it said nothing that can be understood"
    return f"broke the connection off: {reason.lower()}", ""
