"""The kit for the tests of plugins: builders, samples, fakes, and contracts whose tests are inherited."""

from __future__ import annotations

from runner.testing.builders import (
    NOW,
    delivery,
    fault,
    finding,
    job,
    report,
    result,
    target,
    target_info,
    transition,
    trend,
)
from runner.testing.contexts import FakeFormatContext, FakeSinkContext, open_sink, render
from runner.testing.formats import FormatContract
from runner.testing.home import Called, RunnerHome
from runner.testing.http import HttpReceiver, Request
from runner.testing.plugins import CheckPackContract, PluginContract, Tested, checks_of, home_of_pack, run_tests
from runner.testing.programs import free_port, running
from runner.testing.samples import HOSTILE, SAMPLES, STEERING, hostile, sample
from runner.testing.sinks import HttpSinkContract, SinkContract

__all__ = [
    "HOSTILE", "NOW", "SAMPLES", "STEERING", "Called", "CheckPackContract", "FakeFormatContext", "FakeSinkContext",
    "FormatContract", "HttpReceiver", "HttpSinkContract", "PluginContract", "Request", "RunnerHome", "SinkContract",
    "Tested", "checks_of", "delivery", "fault", "finding", "free_port", "home_of_pack", "hostile", "job", "open_sink", "render", "report", "result",
    "run_tests", "running", "sample", "target", "target_info", "transition", "trend",
]  # fmt: skip
