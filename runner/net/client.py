"""One HTTP request with one deadline, whose failures are told as a sink tells them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Final
from urllib.parse import urljoin

from runner.clock import SystemClock
from runner.errors import RetryableSinkError, SinkError
from runner.model.secret import Secret, revealed
from runner.net.address import Address, address_of
from runner.net.answer import HttpAnswer
from runner.net.deadline import Deadline
from runner.net.proxy import proxy_for
from runner.net.wire import TimedSocket, connected, over_tls, trouble
from runner.net.words import excerpt, masked
from runner.version import VERSION

_MOST_KEPT: Final = 65536
_MOST_REDIRECTS: Final = 3
_SHORTEST_TOKEN: Final = 8
_SAME_AGAIN: Final = frozenset({307, 308})
"""Redirects that keep method and body, RFC 9110 §15.4; after the others a report would be asked for, not given."""
_ELSEWHERE: Final = frozenset({301, 302, 303, *_SAME_AGAIN})


def send(
    url: str | Secret,
    body: bytes,
    *,
    method: str,
    headers: Mapping[str, str | Secret],
    timeout: float | Deadline,
    ca_file: str,
    secrets: Iterable[Secret],
    retry_on: Collection[int],
) -> HttpAnswer:
    """See `runner.api.http_send`."""
    deadline = timeout if isinstance(timeout, Deadline) else Deadline(timeout)
    call = _Call(method, headers, body, ca_file, deadline, (*secrets, *_words_of(headers)))
    address = address_of(url)
    for _ in range(_MOST_REDIRECTS + 1):
        answer = call.answer(address)
        if 200 <= answer.status <= 299:
            return answer
        if answer.status not in _SAME_AGAIN:
            break
        address = call.next_address(address, answer)
    else:
        raise SinkError(f"{address} redirects again and again", hint="set `url` to the address where it ends")
    raise call.refusal(address, answer, retry_on)


def _words_of(headers: Mapping[str, str | Secret]) -> Iterator[Secret]:
    """Secret headers as they are, and their long words: of `Bearer …` the token alone is as secret."""
    for value in headers.values():
        if isinstance(value, Secret):
            yield value
            yield from (Secret(word) for word in value.reveal().split() if len(word) >= _SHORTEST_TOKEN)


class _Call:
    """What stays the same when the receiver redirects."""

    def __init__(
        self, method: str, headers: Mapping[str, str | Secret], body: bytes, ca_file: str, deadline: Deadline,
        secrets: tuple[Secret, ...],
    ) -> None:  # fmt: skip
        self._method, self._headers, self._body = method, headers, body
        self._ca_file, self._deadline, self._secrets = ca_file, deadline, secrets

    def answer(self, address: Address) -> HttpAnswer:
        """The answer, whatever its status; raises RetryableSinkError when there is none."""
        proxy = proxy_for(address)
        connection = _Connection(address, proxy, self._ca_file, self._deadline)
        try:
            target = address.path if proxy is None or address.scheme == "https" else f"http://{address}{address.path}"
            connection.request(self._method, target, self._body, self._all_headers(address, proxy))
            with connection.getresponse() as response:
                return _read(response)
        except (ValueError, HTTPException, OSError) as error:
            raise self._explained(error, address, proxy) from None
        finally:
            connection.close()

    def next_address(self, address: Address, answer: HttpAnswer) -> Address:
        """Where the receiver sends us; never to another host, which would learn the secrets of this one."""
        try:
            found = address_of(
                urljoin(f"{address.scheme}://{address}{address.path}", answer.headers.get("location", ""))
            )
        except (SinkError, ValueError):
            raise SinkError(f"{address} redirects to nowhere", hint="set `url` to the receiver's own address") from None
        if found.origin != address.origin:
            raise SinkError(
                f"{address} redirects to {found.scheme}://{found}, which is not followed: it would be given the secrets",
                hint="set `url` to the new address if it is to be trusted",
            )
        return replace(found, authorization=address.authorization, secrets=(*address.secrets, *found.secrets))

    def refusal(self, address: Address, answer: HttpAnswer, retry_on: Collection[int]) -> SinkError:
        said = excerpt(answer.body, (*self._secrets, *address.secrets))
        message = f"{address} answered {_named(answer.status)}{f': {said}' if said else ''}"
        # 1xx is no answer to a request that asked for nothing special.
        if answer.status in retry_on or answer.status < 200:
            return RetryableSinkError(message, retry_after=_retry_after(answer.headers))
        hint = "set `url` to the address that it redirects to" if answer.status in _ELSEWHERE else ""
        return SinkError(message, hint=hint)

    def _all_headers(self, address: Address, proxy: Address | None) -> dict[str, str]:
        made: dict[str, str] = {"User-Agent": f"runner/{VERSION}", "Connection": "close"}
        if address.authorization:
            made["Authorization"] = address.authorization.reveal()
        if proxy and proxy.authorization and address.scheme == "http":
            made["Proxy-Authorization"] = proxy.authorization.reveal()
        own = {name: revealed(value) for name, value in self._headers.items()}
        taken = {name.lower() for name in own}
        return {**{name: value for name, value in made.items() if name.lower() not in taken}, **own}

    def _explained(self, error: Exception, address: Address, proxy: Address | None) -> SinkError:
        # http.client complains with ValueError of what it cannot send, and quotes it; a bad certificate is one too.
        if isinstance(error, ValueError) and not isinstance(error, OSError):
            return SinkError("a header of the request cannot be sent: it holds a line break, or is not latin-1")
        name = f"the proxy {proxy} on the way to {address}" if proxy else str(address)
        what, hint = trouble(error, self._deadline.seconds)
        hidden = (*self._secrets, *address.secrets)
        return RetryableSinkError(masked(f"{name} {what}", hidden), hint=hint)


class _Connection(HTTPConnection):
    """A connection that knows its proxy, verifies certificates, and keeps to the deadline."""

    def __init__(self, address: Address, proxy: Address | None, ca_file: str, deadline: Deadline) -> None:
        super().__init__(address.host, address.port)
        self._address, self._proxy, self._ca_file, self._deadline = address, proxy, ca_file, deadline

    def connect(self) -> None:
        next_stop = self._proxy or self._address
        self.sock = TimedSocket(connected(next_stop.host, next_stop.port, self._deadline), self._deadline)
        if self._address.scheme == "https":
            if self._proxy:
                _dig(self.sock, self._address, self._proxy)
            self.sock = over_tls(self.sock, self._address.host, self._ca_file)


def _dig(sock: TimedSocket, address: Address, proxy: Address) -> None:
    """Asks the proxy for a tunnel, RFC 9110 §9.3.6."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    lines = [f"CONNECT {host}:{address.port} HTTP/1.1", f"Host: {host}:{address.port}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization.reveal()}")
    sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    # As for HEAD: what follows the head of the answer belongs to the tunnel.
    response = HTTPResponse(sock, method="HEAD")  # type: ignore[arg-type]
    response.begin()
    response.close()
    if not 200 <= response.status <= 299:
        raise RetryableSinkError(f"the proxy {proxy} leads to no tunnel: it answered {_named(response.status)}")


def _read(response: HTTPResponse) -> HttpAnswer:
    """The status decides; of a body that breaks off or comes too late there is what came."""
    pieces: list[bytes] = []
    size = 0
    try:
        while size < _MOST_KEPT and (piece := response.read1(_MOST_KEPT - size)):
            pieces.append(piece)
            size += len(piece)
    except (HTTPException, OSError, ValueError):
        pass
    headers = {name.lower(): value for name, value in response.getheaders()}
    return HttpAnswer(status=response.status, headers=headers, body=b"".join(pieces))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds or a date, RFC 9110 §10.2.3; a date counts from the receiver's own, whose clock may be another."""
    wish = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", wish, re.ASCII):
        return float(wish)
    then = _date(wish)
    if then is None:
        return None
    now = _date(headers.get("date", "")) or SystemClock().now()
    return max((then - now).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _named(status: int) -> str:
    """The status with its name, not the receiver's own words for it."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
