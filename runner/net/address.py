"""A URL taken apart for one request; what could be secret in it is never shown."""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from runner.errors import SinkError
from runner.model.secret import Secret, revealed
from runner.records import dataclass

_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
# Everything that RFC 3986 lets stand in a path or a query, and the sign of what is written as %XX already.
_AS_IT_IS: Final = "!$&'()*+,;=:@/?%-._~"
_SHORTEST_SECRET = 6
"""A shorter part of a path is a word such as `api` and stays readable."""
_LENGTH_OF_TOKENS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a request goes. `path` holds the query too; `authorization` is made of a user and password in the URL."""

    scheme: str
    host: str
    port: int
    path: str
    authorization: Secret | None = None
    secrets: tuple[Secret, ...] = ()

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host.lower(), self.port


def address_of(url: str | Secret) -> Address:
    """The parts of a URL; raises SinkError, which does not show it."""
    text = revealed(url)
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port
    except ValueError:
        raise _refused() from None
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or re.search(r"[\x00-\x20\x7f]", text):
        raise _refused()
    path = quote(parts.path or "/", safe=_AS_IT_IS) + (f"?{quote(parts.query, safe=_AS_IT_IS)}" if parts.query else "")
    return Address(
        scheme=parts.scheme,
        host=host,
        port=_PORTS[parts.scheme] if port is None else port,
        path=path,
        authorization=_authorization(parts),
        secrets=tuple(map(Secret, _hidden(text, parts, path))),
    )


def tokens(url: str) -> tuple[Secret, ...]:
    """What in a URL of any scheme is a token beyond doubt: a word that nobody would write anywhere else."""
    rest = url.partition("://")[2]
    words = {found for word in re.split(r"[/:@?&=#,]+", rest) for found in (word, unquote(word))}
    # The name of a host has dots; where services put a token in its place it has none.
    return tuple(
        Secret(word) for word in sorted(words) if _is_token(word) and not (rest.startswith(word) and "." in word)
    )


def basic(user: str, password: str) -> Secret:
    """The value of an `Authorization` header, RFC 7617."""
    return Secret("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


def _authorization(parts: SplitResult) -> Secret | None:
    if parts.username is None:
        return None
    return basic(unquote(parts.username), unquote(parts.password or ""))


def _hidden(text: str, parts: SplitResult, path: str) -> set[str]:
    """The URL and each part of it that can be a token: many services put it into the path."""
    words = [text, path, parts.query, parts.password or "", *parts.path.split("/")]
    words += [word for item in parts.query.split("&") for word in (item, item.partition("=")[2])]
    return {found for word in words if len(word) >= _SHORTEST_SECRET for found in (word, unquote(word))}


def _is_token(word: str) -> bool:
    return len(word) >= _LENGTH_OF_TOKENS and any(char.isdigit() for char in word)


def _refused() -> SinkError:
    return SinkError(
        "the `url` cannot be used: it is not http:// or https:// with a host",
        hint="write it as https://HOST/PATH, with %-escapes for what is not a letter, digit or one of -._~",
    )
