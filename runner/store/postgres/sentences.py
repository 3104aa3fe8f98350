"""Turns errors of PostgreSQL and of libpq into sentences without secrets."""

from __future__ import annotations

import re
from typing import Final

import psycopg
from psycopg import errors

from runner.errors import StoreError
from runner.model.secret import mask
from runner.store.address import Address

_SESSIONS: Final = "select pid, state, query from pg_stat_activity where application_name = 'runner store'"
_DOCTOR: Final = "`runner doctor` looks at the store"

# What a connection that cannot be opened says, the part of our answer, and whether waiting helps.
_REFUSALS: Final = (
    (r"password authentication failed|no password supplied", "check the user and the password of `state:`", False),
    (r'database ".*" does not exist', "as a superuser: create database NAME owner ROLE encoding 'UTF8'", False),
    (r'role ".*" does not exist', "check the user of `state:`, or create the role", False),
    (r"permission denied for database", "as a superuser: grant connect on database NAME to ROLE", False),
    (r"no pg_hba.conf entry", "allow this host and user in the server's pg_hba.conf, then reload it", False),
    (r"could not translate host name|Name or service not known|resolve host", "check the host of `state:`", False),
    (r"does not support SSL|certificate|SSL negotiation", "check sslmode and sslrootcert of `state:`", False),
    (r"definition of service|invalid .*(value|port)|expected authentication request", "check `state:`", False),
    (r"session is (not )?read-only", "name the server that can be written to, or all of them: HOST1,HOST2", True),
    (r"too many clients|connection slots", "all connection slots are in use; end idle sessions", True),
    (r"starting up|shutting down|recovery mode|not yet accepting", "the server is not ready; look at its log", True),
    (r"Connection refused|No such file", "check that the server runs, and host and port of `state:`", True),
    (r"timeout expired|timed out", "check the network, a firewall, and whether the server hangs", True),
)  # fmt: skip
STARTING: Final = re.compile("starting up|shutting down|recovery mode|not yet accepting")
_NOISE: Final = re.compile(
    r"Is the server running [^?]*\?|Multiple connection attempts failed\. All failures were:|- host: .*?, hostaddr: '.*?':"
)
_ATTEMPT: Final = re.compile(r"connection (?:to server (?:at|on) .*? )?failed: |connection is bad: ")
_LOST: Final = (
    errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow, errors.IdleInTransactionSessionTimeout,
    errors.ReadOnlySqlTransaction, errors.SerializationFailure, errors.DeadlockDetected,
)  # fmt: skip


def can_be_repeated(error: psycopg.Error, connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Whether the transaction failed for a reason that lies in the connection or the server's state, not in itself."""
    return connection.closed or isinstance(error, _LOST)


def may_pass(error: psycopg.Error) -> bool:
    """Whether a connection that could not be opened may be opened soon."""
    words = str(error)
    return next((passes for pattern, _, passes in _REFUSALS if re.search(pattern, words)), True)


def unreachable(error: psycopg.Error, address: Address) -> StoreError:
    """Why no connection can be opened."""
    words = _words(str(error), address)
    parts = [part.strip().removeprefix("FATAL:").strip() for part in _ATTEMPT.split(_NOISE.sub("", words))]
    reason = "; ".join(dict.fromkeys(part for part in parts if part))
    hint = next((advice for pattern, advice, _ in _REFUSALS if re.search(pattern, words)), _DOCTOR)
    return StoreError(f"the store {address} cannot be reached: {reason}", hint=hint)


def explained(error: psycopg.Error, address: Address) -> StoreError:
    """Why a statement failed."""
    where = f"the store {address}"
    reason = _words(error.diag.message_primary or str(error), address)
    match error:
        case errors.LockNotAvailable():
            return StoreError(
                f"{where} is kept busy by another process", hint=f"look for a runner that hangs: {_SESSIONS}"
            )
        case errors.QueryCanceled():
            return StoreError(f"{where} is too slow: {reason}", hint=f"look at what it does: {_SESSIONS}")
        case errors.DiskFull():
            return StoreError(f"{where} cannot be written: the disk is full", hint="free some space; nothing was lost")
        case errors.DataCorrupted() | errors.IndexCorrupted():
            return StoreError(f"{where} is damaged: {reason}", hint="restore its database from a backup")
        case errors.InsufficientPrivilege():
            user = quoted(str(address.options.get("user") or "ROLE"))
            return StoreError(
                f"{where} cannot be used: {reason}",
                hint=f"use the role that owns the schema runner, or as a superuser: grant OWNER to {user}",
            )
        case errors.UndefinedTable() | errors.UndefinedColumn():
            return StoreError(f"{where} has lost its tables: {reason}", hint="drop the schema runner; it is made anew")
        case errors.ReadOnlySqlTransaction():
            return StoreError(f"{where} cannot be written: {reason}", hint="name the primary server in `state:`")
        case psycopg.OperationalError():
            return StoreError(
                f"{where} cannot be reached: {reason}", hint="check that the server runs; look at its log"
            )
        case _:
            return StoreError(f"{where} cannot be used: {reason}", hint=_DOCTOR)


def grant(address: Address, role: str) -> str:
    """What a superuser gives so that the store can be made and used."""
    named, database = quoted(role), quoted(str(address.options.get("dbname") or "DATABASE"))
    return (
        f"as a superuser in that database: create schema runner authorization {named};"
        f" or: grant create on database {database} to {named}"
    )


def quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*|[A-Z]+", name) else '"' + name.replace('"', '""') + '"'


def _words(text: str, address: Address) -> str:
    return mask(" ".join(text.split()), address.secrets)
