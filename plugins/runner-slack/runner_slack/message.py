"""A report as the body of a message: blocks for people, and a text for notifications."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from runner.api import Change, Finding, Report, Result, State, clean

# https://docs.slack.dev/reference/block-kit/blocks/section-block: 3,000 characters of text, and 50 blocks a message;
# https://docs.slack.dev/reference/block-kit/blocks/header-block: 150. `msg_blocks_too_long` already comes at about
# 13,000 characters in all blocks together (https://github.com/slackapi/bolt-js/issues/2509).
_SECTION, _HEADER, _ALL = 2_900, 150, 11_000
_TEXT, _NAME = 300, 80
_SIGNS = {
    State.CRITICAL: ":red_circle:",
    State.UNKNOWN: ":white_circle:",
    State.WARNING: ":large_yellow_circle:",
}
_WORST_FIRST = tuple(_SIGNS)


def body_of(report: Report, mention: str, most: int) -> dict[str, Any]:
    """What is posted; texts from a database call nobody and make no links."""
    title = f"{_state(report).upper()} {clean(report.title or report.group, limit=_HEADER)}"
    called = f"{_call(mention)} " if mention and report.state is State.CRITICAL else ""
    lines = list(_lines(report, most))
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": clean(title, limit=_HEADER), "emoji": False}},
        *(_section(text) for text in _packed(lines, called)),
        {"type": "context", "elements": [_text(_escaped(_counts(report)))]},
    ]
    first = f": {lines[0]}" if lines else ""
    return {
        "text": f"{called}{_escaped(title)}{first}"[:_SECTION],
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _lines(report: Report, most: int) -> Iterator[str]:
    """Problems, the worst first, then recoveries and faults; each one line of the message."""
    found = [(result, item) for result in report.results for item in result.outcome.findings if item.is_open]
    found.sort(key=lambda pair: _WORST_FIRST.index(pair[1].state))
    for result, item in found[:most]:
        yield f"{_SIGNS[item.state]} *{item.state.value}* {_place(result, item.series.database)}: {_words(result, item)}"
    if len(found) > most:
        yield f"… and {len(found) - most:,} more"
    for result in report.results:
        for change in result.transitions:
            if change.change is Change.RECOVERED:
                said = _escaped(change.message) or "well again"
                yield f":large_green_circle: recovered {_place(result, change.series.database)}: {said}"
    for fault in report.faults[:most]:
        yield f":warning: fault of {_escaped(fault.where, _NAME)}: {_escaped(fault.message)}"


def _words(result: Result, item: Finding) -> str:
    """The message, what to do, and who knows of it."""
    said = _escaped(item.message) or "no message"
    hint = _escaped(item.hint or ("" if item.state is State.UNKNOWN else result.hint))
    known = f" (acknowledged by {_escaped(item.acknowledged.author, _NAME)})" if item.acknowledged else ""
    return f"{said}{known}" + (f"\n>hint: {hint}" if hint else "")


def _place(result: Result, database: str) -> str:
    where = "/".join(part for part in (result.target, database) if part)
    job = _escaped(result.job, _NAME)
    return f"{job} on {_escaped(where, _NAME)}" if where else job


def _packed(lines: Iterable[str], called: str) -> Iterator[str]:
    """Lines joined to texts of sections; what does not fit into the message is counted."""
    text, used, left = called, len(called), 0
    for line in lines:
        if used + len(line) > _ALL:
            left += 1
            continue
        if text.strip() and len(text) + len(line) > _SECTION:
            yield text
            text = ""
        text += f"{line}\n"
        used += len(line) + 1
    if left:
        text += f"… and {left:,} more that do not fit"
    if text.strip():
        yield text


def _counts(report: Report) -> str:
    states = [result.state for result in report.results]
    parts = [f"{states.count(state):,} {state.value}" for state in State if state in states] or ["no results"]
    names = list(dict.fromkeys(result.target for result in report.results if result.target))
    on = f" on {clean(', '.join(names), limit=200)}" if names else ""
    return f"{', '.join(parts)}{on}, {report.slot:%Y-%m-%d %H:%M} UTC"


def _state(report: Report) -> str:
    return report.state.value if report.results else State.UNKNOWN.value


def _call(mention: str) -> str:
    # https://docs.slack.dev/messaging/formatting-message-text#mentioning-people
    if mention in ("here", "channel"):
        return f"<!{mention}>"
    return f"<!subteam^{mention}>" if mention.startswith("S") else f"<@{mention}>"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, Any]:
    """Verbatim: addresses and names in it become neither links nor mentions by themselves."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _escaped(text: str, limit: int = _TEXT) -> str:
    """The three characters that steer, https://docs.slack.dev/messaging/formatting-message-text#escaping."""
    whole = clean(text, limit=limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A text of nothing but ampersands is five times as long now.
    return whole if len(whole) <= 2 * limit else re.sub(r"&[a-z]*$", "", whole[: 2 * limit]) + "…"
