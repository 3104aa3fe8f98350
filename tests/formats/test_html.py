"""The format `html`: what is wrong first, and a page that a browser shows without asking anybody for anything."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from runner.formats import html
from runner.formats.course import Course
from runner.formats.html_parts import figure, link
from runner.model.report import Report
from tests.formats import samples
from tests.formats.browser import dumped, program, served
from tests.formats.hostile import CELLS, everywhere
from tests.formats.samples import Templates

FRAME = """<!doctype html><title>frame</title><link rel="icon" href="data:,"><iframe id="page" src="/page" width="{width}" height="800"></iframe>
<script>
document.getElementById("page").addEventListener("load", (event) => {{
  const page = event.target.contentDocument.documentElement
  document.title = "wide " + page.scrollWidth + " of " + page.clientWidth
}})
</script>"""


def page(report: Report, **options: object) -> str:
    return html.render(report, options, Templates())


def test_the_order_is_that_of_somebody_who_was_woken() -> None:
    text = page(samples.everything())
    titles = re.findall(r"<h2>(.*?)</h2>", text)
    assert titles == [
        "Wrong now", "Faults of runner itself", "Recovered", "Trends", "Details", "Before and after", "Acknowledged",
        "Silenced", "Not judged", "Ok",
    ]  # fmt: skip
    states = re.findall(r'<article class="(\w+)">', text)
    assert states == ["critical", "unknown", "warning", "fault", "warning"]
    assert text.index("Next run 2026-11-25 01:30 UTC") > text.index("<h2>Ok</h2>")


def test_what_is_wrong_says_since_when_and_what_to_do() -> None:
    card = page(samples.bad_night()).split("<article")[1]
    assert "public.orders: 1,250,000 dead rows" in card
    assert "was warning, since 2026-11-22 22:30, 1 d 3 h" in card
    assert "<code>runner run vacuum-table --param table=public.orders</code>" in card
    assert '<a href="https://wiki.example/dead-rows" rel="noopener noreferrer">' in card
    assert 'aria-label="public.orders dead_rows: 200,000 → 1,250,000 in 4 d, lowest 200,000, highest 1,250,000"' in card


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (samples.quiet_night(), "Nothing."),
        (samples.empty(), "Nothing was looked at."),
        (
            samples.report(next(item for item in samples.everything().results if item.job == "standby-lag")),
            "Nothing that nobody knows of.",
        ),
    ],
    ids=["quiet", "empty", "known"],
)
def test_a_page_without_problems_says_so(report: Report, words: str) -> None:
    assert f"<h2>Wrong now</h2><p>{words}</p>" in page(report)


def test_work_is_shown_as_bars() -> None:
    text = page(samples.vacuum_night())
    assert text.count("<rect") == 4
    assert "<title>public.orders: 1,250,000 → 312</title>" in text
    assert '<rect class="before" x="0" y="0" height="45" width="100.00"/>' in text
    assert '<rect class="after" x="0" y="55" height="45" width="0.50"/>' in text
    assert '<rect class="after" x="0" y="55" height="45" width="0.00"/>' in text


@pytest.mark.parametrize(
    ("cells", "widths"),
    [
        (("2 GB", "512 MB"), ["100.00", "25.00"]),
        (("3 min 20 s", "20 s"), ["100.00", "10.00"]),
        (("n/a", "3"), []),
        (("-4", "2"), ["100.00", "50.00"]),
    ],
)
def test_bars_know_units(cells: tuple[str, str], widths: list[str]) -> None:
    table = samples.Table(title="t", columns=("name", "x before", "after"), rows=(("a", *cells),))
    text = page(samples.report(samples.result("work", samples.Outcome(summary="", tables=(table,)))))
    assert re.findall(r'width="([\d.]+)"', text) == widths


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        ("https://wiki.example/a?b=1&c", True),
        ("HTTP://wiki.example", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ('https://x"onmouseover="a', False),
        ("//wiki.example", False),
        ("wiki", False),
    ],
)
def test_only_web_pages_are_linked(address: str, is_link: bool) -> None:
    assert link(address).startswith("<a ") is is_link


def test_a_peak_among_very_many_points_is_drawn() -> None:
    points = [(float(number), 1.0) for number in range(50_000)]
    points[31_234] = (31_234.0, 9.0)
    drawn = figure(Course(name="x", points=tuple(points), first="1", last="1", low="1", high="9", span="1 d"))
    assert len(drawn) < 10_000
    assert re.search(r"L\d+\.\d 4\.0 ", drawn)


def test_rows_bounds_what_is_shown() -> None:
    assert page(samples.very_many(), rows=5).count("dead rows") == 500
    assert "and 95 more findings" in page(samples.very_many(), rows=5)


def test_the_policy_allows_this_style_and_nothing_else() -> None:
    text = page(samples.quiet_night())
    assert "default-src 'none'; style-src 'sha256-" in text
    assert not re.search(r"<script|\sstyle=|@import|url\(|\ssrc=", text)


HOSTILE = [name for name in CELLS if name not in ("long and wide", "nothing", "blank")]


@pytest.mark.parametrize("width", [400, 1400])
def test_a_browser_shows_it(width: int, tmp_path: Path) -> None:
    program()
    everything = samples.everything()
    hostile = [everywhere(CELLS[name]) for name in HOSTILE]
    results = (*everything.results, *(item for one in hostile for item in one.results))
    faults = (*everything.faults, *(item for one in hostile for item in one.faults))
    text = page(replace(everything, results=results, faults=faults))
    with served({"/page": text, "/frame": FRAME.format(width=width)}) as pages:
        document, said = dumped(f"{pages.address}/frame", tmp_path)
        measured = re.search(r"<title>wide (\d+) of (\d+)</title>", document)
        assert measured, document[:2000]
        assert int(measured[1]) <= int(measured[2]) <= width
        assert pages.asked == ["/frame", "/page"]
        assert said == []
        alone, said = dumped(f"{pages.address}/page", tmp_path)
        assert said == []
        assert pages.asked == ["/frame", "/page", "/page"]
        assert alone.count("<article") == text.count("<article")
