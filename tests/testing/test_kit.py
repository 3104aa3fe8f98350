"""The builders, the fakes, the home and the fixtures of the testing kit."""

from __future__ import annotations

import subprocess
import sys
import urllib.request

import pytest

from runner import api, testing
from runner.api import PluginError, State
from runner.testing import (
    HOSTILE,
    NOW,
    SAMPLES,
    FakeFormatContext,
    FakeSinkContext,
    HttpReceiver,
    RunnerHome,
    finding,
    job,
    report,
    result,
    run_tests,
    sample,
    target,
    transition,
    trend,
)


@pytest.mark.parametrize("state", State)
def test_a_result_is_in_the_state_that_it_was_asked_for(state: State) -> None:
    assert result("one", state).state is state
    assert result("one", state.value).state is state


def test_a_report_names_its_targets_and_takes_changes() -> None:
    made = report(result(), result(target="standby"), result("host", target=""), group="other")
    assert [item.name for item in made.targets] == ["main", "standby"]
    assert (made.group, made.slot, made.state) == ("other", NOW, State.OK)


def test_findings_transitions_and_trends_have_their_key() -> None:
    found = finding("warning", "", "public", "orders", database="app")
    assert (str(found.series), found.message) == ("app/public.orders", "public.orders is warning")
    over = transition("locks", "recovered", "7", hours=2)
    assert (over.before, over.after, (over.at - over.since).total_seconds()) == (State.CRITICAL, State.OK, 7200)
    assert [item.value for item in trend("n", (1, 2)).samples] == [1, 2]
    assert job(tags=("x",)).tags == ("x",)
    assert target(port="5433").address == "localhost:5433/app"


def test_the_samples_are_what_they_are_called() -> None:
    assert sample("nothing").results == ()
    assert len(sample("500 findings").results[0].outcome.findings) == 500
    assert sample("hostile: markup").title == HOSTILE["markup"]
    assert {item.state for item in sample("every state").results} == set(State)
    assert len(SAMPLES) == len(set(SAMPLES))


def test_a_sink_context_has_the_real_formats(sink_context: FakeSinkContext) -> None:
    assert sink_context.format("json_lines")(sample("one ok")).startswith('{"schema":"runner.report/1"')
    assert sink_context.format_of("html").extension == "html"
    assert sink_context.state_dir.is_dir()
    with pytest.raises(PluginError, match="there is no format `htm`"):
        sink_context.format("htm")


def test_a_sink_context_has_the_attributes_that_the_api_promises(sink_context: FakeSinkContext) -> None:
    promised = {name for name in vars(api.SinkContext) if not name.startswith("_")}
    assert {name for name in promised if not hasattr(sink_context, name)} == set()


def test_a_format_context_has_the_homes_templates(format_context: FakeFormatContext) -> None:
    assert [path.name for path in format_context.templates] == ["templates"]


def test_a_receiver_keeps_what_it_is_sent(http_receiver: HttpReceiver) -> None:
    http_receiver.status, http_receiver.body = 201, b"made"
    request = urllib.request.Request(f"{http_receiver.url}/a?b=1", b'{"c": 2}', {"X-Y": "z"}, method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert (answer.status, answer.read()) == (201, b"made")
    (kept,) = http_receiver.requests
    assert (kept.method, kept.path, kept.headers["x-y"], kept.json()) == ("PUT", "/a?b=1", "z", {"c": 2})


def test_a_home_is_called_as_a_user_does(runner_home: RunnerHome) -> None:
    runner_home.write("plugins/own.py", "print('noise')\n")
    called = runner_home.runner("plugins", "list", "--json")
    assert called.code == 0
    assert "own" in {item["name"] for item in called.json()["plugins"]}
    assert "noise" in called.err


def test_the_tests_of_checks_are_run(runner_home: RunnerHome) -> None:
    runner_home.write(
        "checks.d/one.yaml",
        """
        check: one
        schedule: hourly
        sql: select 1 as n
        warning: n > 5
        tests:
          - {name: below, rows: [{n: 5}], expect: ok}
          - {name: wrong, rows: [{n: 6}], expect: ok}
        """,
    )
    good, bad = run_tests(runner_home)
    assert (good.job, good.name, good.complaints) == ("one", "below", ())
    assert bad.complaints[0].startswith("the state is warning, expected ok")


def test_what_is_public_is_named() -> None:
    assert {name for name in testing.__all__ if not hasattr(testing, name)} == set()
    assert testing.__all__ == sorted(testing.__all__, key=lambda name: (not name.isupper(), name.islower(), name))


def test_pytest_alone_does_not_pay_for_the_kit() -> None:
    script = (
        "import sys, runner.pytest_plugin; sys.exit('runner.testing' in sys.modules or 'runner.api' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
