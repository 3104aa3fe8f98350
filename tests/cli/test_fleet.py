"""`status` and the HTML page of a thousand targets."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from runner.api import State
from runner.formats import html
from runner.testing.builders import finding, report, result, target_info
from runner.testing.home import RunnerHome
from tests.formats.browser import dumped, served
from tests.formats.samples import Templates
from tests.formats.test_html import FRAME

NETWORKS = ("berlin", "dmz", "office")
JOBS = """\
title: A
schedule: hourly
targets: {network: dmz}
jobs:
  - {check: net, sql: select 1 as n, warning: n > 5}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> RunnerHome:
    """Targets that do not answer; only those of the DMZ were looked at."""
    home = RunnerHome(tmp_path_factory.mktemp("fleet") / "home")
    rows = [f"db{n:03},127.0.0.1,{n % 5 + 1},{NETWORKS[n % 3]},{'test' if n % 2 else 'prod'}" for n in range(60)]
    home.write("t.csv", "\n".join(["name,host,port,label_network,label_env", *rows]))
    home.write("runner.yaml", "sinks: {}\ntargets_from: [{file: t.csv, defaults: {user: u, dbname: d}}]\n")
    home.write("checks.d/a.yaml", JOBS)
    home.runner("run", "a")
    return home


def test_the_parts_and_the_worst_of_them(home: RunnerHome) -> None:
    said = home.runner("status", "--by", "network", "--limit", "2")
    assert said.code == 3
    parts = [line.split() for line in re.findall(r"(?m)^(?:berlin|dmz|office).*$", said.out)]
    assert parts == [["dmz", "20", "20"], ["berlin", "20", "20"]]
    assert "and 1 more (--limit 0 shows all)" in said.out
    assert said.out.count("\nunknown  net  db") == 4
    assert said.out.count("and 18 more") == 2
    assert home.runner("status", "--limit", "0").out.count("\nunknown  net  db") == 40


def test_only_targets_with_a_label(home: RunnerHome) -> None:
    said = home.runner("status", "--label", "env=prod", "--label", "network=dmz", "--by", "env", "--json").json()
    assert {item["target"] for item in said["jobs"]} == {f"db{n:03}" for n in range(60) if n % 3 == 1 and n % 2 == 0}
    assert said["by"] == {"label": "env", "values": [
        {"value": "prod", "targets": 10, "ok": 0, "not_looked_at": 0, "critical": 0, "unknown": 10, "warning": 0}
    ]}  # fmt: skip
    page = home.runner("status", "--label", "network=office", "--format", "html")
    assert "db001" not in page.out
    assert "Nothing was looked at." in page.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--by", "netwrk"), "no target has the label `netwrk`\n  help: did you mean `network`?"),
        (("--label", "env=prd"), "no target has the label env=prd\n  help: did you mean `prod`?"),
        (("--label", "env"), "`env` is not a label"),
        (("--label", "env=prod", "--label", "env=test"), "no target has two values of the label `env`"),
    ],
)
def test_a_label_that_nobody_has(home: RunnerHome, words: tuple[str, ...], told: str) -> None:
    said = home.runner("status", *words)
    assert (said.code, told in said.err) == (64, True), said.err


def test_a_monitoring_line_stays_short(home: RunnerHome) -> None:
    said = home.runner("status", "--format", "nagios", "--limit", "3")
    assert (said.code, said.out.count("net: "), said.out.endswith("; and 17 more\n")) == (3, 3, True)


def page_of(count: int, **labels: str) -> str:
    names = [f"db{number:04}" for number in range(count)]
    results = [
        result("net", "critical" if number == 7 else "ok", *([finding(State.CRITICAL, "it is away")] * (number == 7)),
               target=name)
        for number, name in enumerate(names[:-1])
    ]  # fmt: skip
    infos = [
        target_info(name, labels={"network": NETWORKS[number % 3], "<b>": "x"}) for number, name in enumerate(names)
    ]
    return html.render(replace(report(*results), targets=tuple(infos)), {}, Templates())


def test_a_page_of_a_thousand_targets() -> None:
    page = page_of(1000)
    assert len(page) < 60_000, "nobody reads a thousand lines"
    assert "Targets by network" in page
    first, *others = re.findall(r"<tr><td>(\w+)</td>.*?</tr>", page)
    assert (first, sorted(others)) == ("dmz", ["berlin", "office"])
    assert '<details open="open"><summary>network dmz: 1 critical of 333</summary>' in page
    assert page.count("it is away") == 1
    assert "<dl" in page
    assert "and 898 more" in page


def test_a_page_of_few_targets_names_each() -> None:
    page = page_of(20)
    assert ("Targets by" in page, page.count("<details"), "db0019" in page) == (False, 0, True)


def test_the_page_is_no_wider_than_the_window(tmp_path: Path) -> None:
    pages = {"/page": page_of(1000), "/": FRAME.format(width=400)}
    with served(pages) as site:
        found = re.search(r"wide (\d+) of (\d+)", dumped(site.address, tmp_path)[0])
    assert found
    assert int(found[1]) <= int(found[2])
