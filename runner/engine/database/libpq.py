"""PostgreSQL's own client library, called directly: importing a driver costs more than a sweep of checks.

PostgreSQL documentation, "libpq - C Library". Functions that may wait let other threads run; those that only look at what
has arrived keep the interpreter, which is quicker. No argument types are declared for what is called for every cell:
conversions that are not needed would double its price.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_void_p
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runner.errors import TargetError

NOTICE_RECEIVER = CFUNCTYPE(None, c_void_p, c_void_p)

CONNECTION_OK = 0
FATAL_ERROR, PIPELINE_SYNC, PIPELINE_ABORTED = 7, 10, 11
COPYING = frozenset({3, 4, 8})
"""PGRES_COPY_OUT, _IN and _BOTH."""
IDLE = 0
"""PQTRANS_IDLE."""
SEVERITY, SQLSTATE, PRIMARY, HINT, POSITION = (ord(letter) for letter in "VCMHP")
"""Fields of an error or notice (postgres_ext.h); the severity is the one that no language changes."""

_NAMES = {"linux": "libpq.so.5", "darwin": "libpq.5.dylib"}
_POINTER, _TEXT, _NUMBER = c_void_p, c_char_p, c_int
_WAITING: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "PQconnectdbParams": (_POINTER, (POINTER(c_char_p), POINTER(c_char_p), c_int)),
    "PQfinish": (None, (_POINTER,)),
    "PQconsumeInput": (_NUMBER, (_POINTER,)),
    "PQflush": (_NUMBER, (_POINTER,)),
    "PQgetResult": (_POINTER, (_POINTER,)),
    "PQsendQuery": (_NUMBER, (_POINTER, _TEXT)),
    "PQsendQueryParams": (
        _NUMBER,
        (_POINTER, _TEXT, c_int, c_void_p, POINTER(c_char_p), c_void_p, c_void_p, c_int),
    ),
    "PQsendPrepare": (_NUMBER, (_POINTER, _TEXT, _TEXT, c_int, c_void_p)),
    "PQsendDescribePrepared": (_NUMBER, (_POINTER, _TEXT)),
    "PQpipelineSync": (_NUMBER, (_POINTER,)),
    "PQcancelCreate": (_POINTER, (_POINTER,)),
    "PQcancelBlocking": (_NUMBER, (_POINTER,)),
    "PQcancelFinish": (None, (_POINTER,)),
    "PQgetCancel": (_POINTER, (_POINTER,)),
    "PQcancel": (_NUMBER, (_POINTER, c_char_p, c_int)),
    "PQfreeCancel": (None, (_POINTER,)),
}
_LOOKING: dict[str, tuple[Any, tuple[Any, ...] | None]] = {
    "PQstatus": (_NUMBER, (_POINTER,)),
    "PQerrorMessage": (_TEXT, (_POINTER,)),
    "PQsocket": (_NUMBER, (_POINTER,)),
    "PQtransactionStatus": (_NUMBER, (_POINTER,)),
    "PQparameterStatus": (_TEXT, (_POINTER, _TEXT)),
    "PQsetnonblocking": (_NUMBER, (_POINTER, c_int)),
    "PQenterPipelineMode": (_NUMBER, (_POINTER,)),
    "PQexitPipelineMode": (_NUMBER, (_POINTER,)),
    "PQsetChunkedRowsMode": (_NUMBER, (_POINTER, c_int)),
    "PQisBusy": (_NUMBER, (_POINTER,)),
    "PQsetNoticeReceiver": (_POINTER, (_POINTER, NOTICE_RECEIVER, _POINTER)),
    "PQresultStatus": (_NUMBER, (_POINTER,)),
    "PQresultErrorField": (_TEXT, (_POINTER, c_int)),
    "PQntuples": (_NUMBER, (_POINTER,)),
    "PQnfields": (_NUMBER, (_POINTER,)),
    "PQfname": (_TEXT, (_POINTER, c_int)),
    "PQftype": (ctypes.c_uint, (_POINTER, c_int)),
    "PQgetvalue": (_TEXT, None),
    "PQgetisnull": (_NUMBER, None),
    "PQclear": (None, (_POINTER,)),
}
_NEWER = frozenset({"PQcancelCreate", "PQcancelBlocking", "PQcancelFinish", "PQsetChunkedRowsMode"})
"""Since libpq 17; all others are in 14, which brought pipelines."""


class Library:
    """Its functions by their names; those of `_NEWER` are None in an older library."""

    def __init__(self, path: str) -> None:
        waiting, looking = ctypes.CDLL(path), ctypes.PyDLL(path)
        for library, functions in ((waiting, _WAITING), (looking, _LOOKING)):
            for name, (result, arguments) in functions.items():
                setattr(self, name, _function(library, name, result, arguments))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def _function(library: ctypes.CDLL, name: str, result: Any, arguments: tuple[Any, ...] | None) -> Any:
    try:
        function = library[name]
    except AttributeError:
        if name in _NEWER:
            return None
        raise
    function.restype = result
    if arguments is not None:
        function.argtypes = arguments
    return function


@cache
def libpq() -> Library:
    """Loaded once a process: the one that psycopg brings, or else the system's. Raises TargetError."""
    wrong = "no libpq is here"
    for path in _places():
        try:
            return Library(path)
        except OSError as error:
            wrong = f"libpq cannot be loaded: {error}"
        except AttributeError as error:
            wrong = f"libpq is older than 14: {error}"
    raise TargetError(wrong, hint="pip install 'psycopg[binary]' brings one; Debian's is libpq5 (14 or newer)")


def _places() -> list[str]:
    found = find_spec("psycopg_binary")
    bundled: list[Path] = []
    for folder in found.submodule_search_locations or () if found else ():
        bundled += [*Path(f"{folder}.libs").glob("libpq-*"), *Path(folder, ".dylibs").glob("libpq*")]
    return [*map(str, bundled), _NAMES.get(sys.platform, "libpq.so")]
