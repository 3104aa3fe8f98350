"""The actions of check_postgres that bring their own SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping

from runner.app.imports.calls import Call
from runner.app.imports.mapping import Form
from runner.app.imports.thresholds import condition
from runner.errors import RunnerError
from runner.model.sql_text import bare, placeholders

_TYPES = {"integer": (Form.NUMBER, "count"), "time": (Form.TIME, "seconds"), "size": (Form.SIZE, "bytes")}
_NAME = re.compile(r"[A-Za-z_][\w.]*(\(\))?")


def own_job(call: Call) -> Mapping[str, object]:
    """The keys of the job. Raises RunnerError when something is missing that it cannot be without."""
    return _query(call) if call.action == "custom_query" else _runtime(call)


def _query(call: Call) -> dict[str, object]:
    sql = call.one("query").strip().rstrip(";")
    if not sql:
        raise RunnerError("it has no --query")
    if placeholders(sql) or ";" in bare(sql):
        raise RunnerError("its query has a `:name` or several statements; write it anew with `runner new check`")
    if not re.search(r"\bresult\b", sql, re.IGNORECASE):
        raise RunnerError("its query has no column `result`; write it anew with `runner new check`")
    kind = call.one("valtype") or "integer"
    keys: dict[str, object] = {"sql": sql}
    if kind == "string":
        keys |= {level: f"result = {_text(call.one(level))}" for level in _given(call)}
    elif kind in _TYPES:
        form, unit = _TYPES[kind]
        sign = "<=" if call.options.get("reverse") else ">="
        keys["columns"] = {"result": unit}
        keys |= {level: condition(call.one(level), {form: f"result {sign} {{}}"}) for level in _given(call)}
    else:
        raise RunnerError(f"--valtype {kind} is not known")
    return keys


def _given(call: Call) -> list[str]:
    found = [level for level in ("warning", "critical") if call.one(level)]
    if not found:
        raise RunnerError("it has neither --warning nor --critical")
    return found


def _text(value: str) -> str:
    if "'" in value:
        raise RunnerError("a text with a quotation mark is not carried over")
    return f"'{value}'"


def _runtime(call: Call) -> dict[str, object]:
    name = call.one("queryname")
    if not _NAME.fullmatch(name):
        raise RunnerError("it has no --queryname that is a view or a function")
    sql = f"select {name}" if name.endswith("()") else f"select count(*) from {name}"  # noqa: S608
    keys: dict[str, object] = {"use": "pg.latency", "with": {"sql": sql, "repeat": 1}}
    levels = {level: call.one(level) for level in ("warning", "critical")}
    keys |= {level: condition(text, {Form.TIME: "median >= {}"}) for level, text in levels.items() if text}
    missing = [level for level, text in levels.items() if not text]
    return keys | ({"without": missing} if missing else {})
