"""docs/plugins.md: every hook with its signature, every field, and an example that works."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from runner import api, pytest_plugin, testing
from runner.clock import SystemClock
from runner.model.home import Home, Settings, SinkSettings
from runner.model.report import Delivery, DeliveryState, Waiting
from runner.model.secret import Secret
from runner.plugins.hookspecs import RunnerHooks
from runner.plugins.host import PluginHost
from runner.report.deliver import deliver
from runner.report.route import rules_of
from tests.formats.samples import bad_night

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8")
HOOKS = [name for name in vars(RunnerHooks) if name.startswith("runner_")]
DESCRIPTIONS = [
    "SinkType",
    "Format",
    "JobKind",
    "ProbeType",
    "Function",
    "SecretSource",
    "CheckPack",
    "Command",
    "DoctorCheck",
]


def example(page: str, name: str) -> str:
    match = re.search(rf"<!-- example: {re.escape(name)} -->\n```\w+\n(.*?)```", page, re.DOTALL)
    assert match, f"the page has no example {name}"
    return match[1]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_heading_with_its_exact_signature(hook: str) -> None:
    signature = str(inspect.signature(getattr(RunnerHooks, hook))).replace("'", "")
    signature = signature.replace("(self, ", "(").replace("(self)", "()")
    assert f"\n### `{hook}{signature}`\n" in PAGE


def test_no_hook_is_promised_that_does_not_exist() -> None:
    assert set(re.findall(r"\brunner_\w+(?=\()", PAGE)) == set(HOOKS)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_every_field_of_a_description_is_explained(name: str) -> None:
    fields = {field.name for field in dataclasses.fields(getattr(api, name))}
    assert {field for field in fields if f"`{field}`" not in PAGE} == set()


def test_every_attribute_of_the_sink_context_is_explained() -> None:
    attributes = {name for name in vars(api.SinkContext) if not name.startswith("_")}
    assert {name for name in attributes if not re.search(rf"`{name}[`(]", PAGE)} == set()


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.headers["Idempotency-Key"], body))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), _Receiver) as server:
        server.received, server.answer = [], 200
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _Clock(SystemClock):
    def now(self) -> datetime:
        return bad_night().created


def send(home_path: Path, url: object) -> tuple[Delivery, str]:
    """The example plugin, from a home's folder, given one report."""
    folder = home_path / "plugins"
    folder.mkdir()
    (folder / "post.py").write_text(example(PAGE, "plugins/post.py"))
    sink = SinkSettings(
        name="hook", type="acme.post", options={"url": url}, send=("problems", "recovered"), timeout=5.0
    )
    home = Home(path=home_path, settings=Settings(sinks={"hook": sink}))
    host = PluginHost({}, folder)
    assert host.faults == ()
    report = bad_night()
    delivery = Waiting(id="d", report=report.id, group=report.group, sink="hook")
    kept: list[Delivery] = []
    members = {"durable": False, "report": lambda *_: report, "settle": lambda _, settled, __: kept.append(settled)}
    store = type("Store", (), members)()
    done = deliver([delivery], home=home, host=host, store=store, clock=_Clock(), rules=rules_of(home), stdout=print)
    return kept[0], " ".join(fault.message for fault in done.faults)


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (200, DeliveryState.DONE, ""),
        (404, DeliveryState.FAILED, " answered 404 Not Found"),
        (429, DeliveryState.PENDING, " answered 429 Too Many Requests"),
        (503, DeliveryState.PENDING, " answered 503 Service Unavailable"),
    ],
)
def test_the_example_sink_works(
    tmp_path: Path, receiver: HTTPServer, answer: int, state: DeliveryState, said: str
) -> None:
    receiver.answer = answer
    settled, faults = send(tmp_path, Secret(f"http://127.0.0.1:{receiver.server_port}/hook"))
    assert settled.state is state
    assert said in faults
    ((key, body),) = receiver.received
    assert key == bad_night().id
    assert body.startswith(b'{"schema":"runner.report/1"')


def test_the_example_sink_tries_again_when_nobody_answers(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), _Receiver) as gone:
        port = gone.server_port
    settled, faults = send(tmp_path, f"http://127.0.0.1:{port}/hook")
    assert settled.state is DeliveryState.PENDING
    assert f"127.0.0.1:{port} " in faults
    assert replace(settled, error="").attempts == 1


def test_the_example_is_short() -> None:
    code = [line for line in example(PAGE, "plugins/post.py").splitlines() if line.strip()]
    assert len(code) <= 20


def test_the_testing_kit_is_explained_whole() -> None:
    kit = PAGE.partition("## runner.testing")[2]
    assert {name for name in testing.__all__ if not re.search(rf"`{name}[`(]", kit)} == set()
    fixtures = {name for name in vars(pytest_plugin) if hasattr(getattr(pytest_plugin, name), "_fixture_function")}
    assert len(fixtures) == 4
    assert {name for name in fixtures if f"`{name}`" not in kit} == set()


@pytest.mark.parametrize("contract", ["SinkContract", "HttpSinkContract", "FormatContract", "CheckPackContract"])
def test_what_a_contract_asks_of_its_subclass_is_explained(contract: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{contract}` |")]
    asked = {name for name in vars(getattr(testing, contract)) if not name.startswith(("_", "test_", "pytest"))}
    own = asked - {"built_in", "context", "opened", "send", "rendered", "home", "usual", "name"}
    said = row if contract == "SinkContract" else PAGE.partition("## runner.testing")[2]
    assert {name for name in own if not re.search(rf"`{name}[`(]", said)} == set()
