"""Connection texts as libpq reads them; messages never repeat what stands in them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from runner.errors import ConfigurationError
from runner.model.secret import Secret
from runner.model.suggest import did_you_mean

Options = dict[str, "str | Secret"]

KEYWORDS: Final = (
    "host", "hostaddr", "port", "dbname", "user", "password", "passfile", "service", "require_auth",
    "channel_binding", "connect_timeout", "client_encoding", "options", "application_name", "keepalives",
    "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "gssencmode", "sslmode",
    "sslnegotiation", "sslcompression", "sslcert", "sslkey", "sslpassword", "sslcertmode", "sslrootcert", "sslcrl",
    "sslcrldir", "sslsni", "ssl_min_protocol_version", "ssl_max_protocol_version", "requirepeer", "krbsrvname",
    "gsslib", "gssdelegation", "target_session_attrs", "load_balance_hosts", "fallback_application_name",
)  # fmt: skip
SECRET_KEYWORDS: Final = frozenset({"password", "sslpassword"})
_URL = re.compile(r"postgres(?:ql)?://", re.IGNORECASE)
_PAIR = re.compile(
    r"""\s*(?P<key>[^\s=]+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<bare>(?:[^\s'\\]|\\.)*))(?=\s|$)""", re.DOTALL
)
_HINT = "write postgresql://user@host:5432/dbname or host=… dbname=… user=…"


def parse_dsn(text: str) -> Options:
    """The libpq keywords of a URL or a keyword line, passwords as Secret. Raises ConfigurationError."""
    text = text.strip()
    found = _parse_url(text) if _URL.match(text) else _parse_pairs(text)
    return {key: Secret(value) if key in SECRET_KEYWORDS else value for key, value in found.items()}


def passwords_in(text: str) -> list[str]:
    """The password of any URL in the text, as written and decoded, for masking."""
    found = re.findall(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s:@]*:([^/?#\s]*)@", text)
    return [form for raw in found if raw for form in dict.fromkeys((raw, _decoded_or_raw(raw)))]


def _decoded_or_raw(text: str) -> str:
    return unquote_to_bytes(text).decode(errors="replace")


def _parse_url(text: str) -> dict[str, str]:
    rest = text.partition("://")[2]
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    userinfo, at, hosts = authority.rpartition("@")
    found: dict[str, str] = {}
    if at:
        user, colon, password = userinfo.partition(":")
        found.update({"user": _decode(user)} if user else {})
        found.update({"password": _decode(password)} if colon and password else {})
    found.update(_hosts(hosts))
    if path:
        found["dbname"] = _decode(path)
    for pair in filter(None, query.split("&")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigurationError("a query parameter of the connection URL has no value", hint=_HINT)
        found.update(_checked(_decode(key), _decode(value)))
    return found


def _hosts(text: str) -> dict[str, str]:
    hosts, ports = [], []
    for part in text.split(",") if text else ():
        match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", part)
        if not match:
            message = "a host of the connection URL cannot be read"
            raise ConfigurationError(message, hint="percent-encode : / @ in passwords, and put IPv6 addresses in [ ]")
        hosts.append(_decode(match[1].strip("[]")))
        ports.append(match[2] or "")
    found = {"host": ",".join(hosts)} if any(hosts) else {}
    if any(ports):
        found["port"] = ",".join(ports)
    return found


def _decode(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        message = "the connection URL has a % that starts no percent-encoding"
        raise ConfigurationError(message, hint="write % as %25")
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise ConfigurationError("the connection URL does not decode to UTF-8", hint=_HINT) from None
    if "\0" in decoded:
        raise ConfigurationError("the connection URL has a zero byte", hint=_HINT)
    return decoded


def _parse_pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if not match:
            raise ConfigurationError("the connection text cannot be read", hint=_HINT)
        value = match["quoted"] if match["quoted"] is not None else match["bare"]
        found.update(_checked(match["key"], re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)))
        position = match.end()
        while position < len(text) and text[position].isspace():
            position += 1
    if not found:
        raise ConfigurationError("the connection text is empty", hint=_HINT)
    return found


def _checked(key: str, value: str) -> dict[str, str]:
    if key == "ssl" and value == "true":
        return {"sslmode": "require"}
    if key not in KEYWORDS:
        # The unknown word is not repeated: it may be a part of a password that was not quoted.
        raise ConfigurationError(
            "the connection text has an unknown keyword", hint=did_you_mean(key, KEYWORDS) or _HINT
        )
    return {key: value}
