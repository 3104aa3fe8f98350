"""Targets of a file: YAML, JSON or CSV."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from runner.api import ConfigurationError, Options, SourceContext, TargetRow

MOST_BYTES = 16_000_000


def read(options: Options, context: SourceContext) -> Sequence[TargetRow]:
    """Raises ConfigurationError when the file cannot be read or is not what its ending says."""
    name = str(options["file"])
    text = _text(context.home / os.path.expanduser(name), name)
    return _of_csv(text, name) if name.lower().endswith(".csv") else context.listed(text, name)


def _text(path: Path, name: str) -> str:
    hint = "check the path (relative to the home) and its permissions"
    try:
        # A pipe in place of the file would hold the reader up until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigurationError(f"{name} is not a regular file", hint=hint)
            data = file.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError(f"{name} cannot be read: {why}", hint=hint) from None
    if len(data) > MOST_BYTES:
        raise ConfigurationError(
            f"{name} is larger than {MOST_BYTES // 1_000_000} MB", hint="split it into several files"
        )
    return text


def _of_csv(text: str, name: str) -> Sequence[TargetRow]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    try:
        columns = reader.fieldnames or []
        if "name" not in columns:
            hint = "its first line names the columns, such as name,host,port,label_env"
            raise ConfigurationError(f"{name}:1 has no column `name`", hint=hint)
        if twice := sorted({column for column in columns if columns.count(column) > 1}):
            raise ConfigurationError(f"{name}:1 has the column `{twice[0]}` twice")
        return [_row(row, f"{name}:{reader.line_num}") for row in reader]
    except csv.Error as error:
        raise ConfigurationError(f"{name}:{reader.line_num} is not CSV: {error}") from None


def _row(row: dict[str, str | list[str]], where: str) -> TargetRow:
    if "" in row or None in row.values():
        raise ConfigurationError(f"{where} has not as many cells as the first line has columns")
    return TargetRow(values={key: value for key, value in row.items() if value != ""}, where=where)
