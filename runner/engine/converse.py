"""Drives many conversations at once, so that their queries travel together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

from runner.api import Answer, Conversation, Outcome, Query

Name = TypeVar("Name", bound=Hashable)


def drive(
    conversations: Mapping[Name, Conversation], ask: Callable[[Sequence[Query]], Sequence[Answer]]
) -> dict[Name, Outcome | Exception]:
    """Each conversation's outcome, or the exception that ended it; one that fails does not stop the others."""
    ended: dict[Name, Outcome | Exception] = {}
    waiting: dict[Name, Sequence[Query]] = {}
    for name, conversation in conversations.items():
        _step(name, conversation, None, ended, waiting)
    while waiting:
        asked = dict(waiting)
        answers = ask([query for queries in asked.values() for query in queries])
        waiting.clear()
        start = 0
        for name, queries in asked.items():
            part = answers[start : start + len(queries)]
            start += len(queries)
            _step(name, conversations[name], part, ended, waiting)
    return ended


def _step(
    name: Name,
    conversation: Conversation,
    answers: Sequence[Answer] | None,
    ended: dict[Name, Outcome | Exception],
    waiting: dict[Name, Sequence[Query]],
) -> None:
    try:
        waiting[name] = _queries(next(conversation) if answers is None else conversation.send(answers))
    except StopIteration as stop:
        ended[name] = stop.value
    except Exception as error:
        ended[name] = error
    except SystemExit:
        ended[name] = RuntimeError("it tried to end the program")


def _queries(asked: object) -> Sequence[Query]:
    """What a conversation yielded; anything else would take the other conversations down with it."""
    if isinstance(asked, Sequence) and all(isinstance(query, Query) for query in asked):
        return asked
    raise TypeError(f"it yielded {asked!r:.100} where a sequence of queries belongs")
