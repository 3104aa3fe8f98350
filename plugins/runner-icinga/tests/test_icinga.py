"""The sink `runner.icinga`: passive results as the API of Icinga 2 describes them."""

from __future__ import annotations

import base64
import grp
import json
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import runner_icinga
import trustme
from runner_icinga.results import lasting, parts

from runner.api import RetryableSinkError, Secret, SinkError
from runner.testing import (
    NOW,
    SAMPLES,
    STEERING,
    FakeSinkContext,
    HttpReceiver,
    HttpSinkContract,
    PluginContract,
    open_sink,
    report,
    result,
    sample,
)

FIELDS = {
    "type": str, "service": str, "exit_status": int, "plugin_output": str, "performance_data": list,
    "check_source": str, "execution_start": float, "execution_end": float, "ttl": int,
}  # fmt: skip


def checked(body: dict[str, Any]) -> None:
    """https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#process-check-result."""
    assert {name: type(value) for name, value in body.items()} == FIELDS
    assert body["type"] == "Service"
    assert body["exit_status"] in (0, 1, 2, 3)
    assert body["service"].count("!") >= 1
    assert body["plugin_output"]
    assert "|" not in body["plugin_output"]
    assert not STEERING.search(body["plugin_output"])
    assert all("=" in item and "\n" not in item for item in body["performance_data"])
    assert body["execution_start"] <= body["execution_end"]
    assert body["ttl"] > 0


class TestIcinga(HttpSinkContract):
    sink_type = runner_icinga.ICINGA
    secrets = ("password",)

    def options(self, receiver: HttpReceiver) -> dict[str, object]:
        return {"url": receiver.url, "user": "runner", "password": "planted-password"}

    @pytest.mark.parametrize("name", SAMPLES)
    def test_what_is_posted(self, name: str, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, self.options(receiver), sample(name))
        assert len(receiver.requests) == len({(item.job, item.target) for item in sample(name).results})
        for request in receiver.requests:
            assert (request.method, request.path) == ("POST", "/v1/actions/process-check-result")
            assert request.headers["accept"] == "application/json"
            assert request.headers["authorization"].startswith("Basic ")
            checked(request.json())

    def test_names_of_hosts_and_services(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        options = {**self.options(receiver), "hosts": {"main": "db1"}, "own_host": "here", "service_prefix": "pg-"}
        made = report(result("locks"), result("locks", target="standby"), result("restart", target=""))
        self.send(context, options, made)
        names = [request.json()["service"] for request in receiver.requests]
        assert names == ["db1!pg-locks", "standby!pg-locks", "here!pg-restart"]

    def test_numbers_are_performance_data(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, self.options(receiver), sample("numbers"))
        (request,) = receiver.requests
        assert any(item.startswith("'") and "share'=43.3%" in item for item in request.json()["performance_data"])

    def test_a_service_that_is_missing_costs_only_itself(
        self, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        receiver.status, receiver.body = 404, b'{"error": 404, "status": "No objects found."}'
        with pytest.raises(SinkError) as caught:
            self.send(context, self.options(receiver), sample("two targets"))
        assert len(receiver.requests) == 2
        assert not isinstance(caught.value, RetryableSinkError)
        assert caught.value.message.startswith("2 results were not taken (main!dead-rows, standby!dead-rows): ")
        assert "No objects found." in caught.value.message
        assert "enable_passive_checks" in caught.value.hint

    @pytest.mark.parametrize(("code", "again"), [(404, False), (503, True)])
    def test_the_code_of_the_object_counts_too(
        self, code: int, again: bool, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        receiver.body = b'{"results": [{"code": %d.0, "status": "no luck"}]}' % code
        error = self._error(self.options(receiver), context)
        assert isinstance(error, RetryableSinkError) is again
        assert "no luck" in error.message

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"results": 7}', b'{"results": [{"code": "x"}]}'])
    def test_an_answer_that_says_nothing_is_good(
        self, body: bytes, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        receiver.body = body
        self.send(context, self.options(receiver), sample("one ok"))


@pytest.mark.parametrize(
    ("state", "status"),
    [("ok", 0), ("warning", 1), ("critical", 2), ("unknown", 3), ("learning", 0), ("skipped", 0)],
)
def test_states(state: str, status: int) -> None:
    from runner_icinga.results import body_of

    made = report(result("job", state))
    body = body_of(made, made.results[0], lambda _: "OK - x", host="h", service="s", source="x")
    assert body["exit_status"] == status


@pytest.mark.parametrize(
    ("output", "text", "data"),
    [
        ("OK - fine | 'a b:used'=42;;;0 x=1%;80;90\nmore\n", "OK - fine\nmore", ["'a b:used'=42;;;0", "x=1%;80;90"]),
        ("OK - fine\n", "OK - fine", []),
        ("OK | 'it''s'=1", "OK", ["'it''s'=1"]),
    ],
)
def test_performance_data_is_taken_apart(output: str, text: str, data: list[str]) -> None:
    assert parts(output) == (text, data)


def test_how_long_a_result_is_fresh() -> None:
    assert lasting(report(next_slot=NOW + timedelta(hours=1))) == timedelta(hours=2, seconds=57)
    assert lasting(report(next_slot=None)) == timedelta(hours=25)


# ---- the real one


@dataclass(frozen=True)
class Icinga:
    """A real Icinga 2 with two services that take passive results: its URL, and the file of its authority."""

    url: str
    ca_file: str

    def options(self, **changes: object) -> dict[str, object]:
        given = {"url": self.url, "user": "runner", "password": Secret("planted-password"), "ca_file": self.ca_file}
        return {**given, **changes}

    def last(self, service: str) -> dict[str, Any]:
        """The newest result of a service, as Icinga has it."""
        request = Request(f"{self.url}/v1/objects/services/main!{service}?attrs=last_check_result")
        request.add_header("Authorization", "Basic " + base64.b64encode(b"runner:planted-password").decode())
        with urlopen(request, timeout=10, context=ssl.create_default_context(cafile=self.ca_file)) as answer:
            found: dict[str, Any] = json.load(answer)["results"][0]["attrs"]["last_check_result"]
            return found


CONFIGURATION = """
const NodeName = "master"
const ZoneName = "master"
include <itl>
object Endpoint NodeName {{ }}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
object ApiListener "api" {{ bind_host = "127.0.0.1"; bind_port = {port} }}
object ApiUser "runner" {{
  password = "planted-password"
  permissions = [ "actions/process-check-result", "objects/query/*" ]
}}
object Host "main" {{ check_command = "dummy" }}
template Service "passive" {{ check_command = "dummy"; enable_active_checks = false; host_name = "main" }}
object Service "dead-rows" {{ import "passive" }}
object Service "connections" {{ import "passive" }}
"""


@pytest.fixture(scope="module")
def icinga() -> Iterator[Icinga]:
    program = shutil.which("icinga2") or shutil.which("icinga2", path="/usr/sbin")
    if not program:
        pytest.skip("needs Icinga 2: apt-get install icinga2-bin")
    # Icinga leaves root for a user of its own, who must reach the folder.
    folder = Path(tempfile.mkdtemp(prefix="icinga-", dir="/tmp"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    try:
        user, group = prepared(folder, port)
        places = {"Data": "data", "Log": "log", "Cache": "cache", "Spool": "spool", "InitRun": "run", "Config": "."}
        words = [program, "daemon", "-c", f"{folder}/icinga2.conf", f"-DRunAsUser={user}", f"-DRunAsGroup={group}"]
        words += [f"-D{name}Dir={folder / place}" for name, place in places.items()]
        with (folder / "out").open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:
            try:
                wait_for(port, process, folder / "out")
                yield Icinga(f"https://127.0.0.1:{port}", str(folder / "data/certs/ca.crt"))
            finally:
                process.terminate()
    finally:
        shutil.rmtree(folder)


def prepared(folder: Path, port: int) -> tuple[str, str]:
    """Writes all that Icinga needs, and says as whom it runs."""
    for name in ("data/certs", "log", "cache", "spool", "run"):
        (folder / name).mkdir(parents=True)
    (folder / "icinga2.conf").write_text(CONFIGURATION.format(port=port))
    authority = trustme.CA()
    certificate = authority.issue_cert("master", "127.0.0.1", common_name="master")
    for name, blob in {
        "ca.crt": authority.cert_pem, "master.crt": certificate.cert_chain_pems[0], "master.key": certificate.private_key_pem,
    }.items():  # fmt: skip
        blob.write_to_path(str(folder / "data/certs" / name))
    account = pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwnam("nagios")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid)
    return account.pw_name, grp.getgrgid(account.pw_gid).gr_name


def wait_for(port: int, process: subprocess.Popen[bytes], out: Path) -> None:
    end = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        assert process.poll() is None, out.read_text()
        assert time.monotonic() < end, out.read_text()
        time.sleep(0.05)


def test_a_real_icinga_takes_results(icinga: Icinga, sink_context: FakeSinkContext) -> None:
    sink = open_sink(runner_icinga.ICINGA, icinga.options(), sink_context)
    sink.emit(sample("numbers"))
    found = icinga.last("connections")
    assert (found["state"], found["active"]) == (0, False)
    assert "=42" in found["performance_data"][0]
    sink.emit(sample("one critical"))
    found = icinga.last("dead-rows")
    assert found["state"] == 2
    assert found["output"].startswith("CRITICAL - dead-rows: ")
    assert found["ttl"] == 172857


def test_a_real_icinga_names_what_it_does_not_know(icinga: Icinga, sink_context: FakeSinkContext) -> None:
    sink = open_sink(runner_icinga.ICINGA, icinga.options(), sink_context)
    with pytest.raises(
        SinkError, match=r"1 results were not taken \(main!nobody\): .* answered 404 Not Found: .*No objects found"
    ) as caught:
        sink.emit(report(result("nobody"), result("connections", "warning")))
    assert not isinstance(caught.value, RetryableSinkError)
    assert icinga.last("connections")["state"] == 1


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("hostile")])
def test_no_text_reaches_another_service(name: str, icinga: Icinga, sink_context: FakeSinkContext) -> None:
    sink = open_sink(runner_icinga.ICINGA, icinga.options(), sink_context)
    sink.emit(report(result("dead-rows")))
    before = icinga.last("dead-rows")["execution_end"]
    with pytest.raises(SinkError, match="not taken"):
        sink.emit(
            replace(
                sample(name),
                results=tuple(
                    replace(item, started=NOW, finished=NOW + timedelta(days=1)) for item in sample(name).results
                ),
            )
        )
    assert icinga.last("dead-rows")["execution_end"] == before


def test_a_wrong_password_is_refused(icinga: Icinga, sink_context: FakeSinkContext) -> None:
    sink = open_sink(runner_icinga.ICINGA, icinga.options(password=Secret("wrong-planted-one")), sink_context)
    with pytest.raises(SinkError, match="401 Unauthorized") as caught:
        sink.emit(sample("one critical"))
    assert "wrong-planted-one" not in caught.value.message


class TestPlugin(PluginContract):
    plugin = runner_icinga
