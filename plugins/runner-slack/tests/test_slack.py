"""The sink `runner.slack`: what is posted keeps to Slack's limits, whatever a database says."""

from __future__ import annotations

import re
from typing import Any

import pytest
import runner_slack
from runner_slack.message import body_of

from runner.testing import (
    SAMPLES,
    STEERING,
    FakeSinkContext,
    HttpReceiver,
    HttpSinkContract,
    PluginContract,
    finding,
    report,
    result,
    sample,
    transition,
)

FIELDS = {"text", "blocks", "unfurl_links", "unfurl_media"}


def checked(body: dict[str, Any]) -> list[str]:
    """The texts of a message that Slack takes."""
    assert set(body) == FIELDS
    assert body["text"]
    blocks = body["blocks"]
    assert 2 <= len(blocks) <= 50
    header, *sections, context = blocks
    assert header["type"] == "header"
    assert 0 < len(header["text"]["text"]) <= 150
    assert header["text"]["type"] == "plain_text"
    texts = [block["text"] for block in sections] + context["elements"]
    for text in texts:
        assert text["type"] == "mrkdwn"
        assert text["verbatim"] is True
        assert 0 < len(text["text"]) <= 3000
    assert sum(len(text["text"]) for text in texts) <= 13_000
    return [header["text"]["text"], *(text["text"] for text in texts)]


class TestSlack(HttpSinkContract):
    sink_type = runner_slack.SLACK

    def test_the_message(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        found = finding(
            "critical", "1,250,000 dead rows & <more>", "public", "orders", database="app", hint="vacuum it"
        )
        gone = transition("locks", "recovered", message="pid 4242 waited")
        made = report(result("dead-rows", "critical", found), result("locks", transitions=(gone,)), title="Nightly")
        self.send(context, self.options(receiver), made)
        texts = checked(receiver.requests[0].json())
        assert receiver.requests[0].headers["content-type"] == "application/json"
        assert texts == [
            "CRITICAL Nightly",
            (
                ":red_circle: *critical* dead-rows on main/app: 1,250,000 dead rows &amp; &lt;more&gt;\n>hint: vacuum it\n"
                ":large_green_circle: recovered locks on main: pid 4242 waited\n"
            ),
            "1 ok, 1 critical on main, 2026-01-05 03:00 UTC",
        ]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_report_keeps_to_the_limits(name: str) -> None:
    body = body_of(sample(name), "here", 100)
    for text in [body["text"], *checked(body)[1:]]:
        assert set(re.findall(r"<[^>]*>", text)) <= {"<!here>"}
        assert not STEERING.search(text)


@pytest.mark.parametrize(
    ("mention", "written"),
    [("here", "<!here> "), ("channel", "<!channel> "), ("U123ABC", "<@U123ABC> "), ("S123ABC", "<!subteam^S123ABC> ")],
)
def test_only_what_is_critical_calls_somebody(mention: str, written: str) -> None:
    assert body_of(sample("one critical"), mention, 20)["text"].startswith(written)
    assert "<" not in str(body_of(sample("one warning that lasts"), mention, 20))


def test_problems_that_are_too_many_are_counted() -> None:
    texts = checked(body_of(sample("500 findings"), "", 20))
    assert "".join(texts).count("*warning*") == 20
    assert "… and 480 more\n" in "".join(texts)
    assert "more that do not fit" in "".join(checked(body_of(sample("500 findings"), "", 400)))


class TestPlugin(PluginContract):
    plugin = runner_slack
