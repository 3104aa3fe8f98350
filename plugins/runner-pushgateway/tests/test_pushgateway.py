"""The sink `runner.pushgateway`, on a real Pushgateway where there is one."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
import runner_pushgateway
from runner_pushgateway.sink import encoded

from runner.testing import (
    SAMPLES,
    FakeSinkContext,
    HttpReceiver,
    HttpSinkContract,
    PluginContract,
    free_port,
    open_sink,
    report,
    result,
    running,
    sample,
)


class TestPushgateway(HttpSinkContract):
    sink_type = runner_pushgateway.PUSHGATEWAY
    secrets = ("password",)

    def options(self, receiver: HttpReceiver) -> dict[str, object]:
        return {"url": receiver.url, "user": "runner", "password": "planted-password"}

    def test_what_is_put(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, {**self.options(receiver), "instance": "db/1", "job": "checks"}, sample("one critical"))
        (request,) = receiver.requests
        assert request.method == "PUT"
        words = request.path.removeprefix("/metrics/").split("/")
        labels = {
            name: base64.urlsafe_b64decode(text).decode() for name, text in zip(words[::2], words[1::2], strict=True)
        }
        assert labels == {"job@base64": "checks", "group@base64": "health", "instance@base64": "db/1"}
        assert request.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert b"runner_job_state{" in request.body


def test_an_empty_value_is_written_too() -> None:
    assert encoded("") == "="
    assert "/" not in encoded("a/b?\u00ff\u00fe")


@pytest.fixture(scope="module")
def pushgateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Pushgateway on the loopback: its URL."""
    program = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
    if not program:
        pytest.skip("needs a Pushgateway: apt-get install prometheus-pushgateway")
    log = tmp_path_factory.mktemp("pushgateway") / "log"
    port = free_port()
    words = [program, f"--web.listen-address=127.0.0.1:{port}"]
    with running(words, log, f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}"


def known(url: str) -> list[dict[str, Any]]:
    with urlopen(f"{url}/api/v1/metrics", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]
        return found


@pytest.mark.parametrize("name", SAMPLES)
def test_a_real_pushgateway_takes_every_report(name: str, pushgateway: str, sink_context: FakeSinkContext) -> None:
    open_sink(runner_pushgateway.PUSHGATEWAY, {"url": pushgateway}, sink_context).emit(sample(name))
    assert all(group["last_push_successful"] for group in known(pushgateway))


def test_a_report_replaces_the_one_before_it(pushgateway: str, sink_context: FakeSinkContext) -> None:
    sink = open_sink(runner_pushgateway.PUSHGATEWAY, {"url": pushgateway}, sink_context)
    for job in ("first", "second"):
        sink.emit(report(result(job), group="own/group"))
    (group,) = (item for item in known(pushgateway) if item["labels"].get("group") == "own/group")
    assert {name: text for name, text in group["labels"].items() if text} == {"group": "own/group", "job": "runner"}
    states = group["runner_job_state"]["metrics"]
    assert {item["labels"]["job_name"] for item in states} == {"second"}


class TestPlugin(PluginContract):
    plugin = runner_pushgateway
