"""The sink `runner.apprise`, with the real Apprise and its service `json://`."""

from __future__ import annotations

import logging
import subprocess
import sys
from importlib.util import find_spec

import pytest
import runner_apprise

from runner.api import RetryableSinkError, SinkError
from runner.testing import SAMPLES, STEERING, FakeSinkContext, HttpReceiver, HttpSinkContract, PluginContract, sample

if not find_spec("apprise"):
    pytest.skip("needs Apprise: pip install apprise", allow_module_level=True)
# Apprise imports it where it still exists, up to Python 3.12.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class TestApprise(HttpSinkContract):
    sink_type = runner_apprise.APPRISE
    # Apprise tells no codes: whatever it was, trying again may help.
    statuses = dict.fromkeys((400, 401, 403, 404, 410, 422), RetryableSinkError)

    def options(self, receiver: HttpReceiver) -> dict[str, object]:
        return {"url": f"{receiver.url.replace('http:', 'json:')}/hook/planted-secret"}

    def refuse(self, receiver: HttpReceiver) -> dict[str, object]:
        return {"url": "nobody-knows-this://planted-secret"}

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("one ok", "success"),
            ("one critical", "failure"),
            ("one warning that lasts", "warning"),
            ("one learning", "info"),
        ],
    )
    def test_the_message(self, name: str, kind: str, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        self.send(context, {**self.options(receiver), "format": "text"}, sample(name))
        body = receiver.requests[0].json()
        state = sample(name).state.value.upper()
        assert (body["type"], body["title"]) == (kind, f"{state} Daily health check")
        assert state in body["message"]

    @pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("hostile")])
    def test_texts_of_a_database_are_taken_as_they_are(
        self, name: str, receiver: HttpReceiver, context: FakeSinkContext
    ) -> None:
        self.send(context, {**self.options(receiver), "format": "text"}, sample(name))
        message = receiver.requests[0].json()["message"]
        assert len(message) <= 20_000
        assert not STEERING.search(message)

    def test_an_address_that_apprise_does_not_know(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        error = self._error(self.refuse(receiver), context)
        assert type(error) is SinkError
        assert error.message == "Apprise does not know the `url` of the sink `receiver`"

    def test_what_apprise_complains_of_is_told(self, receiver: HttpReceiver, context: FakeSinkContext) -> None:
        receiver.status = 500
        error = self._error(self.options(receiver), context)
        assert error.message.startswith("the service did not take the message: Failed to send JSON")
        assert "error=500" in error.message

    def test_its_own_log_hides_the_address(
        self, receiver: HttpReceiver, context: FakeSinkContext, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        receiver.status = 500
        self._error(self.options(receiver), context)
        assert "planted-secret" not in caplog.text


def test_apprise_is_imported_with_the_first_report() -> None:
    script = "import sys, runner_apprise.sink; print('apprise' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=_path())
    assert done.stdout == "False\n"


def _path() -> dict[str, str]:
    from pathlib import Path

    return {"PYTHONPATH": str(Path(runner_apprise.__file__).parents[1])}


class TestPlugin(PluginContract):
    plugin = runner_apprise
