"""Calls of functions: what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.errors import ExpressionError
from runner.expr.facts import history_column, is_aggregate, span_of
from runner.expr.functions import ELSEWHERE, FUNCTIONS, Builtin, FunctionLike, Group
from runner.expr.problems import ARGUMENTS, FUNCTION, error, suggest
from runner.expr.tree import Call, Dotted, Literal, Name, RowCount, walk
from runner.model.quantity import Dimension


def problems_of_call(call: Call, functions: Mapping[str, FunctionLike]) -> Iterator[ExpressionError]:
    """An unknown function, a wrong number of arguments, or an argument of the wrong form."""
    builtin = FUNCTIONS.get(call.name)
    if builtin is None:
        if call.name not in functions:
            yield _unknown(call, functions)
        return
    count = len(call.args)
    if count < builtin.least or (builtin.most is not None and count > builtin.most):
        yield _wrong_count(call, builtin)
    elif builtin.group is Group.HISTORY:
        yield from _history(call, builtin)
    elif builtin.group is Group.RESULT:
        yield from _aggregate(call)


def _unknown(call: Call, functions: Mapping[str, FunctionLike]) -> ExpressionError:
    other = ELSEWHERE.get(call.name.lower())
    hint = f"did you mean `{other}`?" if other else suggest(call.name, [*FUNCTIONS, *functions], "functions")
    if call.name.lower() in {"previous", "params", "before", "after"} and len(call.args) == 1:
        hint = f"write `{call.name.lower()}.column`"
    return error(f"there is no function `{call.name}`", call.start, call.name_end, hint=hint, code=FUNCTION)


def _wrong_count(call: Call, builtin: Builtin) -> ExpressionError:
    least, most = builtin.least, builtin.most
    wanted = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
    noun = "argument" if wanted == "1" else "arguments"
    hint = f"write {builtin.signature}"
    if builtin.group is Group.RESULT and len(call.args) > 1 and call.name in {"min", "max"}:
        hint = f"for several values use `{'least' if call.name == 'min' else 'greatest'}`"
    if call.name == "count" and not call.args:
        hint = "to count the rows write `rows`"
    message = f"`{call.name}` takes {wanted} {noun}, not {len(call.args)}"
    return error(message, call.start, call.end, hint=hint, code=ARGUMENTS)


def _history(call: Call, builtin: Builtin) -> Iterator[ExpressionError]:
    first = call.args[0]
    if not history_column(call):
        hint = f"write `{builtin.signature}` with x the name of a column; name other values under `computed:`"
        yield error(f"`{call.name}` looks back at a column", first.start, first.end, hint=hint, code=ARGUMENTS)
    place = builtin.span
    if place is not None and place < len(call.args) and span_of(call, builtin) is None:
        given = call.args[place]
        is_long = isinstance(given, Literal) and given.dimension is Dimension.SECONDS and given.value
        message = f"`{call.name}` wants a written duration{' of at most a hundred years' if is_long else ''} here"
        yield error(message, given.start, given.end, hint="for example 1h or 7d", code=ARGUMENTS)


def _aggregate(call: Call) -> Iterator[ExpressionError]:
    below = [node for node in walk(call) if node is not call]
    inner = next((node for node in below if is_aggregate(node) or isinstance(node, RowCount)), None)
    if inner is not None:
        message = f"`{call.name}` cannot look at the whole result inside itself"
        hint = "compute the inner value under `computed:`"
        yield error(message, inner.start, inner.end, hint=hint, code=ARGUMENTS)
    elif not any(isinstance(node, Name) or (isinstance(node, Dotted) and node.space != "params") for node in below):
        first = call.args[0]
        hint = "to count the rows write `rows`" if call.name in {"count", "sum"} else f"write {call.name}(column …)"
        yield error(f"`{call.name}` names no column", first.start, first.end, hint=hint, code=ARGUMENTS)
