"""Opens connections, and says in plain words why one cannot be opened."""

from __future__ import annotations

import re

from runner.engine.database.connection import Connection, ConnectionLostError
from runner.errors import SilentTargetError, TargetError
from runner.model.secret import Secret, mask, revealed
from runner.model.target import Target

CONNECT_TIMEOUT = 10
"""Seconds that libpq may take for each host when the target does not say."""
_SILENCE = "timeout expired"
"""libpq's words for a server that says nothing."""

_ADVICE = (
    (r"password authentication failed|no password supplied", "set DATABASE_PASSWORD in .env, or use libpq's passfile"),
    (r'database ".*" does not exist', "check DATABASE_NAME (or `dbname:` of the target)"),
    (r"permission denied for database", "as a superuser: grant connect on database NAME to ROLE"),
    (r'role ".*" does not exist', "check DATABASE_USER (or `user:` of the target), or create the role"),
    (r"no pg_hba.conf entry", "allow this host and user in the server's pg_hba.conf, then reload it"),
    (
        r"Connection refused|No such file or directory",
        "check that the server runs, and DATABASE_HOST and DATABASE_PORT",
    ),
    (r"could not translate host name|Name or service not known|resolve host", "check DATABASE_HOST for a typing error"),
    (
        r"too many (clients|connections)|remaining connection slots",
        "all connection slots are in use; end idle sessions",
    ),
    (r"timeout expired|timed out", "check the network, a firewall, and whether the server hangs"),
    (r"starting up|shutting down|recovery mode", "the server is not ready; look at its log"),
    (r"server does not support SSL", "set `sslmode: prefer`, or turn ssl on at the server"),
    (r"certificate", "check sslrootcert and sslmode of the target, and the server's certificate"),
    (r"definition of service", "check `service:` of the target and libpq's service file (PGSERVICEFILE)"),
    (r"unrecognized configuration parameter", "check `options:` of the target for a typing error"),
    (r'port number|option "port"', "check DATABASE_PORT (or `port:` of the target): a number from 1 to 65535"),
    (r"SSL negotiation|expected authentication request", "check the port: what listens there is no PostgreSQL server"),
    (r'value for (connection option "|")?(\w+)|(\w+) value:|connection option "(\w+)"', "check {} of the target"),
)
_NOISE = re.compile(
    r"Is the server running [^?]*\?|Multiple connection attempts failed\. All failures were:|- host: .*?, hostaddr: '.*?':"
)
_ATTEMPT = re.compile(r"connection (?:to server (?:at|on) .*? )?failed: |connection is bad: ")


def connect(target: Target, database: str = "", *, purpose: str = "runner") -> Connection:
    """A new autocommit connection to the target (or another of its databases); raises TargetError."""
    options = {name: revealed(value) for name, value in target.options.items()}
    options.setdefault("connect_timeout", str(CONNECT_TIMEOUT))
    options.setdefault("application_name", purpose)
    if database:
        options["dbname"] = database
    try:
        connection = Connection(options)
        _agree_on_texts(connection)
    except (ConnectionLostError, ValueError) as error:
        kind = SilentTargetError if _SILENCE in str(error) else TargetError
        raise refusal(target, database, str(error), kind) from None
    return connection


def _agree_on_texts(connection: Connection) -> None:
    """Undoes what a role or database prefers, where the library could not read it; seldom a round trip."""
    said = connection.parameter
    wanted: dict[str, str] = {}
    if said("IntervalStyle") not in ("", "postgres"):
        wanted["intervalstyle"] = "postgres"
    if not (said("DateStyle") or "ISO").startswith("ISO"):
        wanted["datestyle"] = "ISO"
    # A database in SQL_ASCII would refuse its own bytes if they were asked for as UTF-8.
    if said("client_encoding") != "UTF8" and said("server_encoding") != "SQL_ASCII":
        wanted["client_encoding"] = "UTF8"
    for name, value in wanted.items():
        connection.send(b"select set_config($1, $2, false)", (name.encode(), value.encode()))
        connection.last_result()


def refusal(target: Target, database: str, text: str, kind: type[TargetError] = TargetError) -> TargetError:
    """The words of libpq without secrets, on one line, with what to do about it."""
    secrets = [value for value in target.options.values() if isinstance(value, Secret)]
    words = mask(" ".join(text.split()), secrets)
    reasons = [part.strip().removeprefix("FATAL:").strip() for part in _ATTEMPT.split(_NOISE.sub("", words))]
    reason = "; ".join(dict.fromkeys(part for part in reasons if part))
    where = target.address if not database else f"{target.address.rsplit('/', 1)[0]}/{database}"
    return kind(f"cannot connect to {where}: {reason}", hint=_advice(words))


def _advice(words: str) -> str:
    for pattern, advice in _ADVICE:
        if found := re.search(pattern, words):
            keyword = next((group for group in reversed(found.groups()) if group), "")
            return advice.format(f"`{keyword}:`") if "{}" in advice else advice
    return "runner doctor looks at every target; `psql` with the same values tells more"
